"""The data sets of the assignment: loaders for the real files, and small built-in sets in the same formats.

A data folder holds some of `coco_captioning/` (captions), `MNIST/raw/` (digits), `cifar-10-batches-py/`
(pictures of ten classes) and `pretrained_model/` (SimCLR's weights). Real and built-in data take the same way.
"""

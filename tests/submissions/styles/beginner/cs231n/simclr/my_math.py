# helpers for the loss
import torch


def length(v):
    # sqrt of the sum of squares
    return torch.sqrt(torch.sum(v ** 2))


def without(row, i):
    # all elements of a row but number i
    left = row[:i]
    right = row[i + 1:]
    return torch.cat([left, right])

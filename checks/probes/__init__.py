"""Helpers that run in the worker beside the student's objects. They hold no answers, and their word is advisory."""

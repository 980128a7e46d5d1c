"""From a hand-in as it came to a copy of the assignment: regular files only, by allow-list."""

from __future__ import annotations

from grader.collect.submission import Submission, collect

__all__ = ["Submission", "collect"]

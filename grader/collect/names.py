"""File names from outside: what they may look like, and which of them are of no interest."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

MAX_NAME = 1000  # characters of a whole path; file systems end at 4096 bytes

# Left behind by systems and editors, or large data that the grader brings itself.
PASSED_OVER = {
    "__MACOSX",
    "__pycache__",
    "datasets",
    "env",
    "gradmark_check",  # of a student's package
    "images",
    "node_modules",
    "site-packages",
    "venv",
    "wandb",
}

ARCHIVE_ENDINGS = (".tar.gz", ".tgz", ".tar", ".zip")


def parts_of(name: str) -> tuple[str, ...]:
    """The parts of a member's name, without empty ones and dots.

    Raises `ValueError` with the reason for a name that leads out of its folder or that no honest tool writes.
    """
    if name.startswith("/"):
        raise ValueError("its name is an absolute path")
    if re.match(r"[A-Za-z]:", name):
        raise ValueError("its name starts with a drive letter")
    if "\\" in name:
        raise ValueError("its name has a backslash")
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in name):
        raise ValueError("its name has control characters or is not text")
    if len(name) > MAX_NAME:
        raise ValueError(f"its name is longer than {MAX_NAME} characters")
    parts = tuple(part for part in name.split("/") if part not in {"", "."})
    if ".." in parts:
        raise ValueError("its name leads out of the submission ('..')")
    if not parts:
        raise ValueError("it has no name")
    return parts


def passed_over(parts: tuple[str, ...]) -> bool:
    """Whether a member is left out without a word: hidden files, caches, data sets, pictures' folders."""
    return any(part.startswith(".") or part in PASSED_OVER for part in parts)


def visible(text: str) -> str:
    """Text as one line in which nothing is invisible or steers a terminal."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def clean(name: str) -> str:
    """A name that can be shown: visible, and at most 120 characters."""
    shown = visible(name)
    return shown if len(shown) <= 120 else f"{shown[:80]}...{shown[-37:]}"


def name_of(path: Path) -> str:
    """The last part of a path, also of `.` and `..`."""
    return path.name if path.name not in {"", ".."} else path.resolve().name


def identifier(path: Path) -> str:
    """A submission's id: the name of its folder, or of its archive without the ending, as a file name."""
    name = name_of(path)
    if not path.is_dir():
        ending = next((end for end in ARCHIVE_ENDINGS if name.lower().endswith(end)), "")
        name = name[: len(name) - len(ending)]
    name = re.sub(r"[^\w.-]+", "_", unicodedata.normalize("NFC", name)).strip("._-")
    return name[:100] or "submission"


def fold(name: str) -> str:
    """The key under which two names are one on a file system that ignores case and Unicode form."""
    return unicodedata.normalize("NFC", name).casefold()

"""The zip that Gradescope makes an autograder's container of: setup.sh, run_autograder and gradmark itself."""

from __future__ import annotations

import io
import re
import shlex
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from grader import needed
from grader.places import ROOT
from grader.rubric import Rubric
from reports import files

PACKAGES = ("grader", "checks", "reports", "reference", "student_template")
LEFT_OUT = {"__pycache__", ".ipynb_checkpoints", ".DS_Store"}
WHEN = (1980, 1, 1, 0, 0, 0)  # the same content gives the same zip

SETUP = """\
#!/usr/bin/env bash
# Builds the container: a Python of its own (the image's is too old), torch for CPUs, what gradmark needs.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends python3-pip
python3 -m pip install uv
uv venv --python 3.11 /autograder/venv
export VIRTUAL_ENV=/autograder/venv
uv pip install torch torchvision --index-url https://download.pytorch.org/whl/cpu
uv pip install -r /autograder/source/requirements.txt
/autograder/venv/bin/python -m compileall -q /autograder/source/gradmark
PYTHONPATH=/autograder/source/gradmark /autograder/venv/bin/python -P -m grader.cli --version
"""

RUN = """\
#!/usr/bin/env bash
# Called by Gradescope for each submission. results.json is written early and after every check.
set -u
ROOT="${{AUTOGRADER_ROOT:-/autograder}}"
PYTHON="${{GRADMARK_PYTHON:-$ROOT/venv/bin/python}}"
export PYTHONPATH="$ROOT/source/gradmark"
cd "$ROOT" || exit 1
exec "$PYTHON" -P -m grader.cli gradescope-run "$ROOT"{options}
"""


def write(target: Path, rubric: Rubric | None, options: Sequence[str]) -> int:
    """Writes the zip to `target`, whole or not at all; its size in bytes. `options` are those of `gradescope-run`."""
    packed = io.BytesIO()
    words = [*options, *(["--rubric", "source/rubric.toml"] if rubric else [])]
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as opened:
        _add(opened, "setup.sh", SETUP.encode(), executable=True)
        listed = "".join(f" {shlex.quote(word)}" for word in words)
        _add(opened, "run_autograder", RUN.format(options=listed).encode(), executable=True)
        _add(opened, "requirements.txt", "".join(f"{each}\n" for each in requirements()).encode())
        if rubric:
            _add(opened, "rubric.toml", rubric.text.encode())
        for path in sources():
            _add(opened, f"gradmark/{path.relative_to(ROOT).as_posix()}", path.read_bytes())
    files.replace(target, packed.getvalue())
    return packed.tell()


def requirements() -> list[str]:
    """What gradmark needs, without its extras and without torch, which setup.sh takes from another index."""
    return [each for each in needed.packages(ROOT) if not re.match(r"torch(vision)?\b", each)]


def sources() -> Iterator[Path]:
    """gradmark's own files."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*")):
            if path.is_file() and not LEFT_OUT & set(path.parts) and path.suffix != ".pyc":
                yield path


def _add(opened: zipfile.ZipFile, name: str, data: bytes, executable: bool = False) -> None:
    entry = zipfile.ZipInfo(name, WHEN)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (0o100755 if executable else 0o100644) << 16
    opened.writestr(entry, data)

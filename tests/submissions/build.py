"""Whole hand-ins from the source folders beside this file, and the zips of `make demo`.

A folder holds only what differs from the handout; the rest comes from the template of the day. So the zips in
`zips/` grow stale with the reference: `python -m tests.submissions.build tests/submissions/zips` renews them.
"""

from __future__ import annotations

import sys
import zipfile
from functools import cache
from pathlib import Path

from grader import template

HERE = Path(__file__).parent
REFERENCE = HERE.parents[1] / "reference"
ZIPS = HERE / "zips"

DEMO = ("complete", "partial", "untouched")
STYLES = (  # whole assignments, all of them right
    "complete", "styles/loops", "styles/classes", "styles/original_2022", "styles/year_2021", "styles/beginner",
    "styles/functional", "styles/typed",
)  # fmt: skip

COLLECTED = {".py", ".pyx", ".ipynb"}  # what the assignment's collect script takes
MADE = (2024, 1, 1, 0, 0, 0)


def files_of(name: str) -> dict[str, bytes]:
    """All files of a hand-in by relative name: the handout's, under those of folder `name`.

    'untouched' needs no folder: it is the handout. Raises `FileNotFoundError` for any other unknown name.
    """
    files = {path: text.encode() for path, text in _handout().items()}
    if name == "untouched":
        return files
    folder = HERE / name
    if not folder.is_dir():
        raise FileNotFoundError(folder)
    own = (path for path in folder.rglob("*") if path.suffix in COLLECTED)
    return files | {path.relative_to(folder).as_posix(): path.read_bytes() for path in own}


@cache
def _handout() -> dict[str, str]:
    return template.generate(REFERENCE)


def lay_out(name: str, into: Path) -> Path:
    """Writes a hand-in as a folder, and returns that folder."""
    for path, data in files_of(name).items():
        (into / path).parent.mkdir(parents=True, exist_ok=True)
        (into / path).write_bytes(data)
    return into


def pack(name: str, out: Path) -> Path:
    """Zips a hand-in as the collect script does: code and notebooks at the top, no data. Same input, same zip."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{Path(name).name}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in sorted(files_of(name).items()):
            info = zipfile.ZipInfo(member, MADE)
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o100644 << 16
            archive.writestr(info, data)
    return path


def main(out: Path) -> None:
    for name in DEMO:
        print(pack(name, out))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ZIPS)

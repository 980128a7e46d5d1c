"""Classes in the forms in which they come, made of three small hand-ins."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.batch.classes import Class
from tests.submissions.build import files_of

WHEN = (2024, 5, 21, 12, 0, 0)


@cache
def archive(name: str, wrapped: bool = False) -> bytes:
    """A hand-in as a zip; without the given files, which the template has."""
    import io

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as opened:
        for member, data in sorted(files_of(name).items()):
            if member.endswith("rnn_layers.py"):
                opened.writestr(zipfile.ZipInfo(("a3/" if wrapped else "") + member, WHEN), data)
    return out.getvalue()


Make = Callable[..., Path]


@pytest.fixture
def lay(tmp_path: Path) -> Make:
    """Writes files below `tmp_path/class`: `lay({"ana.zip": b"...", "ben/": None})` gives that folder."""

    def make(files: dict[str, bytes | str | None], root: str = "class") -> Path:
        top = tmp_path / root
        top.mkdir(exist_ok=True)
        for name, data in files.items():
            path = top / name
            if data is None:
                path.mkdir(parents=True, exist_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data.encode() if isinstance(data, str) else data)
        return top

    return make


LAYERS = "cs231n/rnn_layers.py"
GRADESCOPE = """\
submission_101:
  :submitters:
  - :name: Ana Silva
    :sid: '00071'
    :email: ana@uni.edu
  :created_at: 2024-05-21 23:10:00.123456000 Z
  :score: 0.0
  :status: processed
submission_102:
  :submitters:
  - :name: Ben Okafor
    :sid: '0123'
    :email: ben@uni.edu
  - :name: Cho Min-ji
    :sid: '0456'
    :email: cho@uni.edu
  :created_at: 2024-05-23 01:00:00 Z
submission_103:
  :submitters:
  - :name: Dan
    :sid: ''
    :email: dan@uni.edu
  :created_at: 2024-05-20 01:00:00 Z
"""


@pytest.fixture
def gradescope(lay: Make) -> Path:
    """A bulk export: a single hand-in, a group's, one whose folder did not come, and a stray folder."""
    layers = files_of("untouched")[LAYERS]
    return lay(
        {
            "submission_metadata.yml": GRADESCOPE,
            f"submission_101/{LAYERS}": layers,
            "submission_102/a3_code_submission.zip": archive("complete"),
            "submission_102/a3_inline_submission.pdf": b"%PDF-1.4",
            f"submission_999/{LAYERS}": layers,
        },
        "assignment_7_export",
    )


@pytest.fixture
def canvas(lay: Make) -> Path:
    """A bulk download: two attempts, a late mark, loose files, a text entry, a stray file, an empty upload."""
    files = files_of("untouched")
    return lay(
        {
            "silvaana_71_9001_a3_code_submission.zip": archive("untouched"),
            "silvaana_71_9050_a3_code_submission-1.zip": archive("complete"),
            "okaforben_LATE_123_9002_my_work_2.zip": archive("complete"),
            "chominji_456_9003_rnn_layers.py": files[LAYERS],
            "chominji_456_9004_rnn.py": files["cs231n/classifiers/rnn.py"],
            "dan_88_9005_text.html": "<p>see my GitHub</p>",
            "eve_89_9006_a3.zip": b"",
            "notes.txt": "from the assistant",
        },
        "submissions",
    )


@pytest.fixture
def folders(lay: Make) -> Path:
    """A folder of folders and archives: code, an archive inside, an empty folder, a damaged file, a stray one."""
    return lay(
        {
            f"ana/{LAYERS}": files_of("untouched")[LAYERS],
            "ben.zip": archive("complete", wrapped=True),
            "cho/a3_code_submission.zip": archive("complete"),
            "cho/a3_inline_submission.pdf": b"%PDF-1.4",
            "dan/": None,
            "eve.zip": b"not a zip",
            "readme.txt": "hello",
            ".DS_Store": b"\0",
        }
    )


@pytest.fixture
def folder_class(folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Class:
    return Class(folders, "folders", tmp_path / "out", monkeypatch)

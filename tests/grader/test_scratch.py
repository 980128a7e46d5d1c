"""Temporary folders: removed whatever is in them, and after a run that was killed; never somebody else's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from grader import scratch
from grader.scratch import Scratch

pytestmark = pytest.mark.skipif(os.name == "nt", reason="workers run elsewhere")
HOLD = "import sys, time; from grader.scratch import Scratch; s = Scratch('class'); print(s.name, flush=True); time.sleep(600)"


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def old(path: Path) -> Path:
    os.utime(path, (0, 0))
    return path


def test_a_killed_run_is_cleaned_up_at_the_next_start(own_folder: Path) -> None:
    """In use while its process lives; stale from the moment it is killed."""
    with subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        folder = old(Path(other.stdout.readline().strip()))
        (folder / "inside").mkdir()
        old(folder)
        assert scratch.sweep() == []
        other.send_signal(signal.SIGKILL)
    assert folder.is_dir()
    assert scratch.sweep() == [folder.name]
    assert not folder.exists()


def test_what_is_not_ours_or_not_stale_stays(own_folder: Path) -> None:
    """Links, files, other names, young folders, and folders that are in use here."""
    elsewhere = own_folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").touch()
    for name in ("gradmark-report", "gradmark-abcdefgh", "gradmark-abcdefgh.scratch.old"):
        (own_folder / name).mkdir()
        old(own_folder / name)
    (own_folder / "gradmark-aaaaaaaa.scratch").symlink_to(elsewhere)
    old(elsewhere)
    (own_folder / "gradmark-bbbbbbbb.scratch").touch()
    old(own_folder / "gradmark-bbbbbbbb.scratch")
    (own_folder / "gradmark-cccccccc.scratch").mkdir()  # young
    before = sorted(own_folder.iterdir())
    with Scratch("mistakes") as own:
        old(Path(own))
        assert scratch.sweep() == []
        assert Path(own).is_dir()
    assert sorted(own_folder.iterdir()) == before
    assert (elsewhere / "precious").exists()


def test_folders_of_other_users_stay(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the users that root makes up for its workers count as its own."""
    folder = own_folder / "gradmark-abcdefgh.scratch"
    folder.mkdir()
    old(folder)
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    assert scratch.sweep(lambda uid: uid == me + 2) == []
    assert scratch.sweep(lambda uid: uid == me) == [folder.name]


def test_any_depth_and_any_mode_is_removed(own_folder: Path) -> None:
    """Two thousand folders in each other, some closed to everybody; a link to a folder outside is not followed."""
    outside = own_folder / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    with Scratch() as folder:
        here = os.open(folder, os.O_RDONLY)
        for level in range(2000):
            os.mkdir("d" * 200, dir_fd=here)
            os.symlink(outside, "link", dir_fd=here)
            below = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
            if level % 100 == 0:
                os.chmod("d" * 200, 0o300, dir_fd=here)
            os.close(here)
            here = below
        os.close(here)
        os.mkdir(os.path.join(folder, "closed"), 0)
    assert not os.path.exists(folder)
    assert (outside / "precious").exists()
    assert not [name for name in os.listdir(own_folder) if name.startswith("gradmark-")]


def test_cleaning_up_twice_is_harmless() -> None:
    """Also when somebody else was quicker, and when the process holds many."""
    made = [Scratch() for _ in range(3)]
    open_before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    os.rmdir(made[0].name)
    for each in made * 2:
        each.cleanup()
    if open_before:
        assert len(os.listdir("/proc/self/fd")) == open_before - 3

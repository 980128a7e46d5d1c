"""What is counted from outside: threads, and files wherever in the scratch folder they are."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from grader.errors import LimitExceeded
from grader.results import Limits
from grader.sandbox import watch
from grader.sandbox.client import Function

pytestmark = pytest.mark.skipif(os.name == "nt", reason="workers run elsewhere")
THREADS = """
import _thread, threading, time
def f():
    threading.stack_size(32768)
    while True:
        _thread.start_new_thread(time.sleep, (600,))
def g():
    for _ in range(100):
        threading.Thread(target=time.sleep, args=(0.5,), daemon=True).start()
    time.sleep(0.2)
    return 1
"""


@pytest.mark.skipif(sys.platform != "linux", reason="its stacks are larger elsewhere")
def test_threads_are_limited_where_memory_does_not_limit_them(opened):
    """A thousand threads are more than honest work has; a hundred are fine."""
    worker = opened(THREADS, limits=Limits(call_seconds=60, call_cpu_seconds=60))
    assert worker.call(Function("cs231n.task", "g")).value.data == 1
    with pytest.raises(LimitExceeded, match="f started more than 1,000 threads and was stopped") as caught:
        worker.call(Function("cs231n.task", "f"))
    assert caught.value.limit == "threads"


def nested(top: Path, levels: int) -> int:
    """Folders in each other, a file of 8 kB in the last; deeper than a path may be long."""
    here = os.open(top, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d" * 200, dir_fd=here)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    with open(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=here), "wb") as file:
        file.write(os.urandom(8192))
    os.close(here)
    return levels + 1


def test_files_beyond_the_longest_path_are_counted(tmp_path):
    """Forty folders deep, where no path leads any more."""
    made = nested(tmp_path, 40)
    size, count = watch.folder_size(str(tmp_path), 100)
    assert count == made
    assert size >= 8192


def test_folders_nested_without_end_count_as_too_many(tmp_path):
    """Nobody looks deeper than honest work goes."""
    nested(tmp_path, 200)
    assert watch.folder_size(str(tmp_path), 1000)[1] > 1000


def test_files_in_a_closed_folder_are_counted(tmp_path):
    """Its maker can fill a folder that it has forbidden everybody to list."""
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed" / "file").write_bytes(os.urandom(8192))
    (tmp_path / "link").symlink_to("/usr")
    (tmp_path / "closed").chmod(0o300)
    size, count = watch.folder_size(str(tmp_path), 100)
    assert count == 3
    assert size >= 8192


def test_no_more_is_looked_at_than_is_allowed(tmp_path):
    """A folder with too many files is known by the first one too many."""
    for number in range(50):
        (tmp_path / str(number)).touch()
    assert watch.folder_size(str(tmp_path), 20)[1] == 21
    assert watch.folder_size(str(tmp_path / "missing"), 20) == (0, 0)

"""The same submissions, graded by a user without rights: nothing of the isolation rests on being root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOBODY = "54321"  # a number that nobody has
SOME = (
    "read_reference or other_processes or daemon or run_programs or kill_parent or network or write_elsewhere"
    " or become_root or leave_files or fork_bomb or forge_right_id or fill_disk or segfault or signal_by_pipe"
    " or machine_code or hidden_files or small_stacks or descriptors_it_has or truncated_file"
)
# In a private view of the file system, the folders on the way to the interpreter let everyone through.
ENTER = """
set -e
mount --make-rprivate /
home=$(mktemp -d)
IFS=:
for inside in $GRADMARK_PATHS; do
  case "$inside" in /root/*)
    top=$(echo "$inside" | cut -d/ -f3)
    mkdir -p "$home/$top"
    mountpoint -q "$home/$top" || mount --bind "/root/$top" "$home/$top";;
  esac
done
chmod 755 "$home"
mount --rbind "$home" /root
exec "$@"
"""

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="isolation is Linux's"),
    pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() != 0, reason="the other tests run so already"),
    pytest.mark.skipif(not shutil.which("unshare") or not shutil.which("setpriv"), reason="needs util-linux"),
]


def run(select: str, own: Path) -> subprocess.CompletedProcess[str]:
    """The hostile submissions that `select` names, in a process of a user without rights."""
    command = [
        sys.executable, "-m", "pytest", "tests/hostile/test_hostile.py", "-q", "-p", "no:xdist", "-k", select,
        "--basetemp", str(own / "pytest"),
    ]  # fmt: skip
    drop = ["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--inh-caps=-all"]
    environment = {
        **os.environ, "TMPDIR": str(own), "HOME": str(own), "PYTHONDONTWRITEBYTECODE": "1",
        "GRADMARK_PATHS": ":".join([os.path.realpath(sys.executable), sys.prefix, sys.base_prefix, str(ROOT)]),
    }  # fmt: skip
    return subprocess.run(
        ["unshare", "--mount", "bash", "-c", ENTER, "enter", *drop, *command],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def passes(select: str) -> None:
    """They are contained for that user, too. The folder is not below pytest's, which is closed to others."""
    own = Path("/var/tmp") / f"gradmark-nobody-{os.getpid()}"
    own.mkdir()
    os.chown(own, int(NOBODY), int(NOBODY))
    try:
        done = run(select, own)
    finally:
        shutil.rmtree(own, ignore_errors=True)
    if done.returncode and "Operation not permitted" in done.stderr and "passed" not in done.stdout:
        pytest.skip(f"no private view of the file system here: {done.stderr[-200:]}")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert " passed" in done.stdout


def test_some_are_contained_without_rights() -> None:
    """One of every kind, for a user who has no rights at all."""
    passes(SOME)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_all_are_contained_without_rights() -> None:
    """Every hostile submission, for a user who has no rights at all."""
    passes("hostile")

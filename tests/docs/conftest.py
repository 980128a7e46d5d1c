"""The documentation's site, built once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from grader.session import ROOT


def built(folder: Path, target: Path) -> subprocess.CompletedProcess[str]:
    """What mkdocs says when it builds the site of `folder`; not with `--quiet`, which is not strict."""
    command = (sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(target))
    return subprocess.run(
        command, cwd=folder, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True,
        timeout=250, check=False,
    )  # fmt: skip


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site; what mkdocs warns of (a broken link, a page without a place) ends it."""
    target = tmp_path_factory.mktemp("site")
    done = built(ROOT, target)
    assert done.returncode == 0, done.stdout + done.stderr
    return target

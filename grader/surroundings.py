"""What grading needs of a machine besides isolation: a finding for each thing, with what to do if it is not there."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from grader import interpreters, libraries
from grader.data import folder as data_folder
from grader.errors import CallError, SandboxError
from grader.notebook.document import Cell
from grader.notebook.execute import FAST, run_notebook
from grader.results import Record
from grader.sandbox.client import Zygote

LEAST_DISK = 2 << 30  # scratch folders and reports
TRIAL = "import numpy\nint(numpy.arange(4).sum()) * 7"
TRIAL_SHOWS = "42"
BORROWED = (
    "Install it in this environment itself: what a .pth file borrows from another one, no worker may read."
)


class Finding(Record, frozen=True, kw_only=True):
    """One thing that was looked at."""

    name: str
    fine: bool
    said: str
    remedy: str = ""  # when it is not fine
    needed: bool = True  # whether grading can't do without


def python() -> Finding:
    """An interpreter that is too old does not get here: the package says so when it is imported."""
    said = f"{platform.python_version()} (3.11 or newer is needed)"
    path, gain = interpreters.quickest(sys.executable)
    if path != sys.executable:
        said += f"; {path} is {gain:.1f} times as fast: an environment made with it grades sooner"
    return Finding(name="Python", fine=True, said=said)


def torch(versions: Mapping[str, str], trouble: SandboxError | None) -> Finding:
    """torch and torchvision, which have to be a pair and to load."""
    if trouble is not None:
        return Finding(name="torch", fine=False, said=trouble.message, remedy=trouble.hint)
    found = {name: versions.get(name, "") for name in ("torch", "torchvision")}
    said = ", ".join(f"{name} {version}" for name, version in found.items() if version)
    wanted = libraries.partner(found["torch"])
    if wanted and found["torchvision"] and not f"{found['torchvision']}.".startswith(f"{wanted}."):
        said, remedy = libraries.unmatched(**found)
        return Finding(name="torch", fine=False, said=said, remedy=remedy)
    return Finding(name="torch", fine=True, said=said or "not looked at")


def gpu(said: str) -> Finding:
    """Nothing is lost without one."""
    return Finding(name="GPU", fine=True, said=said, needed=False)


def notebooks(zygote: Zygote) -> Finding:
    """A cell is run as a student's would be: locked down, without a kernel of Jupyter's."""
    cell = Cell(index=0, kind="code", source=TRIAL)
    try:
        with tempfile.TemporaryDirectory(prefix="gradmark-") as empty:
            os.chmod(empty, 0o755)  # readable for the worker's own user
            (run,) = run_notebook(zygote, Path(empty), [cell], FAST)
    except (SandboxError, CallError) as error:
        borrowed = BORROWED if "No module named" in error.message else ""
        return no_notebooks(error.message, borrowed or error.hint)
    if run.state != "ran" or TRIAL_SHOWS not in run.text:
        told = run.error.message if run.error else run.cause
        return no_notebooks(f"a trial cell did not run: {run.state}. {told}".strip(), "Please report it.")
    return Finding(
        name="notebooks", fine=True, said="a trial cell ran; no Jupyter kernel is needed", needed=False
    )


def no_notebooks(said: str, remedy: str) -> Finding:
    """Grading goes on without `--notebooks`."""
    return Finding(
        name="notebooks", fine=False, said=said, remedy=f"{remedy} Until then, leave out --notebooks.".strip(),
        needed=False,
    )  # fmt: skip


def data() -> Finding:
    """The folder that GRADMARK_DATA names, with every data set that training and notebooks read."""
    if not os.environ.get(data_folder.VARIABLE):
        return Finding(name="data", fine=True, said="built in (GRADMARK_DATA is not set)")
    try:
        folder = data_folder.named(None)
        assert folder is not None
        for wanted in data_folder.ALL:
            if not wanted.optional:
                wanted.require(folder)
    except data_folder.DataError as error:
        hint = f"{error.hint} Or unset {data_folder.VARIABLE}: the built-in data is used then."
        return Finding(name="data", fine=False, said=_line(error.message), remedy=hint)
    return Finding(name="data", fine=True, said=f"complete in {folder}")


def _line(text: str) -> str:
    """A list over several lines as one."""
    return ", ".join(part.strip() for part in text.splitlines()).replace(":, ", ": ")


def temporary() -> Finding:
    """The folder for scratch files, tried out by writing there."""
    name = "temporary folder"
    try:
        folder = tempfile.gettempdir()
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x" * 4096)
            file.flush()
    except OSError as error:
        remedy = "Free space there and get the rights to write, or set TMPDIR to another folder."
        return Finding(
            name=name, fine=False, said=f"can't be written: {error.strerror or error}", remedy=remedy
        )
    flags = getattr(os, "statvfs", None)
    noexec = flags is not None and flags(folder).f_flag & getattr(os, "ST_NOEXEC", 0)
    more = "; mounted noexec, which does no harm: no program is run from there" if noexec else ""
    return Finding(name=name, fine=True, said=f"{folder} can be written{more}")


def disk(places: Sequence[str]) -> Finding:
    """Room where scratch files and reports go."""
    for place in places:
        free = _free(place)
        if free < LEAST_DISK:
            return Finding(
                name="disk", fine=False, said=f"Only {free / 2**30:.1f} GB free in {place}",
                remedy="Free some or set TMPDIR and --out to folders on another disk.",
            )  # fmt: skip
    return Finding(
        name="disk", fine=True, said=", ".join(f"{_free(p) / 2**30:.0f} GB free in {p}" for p in places)
    )


def _free(place: str) -> int:
    try:
        return shutil.disk_usage(place).free
    except OSError:
        return LEAST_DISK  # told elsewhere: a folder that is not there


def browser() -> Finding:
    """What some look for in vain."""
    return Finding(
        name="browser", fine=True, said="any; Chromium is needed by gradmark's own tests alone", needed=False
    )


def lines(findings: Sequence[Finding]) -> list[str]:
    """The findings for a reader."""
    said = []
    for found in findings:
        mark = "yes" if found.fine else "NO " if found.needed else "no "
        said.append(f"  {mark}  {found.name}: {found.said}")
        said += [f"         remedy: {found.remedy}"] if not found.fine and found.remedy else []
    return said

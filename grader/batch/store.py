"""A class's output folder: one run at a time, a journal that survives anything, results that are whole or not there.

    class.json            the gradebook (`grader.class_results`)
    rubric.toml           a copy of the rubric that was used
    submissions/KEY/      result.json and report.html of one hand-in; checks.jsonl while it is being graded
    journal.jsonl         a line for each run and each finished hand-in, synced to the disk
    handins/              what had to be unpacked or put together

A line that was torn by a crash or a full disk is passed over, and what it told is done again.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

import filelock
import msgspec

from grader.class_results import CLASS_NAME, ClassResult, Status, class_from_json
from grader.errors import GradmarkError, UsageError
from grader.results import CheckResult, Grade, Record, grade_from_json, to_json
from reports import files

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
AGAIN = "Nothing that was graded is lost: the same command goes on from here."


class RunLine(Record, frozen=True, kw_only=True, tag="run", tag_field="event"):
    """A run began."""

    seed: int
    pid: int
    host: str
    path: str


class DoneLine(Record, frozen=True, kw_only=True, tag="done", tag_field="event"):
    """A hand-in is finished: its result is on the disk."""

    key: str
    fingerprint: str  # of everything that the result depends on
    status: Status
    message: str = ""


class HeadLine(Record, frozen=True, kw_only=True, tag="begun", tag_field="event"):
    """The first line of a hand-in's own journal."""

    key: str
    fingerprint: str
    seed: int


Line = RunLine | DoneLine


class Store:
    """The output folder `folder`; to be used inside of `locked`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.staging = folder / "handins"
        self.done: dict[str, DoneLine] = {}
        self.last_run: RunLine | None = None
        self._journal: FileIO | None = None
        self._open: dict[str, FileIO] = {}

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other runs out, and reads the journal. Raises `UsageError` when another run is in it.

        The lock goes with its process, however that ends. A full disk becomes a `GradmarkError` here.
        """
        lock = filelock.FileLock(self.folder / ".lock")
        with self.told():
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire(timeout=0)
            except filelock.Timeout:
                raise self._busy() from None
        try:
            with self.told():
                self._read_journal()
                yield
        finally:
            self._close()
            lock.release()

    def _busy(self) -> UsageError:
        self._read_lines()
        run = self.last_run
        who = f" (process {run.pid} on {run.host}, grading {run.path})" if run else ""
        return UsageError(
            f"Another gradmark is writing to {self.folder}{who}.",
            "Wait until it has ended, or choose another folder with --out.",
        )

    @contextlib.contextmanager
    def told(self) -> Iterator[None]:
        """A full disk, or one that can't be written, is told as what it is."""
        try:
            yield
        except OSError as error:
            what = "The disk is full" if error.errno in FULL else "It can't be written"
            raise GradmarkError(
                f"{self.folder}: {what} ({error.strerror or error}).", f"Free some space. {AGAIN}"
            ) from error

    def _read_lines(self) -> bytes:
        """Takes in what the journal tells; its last bytes."""
        path = self.folder / "journal.jsonl"
        decoder = msgspec.json.Decoder(Line)
        raw = b""
        if path.exists():
            with path.open("rb") as file:
                for raw in file:
                    with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
                        self._take(decoder.decode(raw))
        return raw

    def _take(self, line: Line) -> None:
        if isinstance(line, RunLine):
            self.last_run = line
        else:
            self.done[line.key] = line

    def _read_journal(self) -> None:
        last = self._read_lines()
        self._journal = open(self.folder / "journal.jsonl", "ab", buffering=0)  # noqa: SIM115
        if last and not last.endswith(b"\n"):
            self._journal.write(b"\n")  # or the next line would be lost with the torn one

    def begin(self, run: RunLine) -> None:
        """Notes that a run begins."""
        self._append(run)

    def path_of(self, key: str) -> Path:
        """The folder of one hand-in."""
        return self.folder / "submissions" / key

    def begun(self, line: HeadLine) -> None:
        """The checks of a hand-in are about to run (again)."""
        self._drop(line.key)
        folder = self.path_of(line.key)
        folder.mkdir(parents=True, exist_ok=True)
        self._open[line.key] = open(folder / "checks.jsonl", "wb", buffering=0)  # noqa: SIM115
        self._whole(self._open[line.key], msgspec.json.encode(line) + b"\n")

    def checked(self, key: str, result: bytes) -> None:
        """Outcomes of checks are known, a line of JSON each."""
        if key in self._open:
            self._whole(self._open[key], result + b"\n")

    def finished(self, line: DoneLine) -> None:
        """The hand-in's result is written. Its own journal goes; of a crash it stays, as evidence."""
        self._append(line)
        self.done[line.key] = line
        self._drop(line.key)
        if line.status is not Status.CRASHED:
            (self.path_of(line.key) / "checks.jsonl").unlink(missing_ok=True)

    def known_checks(self, key: str) -> list[CheckResult]:
        """What the hand-in's own journal tells."""
        decoder = msgspec.json.Decoder(CheckResult)
        path, found = self.path_of(key) / "checks.jsonl", []
        for raw in path.read_bytes().splitlines()[1:] if path.exists() else ():
            with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
                found.append(decoder.decode(raw))
        return found

    def _append(self, line: Line) -> None:
        assert self._journal is not None
        self._whole(self._journal, msgspec.json.encode(line) + b"\n")
        os.fsync(self._journal.fileno())

    def _whole(self, file: FileIO, data: bytes) -> None:
        """One write for one line; what fits only in part raises like what does not fit at all."""
        written = file.write(data) or 0
        if written < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _drop(self, key: str) -> None:
        if key in self._open:
            self._open.pop(key).close()

    def _close(self) -> None:
        for key in list(self._open):
            self._drop(key)
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def grade(self, key: str) -> Grade:
        """The result of one hand-in. Raises `GradmarkError` when it is damaged or gone."""
        path = self.path_of(key) / files.RESULT_NAME
        try:
            return grade_from_json(path.read_bytes())
        except (OSError, ValueError) as error:
            raise GradmarkError(f"{path}: {error}", "Run `gradmark grade` on the class again.") from error

    def has_result(self, key: str) -> bool:
        """Whether there is a result of the hand-in."""
        return (self.path_of(key) / files.RESULT_NAME).is_file()

    def write_grade(self, key: str, grade: Grade) -> None:
        """The result and the report of one hand-in, each whole or as it was."""
        files.write(grade, self.path_of(key))

    def conclude(self, result: ClassResult, rubric: str) -> None:
        """Writes the gradebook and the rubric that it was made with."""
        files.replace(self.folder / "rubric.toml", rubric.encode())
        files.replace(self.folder / CLASS_NAME, to_json(result))


def host() -> str:
    """This machine's name."""
    return socket.gethostname()


def read_class(folder: Path) -> ClassResult:
    """The gradebook in an output folder. Raises `UsageError` when there is none."""
    path = folder / CLASS_NAME
    try:
        return class_from_json(path.read_bytes())
    except OSError as error:
        raise UsageError(
            f"{path} can't be read: {error.strerror}.",
            "Name the --out folder of `gradmark grade` on a class.",
        ) from error
    except ValueError as error:
        raise UsageError(f"{path}: {error}.", "Grade the class again with this gradmark.") from error

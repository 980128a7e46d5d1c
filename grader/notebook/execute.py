"""A hand-in's notebook, cell by cell in a locked-down worker, seen from outside: what ran, what failed, what died.

The worker is the same as for unit checks (no processes, no network, own folder, limits on time, memory, output and
disk); an IPython shell runs in it (`inside`). A cell that raises stops nobody; a process that dies is replaced, and
the cheap cells that had run are run again, so that the cells after it are judged, too.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from grader.data.folder import CAPTIONS, DIGITS, PICTURES, PRETRAINED
from grader.errors import CallError, Crashed, LimitExceeded, ProtocolViolation, Raised
from grader.notebook.document import MAX_PICTURE, Cell
from grader.notebook.document import PICTURES as BITMAPS
from grader.results import Limits
from grader.sandbox.client import Probe, Worker, Zygote
from grader.sandbox.text import clean, clean_line
from grader.values import ArrayValue

INSIDE = "grader.notebook.inside"
PRELOAD = (
    "numpy", "torch", "torch._dynamo", "torchvision", "torchvision.datasets", "h5py", "IPython",
    "IPython.extensions.autoreload", "matplotlib.pyplot", "matplotlib_inline.backend_inline",
)  # fmt: skip
PATIENCE = 4  # seconds on the clock for one of computing
MAX_REPLY = 8 << 20  # bytes of one cell's answer; an honest one is cut to less in the worker
MAX_SHOWN = 60_000  # characters of one output


@dataclass(frozen=True)
class Profile:
    """How much a notebook may use, in seconds of computing; by the clock four times as much (the machine may be busy).

    The name "fast" also sets the configuration in `inside`.
    """

    name: str = "fast"
    cell_seconds: float = 60.0
    notebook_seconds: float = 180.0
    replay_seconds: float = 2.0  # a cell that took longer is not run again after a death
    restarts: int = 3
    batches: int = 40  # of a loader per round; 0: all
    memory_bytes: int = 3 << 30

    @property
    def limits(self) -> Limits:
        """The worker's limits."""
        return Limits(
            call_seconds=PATIENCE * self.cell_seconds,
            call_cpu_seconds=self.cell_seconds,
            submission_seconds=PATIENCE * self.notebook_seconds,
            memory_bytes=self.memory_bytes,
        )


FAST = Profile()
FULL = Profile("full", cell_seconds=1800.0, notebook_seconds=7200.0, batches=0)
PROFILES = {profile.name: profile for profile in (FAST, FULL)}

Text = Annotated[str, Meta(max_length=100_000)]
Picture = Annotated[str, Meta(max_length=600 << 10)]


class CellOutput(msgspec.Struct, frozen=True):
    """One thing that a cell showed: a piece of a stream, or displayed data by kind."""

    stream: Text = ""
    text: Text = ""
    data: dict[Text, Picture] = {}
    result: bool = False


class CellError(msgspec.Struct, frozen=True):
    """What a cell raised."""

    kind: Text = ""
    message: Text = ""
    name: Text = ""  # the name that a NameError or ModuleNotFoundError is about
    traceback: Text = ""


class _Reply(msgspec.Struct):
    outputs: Annotated[list[CellOutput], Meta(max_length=2000)] = []
    dropped: dict[Text, int] = {}
    told: Annotated[list[Text], Meta(max_length=100)] = []
    error: CellError | None = None


@dataclass(frozen=True)
class CellRun:
    """What became of one code cell. `state`: "ran", "failed" (raised), "died" (the process), "not run"."""

    index: int
    state: str
    seconds: float = 0.0  # of computing
    outputs: tuple[CellOutput, ...] = ()
    error: CellError | None = None
    cause: str = ""  # of a death, or why it was not run
    limit: str = ""
    told: tuple[str, ...] = ()
    dropped: dict[str, int] = field(default_factory=dict)

    @property
    def pictures(self) -> tuple[str, ...]:
        """What it drew, as data URIs of bitmaps that are not too large for a report."""
        drawn = [(mime, text) for out in self.outputs for mime, text in out.data.items() if mime in BITMAPS]
        return tuple(
            f"data:{mime};base64,{''.join(text.split())}" for mime, text in drawn if len(text) <= MAX_PICTURE
        )

    @property
    def text(self) -> str:
        """All that it printed and showed as text."""
        return "".join(out.text or out.data.get("text/plain", "") + "\n" for out in self.outputs)


Listener = Callable[[CellRun], None]


def start() -> Zygote:
    """A warm parent for notebooks: torch, IPython and matplotlib are imported."""
    return Zygote.start(preload=PRELOAD, probes=(INSIDE,))


def provide_data(root: Path, data: Path) -> list[str]:
    """Copies the data sets of `data` into a submission's copy where its notebooks look; names what is not there."""
    places = (
        (CAPTIONS, "cs231n/datasets/coco_captioning"),
        (DIGITS, "cs231n/datasets/MNIST_data/MNIST/raw"),
        (PICTURES, "data/cifar-10-batches-py"),
        (PRETRAINED, "pretrained_model"),
    )
    missing = []
    for wanted, place in places:
        found = wanted.find(data)
        if found is None:
            missing.append(wanted.title)
            continue
        (root / place).mkdir(parents=True, exist_ok=True)
        for name in wanted.files:
            _copy(found / name, root / place / name)
        if wanted is CAPTIONS and (found / "images").is_dir():
            shutil.copytree(found / "images", root / place / "images", dirs_exist_ok=True)
    return missing


def _copy(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    shutil.copyfile(source, target)  # not a link: the worker may read the copy's folder and nothing else
    target.chmod(0o644)


class Kernel:
    """One notebook's shell in a worker. A context manager; a death is survived by a new worker."""

    def __init__(self, zygote: Zygote, root: Path, profile: Profile) -> None:
        self._zygote, self._root, self._profile = zygote, root, profile
        self._worker: Worker | None = None
        self._lost = 0

    def __enter__(self) -> Kernel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        if self._worker is not None:
            self._worker.close()

    @property
    def exhausted(self) -> bool:
        """So many processes were lost that the rest is not run."""
        return self._lost > self._profile.restarts

    def run(self, cell: Cell, done: Sequence[tuple[Cell, CellRun]]) -> CellRun:
        """Runs a cell, after those of `done` that a new process needs."""
        if self._worker is None or not self._worker.alive:
            self._restart(done)
            if not self._worker_lives:
                cause = "the cells before it ended its process when they were run again"
                return CellRun(cell.index, "not run", cause=cause)
        return self._run(cell)

    @property
    def _worker_lives(self) -> bool:
        return self._worker is not None and self._worker.alive

    def _restart(self, done: Sequence[tuple[Cell, CellRun]]) -> None:
        if self._worker is not None:
            self._worker.close()
        self._worker = self._zygote.worker(self._root, self._profile.limits)
        settings = {"fast": self._profile.name == "fast", "batches": self._profile.batches}
        self._worker.call(Probe(INSIDE, "begin"), (json.dumps(settings),))
        for cell, before in done:
            if (
                before.state == "ran"
                and before.seconds <= self._profile.replay_seconds
                and self._worker.alive
            ):
                self._run(cell)

    def _run(self, cell: Cell) -> CellRun:
        assert self._worker is not None
        started, cpu = time.monotonic(), self._worker.cpu_seconds
        source = np.frombuffer(cell.source.encode("utf-8", "replace") or b" ", np.uint8)
        try:
            value = self._worker.call(Probe(INSIDE, "run_cell"), (source, cell.index)).value
            run = _reply(cell.index, value.data.tobytes() if isinstance(value, ArrayValue) else b"")
        except CallError as error:
            run = self._failed(cell, error)
        computed = max(self._worker.cpu_seconds - cpu, (time.monotonic() - started) / PATIENCE)
        self._worker.take_output()
        return replace(run, seconds=round(computed, 3))

    def _failed(self, cell: Cell, error: CallError) -> CellRun:
        assert self._worker is not None
        if (
            isinstance(error, Raised) or self._worker.alive
        ):  # something in `inside` itself: treat it as raised
            return CellRun(cell.index, "failed", error=CellError("Error", clean_line(error.message)))
        self._lost += 1
        stdout, _ = self._worker.take_output()
        outputs = (CellOutput("stdout", _tidy(stdout)),) if stdout.strip() else ()
        limit = error.limit if isinstance(error, LimitExceeded) else ""
        return CellRun(cell.index, "died", outputs=outputs, cause=_cause(error), limit=limit)


def _cause(error: CallError) -> str:
    """Why a process ended, about "the cell" and not about our function in it."""
    message = error.message.replace("run_cell", "the cell")
    if isinstance(error, Crashed):
        message = message[:1].upper() + message[1:]
    elif isinstance(error, ProtocolViolation):
        message = f"The cell meddled with the process that runs it. {message}"
    return clean_line(message[:1].upper() + message[1:])


def _reply(index: int, data: bytes) -> CellRun:
    """A worker's answer as what became of the cell; one that is no answer means a shell that was tampered with."""
    try:
        if len(data) > MAX_REPLY:
            raise ValueError("too large")
        reply = msgspec.json.decode(data, type=_Reply)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return CellRun(index, "failed", error=CellError("Error", "the cell's outputs could not be read"))
    error = reply.error
    if error is not None:
        error = CellError(
            clean_line(error.kind, 80),
            clean(error.message, 2000),
            clean_line(error.name, 80),
            clean(error.traceback, 8000),
        )
    return CellRun(
        index,
        "ran" if error is None else "failed",
        outputs=tuple(map(_clean_output, reply.outputs)),
        error=error,
        told=tuple(clean_line(text, 200) for text in reply.told),
        dropped={clean_line(kind, 80): count for kind, count in list(reply.dropped.items())[:20]},
    )


def _clean_output(output: CellOutput) -> CellOutput:
    data = {
        mime: text for mime, text in output.data.items() if mime in ("text/plain", "image/png", "image/jpeg")
    }
    if "text/plain" in data:
        data["text/plain"] = _tidy(data["text/plain"])
    return CellOutput(
        "stderr" if output.stream == "stderr" else "stdout", _tidy(output.text), data, output.result
    )


def _tidy(text: str) -> str:
    return clean("\n".join(map(_last_written, text.split("\n"))), MAX_SHOWN)


def _last_written(line: str) -> str:
    """What is left of a line that a progress bar wrote over again and again."""
    line = line.removesuffix("\r")
    return line[line.rfind("\r") + 1 :]


def run_notebook(
    zygote: Zygote,
    root: Path,
    cells: Sequence[Cell],
    profile: Profile = FAST,
    listener: Listener | None = None,
) -> list[CellRun]:
    """Runs the code cells of a notebook in order, in a copy of the submission at `root`.

    Raises `SandboxError` when no worker can be started.
    """
    done: list[tuple[Cell, CellRun]] = []
    left = profile.notebook_seconds
    with Kernel(zygote, root, profile) as kernel:
        for cell in cells:
            if cell.kind != "code" or not cell.source.strip():
                continue
            if kernel.exhausted:
                run = CellRun(
                    cell.index, "not run", cause="too many of the cells before it ended their process"
                )
            elif left <= 0:
                run = CellRun(
                    cell.index, "not run", cause=f"the notebook had used its {profile.notebook_seconds:g} s"
                )
            else:
                run = kernel.run(cell, done)
            left -= run.seconds
            done.append((cell, run))
            if listener is not None:
                listener(run)
    return [run for _, run in done]

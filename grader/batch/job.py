"""A process that grades hand-ins for the process that started it: `python -m grader.batch.job FD`.

It reads `Work` from the socket FD, and writes the checks' outcomes as they are known, then the answer. It lives no
longer than the other end of the socket: without that, whatever it is doing is cut short and cleaned up.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import sys
import threading
import time
import traceback
from multiprocessing.connection import Connection
from types import FrameType

import msgspec

from grader.batch.work import Bench, Done, Warm, Work
from grader.errors import GradmarkError, UsageError
from grader.results import CheckResult, to_json

IDLE_SECONDS = 900.0  # a cluster's worker keeps its processes warm for the next class, not for ever
UNWIND_SECONDS = 10.0
GATHER_SECONDS = 0.05  # for which an outcome may wait for others: a message costs more than some checks
SCRATCH = "GRADMARK_SCRATCH"  # names the folder for temporary files that the last job process removes
CHECK, ANSWER, FAULT, READY = b"c", b"a", b"f", b"r"  # first byte of a message


def main() -> None:
    """Serves until the socket closes or nothing was asked for long."""
    connection = Connection(int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all of a terminal; who started us decides
    signal.signal(signal.SIGTERM, _stop)
    threading.Thread(target=_watch, args=(int(sys.argv[1]),), daemon=True).start()
    bench = Bench()
    try:
        connection.send_bytes(READY)
        outcomes = _Outcomes(connection)
        while connection.poll(IDLE_SECONDS):
            _serve(connection, bench, outcomes)
    except (EOFError, OSError, KeyboardInterrupt):
        pass
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        bench.close()
        with contextlib.suppress(OSError, KeyError):
            os.rmdir(os.environ[SCRATCH])


class _Outcomes:
    """Sends the outcomes of checks, those of some milliseconds in one message, a line each."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._waiting: list[bytes] = []
        self._some = threading.Event()
        threading.Thread(target=self._send_on, daemon=True).start()

    def add(self, result: CheckResult) -> None:
        """The outcome of a check is known."""
        with self._lock:
            self._waiting.append(_encoded(result))
        self._some.set()

    def send(self) -> None:
        """Sends what waits. Raises `OSError` when the other end is gone."""
        with self._lock:
            lines, self._waiting = self._waiting, []
            if lines:
                self._connection.send_bytes(CHECK + b"\n".join(lines))

    def _send_on(self) -> None:
        with contextlib.suppress(OSError):  # then the next message of the main thread fails, too
            while True:
                self._some.wait()
                self._some.clear()
                time.sleep(GATHER_SECONDS)
                self.send()


def _serve(connection: Connection, bench: Bench, outcomes: _Outcomes) -> None:
    work: Work | Warm = pickle.loads(connection.recv_bytes())
    try:
        if isinstance(work, Warm):
            bench.warm(work)
            return
        try:
            done: Done | str = bench.grade(work, outcomes.add)
        finally:
            outcomes.send()
    except Exception as error:  # noqa: BLE001 (the session boundary: our own fault, told to whoever asked)
        bench.close()
        known = (
            error if isinstance(error, GradmarkError) else GradmarkError(f"{type(error).__name__}: {error}")
        )
        said, hint = known.message, known.hint
        fault = (said, hint, traceback.format_exc()[-6000:], isinstance(error, UsageError))
        connection.send_bytes(FAULT + pickle.dumps(fault))
    else:
        connection.send_bytes(ANSWER + pickle.dumps(done))


def _encoded(result: CheckResult) -> bytes:
    """One line of JSON; slower for text that UTF-8 can't hold."""
    try:
        return msgspec.json.encode(result)
    except UnicodeEncodeError:
        return msgspec.json.format(to_json(result), indent=-1)


def _stop(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _watch(fd: int) -> None:
    """Cuts the work short when the other end has gone."""
    poll = select.poll()
    poll.register(fd, 0)  # a hang-up is always told
    poll.poll()
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(UNWIND_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    main()

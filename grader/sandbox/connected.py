"""A worker on a system without fork and Unix sockets: connects to whoever started it, then serves as any other.

Run as `python -s -P -m grader.sandbox.connected PORT PRELOAD PROBES SPEC OWN`, with a secret on standard input. It has
the rights of its user: this is for one's own work on one's own machine.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import os
import socket
import struct
import sys
import tempfile
from collections.abc import Iterable

import msgspec

from grader.sandbox import lockdown, own, rules, wire, worker

HERE = "127.0.0.1"
TOKEN_BYTES = 32
PID = struct.Struct("<Q")
LAYERS = ["own process", "limits", "clean environment"]
_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))


class Channel(socket.socket):
    """A connection that takes several buffers at once, as sockets do elsewhere."""

    def sendmsg(self, buffers: Iterable[bytes | memoryview], *_: object) -> int:  # type: ignore[override]
        """Sends what fits of the first buffer that holds something: the caller sends the rest."""
        return self.send(next((buffer for buffer in buffers if len(buffer)), b""))


def exactly(channel: socket.socket, length: int) -> bytes:
    """So many bytes. Raises `OSError` when the other side goes away before."""
    data = b""
    while len(data) < length:
        part = channel.recv(length - len(data))
        if not part:
            raise ConnectionResetError
        data += part
    return data


def main() -> None:
    """Calls back, imports, gives up what can be given up here, and serves until the connection ends."""
    port, preload, names, spec, others = sys.argv[1:6]
    channel = Channel()
    channel.connect((HERE, int(port)))
    channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    channel.sendall(sys.stdin.buffer.read(TOKEN_BYTES) + PID.pack(os.getpid()))
    try:
        for name in filter(None, preload.split(",")):
            importlib.import_module(name)
        probes = {name: importlib.import_module(name) for name in filter(None, names.split(","))}
        probes |= own.load(own.decode(others))
        asked = msgspec.json.decode(spec, type=lockdown.Spec)
        _give_up(asked.scratch)
        worker.adopt(asked.folder, worker.start(_ROOT))
        worker.send(channel, wire.encode_answer(wire.Ready(LAYERS)), [])
        worker.Server(channel, asked.folder, probes).run()
    except ConnectionError:
        os._exit(worker.CHANNEL_LOST)
    finally:
        with contextlib.suppress(OSError):
            sys.stderr.flush()


def _give_up(scratch: str) -> None:
    """Temporary files and settings go to the private folder; no process is started; a crash says where it was."""
    places = (
        "HOME",
        "USERPROFILE",
        "APPDATA",
        "LOCALAPPDATA",
        "TMP",
        "TEMP",
        "TMPDIR",
        "MPLCONFIGDIR",
        "TORCH_HOME",
    )
    os.environ.update(dict.fromkeys(places, scratch), MPLBACKEND="Agg", CUDA_VISIBLE_DEVICES="")
    os.environ.pop("PYTHONPATH", None)
    tempfile.tempdir = None
    sys.dont_write_bytecode = True
    sys.pycache_prefix = os.path.join(scratch, "pycache")  # never a .pyc of the submission
    os.chdir(scratch)
    rules.install(scratch)
    faulthandler.enable(2, all_threads=False)


if __name__ == "__main__":
    main()

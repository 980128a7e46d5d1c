"""A worker that was not forked: imports the libraries itself, then serves as any other. Where nothing can be forked.

Run as `python -s -P -m grader.sandbox.plain FD PRELOAD PROBES SPEC OWN`. It takes seconds where a fork takes
milliseconds, and is not isolated: for checking one's own work on macOS.
"""

from __future__ import annotations

import importlib
import os
import sys

import msgspec

from grader.sandbox import lockdown, own, worker

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))


def main() -> None:
    """Imports, then gives up what can be given up here, then serves."""
    channel, preload, names = int(sys.argv[1]), sys.argv[2].split(","), sys.argv[3].split(",")
    for name in filter(None, preload):
        importlib.import_module(name)
    probes = {name: importlib.import_module(name) for name in filter(None, names)}
    probes |= own.load(own.decode(sys.argv[5]))
    spec = msgspec.json.decode(sys.argv[4], type=lockdown.Spec)
    prepared = lockdown.Prepared(_ROOT, worker.OURS, tuple(layer.lower() for layer in lockdown.LAYERS))
    worker.main(spec, (channel, 1, 2), os.getppid(), probes, prepared, worker.start(_ROOT))


if __name__ == "__main__":
    main()

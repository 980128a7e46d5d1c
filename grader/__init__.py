"""How submissions are tested: collecting, isolating, running, scoring."""

import sys

__version__ = "0.1.0"

# Here and in `__main__`, only what Python 2.7 can read: an old interpreter should say what is wrong, not where it
# stumbles over a file that it can't parse.
if sys.version_info < (3, 11):  # noqa: UP036
    sys.stderr.write(
        "gradmark: Python 3.11 or newer is needed; this is Python %d.%d (%s).\n"  # noqa: UP031
        "Make the environment with a newer one: `python3.12 -m venv .venv`, "
        "or `make PYTHON=python3.12`; from then on, run .venv/bin/gradmark.\n"
        % (sys.version_info[0], sys.version_info[1], sys.executable)
    )
    sys.exit(2)

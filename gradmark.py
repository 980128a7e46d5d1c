"""gradmark for students: `python gradmark.py check` in a terminal, `from gradmark import check` in a notebook."""

import sys
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 (pip does not guard a student's package)
    raise SystemExit("gradmark needs Python 3.11 or newer; this is %d.%d." % sys.version_info[:2])  # noqa: UP031

_COURSE = Path(__file__).resolve().parent / "gradmark_check"
if _COURSE.is_dir():  # in a student's package; elsewhere gradmark itself is installed
    sys.path.insert(0, str(_COURSE))

try:
    from grader.card import check
    from grader.cli_check import main
except ModuleNotFoundError as error:
    _told = f"gradmark needs the package {error.name}: python -m pip install -r requirements.txt"
    raise (SystemExit if __name__ == "__main__" else ImportError)(_told) from None

__all__ = ["check"]

if __name__ == "__main__":
    main()

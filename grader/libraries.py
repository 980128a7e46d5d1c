"""Libraries that gradmark can't do without: what is wrong when one does not load, and which command mends it.

Imports nothing but the standard library, as it speaks when other imports have failed.
"""

from __future__ import annotations

import importlib.metadata
import re
import sys

PACKAGES = {  # by the name that is imported, where the package is called otherwise
    "IPython": "ipython",
    "PIL": "pillow",
    "landlockpy": "'landlockpy>=0.2,<0.3'",
    "markdown_it": "markdown-it-py",
    "mdit_py_plugins": "mdit-py-plugins",
    "seccompy": "'seccompy>=0.2,<0.3'",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
NOTEBOOKS = ("IPython", "jupytext", "nbformat", "traitlets")
OURS = ("grader", "checks", "reports", "reference")
PAIR = "torch and torchvision"

_MISSING = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")
# What torchvision says when it was built for another torch: a missing operator, or a symbol that is not there.
_UNMATCHED = re.compile(r"operator torchvision::\w+ does not exist|torchvision\S*: undefined symbol")
_UNLOADABLE = re.compile(r"(\S+): (?:cannot open shared object file|undefined symbol|cannot allocate memory)")


def explained(said: str) -> tuple[str, str] | None:
    """What happened and what to do, from the last line of a traceback; None when it is about no library."""
    if _UNMATCHED.search(said):
        return unmatched(version("torch"), version("torchvision"))
    if (found := _MISSING.search(said)) and found[1].partition(".")[0] not in OURS:
        return _missing(found[1].partition(".")[0])
    if found := _UNLOADABLE.search(said):
        return _unloadable(found[1], said)
    return None


def version(package: str) -> str:
    """The installed version, without importing it; "" when there is none."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def partner(torch: str) -> str:
    """The torchvision that goes with a torch: 2.N with 0.(N + 15), the table of their releases; "" if unknown."""
    numbers = re.match(r"2\.(\d+)", torch)
    return f"0.{int(numbers[1]) + 15}" if numbers else ""


def unmatched(torch: str, torchvision: str) -> tuple[str, str]:
    """Two that were built for other versions of each other."""
    wanted = partner(torch)
    return (
        f"torch {torch or '(unknown)'} and torchvision {torchvision or '(unknown)'} do not belong together.",
        f"Install the pair: {_pip(f'torch torchvision=={wanted}.*' if wanted else '--upgrade torch torchvision')}",
    )


def _missing(name: str) -> tuple[str, str]:
    why = " (notebooks need it; without --notebooks grading does not)" if name in NOTEBOOKS else ""
    return f"{name} is not installed for {sys.executable}{why}.", _remedy(name)


def _remedy(name: str) -> str:
    if name in ("torch", "torchvision"):
        cpu = "--index-url https://download.pytorch.org/whl/cpu"
        return f"Install both: {_pip('torch torchvision')}  (without a GPU, add {cpu}: it is much smaller)"
    return f"Install it: {_pip(PACKAGES.get(name, name))}"


def _unloadable(library: str, said: str) -> tuple[str, str]:
    what = re.sub(r"^\w+: ", "", said.strip())[:300]
    hint = "Install it again; `gradmark doctor` says what else is missing. For torch: "
    return f"{library} can't be loaded: {what}", hint + _pip("--force-reinstall torch torchvision")


def _pip(arguments: str) -> str:
    return f"{sys.executable} -m pip install {arguments}"

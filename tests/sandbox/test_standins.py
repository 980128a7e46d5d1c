"""Packages that students import without using them, and that are not installed here."""

from __future__ import annotations

import pytest

from grader.errors import ImportFailed, Raised
from grader.sandbox.client import Function


def run(worker):
    return worker.call(Function("cs231n.task", "f"))


@pytest.mark.parametrize(
    "line",
    [
        "import thop",
        "from thop import profile, clever_format",
        "from past.builtins import xrange",
        "import torchsummary.torchsummary as s",
        "from google.colab import drive",
        "import cv2, xarray, einops",
        "from imageio import imread",
        "from scipy.misc import imread",
        "from numpy.lib.index_tricks import r_",
    ],
)
def test_unused_imports_cost_nothing(opened, line):
    """An import of a common package that is not here does not take the module down."""
    assert run(opened(f"{line}\ndef f():\n    return 1\n")).value.data == 1


@pytest.mark.parametrize(
    "use", ["profile(1)", "profile.x.y()", "profile[0]", "list(profile)", "len(profile)", "profile + 1"]
)
def test_use_of_a_stand_in_names_the_package(opened, use):
    """What is used and not there is reported by its name, from the function that uses it."""
    with pytest.raises(Raised) as caught:
        run(opened(f"from thop import profile\ndef f():\n    return {use}\n"))
    assert caught.value.kind == "ModuleNotFoundError"
    assert "thop is not installed here" in caught.value.message


def test_a_stand_in_is_no_base_class(opened):
    """Inheriting from what is not there fails at import, with the package's name."""
    with pytest.raises(ImportFailed, match="the package thop is not installed here"):
        run(opened("import thop\nclass A(thop.Counter):\n    pass\n"))


def test_try_import_sees_the_package_as_installed_but_unusable(opened):
    """`hasattr`-style questions about dunder names stay honest."""
    worker = opened("import thop\ndef f():\n    return hasattr(thop, '__version__')\n")
    assert run(worker).value.data is False


@pytest.mark.parametrize(
    ("prepared", "there"),
    [
        ("try:\n    import thop\n    t = 1\nexcept ImportError:\n    t = 0\n", 0),
        ("try:\n    from google.colab import drive\n    t = 1\nexcept:\n    t = 0\n", 0),
        (
            "try:\n    import thop; t = 1\nexcept (OSError, ModuleNotFoundError) as e:\n    print(e); t = 0\n",
            0,
        ),
        ("try:\n    from scipy.misc import imread\n    t = 1\nexcept Exception:\n    t = 0\n", 0),
        ("import contextlib\nt = 0\nwith contextlib.suppress(ImportError):\n    import thop\n    t = 1\n", 0),
        ("t = 1\ntry:\n    import thop\nexcept ImportError:\n    raise SystemExit('pip install thop')\n", 1),
        ("t = 1\ntry:\n    import thop\nexcept ImportError:\n    import sys; sys.exit(1)\n", 1),
        ("t = 1\ntry:\n    import thop\nexcept ValueError:\n    t = 0\n", 1),
        ("t = 1\ntry:\n    pass\nexcept ImportError:\n    import thop\n", 1),
    ],
)
def test_code_that_is_prepared_for_a_missing_package_goes_its_own_way(opened, prepared, there):
    """`try: import x` fails where the code goes on without x; where it gives up, the stand-in spares it that."""
    assert run(opened(f"{prepared}def f():\n    return t\n")).value.data == there


def test_installed_packages_are_the_real_ones(opened):
    """A stand-in is the last resort."""
    worker = opened("import h5py, tqdm\ndef f():\n    return h5py.__name__, len(list(tqdm.tqdm([1, 2])))\n")
    assert [item.data for item in run(worker).value.items] == ["h5py", 2]


def test_other_missing_packages_stay_missing(opened):
    """The list is fixed: a misspelt import is an error."""
    with pytest.raises(ImportFailed, match="the package nunpy is not installed here"):
        run(opened("import nunpy\n"))

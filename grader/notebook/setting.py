"""The surroundings of a notebook in a worker, set by configuration: no Colab, no second process, little time.

Runs beside student code; nothing of what the student wrote is changed. What was done without is told.
"""

from __future__ import annotations

import builtins
import importlib
import inspect
import os
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

Tell = Callable[[str], None]
# A command that is not on this list is refused by the lock-down.
SHELL_MAGICS = (
    "system",
    "sx",
    "bash",
    "sh",
    "script",
    "pip",
    "conda",
    "mamba",
    "uv",
    "micromamba",
    "perl",
    "ruby",
)
_chdir = os.chdir


def told(tell: Tell, what: str, gives: Any = None) -> Any:
    """A function that does nothing but say that it was asked."""

    def quiet(*args: Any, **_: Any) -> Any:
        shown = " ".join(str(arg) for arg in args if isinstance(arg, str))
        tell(f"{what} {shown}"[:200])
        return gives

    return quiet


def without_shell(shell: Any, tell: Tell) -> None:
    """No command of the system is run; `%cd` goes where it can."""
    for name in SHELL_MAGICS:
        shell.register_magic_function(told(tell, f"%{name}"), "line_cell", name)
    shell.register_magic_function(lambda line="": _go(line.strip().strip("'\""), tell), "line", "cd")
    shell.system = shell.system_raw = shell.system_piped = told(tell, "!")
    shell.getoutput = told(tell, "!", [])


def without_colab(tell: Tell) -> None:
    """`google.colab` can be imported and does nothing; `os.chdir` goes where it can; nobody answers `input`."""
    google = sys.modules.setdefault("google", types.ModuleType("google"))
    colab = types.ModuleType("google.colab")
    google.colab = colab  # type: ignore[attr-defined]
    sys.modules["google.colab"] = colab
    for name in ("drive", "files", "output", "userdata", "auth", "widgets", "patches"):
        module = _Quiet(f"google.colab.{name}", tell)
        setattr(colab, name, module)
        sys.modules[module.__name__] = module
    os.chdir = lambda path: _go(path, tell)
    builtins.input = _no_input


def _go(path: Any, tell: Tell) -> None:
    try:
        _chdir(path)
    except OSError:
        tell(f"cd {str(path)[:150]}")


class _Quiet(types.ModuleType):
    """A module of Colab: everything in it can be called and does nothing."""

    def __init__(self, name: str, tell: Tell) -> None:
        super().__init__(name)
        self.__dict__["_tell"] = tell

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return told(self.__dict__["_tell"], f"{self.__name__}.{name}()")


def pictures_at_hand(copy: str) -> None:
    """The pictures of the built-in captions are files of the data: their addresses lead to where the data is here."""
    request: Any = importlib.import_module("urllib.request")
    real = request.urlopen

    def urlopen(url: Any, *args: Any, **kwargs: Any) -> Any:
        address = url if isinstance(url, str) else getattr(url, "full_url", "")
        _, _, name = address.partition("/coco_captioning/") if address.startswith("file:") else ("", "", "")
        local = os.path.join(copy, "cs231n", "datasets", "coco_captioning", name)
        return open(local, "rb") if name and os.path.isfile(local) else real(url, *args, **kwargs)

    request.urlopen = urlopen


def _no_input(*_: Any) -> str:
    raise EOFError("the cell waits for input(), and nobody can answer here")


def without_processes(most: int) -> None:
    """Loaders without worker processes (no process can be started); `.next()` of old iterators; data is here."""
    data = importlib.import_module("torch.utils.data")
    loader, sign = data.DataLoader, inspect.signature(data.DataLoader.__init__)
    made, iterate = loader.__init__, loader.__iter__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        bound = sign.bind(self, *args, **kwargs)
        alone = {
            "num_workers": 0,
            "persistent_workers": False,
            "prefetch_factor": None,
            "pin_memory": False,
            "timeout": 0,
        }
        bound.arguments.update({name: value for name, value in alone.items() if name in bound.arguments})
        _within(bound.arguments, data)
        made(*bound.args, **bound.kwargs)

    def limited(self: Any) -> Any:
        steps = iterate(self)
        return _Limited(steps, most) if most else steps

    loader.__init__, loader.__iter__ = init, limited
    iterator = importlib.import_module("torch.utils.data.dataloader")._BaseDataLoaderIter
    iterator.next = iterator.__next__
    pictures: Any = importlib.import_module("torchvision.datasets.cifar")
    pictures.check_integrity = lambda path, md5=None: os.path.isfile(path)  # of any data in the right format


class _Limited:
    """An iterator over at most so many batches; `next` as well as `__next__`."""

    def __init__(self, steps: Any, most: int) -> None:
        self._steps, self._left = steps, most

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        if self._left == 0:
            raise StopIteration
        self._left -= 1
        return next(self._steps)

    next = __next__


def _within(arguments: dict[str, Any], data: Any) -> None:
    """A sampler for the 60,000 digits of MNIST must also do with fewer: it starts again from the first."""
    sampler, dataset = arguments.get("sampler"), arguments.get("dataset")
    try:
        size, wanted = len(dataset), len(sampler)  # type: ignore[arg-type]
    except TypeError:
        return
    first = getattr(sampler, "start", 0)
    if isinstance(first, int) and first + wanted > size > 0:
        indices = np.arange(first, first + min(wanted, size)) % size
        arguments["sampler"] = data.SubsetRandomSampler(indices.tolist())


def small_networks() -> None:
    """ResNet-50 with one narrow block per stage: the same layers and shapes at its ends, a thirtieth of the work."""
    resnet: Any = importlib.import_module("torchvision.models.resnet")

    def small(*_: Any, **__: Any) -> Any:
        return resnet.ResNet(resnet.Bottleneck, [1, 1, 1, 1], width_per_group=8)

    resnet.resnet50 = small
    models: Any = importlib.import_module("torchvision.models")
    models.resnet50 = small


def answer_files() -> None:
    """The two files that check cells of the original notebooks compare with, of our own numbers, where there are none.

    The augmentation's part is empty: it belongs to pictures of CIFAR-10 itself.
    """
    torch = importlib.import_module("torch")
    if not os.path.exists("gan-checks.npz"):
        real, fake = np.linspace(-2.5, 3.0, 10).reshape(10, 1), np.linspace(2.0, -4.0, 10).reshape(10, 1)
        d_loss = np.logaddexp(0, -real).mean() + np.logaddexp(0, fake).mean()
        squares = ((real - 1) ** 2).mean() / 2 + (fake**2).mean() / 2
        np.savez(
            "gan-checks.npz", logits_real=real, logits_fake=fake, d_loss_true=d_loss, d_loss_lsgan_true=squares,
            g_loss_true=np.logaddexp(0, -fake).mean(), g_loss_lsgan_true=((fake - 1) ** 2).mean() / 2,
        )  # fmt: skip
    if not os.path.exists("simclr_sanity_check.key"):
        left, right = np.array([[1.0, 2, 3], [4, -5, 6]]), np.array([[0.5, 3, 2], [5, 1, 7]])
        unit = np.concatenate([left, right])
        unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
        matrix = unit @ unit.T
        others = ~np.eye(4, dtype=bool)
        pairs = matrix[[0, 1, 2, 3], [2, 3, 0, 1]]
        loss = {
            str(tau): float(np.mean(np.log(np.where(others, np.exp(matrix / tau), 0).sum(1)) - pairs / tau))
            for tau in (1.0, 5.0)
        }
        arrays = {"left": left, "right": right, "sim": pairs[:2, None], "sim_matrix": matrix}
        arrays["data_augmentation"] = np.zeros((2, 3, 32, 32))
        tensors = {name: torch.tensor(array, dtype=torch.float32) for name, array in arrays.items()}
        torch.save({**tensors, "loss": loss}, "simclr_sanity_check.key")

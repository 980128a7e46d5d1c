"""First operations load code and tables lazily: done once in the warm parent, not in every worker (60 ms there).

Nothing here starts a thread or leaves anything open: the warm parent forks.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import importlib
import inspect
import sys
import warnings
from collections.abc import Callable
from typing import Any


def up() -> None:
    """Uses what submissions use, of the libraries that are imported."""
    _tried(_numpy)
    if "matplotlib.pyplot" in sys.modules:
        _tried(_windowless)
    if "torch" not in sys.modules:
        return
    torch = sys.modules["torch"]
    # An optimiser asks for devices, and torch refuses them to every process forked after that: not "no GPU", as a
    # student should read, but "can't re-initialize CUDA in forked subprocess".
    asked, torch.cuda.is_available = torch.cuda.is_available, lambda: False
    try:
        torch.manual_seed(0)
        for use in (_networks, _losses, _attention, _odds):
            for dtype in (torch.float32, torch.float64):
                _tried(use, torch, dtype)
        _tried(_observed, torch)
        if "torchvision" in sys.modules:
            _tried(_pictures)
    finally:
        torch.cuda.is_available = asked
    torch.manual_seed(0)


def _tried(use: Callable[..., None], *args: Any) -> None:
    """What this version of a library has not is not needed."""
    with contextlib.suppress(Exception), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        use(*args)


def _windowless() -> None:
    """A backend that needs a display, as many files ask for when they are imported, is not taken and no error."""
    import matplotlib
    from matplotlib import pyplot

    for holder, name in ((matplotlib, "use"), (pyplot, "switch_backend")):
        setattr(holder, name, _forgiving(getattr(holder, name)))


def _forgiving(choose: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(choose)
    def chosen(*args: Any, **kwargs: Any) -> None:
        with contextlib.suppress(ImportError):
            choose(*args, **kwargs)

    return chosen


def _numpy() -> None:
    import numpy as np

    a = np.ones((4, 4))
    (a @ a).sum()
    np.random.seed(0)
    np.random.default_rng(0).normal(size=3)
    a = np.random.randn(4, 4)
    np.einsum("ij,jk->ik", a, a)
    np.tanh(a) * np.where(a > 0, a, 0)
    np.exp(a - a.max(axis=1, keepdims=True)) / np.sqrt(np.log(a.var() + a.std() + 1))
    np.concatenate(np.split(a, 2, axis=1), axis=1)
    np.stack([np.hstack([a, a]), np.vstack([a, a]).T]), np.linalg.norm(a, axis=0), a[np.arange(4), 0]
    np.add.at(a, np.array([0, 1]), 1)
    np.argmax(a, axis=1), np.random.choice(4, 2), np.random.permutation(4), np.random.uniform(size=2)
    str(a), repr(a), a.astype(np.float32).mean(axis=0)


def _networks(torch: Any, dtype: Any) -> None:
    nn = torch.nn
    layers = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.LeakyReLU(), nn.MaxPool2d(2), nn.ReLU(),
        nn.ConvTranspose2d(4, 2, 4, stride=2, padding=1), nn.Tanh(), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
        nn.Linear(8, 4), nn.BatchNorm1d(4), nn.LayerNorm(4), nn.Dropout(), nn.Unflatten(1, (2, 2)), nn.Flatten(),
    ).to(dtype)  # fmt: skip
    x = torch.rand(2, 3, 8, 8, dtype=dtype, requires_grad=True)
    for optimiser in (torch.optim.Adam(layers.parameters()), torch.optim.SGD(layers.parameters(), 0.1)):
        optimiser.zero_grad()
        layers(x).sum().backward()
        optimiser.step()
    layers.load_state_dict(layers.state_dict())
    copy.deepcopy(layers).eval()(x)
    torch.func.functional_call(layers, dict(layers.named_parameters()), (x,))
    repr(layers)
    out, _ = nn.LSTM(3, 4).to(dtype)(torch.ones(2, 1, 3, dtype=dtype))
    nn.RNN(4, 3).to(dtype)(out)[0].sum().backward()
    nn.Embedding(3, 4, padding_idx=0).to(dtype)(torch.tensor([0, 2])).sum().backward()
    for start in (nn.init.xavier_uniform_, nn.init.kaiming_normal_, nn.init.normal_, nn.init.zeros_):
        start(torch.empty(3, 4, dtype=dtype))
    nn.Linear(3, 4).register_forward_hook(lambda *_: None).remove()


def _losses(torch: Any, dtype: Any) -> None:
    f = torch.nn.functional
    y = torch.rand(3, 4, dtype=dtype, requires_grad=True)
    target = torch.ones(3, 4, dtype=dtype)
    losses = [
        f.cross_entropy(y, torch.tensor([0, 1, 3])), f.binary_cross_entropy_with_logits(y, target),
        f.binary_cross_entropy(torch.sigmoid(y), target), f.mse_loss(y, target), ((y - target) ** 2).mean(),
        torch.log(y.exp().sum(dim=-1)).mean(), f.nll_loss(f.log_softmax(y, dim=-1), torch.tensor([0, 1, 3])),
    ]  # fmt: skip
    torch.stack(losses).sum().backward()
    torch.autograd.grad((y * 2).sum(), y)
    o = torch.cat([f.normalize(y, dim=-1), y / torch.linalg.norm(y, dim=-1, keepdim=True)])
    (torch.linalg.vector_norm(o) + torch.norm(o) + f.cosine_similarity(o, o).sum()).backward()
    keep = (torch.ones(6, 6) - torch.eye(6)).bool()
    torch.exp(o @ o.T / 0.5).masked_select(keep).view(6, -1).sum(dim=-1)


def _attention(torch: Any, dtype: Any) -> None:
    f = torch.nn.functional
    q = torch.rand(2, 2, 3, 4, dtype=dtype, requires_grad=True)
    a = torch.matmul(q, q.transpose(2, 3)) / 2
    a = a.masked_fill(torch.tril(torch.ones(3, 3)) == 0, float("-inf"))
    a = f.dropout(torch.softmax(a, dim=-1), 0.1)
    (torch.einsum("bhij,bhjd->bhid", a, q) + a @ q).transpose(1, 2).reshape(2, 3, -1).sum().backward()
    s = torch.rand(2, 3, 8, dtype=dtype)
    torch.nn.MultiheadAttention(8, 2, batch_first=True).to(dtype)(s, s, s)[0].sum().backward()
    torch.nn.TransformerDecoderLayer(8, 2, 8).to(dtype)(s, s)
    torch.arange(3, dtype=dtype).unsqueeze(1).mul(torch.exp(s[0, 0])).sin().cos()


def _odds(torch: Any, dtype: Any) -> None:
    a = torch.rand(3, 4, dtype=dtype)
    at = torch.zeros(3, 1, dtype=torch.int64)
    a.topk(2, dim=-1), a.argsort(dim=-1, descending=True), a.sort(), a.scatter(1, at, 1), a.gather(1, at)
    a.std(), a.var(), a.max(dim=1), a.clamp(0, 1), a.sqrt(), torch.stack([a, a]), a.permute(1, 0).contiguous()
    (
        torch.from_numpy(a.numpy()),
        a.float(),
        a.half(),
        a.bool(),
        torch.where(a > 0, a, a),
        a.tolist(),
        a.sum().item(),
    )
    torch.randint(0, 4, (3,)), torch.bernoulli(a), torch.randperm(4), torch.multinomial(a, 1), torch.randn(3)
    str(a), repr(a.requires_grad_())
    torch.set_rng_state(torch.get_rng_state())
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.eye(3, dtype=dtype) + a[:, :3]
    data = torch.utils.data
    list(data.DataLoader(data.TensorDataset(a.detach()), batch_size=2, shuffle=True))
    inspect.signature(torch.nn.Linear.forward)


def _observed(torch: Any) -> None:
    from torch.overrides import TorchFunctionMode

    class Telling(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return func(*args, **(kwargs or {}))

    with Telling():
        torch.nn.Linear(2, 2)(torch.ones(1, 2)) @ torch.ones(2, 1)


def _pictures() -> None:
    import numpy as np

    image = importlib.import_module("PIL.Image").fromarray(np.full((32, 32, 3), 7, np.uint8))
    t = importlib.import_module("torchvision.transforms")
    jitter = t.RandomApply([t.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=1.0)
    steps = [
        t.RandomResizedCrop(32),
        t.RandomHorizontalFlip(1.0),
        jitter,
        t.RandomGrayscale(1.0),
        t.ToTensor(),
    ]
    t.Compose([*steps, t.Normalize([0.5] * 3, [0.2] * 3)])(image)

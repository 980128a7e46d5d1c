"""What is noted of the calls that student code makes: whatever way it takes to a function, and nothing else."""

from __future__ import annotations

import pytest

from grader.errors import Raised
from grader.sandbox.client import Function
from grader.sandbox.targets import Watch

F = Function("cs231n.task", "f")

ATTENTION = (
    "torch.nn.MultiheadAttention", "torch.nn.functional.multi_head_attention_forward", "torch.nn.LSTM",
    "torch.nn.functional.scaled_dot_product_attention", "torch.*scaled_dot_product*", "torch.jit",
)  # fmt: skip
HEAD = """
import torch, numpy as np
import torch.nn as nn, torch.nn.functional as F
from torch.nn.functional import scaled_dot_product_attention as attend
q = torch.ones(1, 2, 4)
"""


def seen(opened, text, names=ATTENTION, *, head=HEAD, **modules):
    """What `task.f()` was seen to call, by full name, with the functions that called it."""
    worker = opened(head + text, **modules)
    replies = [worker.call(F, returns="out*", watch=Watch(names, told)) for told in (False, True)]
    return {one.name: one.chain for reply in replies for one in reply.seen}


@pytest.mark.parametrize(
    "body",
    [
        "return F.scaled_dot_product_attention(q, q, q)",
        "return attend(q, q, q)",
        "return getattr(F, 'scaled_dot' + '_product_attention')(q, q, q)",
        "return torch._C._nn.scaled_dot_product_attention(q, q, q)",
        "return torch.ops.aten.scaled_dot_product_attention(q, q, q)",
        "return torch.ops.aten.scaled_dot_product_attention.default(q, q, q)",
        "return torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(q[None], q[None], q[None])[0]",
        "return torch._scaled_dot_product_attention_math(q, q, q)[0]",
        "return list(map(attend, [q], [q], [q]))",
        "import functools; return functools.partial(attend, q, q)(q)",
        "exec('out = attend(q, q, q)', globals()); return out",
        "return eval(compile('attend(q, q, q)', '/usr/lib/python3/x.py', 'eval'))",
        "import threading\n  t = threading.Thread(target=attend, args=(q, q, q)); t.start(); t.join()\n  return q",
    ],
)
def test_attention_is_seen_however_it_is_reached(opened, body):
    """An alias, the builtin behind it, the operator, code made at run time, another thread."""
    found = seen(opened, f"def f():\n  {body}\n")
    assert any("scaled_dot_product" in name for name in found)
    if "Thread" not in body:
        assert all(chain == ("cs231n.task:f",) for chain in found.values())


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("return nn.MultiheadAttention(4, 2)", "torch.nn.MultiheadAttention"),
        ("class Own(nn.LSTM): pass\n  return Own(4, 4)(q)", "torch.nn.LSTM"),
        ("return LAYER(q)", "torch.nn.LSTM"),
        ("return LAYER.forward(q)", "torch.nn.LSTM"),
        ("return type(LAYER).forward(LAYER, q)", "torch.nn.LSTM"),
    ],
)
def test_modules_are_seen(opened, body, name):
    """Made, called, subclassed; one that calls further sought functions is named once."""
    head = HEAD + "LAYER = nn.LSTM(4, 4)\n"
    worker = opened(head + f"def f():\n  {body}\n")
    reply = worker.call(F, returns="out*", watch=Watch(ATTENTION))
    found = {(one.name, one.chain[0]) for one in reply.seen} - {("torch.nn.LSTM", "cs231n.task:<module>")}
    assert found == {(name, "cs231n.task:f")}


@pytest.mark.parametrize(
    "body",
    [
        "return torch.from_numpy(np.ones(3)).numpy()",
        "return np.asarray(torch.Tensor([1.0]))",
        "return torch.FloatTensor([1.0]).numpy()",
        "return nn.RNNCell(2, 2)(torch.ones(1, 2)).detach().numpy()",
        "x = torch.ones(3, requires_grad=True); x.sum().backward(); return x.grad.numpy()",
        "torch.from_numpy.__module__ = 'numpy'; return torch.from_numpy(np.ones(3))",
    ],
)
def test_any_use_of_a_package_is_seen(opened, body):
    """The name of a package stands for all in it."""
    assert seen(
        opened, f"def f():\n  {body}\n", ("torch",), head="import numpy as np, torch\nfrom torch import nn\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n  s = q @ q.transpose(1, 2)\n  return nn.Linear(4, 4)(F.softmax(s, -1) @ q)\n",
        "def f():\n  return nn.TransformerEncoderLayer  # named, not called\n",
        "# F.scaled_dot_product_attention\ndef f():\n  'nn.MultiheadAttention'\n  return attend\n",
        "def scaled_dot_product_attention(q): return q\ndef f():\n  return scaled_dot_product_attention(q)\n",
        "class LSTM(nn.Module):\n  def forward(self, x): return x\ndef f():\n  return LSTM()(q)\n",
    ],
)
def test_nothing_else_is_seen(opened, text):
    """Own attention, names in comments and own functions that are called like a library's are no shortcuts."""
    assert seen(opened, text) == {}


def test_an_import_is_no_call(opened):
    """A numpy file that imports torch, or a package that is not loaded yet, and does not use it."""
    head = (
        "import torch\nimport torch.nn as nn\nfrom torch.utils import mobile_optimizer\nimport numpy as np\n"
    )
    assert seen(opened, "def f(): return np.ones(2).sum()\n", ("torch", "sqlite3"), head=head) == {}


def test_other_packages_are_known_by_name(opened):
    """A package that is loaded only by the submission is watched, too."""
    assert set(
        seen(opened, "import colorsys\ndef f(): return colorsys.rgb_to_hsv(0.1, 0.2, 0.3)\n", ("colorsys",))
    ) == {"colorsys.rgb_to_hsv"}


def test_the_callers_are_told(opened):
    """A helper in a file of its own is named first, then the functions that called it."""
    helper = "import torch.nn.functional as F\ndef help(q): return F.scaled_dot_product_attention(q, q, q)\n"
    text = "from cs231n.helper import help\nclass A:\n  def g(self): return [help(q) for _ in range(1)]\ndef f(): return A().g()\n"
    found = seen(opened, text, helper=helper)
    assert found == {
        "torch.nn.functional.scaled_dot_product_attention": (
            "cs231n.helper:help", "cs231n.task:A.g", "cs231n.task:A.g", "cs231n.task:f",
        )
    }  # fmt: skip


@pytest.mark.parametrize(
    "trick",
    [
        "import sys; sys.setprofile(None)",
        "import sys; sys.getprofile()",
        "import threading; threading.setprofile(None)",
        "import sys; sys._getframe(3).f_locals.clear()",
        "import _thread; _thread.start_new_thread(attend, (q, q, q))",
        "import gc; gc.get_objects()",
    ],
)
def test_evading_the_observer_is_seen(opened, trick):
    """Whoever switches the observation off, or looks for its notes, is noted before it has an effect."""
    assert set(seen(opened, f"def f():\n  {trick}\n  return attend(q, q, q)\n")) - set(ATTENTION)


def test_nothing_is_observed_without_names(opened):
    """A call that is not watched runs as if there were no observer."""
    worker = opened("import sys\ndef f(): return sys.getprofile() is None\n")
    assert worker.call(F).value.data is True
    assert worker.call(F, watch=Watch(("torch",))).value.data is False
    assert worker.call(F).value.data is True


def test_an_exception_ends_the_observation(opened):
    """A call that raises leaves no observer behind, and is reported as always."""
    worker = opened("import sys\ndef f(): raise KeyError(3)\ndef g(): return sys.getprofile() is None\n")
    with pytest.raises(Raised, match="KeyError"):
        worker.call(F, watch=Watch(("torch",)))
    assert worker.call(Function("cs231n.task", "g")).value.data is True


def test_results_are_the_same_under_observation(opened):
    """Deep recursion up to its limit ends with the same exception, watched or not."""
    text = "def f(n=0):\n  return f(n + 1)\n"
    for names in ((), ATTENTION):
        with pytest.raises(Raised, match="RecursionError"):
            opened(text).call(F, watch=Watch(names))


def test_slow_code_is_observed_for_a_while_only(opened):
    """What a call does in its beginning is seen; a long loop goes on without an observer."""
    text = "import sys\ndef f():\n  attend(q, q, q)\n  for _ in range(50_000): len(())\n  return sys.getprofile() is None\n"
    reply = opened(HEAD + text).call(F, watch=Watch(ATTENTION))
    assert reply.value.data is True
    assert [one.name for one in reply.seen] == ["torch.nn.functional.scaled_dot_product_attention"]

"""Calls into a worker: what goes in, what comes back, what stays there."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest

from grader.errors import MissingName, Raised, SandboxError
from grader.sandbox.client import Function, Method, Tensor
from grader.values import ArrayValue, Handle, MappingValue, ScalarValue, SequenceValue


def task(name: str) -> Function:
    return Function("cs231n.task", name)


IDENTITY = "def identity(x):\n    return x\n"


@pytest.mark.parametrize(
    "value", [None, True, 0, -(2**63), 1.5, -0.0, math.inf, "tëxt\n", "", 2 + 3j], ids=repr
)
def test_scalars_survive_the_round_trip(opened, value):
    """A Python scalar comes back as exactly the same scalar."""
    back = opened(IDENTITY).call(task("identity"), (value,)).value
    assert back == ScalarValue(value)
    assert type(back.data) is type(value)


def test_nan_comes_back_as_nan(opened):
    """JSON has no NaN; the wire has."""
    assert math.isnan(opened(IDENTITY).call(task("identity"), (math.nan,)).value.data)


@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "int64", "uint16", "float16", "float32", "float64", "complex128"]
)
@pytest.mark.parametrize("shape", [(), (3,), (0, 4), (2, 3, 4)], ids=str)
def test_arrays_survive_the_round_trip(opened, dtype, shape):
    """Dtype, shape and bytes of an array are kept, also of empty ones and of those without dimensions."""
    array = np.asarray(np.random.default_rng(0).standard_normal(shape) * 3).astype(dtype)
    back = opened(IDENTITY).call(task("identity"), (array,)).value
    assert back.origin == "numpy"
    assert back.data.dtype == array.dtype
    assert back.data.shape == shape
    assert np.array_equal(back.data, array)
    assert not back.data.flags.writeable


def test_nested_containers_survive(opened):
    """Lists, tuples and dicts come back with their kinds and order."""
    back = opened(IDENTITY).call(task("identity"), ({"a": [1, (2.0, "x")], "b": np.ones(2)},)).value
    assert isinstance(back, MappingValue)
    assert list(back.items) == ["a", "b"]
    assert back.items["a"] == SequenceValue(
        (ScalarValue(1), SequenceValue((ScalarValue(2.0), ScalarValue("x")))), "list"
    )
    assert back.items["b"].data.tolist() == [1, 1]


def test_arguments_are_fresh_writable_contiguous_copies(opened):
    """Whatever student code does to an argument reaches neither the caller's array nor the next call."""
    worker = opened(
        """
        def spoil(x, y):
            facts = (x.flags.writeable, x.flags.c_contiguous, x.flags.owndata, x is y, x.base is None)
            x[...] = -1
            return facts
        """
    )
    array = np.arange(12.0).reshape(3, 4).T
    for _ in range(2):
        reply = worker.call(task("spoil"), (array, array))
        assert [item.data for item in reply.value.items] == [True, True, True, False, True]
    assert array.min() == 0


def test_echo_shows_the_arguments_after_the_call(opened):
    """With `echo` the grader sees which arguments were changed in place."""
    worker = opened("def add(x, y):\n    x += y\n    return 0\n")
    reply = worker.call(task("add"), (np.ones(2), np.ones(2)), echo=True)
    assert [item.data.tolist() for item in reply.echoed] == [[2, 2], [1, 1]]


def test_starred_parts_stay_in_the_worker(opened):
    """`cache*` keeps the object itself: the same live object comes back as an argument."""
    worker = opened(
        """
        def forward(x):
            return x * 2, {"x": x, "object": object()}
        def backward(d, cache):
            return type(cache).__name__, cache["x"] * d
        """
    )
    out, cache = worker.call(task("forward"), (np.ones(2),), returns="out, cache*").value.items
    assert out.data.tolist() == [2, 2]
    assert isinstance(cache, Handle)
    assert (cache.kind, cache.generation) == ("dict", worker.generation)
    kind, gradient = worker.call(task("backward"), (3.0, cache)).value.items
    assert (kind.data, gradient.data.tolist()) == ("dict", [3, 3])


def test_a_whole_result_can_stay_and_its_methods_be_called(opened):
    """`model*` keeps a model; `Method` calls it, by name and as a function."""
    worker = opened(
        """
        class Model:
            def __init__(self, k=1): self.k = k
            def loss(self, x, *, scale=1): return self.k * x * scale
            def __call__(self, x): return -x
        """
    )
    model = worker.call(task("Model"), (), {"k": 3}, returns="model*").value
    assert model.kind == "Model"
    assert worker.call(Method(model, "loss"), (2,), {"scale": 5}).value.data == 30
    assert worker.call(Method(model, ""), (2,)).value.data == -2
    with pytest.raises(MissingName, match=r"Model does not define lose\ndid you mean loss\?"):
        worker.call(Method(model, "lose"))


def test_too_few_or_too_many_parts_are_sent_as_they_are(opened):
    """When the length does not fit `returns`, the grader gets the whole result to word the error."""
    worker = opened("def f():\n    return 1, 2, 3\ndef g():\n    return None\n")
    assert len(worker.call(task("f"), returns="a, b*").value.items) == 3
    assert worker.call(task("g"), returns="a, b*").value == ScalarValue(None)


def test_a_released_object_is_gone(opened):
    """`release` reaches the worker with the next call, and only objects of this worker."""
    worker = opened(
        """
        import gc, weakref
        class Thing: pass
        alive = weakref.WeakSet()
        def make():
            thing = Thing(); alive.add(thing); return thing
        def count():
            gc.collect(); return len(alive)
        """
    )
    thing = worker.call(task("make"), returns="thing*").value
    worker.release([thing, Handle(thing.id, "Thing", worker.generation + 1)])
    assert worker.call(task("count")).value.data == 1
    assert worker.call(task("count")).value.data == 0


def test_a_handle_of_another_worker_is_refused(opened):
    """A handle does not name another object in the worker that replaced its own."""
    first, second = opened(IDENTITY), opened(IDENTITY)
    thing = first.call(task("identity"), (1,), returns="x*").value
    with pytest.raises(ValueError, match="belongs to a worker that is gone"):
        second.call(task("identity"), (thing,))


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("np.array([object()], dtype=object)", "ndarray of object, 1 dimensions"),
        ("np.zeros(2, dtype=[('a', 'f4')])", "ndarray of void32, 1 dimensions"),
        ("np.array(['x'])", "ndarray of str32, 1 dimensions"),
        ("np.broadcast_to(1.0, (10**6, 10**6))", "ndarray of 8000000000000 bytes"),
        ("np.zeros((1,) * 9)", "ndarray of float64, 9 dimensions"),
        ("2**70", "int of more than 64 bits"),
        ("'x' * 20000", "str of 20000 characters"),
        ("[0] * 5000", "list of 5000 items"),
        ("(i for i in range(3))", "generator"),
        ("torch.ones(2).to_sparse()", "Tensor (torch.sparse_coo, cpu)"),
        ("torch.ones(2, dtype=torch.bfloat16)", "Tensor of torch.bfloat16"),
    ],
)
def test_what_is_not_plain_data_becomes_a_handle(opened, expression, kind):
    """Anything else stays in the worker and is named by its kind."""
    worker = opened(f"import numpy as np, torch\ndef f():\n    return {expression}\n")
    value = worker.call(task("f")).value
    assert isinstance(value, Handle)
    assert value.kind == kind


def test_a_list_that_holds_itself_ends(opened):
    """Recursion is cut at a depth, with a handle below."""
    worker = opened("def f():\n    x = []\n    x.append(x)\n    return x\n")
    value, depth = worker.call(task("f")).value, 0
    while isinstance(value, SequenceValue):
        value, depth = value.items[0], depth + 1
    assert isinstance(value, Handle)
    assert depth == 8


def test_many_long_parts_fall_back_to_a_handle(opened):
    """A result whose description would not fit a header is not sent, but the call does not fail."""
    worker = opened("def f():\n    return {('é' * 190) + str(i): 1 for i in range(4000)}\n")
    assert worker.call(task("f")).value.kind == "a result of too many parts"


def test_tensors_come_back_as_arrays_and_go_in_as_tensors(opened):
    """A tensor is detached and named by its origin; `Tensor` arrives as a leaf that can require a gradient."""
    worker = opened(
        """
        import torch
        def f(x):
            assert isinstance(x, torch.Tensor) and x.is_leaf
            return x.requires_grad, x * 2, torch.conj(torch.tensor([1 + 2j])), x.detach().numpy()[0]
        """
    )
    grad, twice, conj, scalar = worker.call(
        task("f"), (Tensor(np.ones(2, np.float32), requires_grad=True),)
    ).value.items
    assert grad.data is True
    assert (twice.origin, twice.requires_grad, twice.data.dtype) == ("torch", True, np.float32)
    assert conj.data.tolist() == [1 - 2j]
    assert scalar.origin == "scalar"


def test_subclasses_arrive_as_their_bytes(opened):
    """A subclass that says it equals everything, or hides a mask, is taken by its plain bytes."""
    worker = opened(
        """
        import collections
        import numpy as np
        class Sly(np.ndarray):
            def __eq__(self, other): return np.ones(self.shape, bool)
            def __array__(self, *a, **k): raise RuntimeError
            def __array_finalize__(self, x): pass
        Pair = collections.namedtuple("Pair", "a b")
        def f():
            return np.arange(3.0).view(Sly), np.ma.array([1, 2], mask=[0, 1]), Pair(1, 2), collections.OrderedDict(a=1)
        """
    )
    sly, masked, pair, ordered = worker.call(task("f")).value.items
    assert type(sly.data) is np.ndarray
    assert sly.data.tolist() == [0, 1, 2]
    assert masked.data.tolist() == [1, 2]
    assert pair == SequenceValue((ScalarValue(1), ScalarValue(2)))
    assert ordered == MappingValue({"a": ScalarValue(1)})


def test_foreign_byte_order_is_made_native(opened):
    """A big-endian array has the same numbers when it arrives."""
    worker = opened("import numpy as np\ndef f():\n    return np.arange(3, dtype='>f4')\n")
    back = worker.call(task("f")).value.data
    assert back.dtype == np.dtype("float32")
    assert back.tolist() == [0, 1, 2]


def test_a_seed_makes_all_generators_repeat(opened):
    """One seed fixes random, numpy and torch; without it they go on."""
    worker = opened(
        """
        import random
        import numpy as np, torch
        def f(): return random.random(), np.random.rand(), torch.rand(1).item()
        """
    )
    first, again, other = (worker.call(task("f"), seed=seed).value for seed in (2**80 + 1, 2**80 + 1, 5))
    assert first == again != other
    assert worker.call(task("f")).value != worker.call(task("f")).value


def test_many_calls_in_one_frame(opened):
    """`calls` gives the values in order, each with its own arguments; no items give no replies."""
    worker = opened("def f(x, k=0):\n    return x + k\n")
    replies = worker.calls(task("f"), [((np.full(2, i),), {"k": i}) for i in range(20)])
    assert [reply.value.data.tolist() for reply in replies] == [[2 * i, 2 * i] for i in range(20)]
    assert worker.calls(task("f"), []) == []


def test_the_first_of_many_that_raises_ends_them(opened):
    """A batch is judged like its first failing call."""
    worker = opened("def f(x):\n    print(x)\n    return 1 / x\n")
    with pytest.raises(Raised, match="f raised ZeroDivisionError: division by zero"):
        worker.calls(task("f"), [((1,), {}), ((0,), {}), ((2,), {})])
    assert worker.take_output()[0] == "1\n0\n"


def test_large_arrays_pass_in_both_directions(opened):
    """Sizes far beyond the socket's buffer neither hang nor get mixed up."""
    array = np.random.default_rng(1).standard_normal(2_000_000)
    back = opened(IDENTITY).call(task("identity"), (array,)).value
    assert isinstance(back, ArrayValue)
    assert np.array_equal(back.data, array)


def test_output_is_captured_by_stream_and_taken_once(opened):
    """Python's and the C library's output arrive, also text printed at import."""
    worker = opened(
        """
        import os, sys
        print('loading')
        def f():
            print('out')
            os.write(1, b'raw\\n')
            print('err', file=sys.stderr)
        """
    )
    worker.call(task("f"))
    out, err = worker.take_output()
    assert sorted(out.split()) == ["loading", "out", "raw"]
    assert err == "err\n"
    assert worker.take_output() == ("", "")


def test_output_is_cut_and_clean(opened):
    """Only the beginning is kept, terminal codes are gone, and what was cut is said."""
    worker = opened("def f():\n    print('\\x1b[31mred\\x1b[0m\\x07 \\u202eabc')\n    print('x' * 100_000)\n")
    worker.call(task("f"))
    out, _ = worker.take_output()
    assert out.startswith("red\ufffd \ufffdabc\nxxx")
    assert len(out) < 70_000
    assert "more bytes were printed" in out


def test_warnings_are_collected_once_per_place(opened):
    """A thousand equal warnings are one; at most 20 are kept."""
    worker = opened("import warnings\ndef f():\n    for _ in range(1000):\n        warnings.warn('slow')\n")
    assert worker.call(task("f")).warnings == ("UserWarning: slow",)


def test_classes_and_dotted_names_are_found(opened):
    """`Function` reaches into classes."""
    worker = opened("class A:\n    @staticmethod\n    def f(x): return x + 1\n")
    assert worker.call(task("A.f"), (1,)).value.data == 2


def test_relative_and_absolute_imports_of_the_submission(opened):
    """`from .other`, `from cs231n.other` and star imports all find the submission's own files."""
    worker = opened(
        "from .other import f\nfrom cs231n.other import *\nimport cs231n.other\n"
        "def g():\n    return f() + h() + cs231n.other.f()\n",
        other="def f():\n    return 1\ndef h():\n    return 10\n",
    )
    assert worker.call(task("g")).value.data == 12


def test_times_are_counted(opened):
    """The reply tells wall and CPU time; the worker adds them up."""
    worker = opened("def f():\n    return sum(range(300_000))\n")
    reply = worker.call(task("f"))
    assert 0 < reply.cpu <= worker.cpu_seconds
    assert 0 < reply.seconds <= worker.seconds_in_calls
    assert worker.peak_bytes > 10 << 20


def test_a_closed_worker_refuses_calls(opened):
    """A call after `close` is our own mistake, and says so."""
    worker = opened(IDENTITY)
    worker.close()
    assert not worker.alive
    with pytest.raises(SandboxError, match="identity was called in a worker that is gone"):
        worker.call(task("identity"), (1,))


def test_the_grader_does_not_import_torch(opened):
    """torch lives in the workers; the trusted side has numpy and msgspec."""
    import subprocess

    code = "import sys, grader.sandbox.client; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

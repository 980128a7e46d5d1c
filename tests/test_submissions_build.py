"""The hand-ins made for tests are what they claim: right in every style, wrong in three places, untouched."""

from __future__ import annotations

import importlib
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from grader.collect import collect
from reference.cs231n import rnn_layers as right
from reference.cs231n.classifiers import rnn as right_model
from tests.submissions import build

WORDS = {word: number for number, word in enumerate(["<NULL>", "<START>", "<END>", "a", "cat", "sat", "up"])}
SIZES = [(1, 1, 1, 1), (3, 4, 5, 2)]  # N, T, D, H
# All but the one that imports packages which are not installed, for which the worker has stand-ins.
IMPORTABLE = [name for name in build.STYLES if name != "styles/beginner"]

Load = Callable[[str], tuple[ModuleType, ModuleType]]


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    """Imports a hand-in's two modules as `cs231n`, as its own notebooks do."""

    def forget() -> None:
        for name in [name for name in sys.modules if name.split(".")[0] == "cs231n"]:
            del sys.modules[name]

    def loaded(name: str) -> tuple[ModuleType, ModuleType]:
        forget()
        sys.path.insert(0, str(build.lay_out(name, tmp_path / "laid" / name)))
        try:
            layers = importlib.import_module("cs231n.rnn_layers")
            return layers, importlib.import_module("cs231n.classifiers.rnn")
        finally:
            sys.path.pop(0)

    yield loaded
    forget()


def close(actual: Any, expected: Any) -> None:
    """Equal in number, shape and value; the hand-in may compute in any precision."""
    assert len(actual) == len(expected)
    for one, other in zip(actual, expected, strict=True):
        assert np.shape(one) == np.shape(other)
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=2e-5, atol=2e-5)


def arrays(dtype: str, *shapes: tuple[int, ...]) -> list[np.ndarray]:
    rng = np.random.default_rng(len(shapes))
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def copies(values: list[np.ndarray]) -> list[np.ndarray]:
    return [value.copy() for value in values]


def compare(layers: ModuleType, name: str, inputs: list[np.ndarray], outputs: int) -> None:
    """Forward and backward of one layer against the reference's, each fed with its own cache."""
    *own, own_cache = getattr(layers, f"{name}_forward")(*copies(inputs))
    *true, true_cache = getattr(right, f"{name}_forward")(*copies(inputs))
    close(own, true)
    upstream = arrays(str(inputs[-1].dtype), *[np.shape(value) for value in true])
    assert len(upstream) == outputs
    own_grads = getattr(layers, f"{name}_backward")(*copies(upstream), own_cache)
    true_grads = getattr(right, f"{name}_backward")(*copies(upstream), true_cache)
    if isinstance(true_grads, np.ndarray):
        own_grads, true_grads = [own_grads], [true_grads]
    close(own_grads, true_grads)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", IMPORTABLE)
def test_the_layers_of_every_style_are_right(
    load: Load, name: str, size: tuple[int, int, int, int], dtype: str
) -> None:
    """Every layer, given or written, agrees with the reference forward and backward."""
    layers, _ = load(name)
    N, T, D, H = size
    x, h, c, Wx, Wh, b = arrays(dtype, (N, T, D), (N, H), (N, H), (D, H), (H, H), (H,))
    Wx4, Wh4, b4 = arrays(dtype, (D, 4 * H), (H, 4 * H), (4 * H,))
    compare(layers, "rnn_step", [x[:, 0], h, Wx, Wh, b], 1)
    compare(layers, "rnn", [x, h, Wx, Wh, b], 1)
    compare(layers, "lstm_step", [x[:, 0], h, c, Wx4, Wh4, b4], 2)
    compare(layers, "lstm", [x, h, Wx4, Wh4, b4], 1)
    compare(layers, "affine", [x[:, 0], Wx, b], 1)
    compare(layers, "temporal_affine", [x, Wx, b], 1)
    words = np.random.default_rng(0).integers(0, 4, (N, T + 3))  # with repeated words
    compare(layers, "word_embedding", [words, *arrays(dtype, (5, D))], 1)
    scores, seen = arrays(dtype, (N, T + 3, 5))[0], words > 1
    close(
        layers.temporal_softmax_loss(scores.copy(), words, seen),
        right.temporal_softmax_loss(scores, words, seen),
    )
    large = np.array([-1000.0, -1.0, 0.0, 2.0, 1000.0])
    close([layers.sigmoid(large)], [right.sigmoid(large)])


def models(module: ModuleType, cell: str) -> tuple[Any, Any]:
    """A hand-in's and the reference's model with the same parameters, drawn from the same seed."""
    made = []
    for source in (module, right_model):
        np.random.seed(7)
        kinds = {"input_dim": 5, "wordvec_dim": 4, "hidden_dim": 3, "cell_type": cell, "dtype": np.float64}
        made.append(source.CaptioningRNN(WORDS, **kinds))
    for name, value in made[1].params.items():
        np.testing.assert_array_equal(made[0].params[name], value)
    for model in made:  # parameters so large that captions depend on picture and words
        rng = np.random.default_rng(3)
        model.params = {
            name: 2 * rng.standard_normal(model.params[name].shape) for name in sorted(model.params)
        }
    return made[0], made[1]


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
@pytest.mark.parametrize("name", IMPORTABLE)
def test_the_model_of_every_style_is_right(load: Load, name: str, cell: str) -> None:
    """Initial parameters, loss, all gradients, and captions up to their <END> agree with the reference."""
    _, module = load(name)
    own, true = models(module, cell)
    features = np.random.default_rng(1).standard_normal((6, 5))
    captions = np.random.default_rng(2).integers(0, len(WORDS), (6, 5))
    (loss, grads), (true_loss, true_grads) = own.loss(features, captions), true.loss(features, captions)
    assert set(grads) == set(true_grads)
    close([loss, *(grads[key] for key in true_grads)], [true_loss, *true_grads.values()])
    sampled, expected = own.sample(features, max_length=9), true.sample(features, max_length=9)
    assert sampled.shape == (6, 9)
    assert np.issubdtype(sampled.dtype, np.integer)
    assert upto_end(sampled) == upto_end(expected)
    assert len({tuple(row) for row in upto_end(expected)}) > 1  # the comparison sees different captions


def upto_end(captions: np.ndarray) -> list[list[int]]:
    rows = captions.tolist()
    return [row[: row.index(WORDS["<END>"]) + 1] if WORDS["<END>"] in row else row for row in rows]


def test_the_partial_hand_in_is_wrong_in_three_places(load: Load) -> None:
    """Weights over time are not added up, repeated words are lost, sampling forgets its state; the rest is right."""
    layers, module = load("partial")
    x, h, Wx, Wh, b = arrays("float64", (3, 4, 5), (3, 2), (5, 2), (2, 2), (2,))
    compare(layers, "rnn_step", [x[:, 0], h, Wx, Wh, b], 1)
    compare(layers, "word_embedding", [np.array([[0, 1, 2]]), Wx], 1)  # no word twice
    out, cache = layers.rnn_forward(x, h, Wx, Wh, b)
    expected, true_cache = right.rnn_forward(x, h, Wx, Wh, b)
    own, true = layers.rnn_backward(out, cache), right.rnn_backward(expected, true_cache)
    close([out, *own[:2]], [expected, *true[:2]])
    for one, other in zip(own[2:], true[2:], strict=True):
        assert not np.allclose(one, other)
    _, cache = layers.word_embedding_forward(np.array([[1, 1]]), Wx)
    assert layers.word_embedding_backward(np.ones((1, 2, 2)), cache)[1].tolist() == [1, 1]
    model, true_model = models(module, "rnn")
    features = np.random.default_rng(1).standard_normal((6, 5))
    captions = np.random.default_rng(2).integers(0, len(WORDS), (6, 5))
    close([model.loss(features, captions)[0]], [true_model.loss(features, captions)[0]])
    sampled, expected = model.sample(features, 9), true_model.sample(features, 9)
    assert sampled[:, 0].tolist() == expected[:, 0].tolist()
    assert upto_end(sampled) != upto_end(expected)


@pytest.mark.parametrize("name", ["partial", "untouched"])
def test_what_was_not_attempted_says_so(load: Load, name: str) -> None:
    """The LSTM of the partial hand-in, and everything of the untouched one, is the handout's stub."""
    layers, module = load(name)
    with pytest.raises(NotImplementedError, match=r"lstm_step_forward: "):
        layers.lstm_step_forward(*[np.ones((2, 2))] * 6)
    model, _ = models(module, "lstm")
    with pytest.raises(NotImplementedError):
        model.loss(np.ones((1, 5)), np.ones((1, 3), dtype=int))


def test_the_original_stubs_return_what_the_original_handout_returns(load: Load) -> None:
    """None from every layer, 0.0 and no gradients from the loss, <NULL> for every sampled word."""
    layers, module = load("stubs_original")
    square = np.ones((2, 2))
    assert layers.rnn_step_forward(*[square] * 5) == (None, None)
    assert layers.rnn_step_backward(square, None) == (None,) * 5
    assert layers.rnn_forward(*[square] * 5) == (None, None)
    assert layers.rnn_backward(square, None) == (None,) * 5
    assert layers.word_embedding_forward(square, square) == (None, None)
    assert layers.word_embedding_backward(square, None) is None
    assert layers.lstm_step_forward(*[square] * 6) == (None,) * 3
    assert layers.lstm_step_backward(square, square, None) == (None,) * 6
    assert layers.lstm_forward(*[square] * 5) == (None, None)
    assert layers.lstm_backward(square, None) == (None,) * 5
    model = module.CaptioningRNN(WORDS, 5, 4, 3)
    assert model.loss(np.ones((1, 5)), np.ones((1, 3), dtype=int)) == (0.0, {})
    assert model.sample(np.ones((2, 5)), 3).tolist() == [[0, 0, 0], [0, 0, 0]]


def test_the_style_with_classes_is_as_awkward_as_it_claims() -> None:
    """Byte-order mark, Windows line ends and tabs survive version control."""
    for name in ("rnn_layers.py", "classifiers/rnn.py"):
        data = (build.HERE / "styles/classes/cs231n" / name).read_bytes()
        assert data.startswith(b"\xef\xbb\xbf")
        assert data.count(b"\r\n") == data.count(b"\n") > 50
        assert b"\r\n\tdef " in data or b"\r\n\treturn " in data


@pytest.mark.parametrize("name", build.DEMO)
def test_the_committed_zips_are_fresh(name: str) -> None:
    """They hold what would be built now; if not: python -m tests.submissions.build tests/submissions/zips"""
    with zipfile.ZipFile(build.ZIPS / f"{name}.zip") as archive:
        held = {info.filename: archive.read(info) for info in archive.infolist()}
    assert held == build.files_of(name)


def test_packing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    """The zips don't change in version control unless a file in them does."""
    first = build.pack("complete", tmp_path / "a").read_bytes()
    assert build.pack("complete", tmp_path / "b").read_bytes() == first


@pytest.mark.parametrize("name", [*build.STYLES, "partial", "untouched", "stubs_original"])
def test_every_hand_in_is_collected_without_a_remark(name: str, tmp_path: Path) -> None:
    """Its zip is laid over the template file by file; modules that the handout lacks are named, nothing else."""
    handout = build.lay_out("untouched", tmp_path / "template")
    made = collect(build.pack(name, tmp_path), handout, tmp_path / "into")
    assert {problem.file for problem in made.problems} == set(build.files_of(name)) - set(
        build.files_of("untouched")
    )
    assert {path: (made.root / path).read_bytes() for path in build.files_of(name)} == build.files_of(name)


def test_an_unknown_hand_in_is_refused() -> None:
    """A misspelt name must not quietly give the untouched handout."""
    with pytest.raises(FileNotFoundError, match="compleet"):
        build.files_of("compleet")

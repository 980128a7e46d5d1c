"""A function with other parameters than documented is told which ones the assignment names."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from grader.results import Outcome
from grader.session import REFERENCE, Grader
from grader.signatures import Signatures
from grader.subject import MODULES

LAYERS = """
def affine(x, w, b=None, *, scale=1.0):
    return x

class Model:
    def __init__(self, size):
        self.size = size

    def loss(self, features, captions):
        return 0
"""

CHANGES = (
    ("rnn_layers.py", "rnn_step_forward(x, prev_h, Wx, Wh, b):", "rnn_step_forward(x, h):\n    prev_h = Wx = Wh = b = h"),
    ("classifiers/rnn.py", "def loss(self, features, captions):", "def loss(self, features):\n        captions = 0"),
    ("transformer_layers.py", "def forward(self, query, key, value, attn_mask=None):",
     "def forward(self, query, key):\n        value = attn_mask = key"),
)  # fmt: skip
SAID = {
    "rnn_layers.rnn_step_forward.shapes": ("(x, prev_h, Wx, Wh, b)", "rnn_step_forward(x, h)"),
    "rnn.CaptioningRNN.loss.shapes": ("(features, captions)", "loss(features)"),
    "transformer_layers.MultiHeadAttention.forward.shapes": (
        "(query, key, value, attn_mask=None)",
        "keyword",
    ),
}


def test_parameters_are_read_from_text(tmp_path: Path) -> None:
    """Functions with defaults, methods without self, a class as its constructor; nothing for other names."""
    (tmp_path / "layers.py").write_text(LAYERS)
    known = Signatures(tmp_path, ["layers", "missing"])
    assert known.of("layers", "affine") == "x, w, b=None, *, scale=1.0"
    assert known.of("layers", "Model.loss") == known.anywhere("Model.loss") == "features, captions"
    assert known.of("layers", "Model") == "size"
    assert known.of("layers", "other") == known.of("missing", "affine") == known.anywhere("other") == ""


def test_a_misfit_is_recognised_in_words_of_python(tmp_path: Path) -> None:
    """The documented function is found in the messages of all Pythons, and in no other message."""
    (tmp_path / "layers.py").write_text(LAYERS)
    known = Signatures(tmp_path, ["layers"])
    said = "forward raised TypeError: Model.loss() takes 2 positional arguments but 3 were given"
    assert known.for_misfit(said) == ("Model.loss", "features, captions")
    for other in ("affine() was interrupted", "unknown() takes 2 positional arguments", ""):
        assert known.for_misfit(other)[1] == ""


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference with three functions that take something else."""
    folder = tmp_path_factory.mktemp("wrong") / "work"
    shutil.copytree(REFERENCE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name, old, new in CHANGES:
        file = folder / "cs231n" / name
        text = file.read_text("utf-8")
        assert text.count(old) == 1
        file.write_text(text.replace(old, new), encoding="utf-8")
    return folder


def test_the_report_names_documented_and_own_parameters(grader: Grader, wrong: Path) -> None:
    """For a function, a method and a torch module that is called through torch."""
    select = "rnn_step_forward_shapes or rnn_shapes or attention_shapes"
    found = {check.id: check for check in grader.grade(wrong, seed=1, select=select).checks}
    for id, texts in SAID.items():
        assert found[id].outcome is Outcome.FAILED
        assert all(text in f"{found[id].message} {found[id].hint}" for text in texts), found[id]


def test_every_student_module_has_its_signatures() -> None:
    """The reference documents something in each module that a check can call."""
    known = Signatures(REFERENCE, MODULES.values())
    assert known.of("cs231n.rnn_layers", "rnn_step_forward") == "x, prev_h, Wx, Wh, b"
    assert known.of("cs231n.simclr.contrastive_loss", "sim") == "z_i, z_j"
    assert known.anywhere("CaptioningTransformer").startswith("word_to_idx, input_dim, wordvec_dim")

"""Flags for staff: raised by what a submission really does, never by honest work, and free of charge."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader.errors import Crashed, LimitExceeded, ProtocolViolation, Raised
from grader.flags import Flags
from grader.results import FileRecord, Grade
from grader.sandbox.targets import NOTHING, Seen
from grader.session import Grader

HERE = Path(__file__).resolve().parent / "submissions"
HONEST = (HERE / "complete", *sorted(path for path in (HERE / "styles").iterdir() if path.is_dir()))
SELECT = "(rnn_step_forward or rnn_backward or MultiHeadAttention or CaptioningTransformer) and (values or own_parts)"
FORBIDDEN = {
    "rnn_layers.rnn_forward": ("torch",),
    "rnn_layers.step": ("torch",),
    "gan_pytorch.sample_noise": (),
}
MODULES = (("rnn_layers", "cs231n.rnn_layers"), ("gan_pytorch", "cs231n.gan_pytorch"))


@pytest.fixture(scope="module")
def grader() -> Iterator[Grader]:
    with Grader() as started:
        yield started


@pytest.fixture
def altered(tmp_path: Path) -> Callable[..., Path]:
    """A copy of the complete submission with text added to its files."""

    def copy(**added: str) -> Path:
        shutil.copytree(HERE / "complete", tmp_path / "hand-in")
        for module, text in added.items():
            with (tmp_path / "hand-in" / "cs231n" / f"{module}.py").open("a") as file:
                file.write(text)
        return tmp_path / "hand-in"

    return copy


def points(grade: Grade) -> tuple[int, int]:
    return grade.points, grade.max_points


@pytest.mark.parametrize("folder", HONEST, ids=lambda folder: folder.name)
def test_honest_work_is_not_flagged(grader: Grader, folder: Path) -> None:
    """No shortcut is seen in right solutions of any style: theirs are products, softmax and loops."""
    grade = grader.grade(folder, seed=3, select=SELECT)
    assert [flag for flag in grade.flags if flag.kind == "shortcut"] == []


ATTENTION = """
def attend(self, query, key, value, attn_mask=None):
    N, S, E = query.shape
    parts = [layer(x).view(N, -1, self.n_head, self.head_dim).transpose(1, 2)
             for layer, x in ((self.query, query), (self.key, key), (self.value, value))]
    drop = self.attn_drop.p if self.training else 0.0
    out = F.scaled_dot_product_attention(*parts, attn_mask=attn_mask, dropout_p=drop)
    return self.proj(out.transpose(1, 2).reshape(N, S, E))
import torch.nn.functional as F
MultiHeadAttention.forward = attend
"""
STEP = """
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    import torch
    to = torch.from_numpy
    h = torch.tanh(to(x) @ to(Wx) + to(prev_h) @ to(Wh) + to(b)).numpy()
    return h, (x, prev_h, Wx, Wh, h)
"""


def test_a_shortcut_is_flagged_and_costs_nothing(grader: Grader, altered: Callable[..., Path]) -> None:
    """Fused attention and torch in a numpy layer give right values, so full points; staff see who called what."""
    grade = grader.grade(altered(transformer_layers=ATTENTION, rnn_layers=STEP), seed=3, select=SELECT)
    flags = {flag.subject: flag.message for flag in grade.flags if flag.kind == "shortcut"}
    assert set(flags) == {"transformer_layers.attend", "rnn_layers.rnn_step_forward"}
    attention = "`torch.nn.functional.scaled_dot_product_attention` (cs231n/transformer_layers.py, line"
    assert attention in flags["transformer_layers.attend"]
    assert "`torch.from_numpy` (cs231n/rnn_layers.py, line" in flags["rnn_layers.rnn_step_forward"]
    assert points(grade) == points(grader.grade(HERE / "complete", seed=3, select=SELECT))


def flags_of(*calls: Seen, function: str = "rnn_layers.rnn_forward") -> dict[str, str]:
    """What is said of calls that were seen while `function` was judged."""
    flags = Flags(lambda name: FORBIDDEN.get(name, ()), MODULES)
    flags.enter(function)
    flags.saw("rnn_forward", calls)
    return {flag.subject: flag.message for flag in flags.all()}


def test_a_helper_file_works_for_its_caller() -> None:
    """A call in a file that the student added counts for the function of the assignment that it was made for."""
    chain = ("cs231n.mine:help", "cs231n.rnn_layers:step")
    said = flags_of(Seen("torch.tensor", 7, chain))
    assert said == {
        "rnn_layers.step": "calls `torch.tensor` (cs231n/mine.py, line 7), which the rubric forbids it. "
        "Please look at the code."
    }
    assert set(flags_of(Seen("torch.tensor", 7, ("cs231n.mine:help",)))) == {"rnn_layers.rnn_forward"}
    assert set(flags_of(Seen("torch.tensor", 0, ()))) == {"rnn_layers.rnn_forward"}


def test_a_function_without_a_list_is_free() -> None:
    """What a function calls that may call anything is neither watched for nor flagged."""
    assert flags_of(Seen("torch.rand", 7, ("cs231n.gan_pytorch:sample_noise",))) == {}
    flags = Flags(lambda name: FORBIDDEN.get(name, ()), MODULES)
    flags.enter("gan_pytorch.sample_noise")
    assert flags.watch("sample_noise") is NOTHING


def test_the_first_two_calls_of_a_function_are_watched() -> None:
    """Once by the interpreter, once by torch; a call that gave no value is watched again."""
    flags = Flags(lambda name: FORBIDDEN.get(name, ()), MODULES)
    flags.enter("rnn_layers.rnn_forward")
    first, again = flags.watch("f"), flags.watch("f")
    assert first == again
    assert (first.names, first.told) == (("torch",), False)
    flags.saw("f", ())
    assert flags.watch("f").told


def test_what_isolation_stopped_is_flagged_once() -> None:
    """Refused, killed for memory, meddling, dead: yes, each once; slow or wrong: no."""
    flags = Flags(lambda name: (), MODULES)
    flags.enter("rnn_layers.rnn_forward")
    incidents = (
        LimitExceeded("used 2 GB", limit="memory"), ProtocolViolation("wrote nonsense"), Crashed("died"),
        Raised("f raised PermissionError: /etc", kind="PermissionError"),
    )  # fmt: skip
    harmless = (
        LimitExceeded("slow", limit="time"),
        LimitExceeded("slow", limit="cpu"),
        Raised("x", kind="KeyError"),
    )
    for verdict in (*incidents, *harmless, *incidents):
        flags.incident(verdict)
    found = flags.all()
    assert [flag.message for flag in found] == [verdict.message for verdict in incidents]
    assert {flag.kind for flag in found} == {"isolation"}


def test_added_modules_are_named() -> None:
    """Python files beside the assignment's own are told to staff, other files and the assignment's are not."""
    files = [FileRecord(path=p, sha256="", size=1, origin=o) for p, o in (("cs231n/mine.py", "extra"), ("n.txt", "extra"), ("a.py", "submission"))]  # fmt: skip
    (flag,) = Flags(lambda name: (), MODULES).all(files)
    assert "`cs231n/mine.py`" in flag.message
    assert "n.txt" not in flag.message

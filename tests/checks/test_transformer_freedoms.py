"""Right work in any style gets full marks for the transformer part; work that was not begun gets none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from grader.results import Grade, Outcome
from grader.session import Grader
from tests.submissions.build import lay_out

SELECT = "check_transformer"
STYLES = ("styles/loops", "styles/classes", "styles/original_2022", "styles/year_2021")
LAYERS, CAPTIONER = "cs231n/transformer_layers.py", "cs231n/classifiers/transformer.py"
TRIL = "torch.tril(torch.ones(T, T, dtype=torch.bool, device=captions.device))"
ENERGY = "scores = scores.masked_fill(attn_mask == 0, -math.inf)"
SOFT = "self.attn_drop(F.softmax(scores, dim=-1))"


def wrong(grade: Grade) -> dict[str, str]:
    """What did not pass, with its message."""
    return {check.id: check.message for check in grade.checks if check.outcome is not Outcome.PASSED}


def advice(grade: Grade) -> list[str]:
    """All that is said without costing anything."""
    return [line for check in grade.checks for line in check.advice]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", STYLES)
def test_every_style_passes_every_check(grader: Grader, tmp_path: Path, name: str, seed: int) -> None:
    """Loops, helpers, einsum, names of one's own, tabs and Windows line ends: all right, without advice."""
    grade = grader.grade(lay_out(name, tmp_path / "hand-in"), seed=seed, select=SELECT)
    assert wrong(grade) == {}
    assert advice(grade) == []


VARIANTS = {
    "memory repeated": (CAPTIONER, ".unsqueeze(1)  # (N, 1, W)", ".unsqueeze(1).repeat(1, T, 1)  # (N, T, W)"),
    "mask of numbers": (CAPTIONER, TRIL, "torch.tril(torch.ones(T, T))"),
    "mask by triu": (CAPTIONER, TRIL, "torch.triu(torch.ones(T, T), diagonal=1) == 0"),
    "mask for each row and head": (CAPTIONER, TRIL, "torch.ones(T, T).tril().expand(captions.shape[0], 1, T, T)"),
    "finite mask": (LAYERS, ENERGY, "scores = scores.masked_fill(attn_mask == 0, -1e9)"),
    "mask in place": (LAYERS, ENERGY, "scores.masked_fill_(~attn_mask.bool(), -1e20)"),
    "mask added": (LAYERS, ENERGY, "scores = scores + torch.where(attn_mask != 0, 0.0, -math.inf).to(scores.dtype)"),
    "functional dropout": (LAYERS, SOFT, "F.dropout(F.softmax(scores, dim=-1), self.attn_drop.p, self.training)"),
    "scale on the query": (LAYERS, "q @ k.transpose(2, 3) / math.sqrt(D)", "(q * D**-0.5) @ k.transpose(2, 3)"),
    "einsum": (LAYERS, "y = weights @ v", 'y = torch.einsum("nhst,nhtd->nhsd", weights, v)'),
    "powers in float32": (LAYERS, "angle = s * torch.pow(10000.0, -j / embed_dim)",
                          "angle = s.float() / 10000 ** (j.float() / embed_dim)"),
    "exp and log in float32": (LAYERS, "angle = s * torch.pow(10000.0, -j / embed_dim)",
                               "angle = s.float() * torch.exp(j.float() * (-math.log(10000.0) / embed_dim))"),
}  # fmt: skip


@pytest.mark.parametrize("name", VARIANTS)
def test_a_freedom_costs_nothing(grader: Grader, altered: Callable[..., Path], name: str) -> None:
    """One way of writing it differently in the reference passes every check."""
    file, old, new = VARIANTS[name]
    assert wrong(grader.grade(altered(file, (old, new)), seed=3, select=SELECT)) == {}


def test_a_result_prepared_as_in_the_handout_is_advice(grader: Grader, altered: Callable[..., Path]) -> None:
    """`torch.empty`, which the original prepares results with, is float32: filling it is worth a word, and no point."""
    filled = (
        "y = torch.empty((N, S, E))\n"
        "        for h in range(H):\n"
        "            y[:, :, h * D : (h + 1) * D] = (weights @ v)[:, h]\n"
        "        y = y.to(query.dtype)"
    )
    folder = altered(LAYERS, ("y = weights @ v", filled), ("y = y.transpose(1, 2).reshape(N, S, E)", "pass"))
    grade = grader.grade(folder, seed=4, select=SELECT)
    assert wrong(grade) == {}
    assert [line.partition(".")[0] for line in advice(grade)] == ["`MultiHeadAttention"]
    assert "this costs nothing" in advice(grade)[0]


FILLED = {
    "attention": (
        LAYERS, ("y = weights @ v  # (N, H, S, D)", "filled = torch.empty((N, S, E))"),
        ("y = y.transpose(1, 2).reshape(N, S, E)", "filled.view(N, S, H, D).copy_((weights @ v).transpose(1, 2))"),
        ("return self.proj(y)", "return self.proj(filled)"),
    ),
    "encoding": (
        LAYERS, ("return self.dropout(x + self.pe[:, :S])",
                 "filled = torch.empty(x.shape)\n        filled[:] = x + self.pe[:, :S]\n"
                 "        return self.dropout(filled)"),
    ),
    "captioner": (
        CAPTIONER, ("return self.output(hidden)",
                    "filled = torch.empty((*captions.shape, self.vocab_size))\n"
                    "        filled[:] = self.output(hidden)\n        return filled"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FILLED)
def test_filling_what_the_handout_prepares_costs_nothing(
    grader: Grader, altered: Callable[..., Path], name: str
) -> None:
    """It is float32, which a layer in double precision refuses or a result in it is cut to: a word, and no point."""
    grade = grader.grade(altered(*FILLED[name]), seed=4, select=SELECT)
    assert wrong(grade) == {}
    assert [("this costs nothing" in line) for line in advice(grade)] == [True]


def test_a_cast_to_float32_is_a_mistake(grader: Grader, altered: Callable[..., Path]) -> None:
    """Nothing in the handout makes a double module's result float32: who casts it cuts digits off."""
    folder = altered(LAYERS, ("return self.proj(y)", "return self.proj(y).float()"))
    grade = grader.grade(folder, seed=4, select="MultiHeadAttention")
    assert list(wrong(grade)) == ["transformer_layers.MultiHeadAttention.forward.precision"]
    assert "is float32 where the module and its inputs are float64" in next(iter(wrong(grade).values()))


REMEMBERS = {
    "encoding": (LAYERS, "S = x.shape[1]", "S = x.shape[1]\n        self.pe = self.pe[:, :S]"),
    "attention": (LAYERS, "T = key.shape[1]", 'T = self.__dict__.setdefault("length", key.shape[1])'),
}


@pytest.mark.parametrize("name", REMEMBERS)
def test_a_module_that_remembers_is_wrong_in_one_check(
    grader: Grader, altered: Callable[..., Path], name: str
) -> None:
    """Checks share modules; one that is spoilt by an earlier call is judged on a new one, but where it is called twice."""
    file, old, new = REMEMBERS[name]
    grade = grader.grade(altered(file, (old, new)), seed=4, select="check_transformer_layers")
    assert [id.rpartition(".")[2] for id in wrong(grade)] == ["edge_cases"]


def test_attention_that_cannot_be_made_costs_the_captioner_nothing(
    grader: Grader, altered: Callable[..., Path]
) -> None:
    """Its constructor raises, or it has another name: the captioner, in whose layers it would be, keeps its points."""
    folder = altered(LAYERS, ("self.attn_drop = nn.Dropout(dropout)", "self.attn_drop = nn.Dropout(rate)"))
    grade = grader.grade(folder, seed=8, select=SELECT)
    lost = {check.function for check in grade.checks if check.outcome is Outcome.FAILED}
    assert lost == {"MultiHeadAttention.__init__", "MultiHeadAttention.forward"}
    assert wrong(grade)["transformer_layers.MultiHeadAttention.__init__.order"].startswith(
        "MultiHeadAttention raised"
    )
    own = [c for c in grade.checks if c.function == "CaptioningTransformer.forward"]
    assert [c.id.rpartition(".")[2] for c in own if c.outcome is not Outcome.PASSED] == ["own_parts"]


def test_a_mask_for_booleans_alone_is_advice(grader: Grader, altered: Callable[..., Path]) -> None:
    """Who negates the mask with ~ can take no numbers: full marks, and a word about it."""
    folder = altered(LAYERS, ("attn_mask == 0, -math.inf", "~attn_mask, -math.inf"))
    grade = grader.grade(folder, seed=4, select=SELECT)
    assert wrong(grade) == {}
    assert [line.partition(";")[0] for line in advice(grade)] == [
        "`MultiHeadAttention.forward` does not take a mask of floating-point numbers 0 and 1",
        "`MultiHeadAttention.forward` does not take a mask of integers 0 and 1",
    ]


def test_a_square_mask_alone_is_advice(grader: Grader, altered: Callable[..., Path]) -> None:
    """The years differ on the axes of a rectangular mask: a solution that takes square ones only loses nothing."""
    folder = altered(LAYERS, ("attn_mask == 0, -math.inf", "attn_mask.reshape(S, S) == 0, -math.inf"))
    grade = grader.grade(folder, seed=4, select=SELECT)
    assert wrong(grade) == {}
    assert len(advice(grade)) == 1
    assert "(S, T) for keys of another length" in advice(grade)[0]


@pytest.mark.parametrize("name", ["untouched", "stubs_original"])
def test_what_was_handed_out_is_not_attempted(grader: Grader, tmp_path: Path, name: str) -> None:
    """Our stubs raise, the original ones return uninitialised memory; both count as not begun."""
    grade = grader.grade(lay_out(name, tmp_path / "hand-in"), seed=5, select=SELECT)
    assert {check.outcome for check in grade.checks} == {Outcome.NOT_ATTEMPTED}


def test_a_captioner_that_was_given_earns_nothing_alone(grader: Grader, tmp_path: Path) -> None:
    """The year 2021 hands out the captioner's forward pass complete: without attention it is not judged."""
    folder = lay_out("stubs_original", tmp_path / "hand-in")
    given = lay_out("styles/year_2021", tmp_path / "2021") / CAPTIONER
    (folder / CAPTIONER).write_bytes(given.read_bytes())
    grade = grader.grade(folder, seed=6, select=SELECT)
    assert Outcome.PASSED not in {check.outcome for check in grade.checks}
    assert grade.points == 0


def test_unfinished_attention_hides_nothing_beside_it(grader: Grader, tmp_path: Path) -> None:
    """Positional encoding is judged while attention and captioner are still stubs."""
    folder = lay_out("styles/original_2022", tmp_path / "hand-in")
    text = (folder / LAYERS).read_text()
    start, end = text.index("        h, d = self.n_head"), text.index("        output = self.proj(output)\n")
    stub = text[:start] + "        pass\n" + text[end + len("        output = self.proj(output)\n") :]
    (folder / LAYERS).write_text(stub)
    outcomes = {check.id: check.outcome for check in grader.grade(folder, seed=7, select=SELECT).checks}
    assert {o for id, o in outcomes.items() if ".PositionalEncoding." in id} == {Outcome.PASSED}
    assert {o for id, o in outcomes.items() if ".MultiHeadAttention.forward." in id} == {
        Outcome.NOT_ATTEMPTED
    }


def test_wrong_attention_costs_the_captioner_nothing(grader: Grader, altered: Callable[..., Path]) -> None:
    """With a wrong scale in the attention the captioner keeps its points; what they do together is told."""
    grade = grader.grade(altered(LAYERS, ("math.sqrt(D)", "math.sqrt(E)")), seed=8, select=SELECT)
    own = {c.id.rpartition(".")[2]: c for c in grade.checks if c.function == "CaptioningTransformer.forward"}
    assert {c.outcome for c in own.values()} == {Outcome.PASSED}
    assert "`MultiHeadAttention.forward` is wrong" in own["own_parts"].own_parts


def test_a_wrong_mask_is_read_for_what_it_is(grader: Grader, altered: Callable[..., Path]) -> None:
    """The hint of the mask check names the other use of the mask that gives the same output."""
    hints = []
    for new in ("attn_mask.T == 0", "attn_mask > 2"):
        folder = altered(LAYERS, ("attn_mask == 0", new))
        hints += [c.hint for c in grader.grade(folder, seed=9, select="check_attention_mask").checks]
        altered(LAYERS, (new, "attn_mask == 0"))
    assert "transposed mask" in hints[0]
    assert "without any mask" in hints[1]

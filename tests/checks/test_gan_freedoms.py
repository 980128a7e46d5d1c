"""Right work in any style gets full marks for the GAN part; work that was not begun gets none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from checks.check_gan_pytorch import CHANCE, SIZE, _distance
from grader.results import CheckResult, Grade, Outcome
from grader.session import Grader
from tests.submissions.build import lay_out

SELECT = "check_gan"
FILE = "cs231n/gan_pytorch.py"
NOISE = "return 2 * torch.rand(batch_size, dim) - 1"
ADAM = "torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.5, 0.999))"
FIRST_CONV = "nn.Conv2d(1, 32, kernel_size=5, stride=1),"

Altered = Callable[..., Path]


def wrong(grade: Grade) -> dict[str, str]:
    """What did not pass, with its message."""
    return {check.id: check.message for check in grade.checks if check.outcome is not Outcome.PASSED}


def failed(grade: Grade) -> list[CheckResult]:
    """The checks that failed."""
    return [check for check in grade.checks if check.outcome is Outcome.FAILED]


VARIANTS = {
    "noise in float64": (NOISE, "return torch.rand(batch_size, dim, dtype=torch.float64) * 2 - 1"),
    "noise from numpy": (NOISE, "return torch.from_numpy(np.random.RandomState(torch.randint(2**31, ()).item())"
                                ".uniform(-1, 1, (batch_size, dim)))"),
    "noise upside down": (NOISE, "return 1 - 2 * torch.rand(batch_size, dim)"),
    "batch baked in": (FIRST_CONV, f"Unflatten(batch_size, 1, 28, 28), {FIRST_CONV}"),
    "batch left open": (FIRST_CONV, f"Unflatten(-1, 1, 28, 28), {FIRST_CONV}"),
    "pool before activation": (
        "nn.LeakyReLU(0.01),\n        nn.MaxPool2d(kernel_size=2, stride=2),  # (N, 32, 12, 12)",
        "nn.MaxPool2d(2),\n        nn.LeakyReLU(0.01),",
    ),
    "slope by RReLU": ("nn.Linear(256, 256),\n        nn.LeakyReLU(0.01)", "nn.Linear(256, 256),\n        nn.RReLU(0.01, 0.01)"),
    "layers that do nothing": ("nn.Linear(1024, 1024),", "nn.Linear(1024, 1024), nn.Identity(), nn.Dropout(0),"),
    "AdamW without decay": (ADAM, "torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.5, 0.999), weight_decay=0)"),
    "Adam from a list": (ADAM, "torch.optim.Adam(params=[*model.parameters()], lr=0.001, betas=[0.5, 0.999])"),
    "Adam of named parameters": (ADAM, "torch.optim.Adam([{'params': p} for _, p in model.named_parameters()], 1e-3, (0.5, 0.999))"),
    "losses by softplus": (
        "return loss_real + loss_fake",
        "return nn.functional.softplus(-logits_real).mean() + nn.functional.softplus(logits_fake).mean()",
    ),
    "squares by MSELoss": (
        "return ((scores_fake - 1) ** 2).mean() / 2", "return nn.MSELoss()(scores_fake, torch.ones(scores_fake.shape)) / 2",
    ),
    "models on the module's dtype": ("nn.Linear(256, 1),\n    )", "nn.Linear(256, 1),\n    ).type(dtype)"),
}  # fmt: skip


@pytest.mark.parametrize("name", VARIANTS)
def test_a_freedom_costs_nothing(grader: Grader, altered: Altered, name: str) -> None:
    """One way of writing it differently in the reference passes every check."""
    assert wrong(grader.grade(altered(FILE, VARIANTS[name]), seed=3, select=SELECT)) == {}


@pytest.mark.parametrize("name", ["untouched", "stubs_original"])
def test_what_was_handed_out_is_not_attempted(grader: Grader, tmp_path: Path, name: str) -> None:
    """Our stubs raise, the original ones return None; both count as not begun, and what was given says nothing."""
    grade = grader.grade(lay_out(name, tmp_path / "hand-in"), seed=5, select=SELECT)
    assert {check.outcome for check in grade.checks} == {Outcome.NOT_ATTEMPTED}


def test_an_unfinished_function_hides_nothing_beside_it(grader: Grader, tmp_path: Path) -> None:
    """With the generator of the original left as it was, all other functions are judged and pass."""
    folder = lay_out("styles/original_2022", tmp_path / "hand-in")
    text = (folder / FILE).read_text()
    start = text.index("    model = nn.Sequential(\n        nn.Linear(noise_dim, 1024)")
    end = text.index("    # *****END", start)
    (folder / FILE).write_text(text[:start] + "    pass\n\n" + text[end:])
    left = {
        c.id: c.outcome
        for c in grader.grade(folder, seed=6, select=SELECT).checks
        if c.outcome is not Outcome.PASSED
    }
    assert set(left.values()) == {Outcome.NOT_ATTEMPTED}
    assert {id.split(".")[1] for id in left} == {"generator"}


def test_labels_of_float32_are_advice(grader: Grader, tmp_path: Path) -> None:
    """torch computes float64 logits with float32 labels in float32: worth a word, and right all the same."""
    folder = lay_out("styles/original_2022", tmp_path / "hand-in")
    grade = grader.grade(folder, seed=11, select="check_discriminator_loss or check_generator_loss")
    said = {check.id: check.advice for check in grade.checks if check.advice}
    assert list(said) == [f"gan_pytorch.{name}_loss.precision" for name in ("discriminator", "generator")]
    assert all("Labels of type float32 do that too" in line for lines in said.values() for line in lines)


def test_a_fixed_gpu_gets_a_clear_hint(grader: Grader, altered: Altered) -> None:
    """A device written into the code is named as the reason, and costs its own function alone."""
    folder = altered(FILE, ("nn.Linear(256, 1),\n    )", "nn.Linear(256, 1),\n    ).to('cuda')"))
    check, *more = failed(grader.grade(folder, seed=7, select=SELECT))
    assert (check.id, more) == ("gan_pytorch.discriminator.shapes", [])
    assert "no GPU" in check.hint


def test_a_wrong_slope_is_named_with_its_layer(grader: Grader, altered: Altered) -> None:
    """The message says which layer the wrong activation follows and what should be there."""
    old = "nn.Linear(256, 256),\n        nn.LeakyReLU(0.01)"
    folder = altered(FILE, (old, old.replace("0.01", "0.2")))
    check = failed(grader.grade(folder, seed=8, select=SELECT))[0]
    assert check.message.startswith(
        "What follows the second linear layer (256 to 256) in the model of `discriminator()`"
    )
    assert check.hint == "The second linear layer (256 to 256) is followed by LeakyReLU with slope 0.01."


def test_a_wrong_size_is_named_with_its_layer(grader: Grader, altered: Altered) -> None:
    """The message names the layer that is missing, and the report lists both sequences."""
    folder = altered(FILE, ("nn.Linear(784, 256)", "nn.Linear(784, 128)"),
                     ("nn.Linear(256, 256),", "nn.Linear(128, 256),"))  # fmt: skip
    check = failed(grader.grade(folder, seed=9, select=SELECT))[0]
    assert (
        "lacks the first linear layer (784 to 256), with parameters of shape (256, 784) and (256,)"
        in check.message
    )
    assert "layer 1 of yours has (128, 784) and (128,)" in check.message
    assert "yours:\n  (128, 784) and (128,)" in check.details[0].text


def test_an_error_of_the_model_is_told_as_its_own(grader: Grader, altered: Altered) -> None:
    """What a model raises is told with what it was called with, not with the name of our helper."""
    folder = altered(FILE, ("nn.Linear(noise_dim, 1024),\n        nn.ReLU(),\n        nn.Linear(1024, 1024)",
                            "nn.Linear(96, 1024),\n        nn.ReLU(),\n        nn.Linear(1024, 1024)"))  # fmt: skip
    check = failed(grader.grade(folder, seed=10, select=SELECT))[0]
    assert check.message.startswith(
        "The model of `generator(7)`, called with noise of shape (3, 7), raised RuntimeError"
    )


def test_a_file_that_does_not_parse_blocks_all_alike(grader: Grader, altered: Altered) -> None:
    """Networks are told of it as losses are: blocked, with the line; a line for a notebook is called one."""
    folder = altered(
        "cs231n/gan_pytorch.py", ("import numpy as np\n", "import numpy as np\n%matplotlib inline\n")
    )
    grade = grader.grade(folder, seed=5, select="check_gan and shapes")
    assert {check.outcome for check in grade.checks} == {Outcome.BLOCKED}
    assert len({check.message for check in grade.checks}) == 1
    assert "this line is for a notebook, not for a .py file: %matplotlib inline" in grade.checks[0].message


def test_what_follows_the_last_layer_is_not_blamed_on_another(grader: Grader, altered: Altered) -> None:
    """A sigmoid at the end of the discriminator is looked for there, not after the layer before."""
    folder = altered(
        "cs231n/gan_pytorch.py", ("nn.Linear(256, 1),\n", "nn.Linear(256, 1),\n        nn.Sigmoid(),\n")
    )
    grade = grader.grade(folder, seed=5, select="check_discriminator and not loss")
    (found,) = [c for c in grade.checks if c.id.endswith("discriminator.activations")]
    assert found.message.startswith("What follows the last linear layer (256 to 1)")
    assert found.hint.endswith("is followed by nothing: what it gives are the scores.")


def test_uniform_noise_keeps_well_within_its_bound() -> None:
    """Of 300 draws none comes near the bound on the distance, which leaves one in ten million."""
    rng = np.random.default_rng(0)
    bound = np.sqrt(np.log(2 / CHANCE) / (2 * SIZE[0] * SIZE[1]))
    assert max(_distance(rng.uniform(-1, 1, SIZE)) for _ in range(300)) < 0.7 * bound
    assert _distance(np.tanh(rng.standard_normal(SIZE))) > 2 * bound

"""A right GAN part is judged in few calls; what one look leaves open, each check looks at by itself."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from checks.check_gan_pytorch import ALLOWED, FALLING, STEPS, _gradients
from checks.probes import gan, gan_parts, listening
from checks.shared import common, seed_of
from grader.judge import generator
from grader.results import Outcome
from grader.sandbox import remote
from grader.sandbox.targets import Target, label
from grader.session import REFERENCE, Grader

FILE = "cs231n/gan_pytorch.py"
BUILD = ["discriminator"]

Altered = Callable[..., Path]


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what is called in workers."""
    names: list[str] = []
    right = remote.Worker._run

    def run(self: remote.Worker, target: Target, *args: object) -> object:
        names.append(label(target))
        return right(self, target, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(remote.Worker, "_run", run)
    return names


@pytest.mark.parametrize("change", ["", "inplace", "nested"])
def test_a_right_part_takes_one_look_at_each_function(
    grader: Grader, altered: Altered, called: list[str], change: str
) -> None:
    """Also with activations in place and in nested containers, all that is said of a network comes from one call."""
    changes = {
        "inplace": [("nn.LeakyReLU(0.01),", "nn.LeakyReLU(0.01, inplace=True),")],
        "nested": [("nn.Linear(784, 256),", "nn.Sequential(nn.Linear(784, 256)),")],
    }
    folder = altered(FILE, *changes[change]) if change else REFERENCE
    grader.grade(folder, seed=3, select="check_gan_pytorch")  # the reference's answers are known from here on
    called.clear()
    grade = grader.grade(folder, seed=3, select="check_gan_pytorch")
    assert {check.outcome for check in grade.checks} == {Outcome.PASSED}
    assert called.count("observed") == 4
    assert not set(called) & {"filled", "paths", "runs", "double_type", "is_module", "keep"}


def test_a_cast_is_looked_at_by_itself(grader: Grader, altered: Altered, called: list[str]) -> None:
    """Float32 hides a cast; the steps show it, and float64 is tried for real."""
    old, new = "Flatten(),\n        nn.Linear(784", "Wide(),\n        nn.Linear(784"
    wide = "class Wide(nn.Module):\n    def forward(self, x):\n        return x.flatten(1).double().to(x)\n\n\nNOISE_DIM = 96"
    folder = altered(FILE, (old, new), ("NOISE_DIM = 96", wide))
    grade = grader.grade(folder, seed=4, select="check_discriminator and not loss")
    assert {check.outcome for check in grade.checks} == {Outcome.PASSED}
    assert called.count("filled") == 1


def _observed(seen: list[object], number: int) -> torch.Tensor:
    value = seen[number]
    assert isinstance(value, torch.Tensor)
    return value.detach()


@pytest.fixture
def reference_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference's modules can be imported, in a process of their own name only for this test."""
    monkeypatch.syspath_prepend(str(REFERENCE))
    for name in [name for name in sys.modules if name.partition(".")[0] == "cs231n"]:
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.usefixtures("reference_path")
def test_one_look_shows_what_each_probe_shows() -> None:
    """Outputs and gradients are those of the same network filled in place; the table of numbers stays as it was."""
    before = gan.table().copy()
    rng = np.random.default_rng(0)
    x, other = (torch.from_numpy(rng.uniform(-1, 1, (4, 7)).astype(np.float32)) for _ in range(2))
    upstream = torch.from_numpy(rng.standard_normal((4, 784)).astype(np.float32))
    seen = gan.observed(["build_dc_generator", 7], None, 11, x, other, upstream)
    model = gan._built("build_dc_generator", 7)
    order = range(len(seen[0]))
    first, last = gan.filled(model, 11, order, "runs", [x, other], ["train", "eval"])
    torch.testing.assert_close(_observed(seen, 2), first)
    torch.testing.assert_close(_observed(seen, 5), last)
    _, dx, numbers = gan.filled(model, 11, order, "gradients", x, upstream)
    torch.testing.assert_close(_observed(seen, 3), dx)
    np.testing.assert_allclose(np.asarray(seen[4]), numbers, rtol=1e-5)
    assert np.array_equal(gan.table(), before)


def test_steps_tell_a_cast_a_slope_and_a_tensor_from_elsewhere() -> None:
    """What shapes a tensor is left out; a cast, another slope and a constant are not."""
    weight, other = torch.ones(2, 2), torch.ones(2, 2)

    def steps(run: Callable[[torch.Tensor], torch.Tensor]) -> list[str]:
        x = torch.ones(1, 2)
        with listening.steps({id(x): "x", id(weight): "p0"}) as heard:
            run(x)
        return heard

    def right(x: torch.Tensor) -> torch.Tensor:
        return nn.functional.leaky_relu(nn.functional.linear(x.view(1, 2), weight), 0.01)

    assert steps(right) == ["linear p0 x", "leaky_relu 0.01 x"]
    assert steps(
        lambda x: nn.functional.leaky_relu_(nn.functional.linear(x.reshape(-1, 2), weight), 0.01)
    ) == steps(right)
    for wrong in (
        lambda x: nn.functional.leaky_relu(nn.functional.linear(x, weight), 0.02),
        lambda x: nn.functional.leaky_relu(nn.functional.linear(x.float(), weight), 0.01),
        lambda x: nn.functional.leaky_relu(nn.functional.linear(x, other), 0.01),
        lambda x: nn.functional.leaky_relu(nn.functional.linear(x.view(torch.float32), weight), 0.01),
        lambda x: nn.functional.leaky_relu(nn.functional.linear(x.data, weight), 0.01),
        lambda x: right(torch.from_numpy(x.numpy())),
    ):
        assert steps(wrong) != steps(right)


def test_only_large_tensors_are_left_undrawn() -> None:
    """Below the bound a layer begins as ever; above, nothing writes to its weight."""
    with listening.undrawn(100):
        small, large = nn.Linear(10, 10), nn.Linear(10, 11)
        held = large.weight.detach().clone()
        nn.init.xavier_normal_(large.weight)
    assert float(small.weight.detach().std()) > 0.1
    assert torch.equal(large.weight.detach(), held)


def test_checks_of_a_run_share_inputs_and_runs_do_not() -> None:
    """What is drawn under a name hangs on the seed of the run alone, not on the check that draws."""
    one, two = generator(5, "a.b.values"), generator(5, "a.b.shapes")
    assert seed_of(one) == seed_of(two) == 5
    drawn = [common(rng, "b").random() for rng in (one, two, generator(6, "a.b.values"))]
    assert drawn[0] == drawn[1] != drawn[2]
    assert common(one, "c").random() != drawn[0]


@pytest.mark.parametrize("more", [{"foreach": True}, {"fused": True}, {"amsgrad": True}])
def test_the_greatest_moment_kept_is_told_from_other_ways_to_compute_adam(more: dict[str, bool]) -> None:
    """Ten times what is allowed, and a tenth of it: nothing is decided by rounding."""
    gradients = _gradients(np.random.default_rng(1))
    assert len(gradients) == STEPS
    moved = []
    for settings in ({}, more):
        model = gan_parts.small_model()
        solver = torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.5, 0.999), **settings)
        moved.append(gan_parts.steps(solver, model, gradients)[FALLING].detach().numpy())
    far = np.abs(moved[0] - moved[1]).max() / ALLOWED[FALLING]
    assert far > 8 if "amsgrad" in more else far < 0.1

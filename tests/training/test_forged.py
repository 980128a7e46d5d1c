"""What a submission says about its training earns nothing; only parameters that the reference finds good do.

Sizes are small here, so that a run takes a second: 12 captions, 40 steps.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from grader.data import captions
from grader.data import digits as data_digits
from grader.data.folder import DataError
from grader.errors import UsageError
from grader.results import CheckResult, Curve, Outcome, Picture
from grader.session import REFERENCE, TEMPLATE, Grader
from grader.training import adversarial, context, digits, recurrent
from grader.training.bars import load
from grader.training.context import Options
from grader.training.judging import BARS
from grader.training.settings import PROFILES, Captioner

SMALL = Captioner(word=48, hidden=96, steps=60, every=15, rate=8e-3, decay=0.99, captions=12, batch=12)
RNN, LAYERS = "cs231n/classifiers/rnn.py", "cs231n/rnn_layers.py"
RETURN = "        return loss, grads\n"
Altered = Callable[..., Path]


@pytest.fixture(scope="module")
def data(small: Path) -> Iterator[Path]:
    """Built-in data, while the RNN's runs are short."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(context.PROFILES, "cpu", dataclasses.replace(PROFILES["cpu"], rnn=SMALL))
        yield small


@pytest.fixture
def trained(grader: Grader, data: Path) -> Callable[[Path], CheckResult]:
    def grade(folder: Path) -> CheckResult:
        (check,) = grader.grade(
            folder, seed=5, select="training.rnn", training=Options(data=data)
        ).checks  # fmt: skip
        return check

    return grade


def test_correct_work_passes_and_shows_curves_and_captions(trained: Callable[[Path], CheckResult]) -> None:
    """The curve begins above the bar and ends below it; captions stand with their images."""
    check = trained(REFERENCE)
    assert (check.outcome, check.message) == (Outcome.PASSED, "")
    (loss,) = (d for d in check.details if isinstance(d, Curve) and d.y == "loss")
    assert loss.points[0][1] > loss.bar > loss.points[-1][1]
    assert any(isinstance(d, Picture) and "(as in the data)" in d.title for d in check.details)


FORGERIES = {
    "a false loss without learning": (RETURN, "        return 0.001, {k: 0 * v for k, v in grads.items()}\n"),
    "a printed loss": (
        RETURN,
        "        print('(Iteration 100 / 100) loss: 0.0100')\n"
        "        return loss, {k: 0 * v for k, v in grads.items()}\n",
    ),
    "constants for parameters": (
        RETURN,
        "        for k, w in self.params.items():\n"
        "            w[...] = np.random.RandomState(231).randn(*w.shape) / 10\n" + RETURN,
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_run_fails(trained: Callable[[Path], CheckResult], altered: Altered, name: str) -> None:
    """The loss is computed from the parameters, whatever is said about it."""
    check = trained(altered(RNN, FORGERIES[name]))
    assert check.outcome is Outcome.FAILED
    assert "which has to be below" in check.message
    assert any(isinstance(d, Curve) for d in check.details)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("self.params['Wx'][:] = np.nan", "contains NaN"),
        ("self.params['Wx'] = self.params['Wx'][:3]", "shape"),
        ("self.params = {}", "In training, your code raised KeyError"),
        ("self.params['more'] = self.params['b']", "belong|more"),
    ],
)
def test_parameters_that_are_none_fail(
    trained: Callable[[Path], CheckResult], altered: Altered, change: str, said: str
) -> None:
    """NaN, other shapes, missing and additional parameters are the student's failure, never an error of ours."""
    check = trained(altered(RNN, (RETURN, f"        {change}\n{RETURN}")))
    assert check.outcome is Outcome.FAILED
    assert re.search(said, check.message), check.message


TAMPER = "__import__('sys')._getframe(1).f_globals['%s'] = lambda *_: %s"  # the helper is the caller


@pytest.mark.parametrize("forged", ["'nonsense'", "{'Wx': 0.01}", "None"])
def test_a_replaced_helper_in_the_worker_fails(
    trained: Callable[[Path], CheckResult], altered: Altered, forged: str
) -> None:
    """Whatever stands in place of the parameters: it is the submission's failure, and never an error of ours."""
    folder = altered(RNN, (RETURN, f"        {TAMPER % ('parameters', forged)}\n{RETURN}"))
    assert trained(folder).outcome is Outcome.FAILED


@pytest.mark.parametrize("forged", ["[]", "[[[[3]]], 7]"])
def test_networks_that_are_described_falsely_fail(
    grader: Grader, data: Path, altered: Altered, forged: str
) -> None:
    """The same for the shapes of a GAN's networks."""
    build = "    return nn.Sequential(\n        Flatten(),\n        nn.Linear(784, 256),"
    folder = altered("cs231n/gan_pytorch.py", (build, f"    {TAMPER % ('shapes', forged)}\n{build}"))
    grade = grader.grade(folder, seed=5, select="training.gan", training=Options(data=data))
    assert [check.outcome for check in grade.checks] == [Outcome.FAILED], grade.checks[0].message


def test_an_untouched_hand_in_is_not_attempted(trained: Callable[[Path], CheckResult]) -> None:
    """Nothing is trained, and nothing is held against it."""
    assert trained(TEMPLATE).outcome is Outcome.NOT_ATTEMPTED


def test_parameters_of_one_run_are_worth_nothing_in_another(grader: Grader, data: Path) -> None:
    """Whoever brings parameters that are right for a known seed has those of other words and features."""
    found = []
    given = captions.load(data)
    for seed in (1, 2):
        rng = np.random.default_rng(seed)
        found.append(recurrent.Recurrent(grader.reference, grader.reference, "rnn", given, SMALL, rng))
    first, second = found
    for step in range(0, SMALL.steps, SMALL.every):
        first.advance(step, SMALL.every)
    own = first.measure()
    second._course = first._course
    stolen = second.measure()
    assert own["loss"] < 1 < 10 < stolen["loss"]
    assert stolen["match"] < 0.2 < 0.8 < own["match"]


def test_a_mistake_that_trains_well_passes_and_the_report_says_what_failed(
    grader: Grader, data: Path, altered: Altered
) -> None:
    """A word that occurs twice should collect both gradients; without that it trains all the same."""
    folder = altered(LAYERS, ("np.add.at(dW, x, dout)", "dW[x] = dout"))
    select = "training.rnn or word_embedding_backward"
    grade = grader.grade(folder, seed=5, select=select, training=Options(data=data))
    (check,) = (c for c in grade.checks if c.id == "training.rnn.overfit")
    assert check.outcome is Outcome.PASSED, check.message
    assert any("sign of life" in advice and "word_embedding_backward" in advice for advice in check.advice)


def test_a_missing_gpu_is_not_the_student_s_fault(grader: Grader, data: Path) -> None:
    """A device that no worker sees makes the check errored."""
    options = Options(data=data, device="cuda:7")
    grade = grader.grade(REFERENCE, seed=5, select="training.transformer", training=options)
    assert [check.outcome for check in grade.checks] == [Outcome.ERRORED]
    assert "cuda:7" in grade.checks[0].message


def test_a_loss_that_is_left_to_its_default_device_trains(
    grader: Grader, data: Path, altered: Altered, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That default is 'cuda', and no fault of who leaves it: so two of the right solutions in other styles do."""
    short = dataclasses.replace(PROFILES["cpu"].simclr, steps=1, every=1, batch=8)
    monkeypatch.setitem(context.PROFILES, "cpu", dataclasses.replace(PROFILES["cpu"], simclr=short))
    folder = altered("cs231n/simclr/utils.py", ("temperature, device=device)", "temperature)"))
    (check,) = grader.grade(folder, seed=5, select="training.simclr", training=Options(data=data)).checks
    assert check.message.startswith("After 1 steps"), check.message


def test_missing_data_is_told_before_anything_runs(grader: Grader, tmp_path: Path) -> None:
    """A folder without data is wrong usage, and the message names the files."""
    with pytest.raises(DataError, match=r"coco2014_captions\.h5"):
        grader.grade(REFERENCE, select="training", training=Options(data=tmp_path))


def test_two_unusable_arguments_are_refused(grader: Grader) -> None:
    """An unknown profile, and training checks alone with training switched off."""
    with pytest.raises(UsageError, match="no profile 'tpu'"):
        grader.grade(REFERENCE, select="training", training=Options(profile="tpu"))
    with pytest.raises(UsageError, match="switched off"):
        grader.grade(REFERENCE, select="training.rnn")


@pytest.mark.parametrize("kind", ["vanilla", "dc"])
def test_digits_in_the_disguise_of_one_run_are_none_in_another(grader: Grader, data: Path, kind: str) -> None:
    """A generator that was trained beforehand, even one that draws perfect digits, meets the bars of hardly any run.

    Measured for the DCGAN, whose disguises are fewer: 10 of 708 pairs of runs; for the others none.
    """
    judge = digits.fit(grader.reference, *data_digits.load(data), *data_digits.load(data, "test"))
    perfect = digits.scaled(data_digits.load(data)[0])[:600]
    disguises = [adversarial.disguise(kind, np.random.default_rng(seed)) for seed in range(12)]
    assert _meets(kind, judge.metrics(disguises[0].take_off(disguises[0].put_on(perfect))))
    brought = disguises[0].put_on(perfect)
    fooled = [other for other in disguises[1:] if _meets(kind, judge.metrics(other.take_off(brought)))]
    assert len(fooled) <= (kind == "dc")


def test_a_blur_of_all_digits_meets_no_bar(grader: Grader, data: Path) -> None:
    """The mean picture, where every GAN passes first, is not taken for digits, nor is it with noise; nor is one digit."""
    judge = digits.fit(grader.reference, *data_digits.load(data), *data_digits.load(data, "test"))
    real = digits.scaled(data_digits.load(data)[0])[:600]
    blur = np.repeat(real.mean(axis=0, keepdims=True), len(real), axis=0)
    noise = 0.3 * np.random.default_rng(1).standard_normal(blur.shape)
    for kind in ("vanilla", "ls", "dc"):
        for drawn in (blur, (blur + noise).clip(-1, 1), np.repeat(real[:1], len(real), axis=0)):
            assert not _meets(kind, judge.metrics(drawn))


def _meets(kind: str, metrics: Mapping[str, float]) -> bool:
    return all(bar.met(metrics[bar.metric]) for bar in load(BARS)["cpu"][kind])

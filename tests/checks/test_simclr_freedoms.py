"""SimCLR: whatever is right gets full marks, whatever is unfinished hides nothing, and a mistake is counted once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from grader.results import CheckResult, Outcome
from grader.session import Grader
from tests.submissions.build import lay_out

SELECT = "check_contrastive_loss or check_simclr"
LOSS, DATA, UTILS = (f"cs231n/simclr/{name}.py" for name in ("contrastive_loss", "data_utils", "utils"))
HANDED_ON = "simclr_loss_vectorized(out_left, out_right, temperature, device=device)"
MASK = "itself = torch.eye(2 * N, dtype=torch.bool, device=device)"


def graded(grader: Grader, folder: Path, seed: int = 7) -> dict[str, CheckResult]:
    return {check.id: check for check in grader.grade(folder, seed=seed, select=SELECT).checks}


def not_passed(results: dict[str, CheckResult]) -> dict[str, str]:
    return {
        id: f"{r.outcome.value}: {r.message}" for id, r in results.items() if r.outcome is not Outcome.PASSED
    }


def advice(results: dict[str, CheckResult]) -> str:
    return " ".join(text for result in results.values() for text in result.advice)


@pytest.mark.parametrize("name", ["stubs_original", "untouched"])
def test_untouched_work_is_not_attempted(grader: Grader, tmp_path: Path, name: str) -> None:
    """Neither the original hand-out, whose data_utils.py does not parse, nor ours earns or breaks anything."""
    results = graded(grader, lay_out(name, tmp_path))
    assert {result.outcome for result in results.values()} == {Outcome.NOT_ATTEMPTED}
    assert advice(results) == ""


def test_unfinished_pairs_hide_no_transform(grader: Grader, tmp_path: Path) -> None:
    """In a data_utils.py that does not parse for its empty region, the finished transform gets its marks."""
    folder = lay_out("styles/original_2022", tmp_path)
    file = folder / DATA
    calls = "            x_i = self.transform(img)\n            x_j = self.transform(img)\n"
    file.write_text(file.read_text().replace(calls, ""))
    left = not_passed(graded(grader, folder))
    assert {id.rpartition(".")[0] for id in left} == {"simclr_data.CIFAR10Pair.__getitem__"}
    assert all(text.startswith("not_attempted") for text in left.values())


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        (LOSS, [("torch.linalg.vector_norm(z_j))", "torch.linalg.vector_norm(z_j) + 1e-8)")]),
        (LOSS, [("return total / (2 * N)", "return (total / (2 * N)).reshape(1, 1)")]),
        (LOSS, [("return total / (2 * N)", "return float(total / (2 * N))")]),
        (LOSS, [("pair_loss(k + N, k)\n", "pair_loss(k + N, k).detach().numpy()\n")]),
        (UTILS, [(HANDED_ON, "simclr_loss_naive(out_left, out_right, temperature)")]),
        (UTILS, [("_, out_left = model(x_i)  # (N, feature_dim)\n        _, out_right = model(x_j)",
                  "out_left, out_right = model(torch.cat([x_i, x_j]))[1].chunk(2)")]),
        (DATA, [("x_i = self.transform(img)\n            x_j = self.transform(img)",
                 "self.transform(img)\n            x_j = self.transform(img)\n            x_i = self.transform(img)")]),
        (DATA, [("transforms.RandomGrayscale(p=0.2)", "transforms.RandomApply([transforms.Grayscale(3)], p=0.2)")]),
        (DATA, [("transforms.RandomHorizontalFlip(p=0.5),\n        transforms.RandomApply([color_jitter], p=0.8),",
                 "transforms.RandomApply([color_jitter], p=0.8),\n        transforms.RandomHorizontalFlip(),")]),
        (DATA, [("x_i = self.transform(img)\n            x_j = self.transform(img)",
                 "x_i, x_j = torch.stack([self.transform(img), self.transform(img)]).float()")]),
        (DATA, [("transforms.RandomGrayscale(p=0.2)",
                 "transforms.Lambda(lambda p: p.convert('L').convert('RGB') if random.random() < 0.2 else p)")]),
    ],
    ids=["guard", "one element", "python number", "no gradient", "naive loss", "one pass", "order of views",
         "wrapped grey", "flip later", "views of one tensor", "own steps"],
)  # fmt: skip
def test_freedoms_cost_nothing(
    grader: Grader, altered: Callable[..., Path], file: str, changes: list[tuple[str, str]]
) -> None:
    """Each of these is right, and passes every check."""
    assert not_passed(graded(grader, altered(file, *changes))) == {}


def test_device_left_to_the_default_is_advised_on(grader: Grader, altered: Callable[..., Path]) -> None:
    """Without a GPU the loss's default 'cuda' is replaced, and the report says what to hand on."""
    results = graded(
        grader, altered(UTILS, (HANDED_ON, "simclr_loss_vectorized(out_left, out_right, temperature)"))
    )
    assert not_passed(results) == {}
    assert "`train` leaves `device` to the loss's default" in advice(results)


def test_row_of_pairs_is_refused_with_its_reason(grader: Grader, altered: Callable[..., Path]) -> None:
    """(N,) in place of (N, 1): the message names the broadcast; the loss that is built on it costs nothing more."""
    results = graded(grader, altered(LOSS, ("return dots / lengths", "return (dots / lengths).flatten()")))
    wrong = [result for result in results.values() if result.outcome is Outcome.FAILED]
    assert [result.id for result in wrong] == ["contrastive_loss.sim_positive_pairs.shapes"]
    assert "returned shape (3,); expected the column (3, 1)" in wrong[0].message
    assert "broadcasts to (N, N)" in wrong[0].hint


def test_wrong_similarity_costs_once(grader: Grader, altered: Callable[..., Path]) -> None:
    """A wrong `sim` fails; the loss built on it passes, with the word that it is wrong with this `sim`."""
    results = graded(
        grader, altered(LOSS, ("return torch.dot(z_i, z_j)", "return 0.5 * torch.dot(z_i, z_j)"))
    )
    failed = {id for id, result in results.items() if result.outcome is Outcome.FAILED}
    assert {id.rpartition(".")[0] for id in failed} == {"contrastive_loss.sim"}
    loss = results["contrastive_loss.simclr_loss_naive.values"]
    assert loss.outcome is Outcome.PASSED
    assert loss.own_parts.startswith("Your own `sim` is wrong")


def test_missing_similarity_costs_once(grader: Grader, altered: Callable[..., Path]) -> None:
    """Where the similarity matrix was not written, the finished loss and the training loop are judged all the same."""
    folder = altered(
        LOSS, ("unit = out /", "raise NotImplementedError('compute_sim_matrix')\n    unit = out /")
    )
    results = graded(grader, folder)
    assert {id for id, r in results.items() if r.outcome is Outcome.FAILED} == set()
    for name in ("contrastive_loss.simclr_loss_vectorized.gradient", "simclr_utils.train.step"):
        assert results[name].outcome is Outcome.PASSED


def test_device_written_into_the_loss_is_a_mistake(grader: Grader, altered: Callable[..., Path]) -> None:
    """A loss that ignores `device` fails where there is no GPU; training, judged by itself, does not."""
    results = graded(grader, altered(LOSS, (MASK, MASK.replace("device=device", "device='cuda'"))))
    failed = {id.rpartition(".")[0] for id, r in results.items() if r.outcome is Outcome.FAILED}
    assert failed == {"contrastive_loss.simclr_loss_vectorized"}

"""The parts of the assignment: which checks judge a part's mistakes, and which of them a mistake may fail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from checks.mistakes import ALL, Mistake
from grader import plugin
from grader.session import CHECKS
from grader.training import judging


@dataclass(frozen=True)
class Part:
    """Files that nothing outside is built from, so that only `select`'s checks can see a mistake in them."""

    name: str
    select: str
    modules: tuple[str, ...]

    @property
    def mistakes(self) -> tuple[Mistake, ...]:
        """The known mistakes in its files, in the order of their declaration."""
        return tuple(mistake for mistake in ALL if mistake.module in self.modules)


PARTS = (
    Part("rnn", "check_rnn", ("rnn_layers", "rnn")),
    Part("transformer", "check_transformer", ("transformer_layers", "transformer")),
    Part("gan", "check_gan", ("gan_pytorch",)),
    Part("simclr", "check_contrastive_loss or check_simclr",
         ("contrastive_loss", "simclr_data", "simclr_model", "simclr_utils")),
)  # fmt: skip

# What is built from functions that were handed out complete: declarations name the student's own alone.
GIVEN_USES: Mapping[str, set[str]] = {
    "rnn_layers.lstm_step_forward": {"rnn_layers.sigmoid"},
    "rnn.CaptioningRNN.loss": {
        "rnn_layers.affine_forward",
        "rnn_layers.affine_backward",
        "rnn_layers.temporal_affine_forward",
        "rnn_layers.temporal_affine_backward",
        "rnn_layers.temporal_softmax_loss",
    },
    "rnn.CaptioningRNN.sample": {"rnn_layers.affine_forward", "rnn_layers.temporal_affine_forward"},
    "gan_pytorch.discriminator_loss": {"gan_pytorch.bce_loss"},
    "gan_pytorch.generator_loss": {"gan_pytorch.bce_loss"},
    "gan_pytorch.discriminator": {"gan_pytorch.Flatten"},
    "gan_pytorch.build_dc_classifier": {"gan_pytorch.Flatten"},
    "gan_pytorch.build_dc_generator": {"gan_pytorch.Flatten", "gan_pytorch.Unflatten"},
    "simclr_model.Model.forward": {"simclr_model.Model.__init__"},
}


def part_of(mistake: Mistake) -> Part:
    """The part whose files hold the mistake."""
    return next(part for part in PARTS if mistake.module in part.modules)


@cache
def specs(select: str = "") -> Mapping[str, Any]:
    """The declarations of the checks that `select` keeps, by id; not those that train a model first."""
    checks, _ = judging.split(plugin.collect(CHECKS, select), None)
    return {found.spec.id: found.spec for found in checks}


def related(mistake: Mistake) -> set[str]:
    """The checks that a mistake may fail: of its function, and of what is built from it and not judged apart."""
    part, holders = part_of(mistake), {mistake.function, mistake.function.rpartition(".")[0]}
    return {id for id, spec in specs(part.select).items() if holders & _foundations(part, spec)}


def _foundations(part: Part, spec: Any) -> set[str]:
    """The functions that a check judges: its own, those it hides nothing of, and in the RNN part theirs in turn."""
    own = _function(spec)
    found, todo = {own}, [*_declared(part, spec), *GIVEN_USES.get(own, ())]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += _uses()[name] if part.name == "rnn" else ()
    return found


def _declared(part: Part, spec: Any) -> tuple[str, ...]:
    """SimCLR's checks put the reference's functions in the place of those they use, so none of them shows through."""
    return () if part.name == "simclr" else tuple(spec.uses)


@cache
def _uses() -> Mapping[str, set[str]]:
    """The functions that each function of the RNN part is built from; a backward pass needs its forward pass."""
    uses: dict[str, set[str]] = {"rnn_layers.sigmoid": set()}
    for spec in specs("check_rnn").values():
        own = _function(spec)
        uses.setdefault(own, set(GIVEN_USES.get(own, ()))).update(spec.uses)
    return uses


def _function(spec: Any) -> str:
    return f"{spec.module}.{spec.function}"

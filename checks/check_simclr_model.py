"""SimCLR's model, handed out complete (contract, section 8): worth no points; told when it is broken.

torchvision's ResNet-50 takes a third of a second to build: in its place stands a network with children of the same
names and kinds, in the student's worker and in the reference's alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from checks.calls import trusted
from checks.declare import Rng, check
from grader.compare import expect_array, expect_close, unpack
from grader.errors import CallError, Failed
from grader.sandbox.client import Tensor
from grader.values import ScalarValue, Value

if TYPE_CHECKING:
    from grader.subject import Subject

FUNCTION = "Model.forward"
N, REPRESENTATION, PROJECTION = 3, 2048, 5
OUTPUTS = {"feature": REPRESENTATION, "out": PROJECTION}
RESTORE = "`simclr/model.py` was handed out complete: take it over from the original file again."


@check(
    f"simclr_model.{FUNCTION}.values", "values", part="simclr", given=True, function="Model"
)  # fmt: skip
def check_model_values(student: Subject, reference: Subject, rng: Rng) -> None:
    """Model maps images to representations (N, 2048) and projections (N, feature_dim), all rows of length 1.

    Its encoder begins with a 3x3 convolution of stride 1 and has neither max-pool nor classifier.
    """
    images, seed = Tensor(rng.standard_normal((N, 3, 4, 4)).astype(np.float32)), int(rng.integers(2**31))
    right = unpack(reference.probe("simclr", "model_outputs", PROJECTION, images, seed), [*OUTPUTS], FUNCTION)
    mine = _outputs(student, images, seed)
    for name, own, expected in zip(OUTPUTS, mine, right, strict=True) if mine else ():
        data = expect_array(own, (N, OUTPUTS[name]), name=name, function=FUNCTION, origin="torch")
        if np.abs(np.linalg.norm(data, axis=1) - 1).max() > 1e-4:
            raise Failed(f"The rows of `{name}` from `{FUNCTION}` have not the length 1.", RESTORE)
        try:
            expect_close(
                own, trusted(expected).astype(np.float64), name=name, function=FUNCTION, origin="torch",
                tolerance="float32", context="with a small network in the place of ResNet-50",
            )  # fmt: skip
        except Failed as failed:
            raise Failed(failed.message, RESTORE, failed.details) from None


def _outputs(student: Subject, images: Tensor, seed: int) -> tuple[Value, ...]:
    """Both outputs; none for a model around another encoder, whose numbers can't be foretold."""
    try:
        value = student.probe("simclr", "model_outputs", PROJECTION, images, seed)
    except CallError as error:
        error.message, error.hint = error.message.replace("model_outputs", FUNCTION, 1), error.hint or RESTORE
        raise
    return () if value == ScalarValue("another encoder") else unpack(value, [*OUTPUTS], FUNCTION)

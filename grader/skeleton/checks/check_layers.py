"""The layers of this assignment. Sizes: N examples, D inputs, M outputs."""

import numpy as np

from checks.declare import Layer, bias, check, normal, weight
from checks.standard import standard_checks
from grader.compare import expect_close, unpack

AFFINE = Layer(
    module="layers",
    forward="affine_forward",
    backward="affine_backward",
    part="layers",
    inputs={"x": normal("N", "D"), "w": weight("D", "M"), "b": bias("M")},
    outputs={"out": ("N", "M")},
    gradients={"dx": "x", "dw": "w", "db": "b"},
    example={"N": 2, "D": 4, "M": 3},
    edges={"a batch of one": {"N": 1}, "one output": {"M": 1}},
)
globals().update(standard_checks(AFFINE))


@check(
    "layers.affine_forward.zero_input",
    "gives the bias for an input of zeros",
    part="layers",
    requires=["layers.affine_forward.shapes"],
)
def check_affine_forward_zero_input(student, reference, rng):
    """With x = 0, each row of the output is the bias."""
    x, w, b = np.zeros((3, 4)), rng.standard_normal((4, 2)), rng.standard_normal(2)
    value = student.layers.affine_forward(x, w, b, returns="out, cache*")
    out, _ = unpack(value, ["out", "cache"], "affine_forward")
    expect_close(out, np.tile(b, (3, 1)), name="out", function="affine_forward", context="for x = 0")

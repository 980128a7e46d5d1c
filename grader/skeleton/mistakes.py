"""Known mistakes: each is a small change of a reference function, with a sentence for the student who made it.

`old` stands exactly once in the function, `new` takes its place. The checks named last must all fail with it: aspects
of the same function, or full names such as "layers.affine_backward.values".
"""

from checks.mistakes.declare import entry, mistakes_in

MISTAKES = mistakes_in(
    "layers.affine_forward",
    entry(
        "bias_missing", "x @ w + b", "x @ w", "the bias b is not added",
        "Compare the line with the formula of the docstring.", "values", "example",
    ),
)  # fmt: skip

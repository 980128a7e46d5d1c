"""All hostile submissions: those of every run, and more for the slow set."""

from tests.submissions.hostile import (
    crashing,
    ending,
    escaping,
    exhausting,
    figures,
    forging,
    kernel,
    learning,
    poisoning,
    reading,
    results,
    texts,
)

ATTACKS = (
    *reading.ATTACKS, *escaping.ATTACKS, *forging.ATTACKS, *results.ATTACKS, *poisoning.ATTACKS, *texts.ATTACKS,
    *crashing.ATTACKS, *exhausting.ATTACKS,
)  # fmt: skip
MORE = (*kernel.ATTACKS, *learning.ATTACKS, *figures.ATTACKS, *ending.ATTACKS)
REPRESENTATIVE = frozenset([
    "signal_by_pipe", "machine_code", "descriptors_it_has", "readers_of_libraries", "truncated_file", "wide_nest",
    "small_stacks", "hidden_files", "answer_then_exit",
])  # of MORE, in every run

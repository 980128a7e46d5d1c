"""All hostile submissions, in one list."""

from tests.submissions.hostile import (
    crashing,
    escaping,
    exhausting,
    forging,
    poisoning,
    reading,
    results,
    texts,
)

ATTACKS = (
    *reading.ATTACKS, *escaping.ATTACKS, *forging.ATTACKS, *results.ATTACKS, *poisoning.ATTACKS, *texts.ATTACKS,
    *crashing.ATTACKS, *exhausting.ATTACKS,
)  # fmt: skip

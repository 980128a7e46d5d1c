"""What the training transform does, read off many views of pictures made for it; and how often, decided early.

Every event of probability p is judged by Wald's sequential test: views are drawn until the alternatives on both sides
of p are refuted, or p itself is. By Ville's inequality a likelihood ratio exceeds 1/alpha with probability at most
alpha when p is true, however often one looks: a correct solution fails once in ten million. About 120 views suffice
for it; a fixed number with the same certainty is 900. One picture shows all that is looked for. All this takes a third
of a second: most submissions are spared it by `checks.same_views`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from checks.probes.augmentation import levels
from checks.shared import kept
from grader.compare import expect_array
from grader.errors import Blocked, CallError, Failed
from grader.values import Array, Handle

if TYPE_CHECKING:
    from checks.declare import Rng
    from grader.subject import Subject

FUNCTION = "compute_train_transform"
MEAN = np.array([0.4914, 0.4822, 0.4465])
STD = np.array([0.2023, 0.1994, 0.2010])
LUMINANCE = np.array([0.299, 0.587, 0.114])
ROUND, LONGEST = 24, 100  # views per round trip; round trips, which no honest transform needs

FALSE_ALARM = 1e-7  # of one test, for a correct solution
MISS = 1e-2  # for a probability that is off by the alternative
ALTERNATIVES = {0.5: (0.3, 0.7), 0.8: (0.6, 0.93), 0.2: (0.1, 0.4)}

# For a step where another was taken, or left out: never or always, or nearly so. In grey views one jitter of fifty does
# not show; 0.785 in place of 0.8 raises a likelihood ratio by 3 % for each of the 30 grey views or so that decide.
TOGETHER = {0.5: (0.02, 0.98), 0.8: (0.5, 0.98)}

# Two colours of one hue and saturation, in bands of 7 of 64 rows: every crop holds a whole band of one of them and
# at least half a band of the other. From left to right they brighten by TILT either way, so that a mirrored view
# shows; up and down they don't. No change of colours within the documented limits clips either.
BRIGHT = np.array([150, 120, 100])
DARK = np.array([90, 72, 60])
BAND, SIDE, TILT = 7, 64, 0.04

# Both are grey 111 or 112. Jittered before they turn grey, they are more than APART levels from each other in 69 views
# of 100 (76 with torchvision's v2); after it, never (3 at most); in one order or the other, in 36. OFTEN_APART is less
# than the former, so that the likelihood ratio of RARELY_APART exceeds 1/alpha all the more seldom.
TWINS = np.array([150, 100, 72]), np.array([71, 124, 150])
APART, OFTEN_APART, RARELY_APART, MISS_ORDER = 4, 0.6, 0.36, 0.05

# Eight greys, one below the other, that brighten downwards. A crop holds 62 rows at least, so an edge, and is made
# smaller: bilinear resizing leaves two rows between two greys at most, and no change of colours adds any.
STAIRS, STAIR, SOFTEST = 256, 32, 3


def bands() -> Array:
    """A picture (64, 64, 3) of bright and dark bands."""
    dark = (np.arange(SIDE) // BAND) % 2 == 1
    column = np.where(dark[:, None], DARK, BRIGHT)  # (64, 3)
    tilt = np.linspace(1 - TILT, 1 + TILT, SIDE)
    return np.asarray((column[:, None] * tilt[None, :, None]).round().astype(np.uint8))


def twins() -> Array:
    """A picture (64, 64, 3) of bands of two colours that are the same grey."""
    other = (np.arange(SIDE) // BAND) % 2 == 1
    return np.repeat(np.where(other[:, None], *TWINS).astype(np.uint8)[:, None], SIDE, axis=1)


def stairs() -> Array:
    """A picture (256, 256, 3) of greys that brighten downwards."""
    rows = (50 + 16 * (np.arange(STAIRS) // STAIR)).astype(np.uint8)
    return np.broadcast_to(rows[:, None, None], (STAIRS, STAIRS, 3)).copy()


def plain(level: int) -> Array:
    """A picture (8, 8, 3) of one grey level."""
    return np.full((8, 8, 3), level, np.uint8)


def made(student: Subject, seed: int) -> Handle:
    """The training transform."""
    value = student.simclr_data.compute_train_transform(seed, returns="transform*")
    if not isinstance(value, Handle):
        raise Failed(f"`{FUNCTION}` did not return a transform.", "Is there a `return` line?")
    return value


def views(student: Subject, transform: Handle, pictures: Sequence[Array], count: int) -> Array:
    """`count` views (3, 32, 32) of each picture, in a row, as the transform gives them."""
    return _views(student, "transform", count * len(pictures), transform, list(pictures), count)


def seeded_views(student: Subject, transform: Handle, pixels: Array, seeds: Sequence[int]) -> Array:
    """Views (3, 32, 32) of a picture, each drawn from one of the seeds."""
    return _views(student, "transform_seeded", len(seeds), transform, pixels, list(seeds))


def _views(student: Subject, name: str, count: int, *arguments: Any) -> Array:
    try:
        value = student.probe("augmentation", name, *arguments)
    except CallError as error:
        if error.message.startswith(f"{name} "):
            error.message = f"The transform of `{FUNCTION}`{error.message.removeprefix(name)}"
        raise
    return expect_array(value, (count, 3, 32, 32), name="views", function=FUNCTION, origin="torch")


def seen(student: Subject, transform: Handle, pixels: Array, count: int) -> Array:
    """The levels (count, 32, 32, 3) of views of one picture."""
    return np.asarray(levels(views(student, transform, [pixels], count), MEAN, STD))


@dataclass
class Frequency:
    """Wald's test of a probability against an alternative on each side."""

    what: str
    p: float
    among: str = "views"
    alternatives: tuple[float, float] | None = None  # ALTERNATIVES of p unless they are given
    hits: int = 0
    count: int = 0

    def add(self, events: Array) -> None:
        """Counts more events. Raises `Failed` when p is refuted."""
        self.hits += int(events.sum())
        self.count += int(events.size)
        if max(self._ratios()) > -np.log(FALSE_ALARM / 2):
            raise Failed(
                f"The transform of `{FUNCTION}` {self.what} in {self.hits} of {self.count} {self.among}; "
                f"expected about {self.p:.0%}.",
                "Which probability does that step have by default, and which does the assignment ask for?",
            )

    @property
    def decided(self) -> bool:
        """Both alternatives are refuted."""
        return bool(max(self._ratios()) < np.log(MISS))

    def _ratios(self) -> list[float]:
        """log(likelihood of the alternative / likelihood of p), for both."""
        misses = self.count - self.hits
        return [
            float(self.hits * np.log(q / self.p) + misses * np.log((1 - q) / (1 - self.p)))
            for q in self.alternatives or ALTERNATIVES[self.p]
        ]


class Stream:
    """The views of the bands by one transform, drawn once and shared by the checks that look at them."""

    def __init__(self, student: Subject, seed: int) -> None:
        self._student = student
        self._transform = made(student, seed)
        self._batches: list[Array] = []

    def batch(self, number: int) -> Array:
        """The levels (ROUND, 32, 32, 3) of the batch of this number."""
        try:
            while len(self._batches) <= number:
                self._batches.append(seen(self._student, self._transform, bands(), ROUND))
        except CallError:  # the transform may be lost with its worker: the next check makes another
            kept(self._student, "stream").clear()
            raise
        return self._batches[number]


def stream(student: Subject, rng: Rng) -> Stream:
    """A submission's stream; the first check that asks for it draws its seed."""
    known = kept(student, "stream")
    if not known:
        known[""] = Stream(student, int(rng.integers(2**31)))
    found: Stream = known[""]
    return found


def decide(views: Stream, test: Frequency, event: Callable[[Array], Array]) -> None:
    """Takes views until the test of `event`, a function of their levels, is decided."""
    for number in range(LONGEST):
        test.add(event(views.batch(number)))
        if test.decided:
            return
    raise Blocked(f"The frequencies of `{FUNCTION}` were not decided by {LONGEST * ROUND} views.")


def expect_independent(drawn: Stream) -> None:
    """Where a step is as frequent as it should be, it is so whatever became of the others."""
    decide(drawn, Frequency("jitters the colours", 0.8, "grey views", TOGETHER[0.8]), jitter_of_grey)
    flips = "mirrors left and right"
    try:
        decide(drawn, Frequency(flips, 0.5), mirrored)
    except Failed:
        return  # which is another matter
    decide(drawn, Frequency(flips, 0.5, "grey views", TOGETHER[0.5]), mirrored_grey)
    decide(drawn, Frequency(flips, 0.5, "views with the picture's colours", TOGETHER[0.5]), mirrored_plain)


def mirrored(found: Array) -> Array:
    """Which views darken from left to right."""
    columns = found.mean(axis=(1, 3))  # (views, 32)
    return np.asarray(columns[:, :16].sum(axis=1) > columns[:, 16:].sum(axis=1))


def mirrored_grey(found: Array) -> Array:
    """Which grey views are mirrored; the others are left out."""
    return mirrored(found[is_grey(found)])


def mirrored_plain(found: Array) -> Array:
    """Which views with the picture's own colours are mirrored; the others are left out."""
    coloured = found[~is_grey(found)]
    return mirrored(coloured[~is_jittered(coloured)])


def edges(found: Array) -> Array:
    """How many edges between bands each view shows."""
    rows = found.mean(axis=(2, 3))  # (views, 32)
    middle = (rows.max(axis=1) + rows.min(axis=1)) / 2
    return np.asarray(np.diff(rows > middle[:, None], axis=1).sum(axis=1))


def expect_grey_last(student: Subject, seed: int) -> None:
    """What is turned grey was jittered before: two colours of one luminance come out as two greys.

    Only where the hue is jittered: nothing else tells the two apart. It must be so in every view, not in one order of
    the two steps out of two: Wald's test again, of a frequency that correct work has at least.
    """
    transform, apart, count = made(student, seed), 0, 0
    for _ in range(LONGEST):
        found = seen(student, transform, twins(), ROUND)
        grey = found[is_grey(found)].mean(axis=(2, 3))  # (views, 32)
        apart, count = apart + int((np.ptp(grey, axis=1) > APART).sum()), count + len(grey)
        against = apart * np.log(RARELY_APART / OFTEN_APART)
        against += (count - apart) * np.log((1 - RARELY_APART) / (1 - OFTEN_APART))
        if against < np.log(MISS_ORDER):
            return
        if against > -np.log(FALSE_ALARM):
            break
    else:
        return  # hardly ever grey, which is another matter
    always = "before it jitters them" if not apart else "before it jitters them, now and then"
    raise Failed(
        f"The transform of `{FUNCTION}` takes the colours away {always}: in {count - apart} of {count} grey views, two "
        "colours of the same luminance came out as the same grey.",
        "The steps have an order: the jitter comes before the grey.",
    )


def expect_upright(student: Subject, seed: int) -> None:
    """Pictures that brighten downwards still do."""
    rows = seen(student, made(student, seed), stairs(), ROUND).mean(axis=(2, 3))  # (views, 32)
    turned = int((rows[:, -1] < rows[:, 0] - 1).sum())
    if turned:
        raise Failed(
            f"The transform of `{FUNCTION}` makes a picture that brightens downwards one that darkens, in {turned} of "
            f"{ROUND} views: it is upside down, or inverted.",
            "Left and right are exchanged; up and down, or bright and dark, never.",
        )


def expect_nothing_else(student: Subject, seed: int) -> None:
    """Rows of one grey stay rows of one grey, with edges as sharp as resizing leaves them."""
    found = seen(student, made(student, seed), stairs(), ROUND)  # (views, 32, 32, 3)
    if np.ptp(found, axis=2).max() > 1:
        raise Failed(
            f"The transform of `{FUNCTION}` does more than crop, mirror and recolour: of a picture whose rows have one "
            "grey each it makes views whose rows do not.",
            "Is it rotated, bent, covered in part, or made noisy? The steps of the docstring are all.",
        )
    steps = np.abs(np.diff(found.mean(axis=(2, 3)), axis=1)) > 0.5  # (views, 31)
    longest = max(len(run) for view in steps for run in "".join(map(str, view.astype(int))).split("0"))
    if longest > SOFTEST:
        raise Failed(
            f"The transform of `{FUNCTION}` blurs pictures: edges come out softer than resizing makes them.",
            "The steps of the docstring are all.",
        )


def is_grey(found: Array) -> Array:
    """Which views have three equal channels."""
    return np.asarray(np.ptp(found, axis=-1).max(axis=(1, 2)) < 1)


def colours(found: Array) -> tuple[Array, Array]:
    """The brightest and the darkest row (views, 3) of each view of the bands."""
    rows = np.median(found, axis=2)  # (views, 32, 3)
    order = np.argsort(rows @ LUMINANCE, axis=1)
    pick = np.arange(len(rows))
    return rows[pick, order[:, -1]], rows[pick, order[:, 0]]


def is_jittered(found: Array) -> Array:
    """Which views that are not grey show other colours than the picture's; grey ones are left out."""
    return _changed(found[~is_grey(found)], np.concatenate([BRIGHT, DARK]))


def jitter_of_grey(found: Array) -> Array:
    """Which grey views show other greys than the picture's; coloured ones are left out."""
    return _changed(found[is_grey(found)], np.repeat([BRIGHT @ LUMINANCE, DARK @ LUMINANCE], 3))


def _changed(found: Array, usual: Array) -> Array:
    """Which views show other colours than the `usual` two.

    Where the crop was taken the colours are brighter or darker by up to TILT, which does not count.
    """
    shown = np.concatenate(colours(found), axis=1)  # (views, 6)
    factor = np.clip(shown @ usual / (usual @ usual), 1 - TILT, 1 + TILT)
    return np.asarray(np.abs(shown - factor[:, None] * usual).max(axis=1) > 2)


@dataclass(frozen=True)
class Strength:
    """How far a property was changed: the limits, the slack of this way of reading it, and what must be reached."""

    name: str
    low: float
    high: float
    slack: float
    reached: tuple[float, float]


# Wherever a view is jittered, a factor is uniform in [0.6, 1.4] and the hue moves by up to 0.1 of a turn. Read off
# two rows of colours they come out up to 10 % off (each step acts on what the one before it made).
STRENGTHS = (
    Strength("brightness", 0.6, 1.4, 0.2, (0.8, 1.2)),
    Strength("contrast", 0.6, 1.4, 0.2, (0.8, 1.2)),
    Strength("saturation", 0.6, 1.4, 0.3, (0.8, 1.2)),
    Strength("hue", -0.1, 0.1, 0.03, (-0.04, 0.04)),
)


def strengths(found: Array) -> dict[str, Array]:
    """Estimates of the four factors for each coloured view of the bands that was jittered."""
    coloured = found[~is_grey(found)]
    coloured = coloured[is_jittered(coloured)]
    bright, dark = colours(coloured)
    middle = [(c.max(axis=-1) + c.min(axis=-1)) / 2 for c in (bright, dark)]  # no change of hue moves it
    usual = [(c.max() + c.min()) / 2 for c in (BRIGHT, DARK)]
    brightness = (middle[0] + middle[1]) / (usual[0] + usual[1])
    both = (middle[0] - middle[1]) / (usual[0] - usual[1])  # brightness times contrast
    chroma = np.ptp(bright, axis=-1) / np.ptp(BRIGHT)
    shift = (hue(bright) - hue(BRIGHT) + 0.5) % 1 - 0.5
    return {"brightness": brightness, "contrast": both / brightness, "saturation": chroma / both,
            "hue": shift[chroma > 0.4]}  # fmt: skip


def hue(colour: Array) -> Array:
    """The hue of colours (..., 3), in turns."""
    r, g, b = np.moveaxis(np.asarray(colour, float), -1, 0)
    return np.asarray(np.arctan2(np.sqrt(3) * (g - b), 2 * r - g - b) / (2 * np.pi))


def expect_strength(kind: Strength, values: Sequence[float] | Array) -> None:
    """Nothing beyond the limits, and both sides reached: with 64 views, but for one time in seven million."""
    low, high = float(np.min(values)), float(np.max(values))
    if low < kind.low - kind.slack or high > kind.high + kind.slack:
        what = (
            f"by {low:.2f} to {high:.2f} of a turn"
            if kind.name == "hue"
            else f"{low:.2f} to {high:.2f} times"
        )
        raise Failed(
            f"The jitter of `{FUNCTION}` changes {kind.name} {what}; the limits are {kind.low:g} and {kind.high:g}.",
            "The strengths are 0.4, 0.4, 0.4 and 0.1, in the order of ColorJitter's parameters.",
        )
    if low > kind.reached[0] or high < kind.reached[1]:
        raise Failed(
            f"The jitter of `{FUNCTION}` hardly changes {kind.name}: from {low:.2f} to {high:.2f} "
            f"in {len(values)} views; expected {kind.low:g} to {kind.high:g}.",
            "All four of brightness, contrast, saturation and hue are jittered.",
        )

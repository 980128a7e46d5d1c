"""Which cell of a hand-in does which step of the assignment: by what is in the cells, not by where they stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grader.notebook import code
from grader.notebook.document import Cell, Document
from grader.notebook.steps import Script, Step

SAME = 0.55  # least likeness of a cell that does a step
COPY = 0.9  # of a second cell that does it, too
MINE = 0.3  # least share of the steps for a notebook to be this one


@dataclass(frozen=True)
class Match:
    """A notebook of the hand-in as one of the assignment's; `cells` by step id, `likeness` of the whole in 0..1."""

    script: Script
    document: Document
    cells: Mapping[str, Cell]
    copies: Mapping[str, tuple[Cell, ...]]
    likeness: float

    def step_of(self, index: int) -> Step | None:
        """The step that the cell at `index` does."""
        return next(
            (step for step in self.script.steps if (cell := self.cells.get(step.id)) and cell.index == index),
            None,
        )


def match(script: Script, document: Document) -> Match:
    """The best assignment of cells to steps; a step without a cell that is like enough has none."""
    weights = _weights(script.steps)
    cells = [
        (cell, code.features(cell.source))
        for cell in document.cells
        if cell.kind == "code" and cell.source.strip()
    ]
    pairs = []
    for place, step in enumerate(script.steps):
        for order, (_, features) in enumerate(cells):
            alike = likeness(step, features, weights)
            if alike >= SAME:
                distance = abs(place / len(script.steps) - order / len(cells))  # equal cells: by their order
                pairs.append((-alike, distance, place, order))
    chosen: dict[str, Cell] = {}
    copies: dict[str, list[Cell]] = {}
    taken: set[int] = set()
    for alike, _, place, order in sorted(pairs):
        step, cell = script.steps[place], cells[order][0]
        if order in taken:
            continue
        if step.id not in chosen:
            chosen[step.id] = cell
            taken.add(order)
        elif -alike >= COPY and step.checks:
            copies.setdefault(step.id, []).append(cell)
    spare = {
        name: tuple(cell for cell in found if all(cell is not c for c in chosen.values()))
        for name, found in copies.items()
    }
    needed = [step for step in script.steps if not step.optional]
    share = sum(step.id in chosen for step in needed) / max(len(needed), 1)
    return Match(script, document, chosen, {name: found for name, found in spare.items() if found}, share)


def likeness(step: Step, features: code.Features, weights: Mapping[str, float]) -> float:
    """How much of a step is in a cell, and (for a step whose features are all known) how much else is."""
    whole = sum(weights[name] * count for name, count in step.features.items())
    found = sum(weights[name] * min(count, features[name]) for name, count in step.features.items())
    if not found:
        return 0.0
    if not step.strict:
        return found / whole
    other = sum(0.2 * count for name, count in extra(step, features).items())
    return 0.75 * found / whole + 0.25 * found / (found + other)


def extra(step: Step, features: code.Features) -> code.Features:
    """What a cell has beyond a step, of the kinds of features that the step is known by."""
    kinds = {name.partition(" ")[0] for name in step.features}
    return Counter(
        {name: count for name, count in (features - step.features).items() if name.partition(" ")[0] in kinds}
    )


def _weights(steps: Sequence[Step]) -> dict[str, float]:
    """What many steps have in common says little, and one number of an array says less than one called function."""
    spread = Counter(name for step in steps for name in step.features)
    return {name: (0.1 if name.startswith("number ") else 1.0) / count for name, count in spread.items()}


def assign(families: Sequence[Sequence[Script]], documents: Sequence[Document]) -> dict[str, list[Match]]:
    """The hand-in's notebooks by the id of the assignment's, best first; one that is none of them is left out."""
    found: dict[str, list[Match]] = {family[0].id: [] for family in families}
    for document in documents:
        named = [family for family in families if family[0].file.lower() == document.name.lower()]
        best = _best(named, document)
        if best is None or best.likeness < MINE:
            best = _best([family for family in families if family not in named], document, best)
        if best is not None and (best.likeness >= MINE or named):
            found[best.script.id].append(best)
    for matches in found.values():
        matches.sort(key=lambda one: -one.likeness)
    return found


def _best(
    families: Sequence[Sequence[Script]], document: Document, least: Match | None = None
) -> Match | None:
    best = least
    for family in families:
        for script in family:
            one = match(script, document)
            if best is None or one.likeness > best.likeness:
                best = one
    return best

"""The commands for notebooks: `gradmark grade --notebooks`, `gradmark answers export` and `gradmark answers import`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from grader import console
from grader.errors import UsageError
from grader.results import Grade, grade_from_json

PROFILES = ("fast", "full", "none")

Notebooks = Annotated[
    bool, typer.Option("--notebooks/--no-notebooks", help="Examine and execute the hand-in's notebooks, too.")
]
Profile = Annotated[
    str,
    typer.Option(
        "--notebook-profile",
        metavar="PROFILE",
        help="fast (minutes), full (hours), or none: nothing is executed.",
    ),
]

answers = typer.Typer(
    no_args_is_help=True, help="The notebooks' inline answers: to staff in one file, and their points back."
)


def chosen(wanted: bool, profile: str) -> str:
    """The profile, or nothing when notebooks are not wanted. Raises `UsageError` for an unknown one."""
    if profile not in PROFILES:
        raise UsageError(f"There is no notebook profile {profile!r}.", f"Use one of {', '.join(PROFILES)}.")
    return profile if wanted else ""


Results = Annotated[
    list[Path],
    typer.Argument(
        metavar="RESULT...", help="result.json files, or folders that hold some (also of a class)."
    ),
]


@answers.command("export")
@console.guarded
def export_answers(
    results: Results,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="CSV", help="The file to write.")] = Path(
        "answers.csv"
    ),
) -> int:
    """Write all inline answers to one CSV file, question by question, for staff to enter points.

    \b
    Example:
      gradmark answers export gradmark-report --out answers.csv
    """
    from grader.notebook import manual

    grades = [grade for _, grade in _grades(results)]
    if not any(notebook.answers for grade in grades for notebook in grade.notebooks):
        raise UsageError("These results hold no inline answers.", "Grade with --notebooks first.")
    try:
        out.write_text(manual.export(grades), encoding="utf-8-sig", errors="replace", newline="")
    except OSError as error:
        raise UsageError(f"{out} can't be written: {error.strerror}.", "Name another file.") from error
    typer.echo(f"Written: {out} ({len(grades)} submission{'s' * (len(grades) != 1)})")
    return 0


@answers.command("import")
@console.guarded
def import_answers(
    table: Annotated[Path, typer.Argument(metavar="CSV", help="The exported file with points filled in.")],
    results: Results,
) -> int:
    """Read the points that staff entered into the results, and write their reports again.

    \b
    Example:
      gradmark answers import answers.csv gradmark-report
    """
    from grader.notebook import manual
    from reports import files

    try:
        entries = manual.read(table.read_text(encoding="utf-8"), table.name)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{table} can't be read: {error}.", "Name the CSV file with the points.") from error
    grades = _grades(results)
    known = {
        (grade.submission, answer.id)
        for _, grade in grades
        for nb in grade.notebooks
        for answer in nb.answers
    }
    if stray := sorted(set(entries) - known):
        shown = ", ".join(" ".join(key) for key in stray[:5])
        raise UsageError(
            f"{table} has rows for answers that are not in these results: {shown}.", "Name all results."
        )
    for path, grade in grades:
        files.write(manual.apply(grade, entries), path.parent)
    entered = sum(entry.points is not None for entry in entries.values())
    typer.echo(f"{entered} of {len(entries)} answers have points; {len(grades)} reports written again")
    return 0


def _grades(paths: Sequence[Path]) -> list[tuple[Path, Grade]]:
    found = []
    for path in dict.fromkeys(file for given in paths for file in _files(given)):
        try:
            found.append((path, grade_from_json(path.read_bytes())))
        except (OSError, ValueError) as error:
            raise UsageError(f"{path}: {error}.", "Name a result.json that this gradmark wrote.") from error
    return found


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    inside = sorted(path.rglob("result.json"))
    if not inside:
        raise UsageError(f"There is no result.json in {path}.", "Name the folder of a report.")
    yield from inside


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(answers, name="answers")

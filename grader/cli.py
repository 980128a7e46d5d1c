"""The command `gradmark`: arguments to function calls, nothing else."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

import grader
from grader import (
    chosen,
    cli_author,
    cli_check,
    cli_class,
    cli_diff,
    cli_doctor,
    cli_export,
    cli_handout,
    cli_help,
    cli_notebook,
    cli_training,
    console,
)
from grader.errors import GradmarkError, UsageError
from grader.results import grade_from_json, to_json

# The session brings numpy, pytest and the checks along; `--help` and `--version` should not wait for them.
if TYPE_CHECKING:
    from grader.rubric import Rubric
    from grader.session import CheckInfo

MOST_SEED = 2**53 - 1  # larger integers are not exact in every JSON reader

app = typer.Typer(
    name="gradmark",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Grade deep-learning coursework against a reference implementation and explain every lost point.",
    epilog="Exit status: 0 done, whatever the score; 1 a fault of gradmark; 2 wrong usage; 130 interrupted.",
    context_settings={"help_option_names": ["-h", "--help"]},
)

Select = Annotated[
    str, typer.Option("-k", metavar="EXPR", help="Only checks that match, as for pytest's -k.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output and nothing else there.")]
RubricFile = Annotated[
    Path | None, typer.Option("--rubric", metavar="FILE", help="Points and limits  [default: gradmark's own]")
]
ForStudent = Annotated[
    bool, typer.Option("--for-student", help="Print and write only what a student may see: no hidden checks.")
]
RequireIsolation = Annotated[
    str,
    typer.Option(
        "--require-isolation",
        metavar="LEVEL",
        help="Run nothing below it: process, seccomp-only, strict, full.",
    ),
]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gradmark {grader.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Options of the command itself."""


def _finite(seconds: float | None) -> float | None:
    if seconds is not None and not 0 < seconds < math.inf:
        raise typer.BadParameter("a time limit is a number of seconds above 0")
    return seconds


@app.command()
@console.guarded
def grade(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH", help="A submission (a folder, or an archive), or a whole class of them."
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Where result.json and the pages go.")
    ] = Path("gradmark-report"),
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=MOST_SEED, help="Draw the same inputs again  [default: a fresh seed]"),
    ] = None,
    select: Select = "",
    timeout: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", callback=_finite, help="For the submission  [default: the rubric's]"),
    ] = None,
    as_json: AsJson = False,
    rubric: RubricFile = None,
    for_student: ForStudent = False,
    as_class: cli_class.AsClass = False,
    form: cli_class.Form = "auto",
    jobs: cli_class.Jobs = None,
    roster: cli_class.Roster = None,
    late: cli_class.Late = None,
    cluster: cli_class.Cluster = "",
    own_seeds: cli_class.OwnSeeds = False,
    require_isolation: RequireIsolation = "",
    notebooks: cli_notebook.Notebooks = False,
    notebook_profile: cli_notebook.Profile = "fast",
    train: cli_training.Train = None,
    data: cli_training.Data = None,
    profile: cli_training.ProfileName = "cpu",
    device: cli_training.Device = "auto",
    assignment: chosen.AssignmentDir = None,
) -> int:
    """Grade one submission, or a class of them, and write the reports.

    result.json and report.html are for staff; student.html leaves out what the rubric hides, and flags.
    A class is a folder of submissions, a Gradescope or Canvas export (folder or zip), or a CSV list of students
    and paths. Interrupted at any moment, the same command goes on where it ended.

    \b
    Examples:
      gradmark grade a3_code_submission.zip
      gradmark grade assignment3/ --out reports/jordan --seed 231
      gradmark grade assignment3/ -k "rnn_step and not gradient"
      gradmark grade a3_code_submission.zip --json | jq .points
      gradmark grade a3_code_submission.zip --require-isolation strict
      gradmark grade assignment_1_export/ --roster roster.csv --out spring --jobs 4
    """
    from grader import isolation, session
    from grader.notebook.grading import options as examined
    from reports import files, student, terminal

    chosen.choose(assignment, notebooks=notebooks)
    reading = cli_notebook.chosen(notebooks, notebook_profile)
    training = cli_training.options(train is not False, data, profile, device)
    of_class = cli_class.ClassOptions(
        as_class, form, jobs, roster, late, cluster, own_seeds, reading, training if train else None
    )
    if found := cli_class.form_of(path, of_class):
        isolation.admit(*isolation.here(), require_isolation)
        return cli_class.grade_class(
            path, found, out, of_class, rubric=_rubric(rubric), seed=seed, select=select, timeout=timeout,
            as_json=as_json,
        )  # fmt: skip
    files.prepare(out)
    with (
        session.Grader(rubric=_rubric(rubric), explain=True) as graded,
        console.shown(console.Chatter(file=sys.stderr)) as progress,
    ):
        isolation.admit(graded.isolation, graded.isolation_detail, require_isolation)
        listener = console.discreet(progress, graded.rubric) if for_student else progress
        result = graded.grade(
            path, seed=seed, select=select, timeout=timeout, progress=listener, notebooks=examined(reading, out),
            training=training,
        )  # fmt: skip
    status = console.FAULT if result.faults else 0
    result = student.of(result) if for_student else result
    written = files.write(result, out)
    if as_json:
        _print_bytes(to_json(result))
    else:
        terminal.summary(result, console.Output())
    typer.echo(f"Seed: {result.environment.seed}\nReport: {written.page}", err=as_json)
    return status


@app.command("list")
@console.guarded
def list_checks(
    select: Select = "", as_json: AsJson = False, rubric: RubricFile = None,
    assignment: chosen.AssignmentDir = None,
) -> int:  # fmt: skip
    """Show every check with its points.

    \b
    Examples:
      gradmark list
      gradmark list -k lstm --json
    """
    from grader import session

    chosen.choose(assignment)

    checks = session.expected_checks(select)
    points = _rubric(rubric) or session.default_rubric()
    session.validate(points, session.expected_checks())
    if as_json:
        rows = [_fields(check) | _ruled(points, check.id) for check in checks]
        _print_bytes(json.dumps(rows, indent=2, ensure_ascii=False).encode() + b"\n")
    else:
        out = console.Output()
        out.print(_table(checks, points))
        out.print(Text(f"{len(checks)} checks, {sum(points.points(check.id) for check in checks)} points"))
    return 0


@app.command()
@console.guarded
def template(
    reference: Annotated[
        Path | None,
        typer.Argument(metavar="REFERENCE", help="The solved assignment  [default: gradmark's own]"),
    ] = None,
    handout: Annotated[
        Path | None, typer.Argument(metavar="TEMPLATE", help="The handout  [default: gradmark's own]")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only say whether the handout is up to date.")
    ] = False,
    assignment: chosen.AssignmentDir = None,
) -> int:
    """Make the students' handout from the solved assignment.

    With --check the exit status is 1 when the handout is not up to date.

    \b
    Examples:
      gradmark template
      gradmark template --check
      gradmark template solved/ handout/
      gradmark template --assignment normalisation
    """
    from grader import template as made

    own = chosen.choose(assignment)
    source, target = reference or own.reference, handout or own.template
    if not source.is_dir():
        raise UsageError(f"There is no folder {source}.", "Name the folder of the solved assignment.")
    if not check:
        made.write(source, target, own.package)
        typer.echo(f"Written: {target}")
        return 0
    differences = made.stale(source, target)
    if differences:
        listed = "\n".join(differences)
        raise GradmarkError(f"{target} is not the handout of {source}:\n{listed}", "Run `gradmark template`.")
    typer.echo(f"{target} is up to date.")
    return 0


@app.command()
@console.guarded
def render(
    result_json: Annotated[Path, typer.Argument(metavar="RESULT_JSON", help="A result.json of gradmark.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Where the pages go  [default: beside it]"),
    ] = None,
) -> int:
    """Make report.html and student.html again from a result, without running anything.

    \b
    Example:
      gradmark render gradmark-report/result.json
    """
    from reports import files

    try:
        result = grade_from_json(result_json.read_bytes())
    except OSError as error:
        raise UsageError(f"{result_json} can't be read: {error.strerror}.", "Name a result.json.") from error
    except ValueError as error:
        raise UsageError(
            f"{result_json}: {error}.", "Name a result.json that this gradmark wrote."
        ) from error
    typer.echo(f"Report: {files.write_pages(result, out or result_json.parent)}")
    return 0


cli_author.register(app)
cli_check.register(app)
cli_class.register(app)
cli_diff.register(app)
cli_doctor.register(app)
cli_export.register(app)
cli_handout.register(app)
cli_notebook.register(app)
cli_training.register(app)
cli_help.finish(app)


def _rubric(path: Path | None) -> Rubric | None:
    from grader.assignment import current
    from grader.rubric import load

    return load(path, current().rubric) if path else None


def _fields(check: CheckInfo) -> dict[str, Any]:
    return {name: getattr(check, name) for name in ("id", "title", "part", "function", "claim")}


def _ruled(rubric: Rubric, check_id: str) -> dict[str, Any]:
    return {"points": rubric.points(check_id), "visibility": rubric.visibility(check_id)}


def _table(checks: tuple[CheckInfo, ...], points: Rubric) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("Check", "Points", "What it claims"):
        table.add_column(name, justify="right" if name == "Points" else "left", overflow="fold")
    for check in checks:
        hidden = " (hidden)" if points.visibility(check.id) == "hidden" else ""
        worth = Text(str(points.points(check.id)))
        table.add_row(Text(check.id + hidden), worth, Text(check.claim or check.title))
    return table


def _print_bytes(content: bytes) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def main() -> None:
    """Run the command; a terminal that lacks a character gets a question mark instead of an error."""
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="replace")
    app()


if __name__ == "__main__":
    main()

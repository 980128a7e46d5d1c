"""The commands and options of training: `gradmark data`, `gradmark calibrate`, and how `grade` trains."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader import console
from grader.errors import UsageError

if TYPE_CHECKING:
    from grader.training.context import Options

Train = Annotated[
    bool | None,
    typer.Option(
        "--training/--no-training", envvar="GRADMARK_TRAINING",
        help="Train the models, too, a minute or more each  [default: of one submission, not of a class]",
    ),
]  # fmt: skip
Data = Annotated[
    Path | None,
    typer.Option(
        "--data", metavar="DIR",
        help="Real COCO, MNIST and CIFAR-10 files  [default: GRADMARK_DATA, else small built-in data]",
    ),
]  # fmt: skip
ProfileName = Annotated[
    str, typer.Option("--profile", metavar="NAME", help="Sizes of the training runs: cpu, gpu or small.")
]
Device = Annotated[
    str, typer.Option("--device", metavar="NAME", help="Where models are trained: auto, cpu, cuda, cuda:1.")
]


def options(train: bool, data: Path | None, profile: str, device: str) -> Options | None:
    """How `grade` trains; None for not at all."""
    from grader.training.context import Options

    return Options(profile, data, device) if train else None


data = typer.Typer(
    name="data", no_args_is_help=True, help="The data that models are trained on: make it, or look it over."
)


@data.command()
@console.guarded
def make(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where it goes; made if it is not there.")],
    seed: Annotated[int, typer.Option(min=0, help="Another seed makes other data.")] = 231,
) -> int:
    """Make small data in the formats of COCO, MNIST and CIFAR-10.

    \b
    Example:
      gradmark data make small/
    """
    from grader.data import make as making

    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is no folder.", "Name another one.")
    for place in making.make(folder, seed):
        typer.echo(f"Made: {place}")
    return 0


@data.command()
@console.guarded
def check(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder with data, real or made.")],
) -> int:
    """Read every data set in a folder and say what is there and what is missing; 2 when something is.

    \b
    Example:
      gradmark data check small/
    """
    from grader.data import overview

    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder.", "Name the folder of the data.")
    whole = True
    for line in overview.of(folder):
        whole &= line.whole
        typer.echo(f"{line.title}: {line.said}")
    return 0 if whole else console.USAGE


def calibrate(
    seeds: Annotated[
        int, typer.Option(min=0, help="Runs of each correct solution and of each mistake.")
    ] = 20,
    profile: ProfileName = "cpu",
    only: Annotated[str, typer.Option(metavar="NAME", help="One check alone: rnn, lstm, vanilla, ...")] = "",
    folder: Data = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="Where the runs are noted, one a line.")
    ] = Path("training_runs.jsonl"),
    also: Annotated[
        list[Path] | None,
        typer.Option("--also", metavar="DIR", help="Another correct solution to train; may be repeated."),
    ] = None,
    right: Annotated[
        bool, typer.Option("--right", help="Correct solutions alone, without the mistakes.")
    ] = False,
    table: Annotated[
        Path | None,
        typer.Option("--table", metavar="FILE", help="Where the table goes  [default: the terminal]"),
    ] = None,
) -> int:
    """Train correct work and typical mistakes over many seeds; show how well the bars tell them apart.

    The runs are appended to FILE, so that an interrupted calibration goes on where it ended. With --seeds 0 nothing
    is trained: the table is of the runs that are there.

    \b
    Examples:
      gradmark calibrate --seeds 20
      gradmark calibrate --only rnn --seeds 3
      gradmark calibrate --also solutions/anna --also solutions/ben --right
    """
    from grader import calibrate as calibration
    from grader.training import evidence
    from grader.training.context import Options

    plans = [plan for plan in calibration.plans(only, also or ()) if plan.right or not right]
    options = Options(profile=profile, data=folder)
    found = calibration.run(out, options, seeds, plans, lambda said: typer.echo(said, err=True))
    lines = list(evidence.report(found))
    if table is None:
        typer.echo("\n".join(lines))
    else:
        table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


def register(app: typer.Typer) -> None:
    """Adds the commands of this topic."""
    app.add_typer(data)
    app.command("calibrate")(console.guarded(calibrate))

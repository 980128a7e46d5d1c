"""`make demo`: grades the three bundled submissions and says where their reports are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from grader.results import grade_from_json

HERE = Path(__file__).resolve().parent
REPORTS = HERE.parent.parent / "demo-report"
SHOWN = {
    "complete": "a complete solution, written differently from the reference",
    "partial": "a partial one with three mistakes",
    "untouched": "the template as it was handed out",
}


def main() -> int:
    """Grades each zip with the real command; the exit status is the worst of theirs."""
    console, worst = Console(), 0
    table = Table("submission", "what it is", "points", "report", title="The three bundled submissions")
    for name, what in SHOWN.items():
        console.rule(f"gradmark grade tests/submissions/zips/{name}.zip")
        out = REPORTS / name
        archive = HERE / "zips" / f"{name}.zip"
        command = [sys.executable, "-m", "grader.cli", "grade", str(archive), "--out", str(out), "--no-training"]
        worst = max(worst, subprocess.run(command, check=False).returncode)
        grade = grade_from_json((out / "result.json").read_bytes())
        extra = sum(part.max_points for part in grade.parts if part.extra_credit)
        possible = f"{grade.max_points} (+{extra} extra)" if extra else f"{grade.max_points}"
        table.add_row(
            name,
            what,
            f"{grade.points} of {possible}",
            str((out / "report.html").relative_to(REPORTS.parent)),
        )
    console.print(table)
    return worst


if __name__ == "__main__":
    sys.exit(main())

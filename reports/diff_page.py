"""What changed between two gradings, as one HTML page: no network, no script, every string escaped."""

from __future__ import annotations

from markupsafe import Markup

from reports import diff_text, page, view
from reports.diff import GradeDiff, Kind
from reports.diff_class import ClassDiff, StudentDiff

MARKS = {
    Kind.WORSE: ("↓", "Worse", "bad"),
    Kind.FAULT: ("!", "Grader fault", "fault"),
    Kind.OTHER: ("~", "Other", "held"),
    Kind.BETTER: ("↑", "Better", "good"),
    Kind.NEW: ("+", "New", "idle"),
    Kind.GONE: ("-", "Gone", "idle"),
}


def render(found: GradeDiff | ClassDiff) -> str:
    """The page of a diff: of a submission, or of a class with the checks that changed for most at the top."""
    style = page.own("style.css")
    of_class = isinstance(found, ClassDiff)
    return (
        page.templates()
        .get_template("diff.html")
        .render(
            found=found,
            of_class=of_class,
            students=[(_called(each), each) for each in found.students]
            if isinstance(found, ClassDiff)
            else [],
            marks=MARKS,
            outcomes=diff_text.outcomes,
            points=diff_text.points,
            tally=diff_text.tally,
            step=diff_text.step,
            wording=view.WORDING,
            style=Markup(style),  # our own file
            policy=page.policy(style),
        )
    )


def _called(student: StudentDiff) -> str:
    return student.id if student.name in {"", student.id} else f"{student.name} ({student.id})"

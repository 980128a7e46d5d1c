"""Matching hand-ins to students: by identifiers of any kind, by name only when nothing else is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.batch import late, roster, tables
from grader.batch.handins import ClassInput, HandIn, Person
from grader.batch.roster import Student, folder_names, match
from grader.errors import UsageError

CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,A3 (1)
    Points Possible,,,,,100
"Silva, Ana",71,00071,asilva,Fall,
"Okafor, Ben",123,0123,bokafor,Fall,
"Min-ji, Cho",456,0456,cho,Fall,
"""
GRADESCOPE = (
    "First Name,Last Name,SID,Email,Role\nAna,Silva,00071,ana@uni.edu,Student\nTa,Ta,9,ta@uni.edu,TA\n"
)


def people(tmp_path: Path, text: str) -> list[Person]:
    """The roster that `text` is."""
    (tmp_path / "roster.csv").write_text(text)
    return roster.read(tmp_path / "roster.csv")


def handed_in(*persons: Person) -> ClassInput:
    """A class in which each of `persons` handed in a file."""
    found = ClassInput("c", "folders")
    found.handins = [HandIn(f"{i}.zip", Path(f"{i}.zip"), (person,)) for i, person in enumerate(persons)]
    return found


def of(students: list[Student]) -> dict[str, list[str]]:
    """Who handed in what."""
    return {student.id: [handin.file for handin in student.handins] for student in students}


def test_rosters_of_both_systems_are_read(tmp_path: Path) -> None:
    """Zeros stay, maxima and teaching assistants are no students, names come in both forms."""
    ana, *_ = canvas = people(tmp_path, CANVAS)
    assert [p.sis_id for p in canvas] == ["00071", "0123", "0456"]
    assert (ana.name, ana.sortable_name, ana.lms_id, ana.login) == ("Ana Silva", "Silva, Ana", "71", "asilva")
    assert [(p.sis_id, p.name, p.email) for p in people(tmp_path, GRADESCOPE)] == [
        ("00071", "Ana Silva", "ana@uni.edu")
    ]


@pytest.mark.parametrize(
    "person",
    [
        Person(lms_id="71"),
        Person(sis_id="00071"),
        Person(login="ASilva"),
        Person(label="00071"),
        Person(label="asilva"),
        Person(label="hw3_00071_final"),
        Person(label="silvaana"),
        Person(name="Ana Silva"),
        Person(name="silva ana", sortable_name="Silva, Ana"),
    ],
)
def test_a_student_is_found_by_whatever_is_known(tmp_path: Path, person: Person) -> None:
    """Any identifier, a folder's name with one in it, or a name that only one student has."""
    students = match(handed_in(person), people(tmp_path, CANVAS))
    assert of(students) == {"00071": ["0.zip"], "0123": [], "0456": []} or of(students)["00071"] == ["0.zip"]
    assert len(students) == 3


@pytest.mark.parametrize(
    "person",
    [Person(sis_id="71"), Person(label="71 123"), Person(name="Ana Silva", sis_id="9"), Person(label="x")],
)
def test_a_doubtful_match_is_none(tmp_path: Path, person: Person) -> None:
    """Another number, a name of two students' numbers, or a name that contradicts a number: not on the roster."""
    unknown = [s for s in match(handed_in(person), people(tmp_path, CANVAS)) if not s.on_roster]
    assert [len(student.handins) for student in unknown] == [1]
    assert "not on the roster" in unknown[0].problems[0].message


def test_a_match_by_name_alone_is_told(tmp_path: Path) -> None:
    """Staff see where only the name spoke for it."""
    students = match(handed_in(Person(name="Ben Okafor")), people(tmp_path, CANVAS))
    (ben,) = [student for student in students if student.handins]
    assert "by the name alone" in ben.problems[0].message


def test_two_of_one_name_are_not_guessed(tmp_path: Path) -> None:
    """When two students have the name, neither gets the hand-in."""
    text = "sid,name\n1,Li Wei\n2,Li Wei\n"
    students = match(handed_in(Person(name="Li Wei")), people(tmp_path, text))
    assert sorted(of(students).items()) == [("1", []), ("2", []), ("Li Wei", ["0.zip"])]


def test_two_files_of_one_student_are_attempts_and_told() -> None:
    """Several hand-ins stay in their order, and the report says that there are several."""
    (ana,) = match(handed_in(Person(sis_id="1"), Person(sis_id="1", name="Ana")), None)
    assert [handin.file for handin in ana.handins] == ["0.zip", "1.zip"]
    assert "2 hand-ins of one student" in ana.problems[0].message


def test_without_a_roster_everyone_listed_is_a_student() -> None:
    """A list's students are all there, with or without a hand-in, and nobody is unknown."""
    found = handed_in(Person(sis_id="2"))
    found.listed = [Person(sis_id="1"), Person(sis_id="2")]
    assert of(match(found, None)) == {"1": [], "2": ["0.zip"]}
    assert all(student.on_roster for student in match(found, None))


@pytest.mark.parametrize(
    ("text", "what"),
    [("sid\n1\n1\n", "line 2 and in line 3"), ("sid,name\n,\n1,a\n", ""), ("sid,email\n1,a@b\n,\n", "")],
)
def test_a_roster_with_a_student_twice_is_refused(tmp_path: Path, text: str, what: str) -> None:
    """A repeated identifier is named with its lines; an empty line is none."""
    if what:
        with pytest.raises(UsageError, match=what):
            people(tmp_path, text)
    else:
        assert len(people(tmp_path, text)) == 1


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"", b'sid\n"' + b"x" * 200_000])
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, data: bytes) -> None:
    """Bytes that are not UTF-8, nothing at all, a cell without end: one clear error with the file's name."""
    (tmp_path / "r.csv").write_bytes(data)
    with pytest.raises(UsageError, match=r"r\.csv"):
        tables.read(tmp_path / "r.csv")


def test_late_days_and_extensions_are_read_by_student(tmp_path: Path) -> None:
    """Rows are matched as hand-ins are; a row of nobody or a number that is none is refused with its line."""
    known = [("a", Person(sis_id="1", email="A@x")), ("b", Person(sis_id="2"))]
    path = tmp_path / "late.csv"
    path.write_text("email,late days,extension,submitted\na@X,2,,\n")
    assert late.read(path, known) == {"a": late.Lateness(2, "", 0)}
    path.write_text("sid,extension_days,submitted\n2,3,2024-05-22 10:00\n")
    assert late.read(path, known) == {"b": late.Lateness(None, "2024-05-22T10:00:00+00:00", 3)}
    for text in (
        "sid,late_days\n3,1\n",
        "sid,late_days\n1,-1\n",
        "sid,late_days\n1,1.5\n",
        "sid,submitted\n1,noon\n",
    ):
        path.write_text(text)
        with pytest.raises(UsageError, match="line 2"):
            late.read(path, known)


def test_folder_names_are_safe_and_differ() -> None:
    """Whatever students are called, each gets a folder of its own that any file system takes."""
    ids = ["ana", "Ana", "a/b", "a:b", "../..", "", "." * 300, "名前", "ana silva", "x" * 300]
    names = folder_names(ids)
    assert len({name.casefold() for name in names.values()}) == len(ids)
    assert all(
        name and set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.@-_")
        for name in names.values()
    )
    assert all(len(name) < 80 and not name.startswith(".") for name in names.values())
    assert names["Ana"] == "Ana"

"""Exports as tables: the gradebook, and marks filled into Canvas's and Moodle's own."""

from __future__ import annotations

import csv
import io
import re

import msgspec
import pytest

from grader.class_results import Adjustment, Status
from grader.errors import UsageError
from reports.exports import canvas, gradebook, moodle
from reports.exports.marks import Asked, Filled
from reports.exports.sheet import Sheet, defused
from tests.reports import class_sample as made

CANVAS = (
    "\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,Notes,Assignment 2 (71),Assignment 3 (72),Final Score\r\n"
    ",,,,,,Manual Posting,,(read only)\r\n"
    '    Points Possible,,,,,,10.00,36.00,"(read only)"\r\n'
    '"Silva, Ana1",9001,001,ana1,"A, and ""B""",=1+1,7,,81\r\n'
    '"Silva, Ana2",9002,002,ana2,B,,EX,12,\r\n'
    '"Silva, Ana3",,003,,B,,,-,\r\n'
    '"Silva, Ana4",9004,004,ana4,B,,1,33,\r\n'
    '"Silva, Ana7",9007,007,ana7,B,,,,\r\n'
    '"O\'Neil, \u202eeve",9100,0100,eve,B,,4,5,\r\n'
    '"Student, Test",9999,,x,B,,,,\r\n'
)
ASKED = Asked(column="Assignment 3")


def rows(content: bytes, delimiter: str = ",") -> list[list[str]]:
    """The table as Python's reader gives it."""
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=delimiter))


def canvas_filled(text: str = CANVAS, asked: Asked = ASKED) -> Filled:
    """The sample class's marks in a Canvas export."""
    return canvas.fill(Sheet(text.encode(), "canvas.csv"), made.typical()[0], asked)


def test_canvas_fills_one_column_and_no_other_byte() -> None:
    """Marks stand in the assignment's column; taken out again, the file is the one that came, to the byte."""
    done = canvas_filled()
    before, after = rows(CANVAS.encode()), rows(done.content)
    assert [row[7] for row in after[3:]] == ["20", "36", "5", "33", "", "5", ""]
    for old, new in zip(before, after, strict=True):
        assert old[:7] + old[8:] == new[:7] + new[8:]
    back = (
        done.content.decode()
        .replace("7,20,81", "7,,81")
        .replace("EX,36,", "EX,12,")
        .replace(",,5,\r", ",,-,\r")
    )
    assert back == CANVAS
    assert done.filled == 3


def test_canvas_leaves_marks_that_are_not_final_and_says_so() -> None:
    """Undecided, crashed and missing students keep their cell, and a remark names each of them."""
    said = "\n".join(canvas_filled().notes)
    assert "Ana4 Silva (004): left as it was: 2 points are undecided" in said
    assert "Ana7 Silva (007): left as it was: nothing was handed in" in said
    assert "Ana5 Silva (005): no row of the table is theirs" in said
    assert "Ana1" not in said


def test_provisional_and_missing_marks_on_demand() -> None:
    """`provisional` fills in undecided points, `missing_zero` a 0."""
    done = canvas_filled(asked=Asked("72", provisional=True, missing_zero=True))
    assert [row[7] for row in rows(done.content)[3:8]] == ["20", "36", "5", "20", "0"]


def test_the_excused_stay_excused() -> None:
    """A cell that says EX is not overwritten."""
    done = canvas_filled(CANVAS.replace("EX,12,", "4,EX,"))
    assert rows(done.content)[4][7] == "EX"
    assert any("excused" in note for note in done.notes)


def test_canvas_semicolons_decimal_comma_and_scale() -> None:
    """A table with semicolons stays one; marks are converted to its maximum, with its decimal sign."""
    text = "Student;ID;SIS Login ID;Section;A3 (72)\n    Points Possible;;;;10,00\nSilva, Ana1;9001;ana1;A;\n"
    done = canvas_filled(text, Asked("A3", scale=True))
    assert rows(done.content, ";")[2] == ["Silva, Ana1", "9001", "ana1", "A", "5,56"]
    assert any("10 points" in note for note in canvas_filled(text, Asked("A3")).notes)


@pytest.mark.parametrize(
    "column", ["Assignment", "Final Score", "Section", "Notes", "", "Assignment 3 (71)", "Student"]
)
def test_canvas_never_adds_or_guesses_a_column(column: str) -> None:
    """A column that is not clearly an assignment of the export is refused, with those that there are."""
    with pytest.raises(UsageError, match="No single column") as caught:
        canvas_filled(asked=Asked(column))
    assert "Assignment 3 (72)" in caught.value.hint


def test_a_title_that_two_assignments_have_needs_the_number() -> None:
    """The number in parentheses tells them apart."""
    text = CANVAS.replace("Assignment 2 (71)", "Assignment 3 (71)")
    with pytest.raises(UsageError, match="No single column"):
        canvas_filled(text)
    assert rows(canvas_filled(text, Asked("72")).content)[3][7] == "20"


def test_the_same_name_with_another_number_is_another_person() -> None:
    """A student is not found by the name when the table gives that name another student number."""
    text = CANVAS.replace('"Silva, Ana1",9001,001,ana1', '"Silva, Ana1",1,2,3')
    assert rows(canvas_filled(text).content)[3][7] == ""


def test_a_row_that_two_students_fit_is_left_alone() -> None:
    """Nobody gets the mark of somebody else."""
    result = made.classroom([made.student(1), made.student(8, lms_id="9001", points=1)])
    done = canvas.fill(Sheet(CANVAS.encode(), "x"), result, ASKED)
    assert rows(done.content)[3][7] == ""
    assert sum("another student fits" in note for note in done.notes) == 2


def test_the_table_of_another_course_is_refused() -> None:
    """A table in which nobody of the class is found is a mistake, and no file comes of it."""
    person = made.student(77, sis_id="x", login="x", email="x", lms_id="x")
    with pytest.raises(UsageError, match="None of the class's 1 students"):
        canvas.fill(Sheet(CANVAS.encode(), "x"), made.classroom([person]), ASKED)


def test_a_name_alone_is_good_enough_but_reported() -> None:
    """Without any identifier the name finds the row, and staff are asked to check."""
    person = made.student(1, lms_id="", sis_id="", login="", email="")
    done = canvas.fill(Sheet(CANVAS.encode(), "x"), made.classroom([person]), ASKED)
    assert rows(done.content)[3][7] == "20"
    assert any("by the name alone" in note for note in done.notes)


def test_points_above_the_maximum_and_zero() -> None:
    """Extra credit is kept, 0 points are the number 0, negative ones too are written as they are."""
    people = [made.student(1, points=40), made.student(2, points=0), made.student(3, points=-3)]
    done = canvas.fill(Sheet(CANVAS.encode(), "x"), made.classroom(people), ASKED)
    assert [row[7] for row in rows(done.content)[3:6]] == ["40", "0", "-3"]


def test_what_is_no_gradebook_is_refused() -> None:
    """Another table, one that is not text, and an unreadable one are errors to act upon."""
    for content in (b"a,b\n1,2\n", b"\xff\xfe\x00", b""):
        with pytest.raises(UsageError):
            canvas.fill(Sheet(content, "x.csv"), made.typical()[0], ASKED)


@pytest.mark.parametrize("text", made.HOSTILE)
def test_canvas_with_hostile_cells(text: str) -> None:
    """Whatever stands in the other cells of the table comes out as it went in."""
    cell = '"' + text.replace("\0", "").encode("utf-8", "replace").decode().replace('"', '""') + '"'
    source = f"Student,ID,Section,A3 (72)\n{cell},9001,{cell},\n"
    done = canvas_filled(source, Asked("72"))
    assert done.content.decode() == source[:-1] + "20\n"


@pytest.mark.parametrize(
    "source",
    [
        "a,b\r\n1\r\n",
        "a,b\n\n1,2\n",
        'a,b\n"x\ny",2',
        'a,b\n"x"y,2\n',
        'a,b\nx"y"z,2\n',
        "a,b",
        "a,b\r1,2\r",
        'a,""\n"",""',
    ],
)
def test_a_cell_is_filled_where_a_reader_finds_it(source: str) -> None:
    """Short rows, empty lines, quotes in odd places, all kinds of line ends: only the cell changes."""
    sheet = Sheet(source.encode(), "x")
    last = len(sheet.rows) - 1
    sheet.fill(last, 1, 'new, "cell"')
    after = rows(sheet.content())
    assert after[last][1] == 'new, "cell"'
    assert after[last][0] == (sheet.rows[last] or [""])[0]
    assert after[:last] == sheet.rows[:last]


MOODLE = (
    "Identifier,Full name,ID number,Email address,Status,Grade,Maximum Grade,Grade can be changed,"
    "Last modified (submission),Last modified (grade),Feedback comments\n"
    'Participant 501,Ana1 Silva,,ana1@uni.edu,Submitted,,100.00,Yes,"Friday, 24 May 2024, 10:00 AM",-,\n'
    "Participant 502,Ana2 Silva,002,ANA2@uni.edu,Submitted,3.00,100.00,Yes,-,-,kept\n"
    "Participant 503,Ana3 Silva,003,,Submitted,3.00,100.00,No,-,-,\n"
)


def test_moodle_grades_and_feedback() -> None:
    """Grades that can be changed are filled in, with a line of feedback where there is none yet."""
    done = moodle.fill(Sheet(MOODLE.encode(), "x"), made.typical()[0], Asked(scale=True))
    table = rows(done.content)
    assert [row[5] for row in table[1:]] == ["55.56", "100", "3.00"]
    assert table[1][10].startswith(
        "Points by part. Vanilla RNN captioning: 21 of 36; LSTM captioning: 3 of 6;"
    )
    assert [row[10] for row in table[2:]] == ["kept", ""]
    assert [row[:5] + row[6:10] for row in table] == [row[:5] + row[6:10] for row in rows(MOODLE.encode())]
    assert any("can't be changed" in note for note in done.notes)


def test_moodle_in_another_language() -> None:
    """The column of grades is named, addresses are recognised, the decimal comma is kept."""
    text = 'ID,Vollständiger Name,E-Mail-Adresse,Bewertung,Maximum Grade\nTeilnehmer/in1,X,ana1@uni.edu,,"10,00"\n'
    done = moodle.fill(Sheet(text.encode(), "x"), made.typical()[0], Asked("Bewertung", scale=True))
    assert rows(done.content)[1][3] == "5,56"
    with pytest.raises(UsageError, match="no single column"):
        moodle.fill(Sheet(text.encode(), "x"), made.typical()[0], Asked())


def test_moodle_without_anybodys_name_is_refused() -> None:
    """A worksheet of blind marking tells nobody's mark from another's."""
    text = "Identifier,Status,Grade\nParticipant 1,x,\n"
    with pytest.raises(UsageError, match="who the students are"):
        moodle.fill(Sheet(text.encode(), "x"), made.typical()[0], Asked())


@pytest.mark.parametrize("text", made.HOSTILE)
def test_moodle_feedback_is_harmless(text: str) -> None:
    """Feedback is HTML in Moodle: what the class holds is text in it, and no formula for who opens the table."""
    person = made.student(1, adjustments=(Adjustment(kind="late", points=-1, reason=text),))
    said = moodle.feedback(person)
    assert "<" not in said
    assert not is_formula(said)


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet would compute the cell, split at any separator: an independent, stricter reading."""
    pieces = [cell, *re.split(r"[;\t|\r\n]", cell)]
    return any(
        piece.strip().lstrip("\"' ")[:1] in set("=+-@＝＋－＠")
        and piece.strip()[:1] != "'"
        and not number(piece)
        for piece in pieces
        if piece.strip()
    )


def number(cell: str) -> bool:
    """Whether Python takes it for a number."""
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True


def test_formula_detection_itself() -> None:
    """The detector sees formulas of each kind, and lets names and numbers be."""
    assert all(map(is_formula, ("=1+1", " +x", "@a", "a;=1", "-x", "＝1")))
    assert not any(map(is_formula, ("Ana", "-3", "'=1", "a-b", "1.5", "O'Neil")))


@pytest.mark.parametrize("text", made.HOSTILE)
def test_the_gradebook_has_no_formula(text: str) -> None:
    """Formulas, line ends, terminal codes and direction marks in any text come out as plain words on one line."""
    content = gradebook.render(made.hostile(text)[0])
    table = rows(content)
    assert {len(row) for row in table} == {len(table[0])}
    assert len(table) == 3
    for row in table[1:]:
        for cell in row:
            assert not is_formula(cell)
            assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", cell)


def test_the_gradebook_holds_everybody() -> None:
    """One line for each student with points, status and what is not final; numbers and zeros in front are kept."""
    table = list(csv.DictReader(io.StringIO(gradebook.render(made.typical()[0]).decode("utf-8-sig"))))
    assert [row["sis_id"] for row in table] == [f"00{n}" for n in range(1, 8)]
    assert [row["points"] for row in table] == ["20", "36", "5", "20", "0", "0", ""]
    assert table[0]["part rnn"] == "21"
    assert table[0]["final"] == "yes"
    assert "undecided" in table[3]["final"]
    assert table[6]["status"] == Status.MISSING


@pytest.mark.parametrize(
    ("value", "cell"), [("-5", "-5"), ("+3.5", "+3.5"), ("=1", "'=1"), ("-5x", "'-5x"), (7, "7")]
)
def test_numbers_stay_numbers(value: object, cell: str) -> None:
    """Only what is not a number is defused."""
    assert defused(value) == cell


def test_marks_follow_the_class_not_the_policy_of_another() -> None:
    """The mark is the points after the policies, not those earned."""
    person = msgspec.structs.replace(made.student(1), earned=36, points=9)
    done = canvas.fill(Sheet(CANVAS.encode(), "x"), made.classroom([person]), ASKED)
    assert rows(done.content)[3][7] == "9"

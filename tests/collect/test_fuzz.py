"""Whatever names and bytes an archive has, nothing leaves its place and every refusal is a clean one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.collect import collect
from grader.collect.names import clean, parts_of
from grader.errors import CollectError
from tests.collect.handins import COMPLETE, content, hints, messages, tar_of, zip_bytes


@given(st.text(st.characters(codec=None), min_size=1))
def test_parts_of_a_name_never_lead_anywhere_else(name: str) -> None:
    """Whatever the name, its parts are plain, or it is refused with a reason."""
    try:
        parts = parts_of(name)
    except ValueError:
        return
    assert parts
    for part in parts:
        assert part not in {"", ".", ".."}
        assert not set(part) & set("/\\\0\n\r\x1b")
    assert not (len(parts[0]) > 1 and parts[0][1] == ":" and parts[0][0].isascii() and parts[0][0].isalpha())


@given(st.text(st.characters(codec=None)))
def test_a_shown_name_is_one_short_printable_line(name: str) -> None:
    """Names reach terminals and reports; none may steer them."""
    assert clean(name).isprintable()
    assert len(clean(name)) <= 120


NAMES = st.lists(st.sampled_from(["..", ".", "", "/", "cs231n", "x.py", "C:", "\\", "\n", "__MACOSX"])).map(
    "/".join
)


@given(added=st.lists(st.tuples(NAMES, st.binary(max_size=4)), max_size=6))
def test_no_set_of_member_names_writes_outside_the_copy(
    added: list[tuple[str, bytes]], tmp_path_factory: pytest.TempPathFactory, template: Path
) -> None:
    """Whatever members are added, the student's own files arrive and every file lies inside the copy."""
    home = tmp_path_factory.mktemp("home")
    (home / "ada.zip").write_bytes(zip_bytes(*((name, data) for name, data in added if name)))
    made = collect(home / "ada.zip", template, home / "into")
    assert content(made).items() >= COMPLETE.items()
    outside = [path for path in home.rglob("*") if path.is_file() and made.root not in path.parents]
    assert outside == [home / "ada.zip"]


@given(data=st.data())
def test_flipped_bytes_never_end_in_another_exception(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory, template: Path
) -> None:
    """A damaged zip or tar is graded as far as it goes, or refused by a `CollectError`."""
    whole = bytearray(data.draw(st.sampled_from([zip_bytes(), tar_of(COMPLETE)])))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    home = tmp_path_factory.mktemp("home")
    (home / "ada.zip").write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        made = collect(home / "ada.zip", template, home / "into")
    except CollectError as error:
        said = [error.message, error.hint]
    else:
        said = [*messages(made), *hints(made)]
    assert all(message.isprintable() for message in said)

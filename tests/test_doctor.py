"""What the machine offers, and what a run below the recommended level is told."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from grader import doctor, isolation
from grader.cli import app
from grader.errors import SandboxError, UsageError
from grader.sandbox.client import Zygote
from grader.sandbox.level import LEVELS, RECOMMENDED
from tests.test_cli import Fake, run  # noqa: F401 (a fixture)

OPEN = ("own process", "not prevented: read other files", "not prevented: start processes")


@pytest.fixture(scope="module")
def found() -> doctor.Examination:
    """This machine, looked at without the time that torch takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(doctor, "PRELOAD", ("numpy",))
        patch.setattr(doctor, "WITH_NOTEBOOKS", ("numpy",))
        return doctor.examine()


def test_the_level_is_the_one_that_a_run_would_use(found: doctor.Examination) -> None:
    """The doctor asks the same throw-away worker; a layer is there or has a reason and a remedy."""
    with Zygote.start(preload=("numpy",)) as zygote:
        assert (found.level, found.detail) == (zygote.isolation, zygote.isolation_detail)
    assert {layer.name for layer in found.layers} == {"namespaces", "Landlock", "seccomp"}
    for layer in found.layers:
        assert layer.there == (not layer.why) == (not layer.remedy)


def test_what_it_prints_and_its_exit_status(
    found: doctor.Examination, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0 when ready, 1 below the recommended level; --json is the same facts and nothing else."""
    for level, status in (("full", 0), (RECOMMENDED, 0), ("seccomp-only", 1), ("process", 1)):
        at = msgspec.structs.replace(found, level=level, problems=())
        monkeypatch.setattr(doctor, "examine", lambda at=at: at)
        shown = CliRunner().invoke(app, ["doctor"])
        assert shown.exit_code == status
        assert f"Level      {level}:" in shown.stdout
        assert ("Not ready" in shown.stdout) == bool(status)
        facts = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)
        assert (facts["level"], facts["recommended"]) == (level, RECOMMENDED)


def test_a_missing_layer_is_shown_with_reason_and_remedy(found: doctor.Examination) -> None:
    """Why, and what to do, in the lines below it."""
    layer = doctor.Layer(name="Landlock", what="x", there=False, why="too old", remedy="a newer kernel")
    text = "\n".join(doctor.lines(msgspec.structs.replace(found, layers=(layer,))))
    assert "NO   Landlock: x\n         why: too old\n         remedy: a newer kernel" in text


@pytest.mark.parametrize(("system", "words"), [("darwin", "virtual machine"), ("win32", "WSL 2")])
def test_other_systems_are_told_where_to_grade(
    monkeypatch: pytest.MonkeyPatch, system: str, words: str
) -> None:
    """No layer exists there, so the remedy is another system."""
    monkeypatch.setattr(sys, "platform", system)
    assert all(words in doctor.remedy(layer) for layer in ("namespaces", "Landlock", "seccomp"))


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("kernel/apparmor_restrict_unprivileged_userns", "1", "AppArmor"),
        ("kernel/unprivileged_userns_clone", "0", "unprivileged_userns_clone=1"),
        ("user/max_user_namespaces", "0", "max_user_namespaces=15000"),
    ],
)
def test_the_switch_that_is_off_is_named(
    monkeypatch: pytest.MonkeyPatch, setting: str, value: str, words: str
) -> None:
    """Ubuntu's, Debian's and the kernel's own way to refuse namespaces each have their remedy."""
    monkeypatch.setattr(doctor, "_setting", lambda name: value if name == setting else "")
    assert words in doctor.remedy("namespaces")


def test_an_old_kernel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Landlock came with 5.13; on a newer kernel it is switched off."""
    monkeypatch.setattr(doctor, "_kernel", lambda: (5, 4))
    assert "5.13" in doctor.remedy("Landlock")
    monkeypatch.setattr(doctor, "_kernel", lambda: (6, 8))
    assert "lsm=" in doctor.remedy("Landlock")


def test_little_memory_is_a_problem() -> None:
    """Less than one worker may need is said beforehand; an unknown amount is not."""
    assert len(doctor._room(1 << 30)) == 1
    assert doctor._room(0) == []


def test_a_sandbox_that_does_not_start_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """The doctor is for broken machines: it reports instead of failing."""

    def broken(**_: object) -> Zygote:
        raise SandboxError("The warm parent could not start.", "No torch.")

    monkeypatch.setattr(Zygote, "start", broken)
    sick = doctor.examine()
    assert not sick.fit
    assert sick.problems[0] == "The warm parent could not start. No torch."
    assert "Not ready" in doctor.lines(sick)[-1]


@pytest.mark.parametrize("actual", LEVELS)
def test_a_level_is_demanded(actual: str) -> None:
    """Everything from the level on is enough, everything below is refused before anything runs."""
    for wanted in LEVELS:
        if LEVELS.index(actual) >= LEVELS.index(wanted):
            isolation.demand(actual, OPEN, wanted)
            continue
        with pytest.raises(UsageError, match="nothing was run") as refused:
            isolation.demand(actual, OPEN, wanted)
        assert "Not prevented: read other files, start processes." in refused.value.hint
    isolation.demand(actual, OPEN, "")
    with pytest.raises(UsageError, match="no level of isolation"):
        isolation.demand(actual, OPEN, "fort-knox")


def test_the_warning_names_what_is_open() -> None:
    """Level, meaning, what is not prevented; nothing at the recommended level."""
    text = isolation.boxed(isolation.warning("process", OPEN))
    assert len({len(row) for row in text.splitlines()}) == 1
    assert "level 'process'" in text
    assert "with all your rights" in text
    assert "read other files, start processes" in text
    assert isolation.warning(RECOMMENDED, OPEN) == isolation.warning("full", ()) == ()


def test_a_run_below_the_recommended_level_warns(
    run: Callable[..., Any],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On standard error, before anything runs, also with --json; and a required level ends it with status 2."""
    monkeypatch.setattr(Fake, "isolation", "process")
    monkeypatch.setattr(Fake, "isolation_detail", OPEN)
    shown = run("grade", "work.zip", "--json")
    assert shown.exit_code == 0
    assert "! Student code is not isolated enough: level 'process'" in shown.stderr
    json.loads(shown.stdout)
    Fake.asked = {}
    refused = run("grade", "work.zip", "--require-isolation", "strict")
    assert refused.exit_code == 2
    assert "level 'process', below 'strict': nothing was run" in refused.stderr
    assert "path" not in Fake.asked
    monkeypatch.setattr(Fake, "isolation", "strict")
    assert "isolated" not in run("grade", "work.zip", "--require-isolation", "strict").stderr

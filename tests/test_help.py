"""The command line for who reads it: help, completion, exit statuses, output with and without a terminal."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader import cli_help, console
from grader.cli import app
from grader.session import ROOT
from handbook import commands, usage

LEAVES = {words: each for words, each in commands.commands().items() if not hasattr(each, "commands")}
SUMMARY = (
    "import sys, grader.session as session; from tests import test_cli; from tests.reports import sample\n"
    "test_cli.Fake.outcome = sample.typical(); session.Grader = test_cli.Fake\n"
    "sys.argv = ['gradmark', 'grade', 'x']; import grader.cli; grader.cli.main()"
)
COLOUR = re.compile(rb"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;\d+)*m")


def examples(words: tuple[str, ...]) -> list[str]:
    """The example commands of a command's help."""
    lines = commands.help_of(words).splitlines()
    start = next(i for i, line in enumerate(lines) if line.strip() in {"Example:", "Examples:"})
    return [line.strip() for line in itertools.takewhile(str.strip, lines[start + 1 :])]


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_help_has_examples_that_work(words: tuple[str, ...]) -> None:
    """Every command shows how it is called, and the parser takes each example."""
    shown = examples(words)
    assert shown
    for line in shown:
        given = usage.arguments(line)
        assert given is not None
        usage.parse(given)
    assert (usage.arguments(shown[0]) or [])[: len(words)] == [*words]


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_help_says_what_the_exit_status_means(words: tuple[str, ...]) -> None:
    """Every command's help tells its statuses once."""
    assert commands.help_of(words).count(cli_help.SAID) == 1


def test_the_statuses_are_those_of_the_program() -> None:
    """The sentence in the help and the table in the documentation have the numbers that the code has."""
    told = (console.FAULT, console.USAGE, console.INTERRUPTED)
    assert re.findall(r"\b(\d+) ", cli_help.EXITS) == ["0", *map(str, told[:2]), str(told[2])]
    page = commands.INTRODUCTION
    for status in (0, *told, console.TERMINATED, console.BROKEN_PIPE):
        assert re.search(rf"\b{status}\b", page), status


def completed(typed: str) -> set[str]:
    """What bash is offered after `typed`."""
    env = {"_GRADMARK_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    return set(CliRunner().invoke(app, [], prog_name="gradmark", env=env).stdout.split())


def test_completion_knows_commands_and_options() -> None:
    """Tab completes commands, those of groups, and options; hidden commands are not offered."""
    assert completed("gradmark gra") == {"grade", "gradescope-zip"}
    assert {"export", "import"} <= completed("gradmark answers ")
    assert completed("gradmark grade x --req") == {"--require-isolation"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_can_be_shown_for_each_shell(shell: str, tmp_path: Path) -> None:
    """--show-completion prints the shell's script, which calls gradmark."""
    script = "import sys; sys.argv[0] = 'gradmark'; import grader.cli; grader.cli.main()"
    env = environment(_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")  # else the shell is guessed
    command = (sys.executable, "-c", script, "--show-completion", shell)
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, timeout=100)
    assert done.returncode == 0, done.stderr.decode()
    assert f"_GRADMARK_COMPLETE=complete_{shell}".encode() in done.stdout


def environment(**more: str) -> dict[str, str]:
    """That of a terminal with colours, unless `more` says otherwise."""
    kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR"}}
    return {**kept, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **more}


def on_a_terminal(folder: Path, **more: str) -> bytes:
    """What the summary of a grading sends to a terminal."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        (sys.executable, "-c", SUMMARY), cwd=folder, env=environment(**more), stdin=theirs, stdout=theirs,
        stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    received = b""
    try:
        while chunk := os.read(ours, 65536):
            received += chunk
    except OSError:  # Linux: the other end has closed
        pass
    finally:
        os.close(ours)
        process.kill()
        process.wait(60)
    return received


def test_a_terminal_gets_colours_unless_it_does_not_want_them(tmp_path: Path) -> None:
    """With NO_COLOR no colour is sent, and the words are the same."""
    usual, plain = on_a_terminal(tmp_path), on_a_terminal(tmp_path, NO_COLOR="1")
    assert COLOUR.search(usual)
    assert not COLOUR.search(plain)
    assert b"Score: " in usual
    assert b"Score: " in plain


@pytest.mark.parametrize("more", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_without_a_terminal_no_escape_code_is_sent(tmp_path: Path, more: dict[str, str]) -> None:
    """Into a file or a pipe goes plain text, on both streams."""
    command = (sys.executable, "-c", SUMMARY)
    done = subprocess.run(command, cwd=tmp_path, env=environment(**more), capture_output=True, timeout=100)
    assert b"Score: " in done.stdout, done.stderr.decode()
    assert b"\x1b" not in done.stdout + done.stderr

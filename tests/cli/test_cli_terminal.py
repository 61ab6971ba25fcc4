"""What differs with and without a terminal: questions, colours, pipes, encodings."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cli.terminal import PROGRAM, flat

from reconciler.errors import ExitCode

if TYPE_CHECKING:
    from cli.terminal import Terminal

ESCAPE = "\x1b["
QUESTION = "Apply these changes? [y/N]: "
ALLOWED = ("--allow", "locks-out")


def test_no_question_without_a_terminal(terminal: Terminal) -> None:
    ran = terminal.launch("apply", *ALLOWED).ended(ExitCode.ERROR)
    assert "there is no terminal to ask on; nothing was done" in ran.err
    assert "say --auto-approve" in ran.err
    assert "Plan: 12 to create" in ran.out
    assert not terminal.writes
    assert {path.name for path in terminal.home.iterdir()} == {".lock"}


@pytest.mark.parametrize("answer", ["y\n", "yes\n"])
def test_yes(terminal: Terminal, answer: str) -> None:
    ran = terminal.converse("apply", *ALLOWED, answer=answer, question=QUESTION).ended(ExitCode.DONE)
    assert "Applied: 14 done" in ran.out
    assert terminal.entries


@pytest.mark.parametrize("answer", ["n\n", "\n"])
def test_no(terminal: Terminal, answer: str) -> None:
    ran = terminal.converse("apply", *ALLOWED, answer=answer, question=QUESTION).ended(ExitCode.ERROR)
    assert "nothing was done: the answer was no" in ran.out
    assert not terminal.writes
    assert {path.name for path in terminal.home.iterdir()} == {".lock"}


def test_ctrl_c_at_the_question(terminal: Terminal) -> None:
    ran = terminal.converse("apply", *ALLOWED, answer="\x03", question=QUESTION).ended(ExitCode.INTERRUPTED)
    assert "interrupted; nothing is half-written" in ran.out
    assert not terminal.writes
    terminal.apply("locks-out").ended(ExitCode.DONE)  # it was unlocked


def test_nothing_is_asked_where_nothing_is_to_do(applied: Terminal) -> None:
    ran = applied.converse("apply").ended(ExitCode.DONE)
    assert "nothing to do" in ran.out
    assert QUESTION not in ran.out


def test_nothing_is_asked_that_is_refused_anyway(terminal: Terminal) -> None:
    ran = terminal.converse("apply").ended(ExitCode.REFUSED)
    assert QUESTION not in ran.out


@pytest.mark.parametrize("command", [("plan",), ("apply", "--auto-approve", *ALLOWED), ("drift",)])
def test_colours_only_on_a_terminal(terminal: Terminal, command: tuple[str, ...]) -> None:
    assert ESCAPE in terminal.converse(*command).out
    terminal.environ["NO_COLOR"] = "1"
    assert ESCAPE not in terminal.converse(*command).out
    del terminal.environ["NO_COLOR"]
    ran = terminal.run(*command)
    assert ESCAPE not in ran.out + ran.err


def test_errors_have_colours_on_a_terminal_too(terminal: Terminal) -> None:
    assert ESCAPE in terminal.converse("plan", "--env", "none").out


def test_a_reader_that_goes_away_is_no_error(applied: Terminal) -> None:
    """`plan | head -1`: no complaint, no traceback. What is printed is longer than a pipe holds."""
    claims = {f"claim_{number}": f"value:{number}" for number in range(600)}
    applied.write({"clients": {"atlassian": {"claims": claims}}})
    with applied.start("plan") as process:
        assert process.stdout
        assert process.stdout.readline() == "Plan for acme/default\n"
        process.stdout.close()
        assert process.stderr
        assert process.stderr.read() == ""
    assert not applied.writes


@pytest.mark.parametrize("arguments", [("plan",), ("plan", "--json"), ("--help",)])
def test_a_disk_without_room_for_the_output(applied: Terminal, arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*PROGRAM, *arguments], env=applied.variables, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == ExitCode.ERROR
    assert flat(done.stderr).startswith("error: No space left on device")
    assert "Traceback" not in done.stderr


def test_a_disk_without_room_for_the_progress(terminal: Terminal) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*PROGRAM, "apply", "--auto-approve", *ALLOWED],
            env=terminal.variables,
            stdout=subprocess.PIPE,
            stderr=full,
            text=True,
            check=False,
        )
    assert "Applied: 14 done" in done.stdout
    assert done.returncode == ExitCode.DONE


def test_an_apply_goes_on_where_nobody_reads_its_progress(terminal: Terminal) -> None:
    with terminal.start("apply", "--auto-approve", *ALLOWED) as process:
        assert process.stdout
        assert process.stderr
        process.stderr.close()
        assert "Applied: 14 done" in process.stdout.read()
    assert process.returncode == ExitCode.DONE


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_knows_few_letters(terminal: Terminal, encoding: str) -> None:
    """Text in other scripts is escaped, and nothing fails."""
    terminal.write({"sso": {"confluence": {"display_name": "日本 log in"}}})
    terminal.environ |= {"PYTHONIOENCODING": encoding}
    ran = terminal.launch("plan").ended(ExitCode.DONE)
    assert ran.out.isascii()
    assert '"\\u65e5\\u672c log in"' in ran.out
    assert "log in" in terminal.launch("plan", "--format", "markdown").ended(ExitCode.DONE).out
    ran = terminal.launch("apply", "--auto-approve", *ALLOWED).ended(ExitCode.DONE)
    assert "[ 1/14] ok " in ran.err


def test_output_that_nobody_takes(terminal: Terminal) -> None:
    """As cron or a service manager may start it: with neither stdin nor stdout nor stderr."""
    for command, code in ((("plan",), ExitCode.DONE), (("plan", "--env", "none"), ExitCode.ERROR)):
        closed = 'exec "$@" <&- >&- 2>&-'
        done = subprocess.run(
            ["/bin/sh", "-c", closed, "sh", *PROGRAM, *command],
            env=terminal.variables,
            cwd=terminal.folder,
            check=False,
        )
        assert done.returncode == code


def test_a_narrow_terminal(applied: Terminal) -> None:
    applied.environ["COLUMNS"] = "40"
    ran = applied.run("plan", "--env", "none")
    assert max(map(len, ran.err.splitlines())) < 200
    assert "this stack has no environment" in flat(ran.err)

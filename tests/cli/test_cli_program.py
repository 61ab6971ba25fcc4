"""The entry point of the program, and what signals do to a run: in this process, where it can be watched."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from acceptance.workplace import ROOT

from reconciler.cli import apply_, main
from reconciler.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.terminal import Terminal


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """The signal handlers are what they were, afterwards."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The program, without what it does to the whole process."""

    def leave(code: int) -> None:
        raise SystemExit(code)

    monkeypatch.setattr(main, "_travel_light", lambda: None)
    monkeypatch.setattr(os, "_exit", leave)
    monkeypatch.setattr(sys, "argv", ["reconciler", "--version"])
    return monkeypatch


def run() -> int | str | None:
    with pytest.raises(SystemExit) as ended:
        main.run()
    return ended.value.code


@pytest.mark.usefixtures("program")
def test_the_program_ends_with_the_code_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == ExitCode.DONE
    assert capsys.readouterr().out.startswith("reconciler, version")


def test_streams_that_are_closed_or_know_few_letters(program: pytest.MonkeyPatch) -> None:
    narrow = io.TextIOWrapper(io.BytesIO(), "ascii")
    program.setattr(sys, "stdout", narrow)
    program.setattr(sys, "stdin", None)
    assert run() == ExitCode.DONE
    assert narrow.errors == "backslashreplace"
    assert sys.stdin.read() == ""
    sys.stdin.close()


def test_output_that_cannot_be_flushed_changes_no_exit_code(program: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def flush(self) -> None:
            raise OSError(28, "No space left on device")

        def fileno(self) -> int:
            return 77

    pointed: list[int] = []
    program.setattr(os, "dup2", lambda _source, target: pointed.append(target))
    program.setattr(main, "outcome", lambda _arguments: ExitCode.DONE)
    program.setattr(sys, "stdout", Full())
    assert run() == ExitCode.DONE
    assert pointed == [77]


def test_the_program_waits_for_no_thread() -> None:
    """One may wait for a system that does not answer, after an interruption."""
    text = (
        "import threading; from reconciler.cli import main; "
        "main.outcome = lambda _: threading.Thread(target=threading.Event().wait).start() or 130; main.run()"
    )
    assert subprocess.run([sys.executable, "-c", text], timeout=20, check=False).returncode == ExitCode.INTERRUPTED


def test_sigterm_ends_a_command_that_carries_out_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    signal.signal(signal.SIGTERM, main._terminated)
    monkeypatch.setattr("reconciler.flows.place.Place.read_spec", lambda _place: os.kill(os.getpid(), signal.SIGTERM))
    monkeypatch.setenv("RECONCILER_SPECS", str(ROOT / "specs"))
    assert main.outcome(["validate"]) == ExitCode.TERMINATED


@pytest.mark.parametrize(
    ("problem", "code"),
    [(KeyboardInterrupt(), ExitCode.INTERRUPTED), (BrokenPipeError(32, "Broken pipe"), ExitCode.ERROR)],
)
def test_how_a_command_can_break_off(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], problem: BaseException, code: ExitCode
) -> None:
    """A reader that went away is nothing to complain about."""

    def break_off(_place: object) -> None:
        raise problem

    streams = sys.stdout, sys.stderr
    monkeypatch.setattr("reconciler.flows.place.Place.read_spec", break_off)
    monkeypatch.setenv("RECONCILER_SPECS", str(ROOT / "specs"))
    try:
        assert main.outcome(["validate"]) == code
    finally:
        sys.stdout, sys.stderr = streams
    assert ("interrupted" in capsys.readouterr().err) is (code == ExitCode.INTERRUPTED)


def test_a_user_without_a_name_can_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs as a number."""
    from reconciler.flows.place import lock_info

    def fail() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", fail)
    assert lock_info("apply").who == f"user {os.getuid()}"


class Person(io.StringIO):
    """Somebody at a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "code"), [("y\n", ExitCode.DONE), ("n\n", ExitCode.ERROR)])
def test_the_question(terminal: Terminal, monkeypatch: pytest.MonkeyPatch, answer: str, code: ExitCode) -> None:
    monkeypatch.setattr(sys, "stdin", Person(answer))
    ran = terminal.run("apply", "--allow", "locks-out").ended(code)
    assert ("nothing was done: the answer was no" in ran.err) is (code == ExitCode.ERROR)
    assert bool(terminal.writes) is (code == ExitCode.DONE)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_asks_the_second_ends(monkeypatch: pytest.MonkeyPatch, number: int, code: int) -> None:
    left: list[int] = []
    monkeypatch.setattr(os, "_exit", left.append)
    caught: list[int] = []
    before = signal.getsignal(number)
    with apply_._stoppable(caught) as stop:
        os.kill(os.getpid(), number)
        assert stop.is_set()
        assert left == []
        os.kill(os.getpid(), number)
        assert left == [code]
    assert caught == [number, number]
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("problem", [BrokenPipeError(32, "Broken pipe"), RuntimeError("reentrant call")])
def test_an_apply_stops_in_order_where_nobody_hears_that_it_does(
    monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    """As with `apply 2>&1 | tee log`, where Ctrl-C ends the reader too; or in the midst of another line."""

    def fail(_line: str, *, err: bool) -> None:
        assert err
        raise problem

    monkeypatch.setattr("click.echo", fail)
    caught: list[int] = []
    with apply_._stoppable(caught) as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wait(5)
    assert caught == [signal.SIGINT]

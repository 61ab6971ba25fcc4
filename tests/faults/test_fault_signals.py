"""Runs that are stopped from outside: what is in flight is finished or in doubt, and the next run converges."""

from __future__ import annotations

import re
import signal
import time
from typing import TYPE_CHECKING

import pytest
from faults.strangers import Strangers, converges, says_no_secret

from reconciler.errors import ExitCode
from reconciler.sandbox.faults import Fault, Kind

if TYPE_CHECKING:
    from cli.terminal import Terminal

APPLY = ("apply", "--auto-approve", "--allow", "locks-out")
STOPS = [(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, ExitCode.TERMINATED)]
KILLED = [
    ("clavex", "/clients", False),
    ("clavex", "/clients", True),
    ("clavex", "/clients/atlassian/mappers", True),
    ("clavex", "/groups", True),
    ("jira", "/group", True),
    ("jira", "/configureplugin", True),
    ("confluence", "/idps", False),
    ("confluence", "/idps", True),
]
"""System, what is posted to, and whether the server has acted."""


def slow(terminal: Terminal, system: str, method: str, path: str, seconds: float, *, acts: bool = False) -> None:
    """That request takes long: before it acts, or (`acts`) after."""
    kind = Kind.SLOW_BODY if acts else Kind.LATENCY
    getattr(terminal.sandbox, system).faults.add(Fault(kind=kind, method=method, path=f"{path}$", seconds=seconds))


@pytest.mark.parametrize(("number", "code"), STOPS)
def test_the_request_in_flight_is_finished(terminal: Terminal, number: int, code: int) -> None:
    strangers = Strangers(terminal.sandbox)
    slow(terminal, "clavex", "POST", "/clients", 0.7)
    with terminal.start(*APPLY) as process:
        terminal.wait_for("clavex", "POST", "/clients")
        process.send_signal(number)
        ran = terminal.end(process).ended(code)
    assert "stopping after the requests in flight" in ran.err
    assert "the run was stopped before it" in ran.out
    assert "clavex/client/atlassian" in terminal.entries
    assert "confluence/idp/confluence" not in terminal.entries
    assert terminal.run("apply").code != ExitCode.LOCKED
    converges(terminal, strangers)
    says_no_secret(terminal)


@pytest.mark.parametrize(("number", "code"), STOPS)
def test_the_second_signal_ends_at_once_and_leaves_a_doubt(terminal: Terminal, number: int, code: int) -> None:
    slow(terminal, "clavex", "POST", "/clients", 20, acts=True)
    with terminal.start(*APPLY) as process:
        terminal.wait_for("clavex", "POST", "/clients")
        process.send_signal(number)
        assert any("stopping" in line for line in iter(process.stderr.readline, ""))
        process.send_signal(number)
        terminal.end(process).ended(code)
    converges(terminal)
    says_no_secret(terminal)


@pytest.mark.parametrize(("system", "path", "acts"), KILLED)
def test_a_killed_run_is_taken_up_again(terminal: Terminal, system: str, path: str, acts: bool) -> None:
    """No second object is made, and a secret that was lost is made anew without a hazard."""
    strangers = Strangers(terminal.sandbox)
    slow(terminal, system, "POST", path, 0.5, acts=acts)
    with terminal.start(*APPLY) as process:
        terminal.wait_for(system, "POST", path)
        time.sleep(0.1)  # the others end, and the journal says so
        process.kill()
        terminal.end(process).ended(-signal.SIGKILL)
    time.sleep(0.6)  # the server goes on with what it was asked
    assert terminal.run("drift", "--json").json["running"] is None
    converges(terminal, strangers)


def test_ctrl_c_while_the_systems_are_read_ends_at_once(terminal: Terminal) -> None:
    slow(terminal, "jira", "GET", "", 20)
    for command in (("plan",), APPLY, ("drift",)):
        began = time.monotonic()
        with terminal.start(*command) as process:
            terminal.wait_for("jira", "GET")
            process.send_signal(signal.SIGINT)
            ran = terminal.end(process).ended(ExitCode.INTERRUPTED)
        assert time.monotonic() - began < 10
        assert ran.err == "\ninterrupted; nothing is half-written\n"
        assert not terminal.writes
        slow(terminal, "jira", "GET", "", 20)
        terminal.sandbox.jira.faults.reset_counts()
    terminal.sandbox.jira.faults.clear()
    converges(terminal)


def test_sigterm_while_the_systems_are_read_ends_at_once(terminal: Terminal) -> None:
    slow(terminal, "confluence", "GET", "", 20)
    with terminal.start("plan") as process:
        terminal.wait_for("confluence", "GET")
        process.send_signal(signal.SIGTERM)
        ran = terminal.end(process).ended(ExitCode.TERMINATED)
    assert ran.err == "terminated; nothing is half-written\n"


def test_two_applies_at_once_are_one(terminal: Terminal) -> None:
    slow(terminal, "clavex", "POST", "/clients", 2)
    with terminal.start(*APPLY) as process:
        terminal.wait_for("clavex", "POST", "/clients")
        second = terminal.run(*APPLY).ended(ExitCode.LOCKED)
        assert re.search(rf"apply by \S+ on \S+\s+\(process\s+{process.pid}\)", second.err)
        drift = terminal.run("drift")
        assert "An apply is running" in drift.out
        assert terminal.run("drift", "--json").json["running"]["pid"] == process.pid
        terminal.end(process).ended(ExitCode.DONE)
    converges(terminal)

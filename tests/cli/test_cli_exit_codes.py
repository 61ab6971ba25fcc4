"""Every exit code, by the command that people meet it with. (8 is `doctor`'s.)"""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

from cli.terminal import flat

from reconciler.errors import ExitCode
from reconciler.sandbox.faults import Fault, Kind

if TYPE_CHECKING:
    from cli.terminal import Terminal

APPLY = ("apply", "--auto-approve", "--allow", "locks-out")


def test_0_done(terminal: Terminal) -> None:
    for command in (("validate",), ("plan",), APPLY, APPLY, ("plan", "--detailed-exitcode"), ("drift",)):
        terminal.run(*command).ended(ExitCode.DONE)


def test_1_error(terminal: Terminal) -> None:
    terminal.write({"clients": {"atlassian": {"oops": 1}}})
    terminal.run("plan", "--detailed-exitcode").ended(ExitCode.ERROR)


def test_1_the_plan_holds_an_error(terminal: Terminal) -> None:
    """A secret that could not be kept: the plan is shown, and cannot be applied."""
    terminal.write({"clients": {"atlassian": {"secret": "env:NOWHERE"}}})
    ran = terminal.run("plan", "--detailed-exitcode").ended(ExitCode.ERROR)
    assert "this store cannot keep it" in flat(ran.out)
    ran = terminal.run(*APPLY).ended(ExitCode.ERROR)
    assert "this store cannot keep it" in flat(ran.err)
    assert not terminal.writes


def test_2_changes_and_drift(terminal: Terminal) -> None:
    terminal.run("plan", "--detailed-exitcode").ended(ExitCode.CHANGES)
    terminal.run("plan").ended(ExitCode.DONE)
    terminal.run(*APPLY).ended(ExitCode.DONE)
    terminal.sandbox.confluence.world.idps[1].button_text = "By hand"
    terminal.run("drift").ended(ExitCode.CHANGES)


def test_3_some_changes_failed(terminal: Terminal) -> None:
    terminal.sandbox.confluence.faults.add(Fault(kind=Kind.SERVER_ERROR, status=400, method="POST", times=None))
    ran = terminal.run(*APPLY).ended(ExitCode.PARTLY)
    assert "Applied in part" in ran.out


def test_4_locked(terminal: Terminal) -> None:
    terminal.sandbox.clavex.faults.add(Fault(kind=Kind.LATENCY, method="POST", path="/clients$", seconds=2))
    with terminal.start(*APPLY) as process:
        terminal.wait_for("clavex", "POST", "/clients")
        terminal.run(*APPLY).ended(ExitCode.LOCKED)
        terminal.end(process).ended(ExitCode.DONE)


def test_5_stale(terminal: Terminal) -> None:
    file = str(terminal.folder / "plan.json")
    terminal.run("plan", "--out", file).ended(ExitCode.DONE)
    terminal.write({"clients": {"atlassian": {"name": "New"}}})
    terminal.run("apply", file, "--allow", "locks-out").ended(ExitCode.STALE)


def test_6_refused(terminal: Terminal) -> None:
    terminal.run("apply", "--auto-approve").ended(ExitCode.REFUSED)
    assert not terminal.writes


def test_7_a_system_could_not_be_read(terminal: Terminal) -> None:
    terminal.sandbox.jira.faults.add(Fault(kind=Kind.HTML, times=None))
    for command in (("plan", "--detailed-exitcode"), APPLY, ("drift",)):
        terminal.run(*command).ended(ExitCode.INCOMPLETE)
    assert not terminal.writes


def test_9_a_person_has_something_left_to_do(terminal: Terminal) -> None:
    export = terminal.folder / "export.json"
    export.write_text(json.dumps(terminal.sandbox.jira.world.miniorange))
    files = {"route": "file", "export": str(export), "import": str(terminal.folder / "import.json")}
    terminal.write({"sso": {"jira": {"miniorange": files}}})
    ran = terminal.run(*APPLY).ended(ExitCode.MANUAL)
    assert "For a person to do now" in ran.out


def test_64_misuse(terminal: Terminal) -> None:
    terminal.run("plan", "--wrong").ended(ExitCode.USAGE)


def test_130_and_143_interrupted(terminal: Terminal) -> None:
    for number, code in ((signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, ExitCode.TERMINATED)):
        terminal.sandbox.jira.faults.add(Fault(kind=Kind.LATENCY, seconds=20))
        terminal.sandbox.jira.faults.reset_counts()
        with terminal.start("plan") as process:
            terminal.wait_for("jira", "GET")
            process.send_signal(number)
            terminal.end(process).ended(code)

"""With --json, stdout holds one JSON document and nothing else, whatever happens; people read stderr."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from cli.terminal import flat

from reconciler.errors import ExitCode
from reconciler.sandbox.faults import Fault, Kind

if TYPE_CHECKING:
    from cli.terminal import Terminal

COMMANDS = {
    ("validate", "--json"): "diagnostics",
    ("plan", "--json"): "plan",
    ("plan", "--format", "json"): "plan",
    ("apply", "--auto-approve", "--json"): "outcome",
    ("drift", "--json"): "drift",
    ("doctor", "--json"): "doctor",
    ("verify", "--json"): "verify",
    ("state", "list", "--json"): "state",
    ("state", "show", "clavex/client/atlassian", "--json"): "entry",
    ("forget", "clavex/group/confluence-users", "--json"): "outcome",
    ("import", "clavex/group/confluence-users", "--json"): "outcome",
    ("state", "move", "clavex/group/confluence-users", "clavex/group/others", "--json"): "done",
    ("state", "remove", "clavex/group/others", "--json"): "done",
    ("state", "history", "--json"): "history",
    ("state", "unlock", "--json"): "done",
}


def document(text: str, noun: str) -> Any:
    content = json.loads(text)
    assert (content["format"], content["version"]) == (f"reconciler {noun}", 1)
    return content


def test_every_command_prints_one_document(applied: Terminal) -> None:
    for command, noun in COMMANDS.items():
        ran = applied.run(*command)
        assert ran.code in {ExitCode.DONE, ExitCode.INCOMPLETE}, ran.err  # the claims cannot be verified here
        document(ran.out, noun)
    file = str(applied.folder / "plan.json")
    document(applied.run("plan", "--json", "--out", file).out, "plan")
    document(applied.run("show", file, "--json").out, "plan")
    document(applied.run("apply", file, "--json").ended(ExitCode.DONE).out, "outcome")


def test_an_apply_keeps_its_progress_on_stderr(terminal: Terminal) -> None:
    ran = terminal.run("apply", "--auto-approve", "--json", "--allow", "locks-out").ended(ExitCode.DONE)
    outcome = document(ran.out, "outcome")
    assert len(outcome["results"]) == len(ran.err.splitlines())
    assert outcome["exit_code"] == 0


FAILURES = {
    "a spec": (("plan", "--json", "--env", "none"), ExitCode.ERROR),
    "a hazard": (("apply", "--auto-approve", "--json"), ExitCode.REFUSED),
    "an address": (("state", "show", "a/b/c", "--json"), ExitCode.ERROR),
    "a file": (("show", "none.json", "--format", "json"), ExitCode.ERROR),
    "a stack": (("validate", "--stack", "none", "--json"), ExitCode.ERROR),
}


@pytest.mark.parametrize("what", FAILURES)
def test_a_failure_is_a_document_too(terminal: Terminal, what: str) -> None:
    """It says the same as stderr."""
    arguments, code = FAILURES[what]
    ran = terminal.run(*arguments).ended(code)
    error = document(ran.out, "error")
    assert error["exit_code"] == code
    assert flat(error["message"]) in flat(ran.err)
    assert flat(error["remedy"]) in flat(ran.err)


@pytest.mark.parametrize(
    "arguments",
    [
        ("apply", "--json"),
        ("plan", "--format", "json", "--oops"),
        ("plan", "--format=json", "--parallelism", "0"),
        ("import", "client", "--json"),
        ("aply", "--json"),
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_a_document_too(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    ran = terminal.run(*arguments).ended(ExitCode.USAGE)
    error = document(ran.out, "error")
    assert error["exit_code"] == ExitCode.USAGE
    assert flat(error["message"]) in flat(ran.err)


def test_a_plan_that_cannot_be_saved_is_one_document(terminal: Terminal) -> None:
    nowhere = str(terminal.folder / "none" / "plan.json")
    ran = terminal.run("plan", "--json", "--out", nowhere).ended(ExitCode.ERROR)
    assert nowhere in document(ran.out, "error")["message"]
    assert not terminal.run("plan", "--out", nowhere).ended(ExitCode.ERROR).out


def test_all_problems_of_a_spec_are_in_the_document(terminal: Terminal) -> None:
    terminal.write({"clients": {"atlassian": {"oops": 1, "ouch": 2}}})
    error = document(terminal.run("validate", "--json").ended(ExitCode.ERROR).out, "error")
    assert len(error["diagnostics"]) == 2


def test_a_plan_that_is_not_whole_is_still_a_document(terminal: Terminal) -> None:
    terminal.sandbox.jira.faults.add(Fault(kind=Kind.HTML, times=None))
    plan = document(terminal.run("plan", "--json").ended(ExitCode.INCOMPLETE).out, "plan")["plan"]
    assert plan["unread"]


def test_an_apply_in_part_is_a_document(terminal: Terminal) -> None:
    terminal.sandbox.confluence.faults.add(Fault(kind=Kind.SERVER_ERROR, status=400, method="POST", times=None))
    ran = terminal.run("apply", "--auto-approve", "--json", "--allow", "locks-out").ended(ExitCode.PARTLY)
    assert document(ran.out, "outcome")["exit_code"] == ExitCode.PARTLY


def test_a_mistake_of_ours_is_a_sentence_and_a_document(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the text of the exception, which may hold anything."""

    def fail(*_arguments: object) -> None:
        raise KeyError("a-secret-value")

    monkeypatch.setattr("reconciler.flows.plan.make_plan", fail)
    ran = terminal.run("plan", "--json").ended(ExitCode.ERROR)
    assert "an unexpected KeyError, which is a mistake in reconciler" in flat(ran.err)
    assert "test_cli_json.py:" in ran.err
    assert "please report it" in ran.err
    assert "a-secret-value" not in ran.out + ran.err
    document(ran.out, "error")


def test_a_file_that_the_system_denies_is_named(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise PermissionError(13, "Permission denied", "/etc/some.toml")

    monkeypatch.setattr("reconciler.flows.plan.make_plan", fail)
    ran = terminal.run("plan").ended(ExitCode.ERROR)
    assert "error: /etc/some.toml: Permission denied" in ran.err

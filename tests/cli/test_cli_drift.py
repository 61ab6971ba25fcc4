"""`drift` from cron: reads only, takes no lock, and tells changes by hand from what is still to be applied."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cli.terminal import flat

from reconciler.errors import ExitCode, RefusedError
from reconciler.sandbox.faults import READS, Fault, Kind

if TYPE_CHECKING:
    from cli.terminal import Terminal


def requests(terminal: Terminal) -> list[tuple[str, str]]:
    return [request for served in terminal.sandbox.served for request in served.faults.requests]


def test_nothing_but_reads_is_sent_and_nothing_is_written(applied: Terminal) -> None:
    """Not even the proof of a stored secret, which is a POST."""
    applied.sandbox.clavex.world.set_secret(applied.sandbox.clavex.world.clients["atlassian"], "another-secret")
    before = {path: path.stat().st_mtime_ns for path in applied.home.rglob("*")}
    applied.run("drift")
    assert {method for method, _ in requests(applied)} <= READS
    assert {path: path.stat().st_mtime_ns for path in applied.home.rglob("*")} == before


def test_its_connections_refuse_to_write(applied: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if a provider tried: every method but GET stays here."""
    from reconciler.transport.http import SystemHttp

    refused: list[str] = []
    get = SystemHttp.get

    def write_too(http: SystemHttp, path: str, **rest: object) -> object:
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            with pytest.raises(RefusedError, match="this run only reads"):
                http.send(method, path)
            refused.append(method)
        return get(http, path, **rest)

    monkeypatch.setattr(SystemHttp, "get", write_too)
    applied.run("drift").ended(ExitCode.DONE)
    assert refused
    assert not applied.writes


def test_no_state_folder_is_made(terminal: Terminal) -> None:
    terminal.run("drift").ended(ExitCode.DONE)
    assert not (terminal.folder / "state").exists()


def test_before_any_apply_nothing_is_as_it_was_applied(terminal: Terminal) -> None:
    ran = terminal.run("drift").ended(ExitCode.DONE)
    assert "Nothing was applied yet, so nothing can have drifted." in flat(ran.out)
    assert "as it was last applied" not in flat(ran.out)


def test_what_is_tied_to_something_unread_was_compared_all_the_same(applied: Terminal) -> None:
    applied.sandbox.clavex.faults.add(Fault(kind=Kind.SERVER_ERROR, path="/clients", times=None))
    ran = applied.run("drift", "--json").ended(ExitCode.INCOMPLETE)
    unread = {item["address"] for item in ran.json["unread"]}
    assert "confluence/idp/confluence" not in unread
    assert "confluence/idp/confluence" in {item["address"] for item in ran.json["held"]}
    text = flat(applied.run("drift").out)
    assert "Read and compared, but a plan would leave them alone" in text
    applied.sandbox.confluence.world.idps[1].button_text = "By hand"
    applied.run("drift").ended(ExitCode.CHANGES)


def test_what_was_read_and_cannot_be_planned_for_is_no_matter_of_the_exit_code(applied: Terminal) -> None:
    uris = ["https://theirs.acme.eu/cb"]
    applied.write({"clients": {"theirs": {"system": "clavex", "external": True, "redirect_uris": uris}}})
    ran = applied.run("drift", "--json").ended(ExitCode.DONE)
    assert ran.json["unread"] == []
    assert [item["address"] for item in ran.json["held"]] == ["clavex/client/theirs"]


def test_changes_by_hand_are_drift(applied: Terminal) -> None:
    applied.sandbox.confluence.world.idps[1].button_text = "By hand"
    client = applied.sandbox.clavex.world.clients["atlassian"]
    client.redirect_uris.append("https://evil.example/callback")
    del applied.sandbox.jira.world.groups["jira-software-users"]
    ran = applied.run("drift").ended(ExitCode.CHANGES)
    said = flat(ran.out)
    assert "confluence/idp/confluence was changed" in said
    assert '"Sign in with Clavex" → "By hand"' in said
    assert "https://evil.example/callback" in said
    assert "jira/group/jira-software-users is gone" in said
    assert "Drift: 3 resources." in said
    found = applied.run("drift", "--json").ended(ExitCode.CHANGES).json
    assert [item["address"] for item in found["drift"]] == [
        "clavex/client/atlassian",
        "confluence/idp/confluence",
        "jira/group/jira-software-users",
    ]


def test_what_the_spec_asks_for_since_is_no_drift(applied: Terminal) -> None:
    applied.write({"clients": {"atlassian": {"name": "New"}}, "sso": {"confluence": {"display_name": "New"}}})
    ran = applied.run("drift").ended(ExitCode.DONE)
    assert "2 changes pending, not drift: see `reconciler plan`." in flat(ran.out)
    assert applied.run("drift", "--json").json["drift"] == []


def test_drift_and_a_change_of_the_spec_are_told_apart(applied: Terminal) -> None:
    applied.write({"clients": {"atlassian": {"name": "New"}}})
    applied.sandbox.clavex.world.clients["atlassian"].is_active = False
    applied.sandbox.confluence.world.idps[1].button_text = "By hand"
    ran = applied.run("drift").ended(ExitCode.CHANGES)
    assert "confluence/idp/confluence was changed" in ran.out
    assert "Jira + Confluence" not in ran.out


def test_a_system_that_cannot_be_read(applied: Terminal) -> None:
    """7, unless something drifted elsewhere, which is said as well."""
    applied.sandbox.jira.faults.add(Fault(kind=Kind.LOGIN_REDIRECT, times=None))
    ran = applied.run("drift").ended(ExitCode.INCOMPLETE)
    assert "No drift in what could be read." in ran.out
    applied.sandbox.confluence.world.idps[1].button_text = "By hand"
    ran = applied.run("drift").ended(ExitCode.CHANGES)
    assert "Could not be read" in ran.out
    assert applied.run("drift", "--json").json["unread"]


def test_the_line_for_cron_prints_the_report_when_there_is_one(applied: Terminal) -> None:
    """As cron runs it: no variables, a short PATH, and what is printed is mailed."""
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^15 \* \* \* \*  (cd .* drift .*)$", readme, re.MULTILINE)
    line = line.replace("/srv/sso", str(applied.folder)).replace("--stack mine", "--stack acme")
    program = applied.folder / ".venv" / "bin" / "reconciler"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m reconciler "$@"\n')
    program.chmod(0o700)
    exports = {name: value for name, value in applied.variables.items() if name.endswith(("_TOKEN", "PATH"))}
    (applied.folder / "tokens").write_text("".join(f"export {name}='{value}'\n" for name, value in exports.items()))

    def mailed() -> str:
        environ = {"PATH": "/usr/bin:/bin", "HOME": str(applied.folder)}
        ran = subprocess.run(
            ["/bin/sh", "-c", line], env=environ, capture_output=True, text=True, timeout=60, check=True
        )
        return ran.stdout + ran.stderr

    assert not mailed()
    del applied.sandbox.clavex.world.clients["atlassian"]
    assert "clavex/client/atlassian is gone" in mailed()
    (applied.folder / "tokens").unlink()  # no artifact of a test holds a secret

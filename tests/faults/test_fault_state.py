"""States and saved plans that are damaged, foreign, older, newer, edited or locked: refused, and nothing written."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from cli.terminal import flat
from faults.strangers import converges, says_no_secret

from reconciler.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.terminal import Terminal

EVERY = [
    ("plan",),
    ("apply", "--auto-approve"),
    ("drift",),
    ("state", "list"),
    ("import", "clavex/client/atlassian"),
    ("forget", "clavex/client/atlassian"),
]
"""Every command that reads the state."""
BEGAN = {"event": "began", "systems": {}}


def refused(terminal: Terminal, *said: str, commands: list[tuple[str, ...]] = EVERY) -> None:
    """Every command says so, with the place and what to do, and leaves the files as they are."""
    before = files(terminal)
    for command in commands:
        ran = terminal.run(*command).ended(ExitCode.ERROR)
        assert not ran.out
        for text in said:
            assert text in flat(ran.err)
        assert re.search(r"^  help: ", ran.err, re.MULTILINE)
    assert files(terminal) == before
    assert not terminal.writes
    says_no_secret(terminal)


def files(terminal: Terminal) -> dict[str, bytes]:
    """What lies in the folder of the state, without the lock."""
    found = (path for path in terminal.home.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(terminal.home)): path.read_bytes() for path in found}


def edit(terminal: Terminal, change: Callable[[Any], None]) -> None:
    """Changes the state file."""
    path = terminal.home / "state.json"
    content = json.loads(path.read_bytes())
    change(content)
    path.write_text(json.dumps(content))


# --- the state ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0, 0.3, 0.98])
def test_a_state_that_is_cut_short(applied: Terminal, share: float) -> None:
    path = applied.home / "state.json"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    refused(
        applied,
        f"{applied.home}, state: not JSON, maybe cut short",
        "`reconciler state history` lists the states before it",
        "`reconciler state restore ID --force`",
    )
    past = applied.run("state", "history", "--json").ended(ExitCode.DONE).json["states"][0]["id"]
    applied.run("state", "restore", past, "--force").ended(ExitCode.DONE)  # as the message says
    path.write_bytes(whole)
    converges(applied)


def test_the_newest_backup_is_a_way_back(applied: Terminal) -> None:
    """What is in the state only since then is known again by its mark, or adopted."""
    backup = max((applied.home / "backups").iterdir())
    (applied.home / "state.json").write_bytes(backup.read_bytes())
    applied.apply("locks-out", "takes-over", "rotates").ended(ExitCode.DONE)
    assert applied.plan()["changes"] == []


def test_a_state_of_a_newer_version(applied: Terminal) -> None:
    edit(applied, lambda content: content.update(version=2))
    refused(
        applied, "version 2 of the reconciler state format; this reconciler reads up to 1", "use the newer reconciler"
    )


def test_a_file_that_is_no_state(applied: Terminal) -> None:
    edit(applied, lambda content: content.update(format="something else"))
    refused(applied, "this is no reconciler state file")


def test_a_state_that_lacks_a_part(applied: Terminal) -> None:
    edit(applied, lambda content: content["state"]["entries"]["clavex/client/atlassian"].pop("origin"))
    refused(applied, "not a whole state: state.entries.clavex/client/atlassian.origin: Field required")


def test_the_state_of_another_environment(applied: Terminal) -> None:
    edit(applied, lambda content: content["state"].update(environment="production"))
    refused(applied, "this is the state of acme in production, not of acme in default")


def test_a_journal_of_another_lineage_is_refused(applied: Terminal) -> None:
    line = BEGAN | {"lineage": "0a0a0a0a-0000-4000-8000-000000000000", "serial": 9}
    gone = {"event": "applied", "address": "clavex/client/atlassian", "step": "delete", "entry": None}
    (applied.home / "journal.jsonl").write_text(f"{json.dumps(line)}\n{json.dumps(gone)}\n")
    refused(applied, "another state was put in its place", "put the state back that the journal belongs to")


def test_an_older_state_in_the_place_of_a_newer_one(applied: Terminal) -> None:
    lineage = json.loads((applied.home / "state.json").read_bytes())["state"]["lineage"]
    line = json.dumps(BEGAN | {"lineage": lineage, "serial": 7})
    (applied.home / "journal.jsonl").write_text(f"{line}\n")
    refused(applied, "the state has serial 1, but its journal continues serial 7", "put the newest state back")


def test_a_damaged_line_in_a_journal(applied: Terminal) -> None:
    (applied.home / "journal.jsonl").write_text('{"event": "appl\n{"event": "began"}\n')
    refused(applied, f"{applied.home}, journal: a damaged journal line", "docs/run.md")


def test_a_last_line_that_was_cut_off_did_not_happen(applied: Terminal) -> None:
    (applied.home / "journal.jsonl").write_text('{"event": "began", "lin')
    converges(applied)


def test_a_link_in_the_place_of_the_state(applied: Terminal) -> None:
    path = applied.home / "state.json"
    path.rename(applied.folder / "elsewhere.json")
    path.symlink_to(applied.folder / "elsewhere.json")
    refused(
        applied, "state.json cannot be read: it is a symbolic link", "put the file itself in the place of the link"
    )


def test_a_secret_store_that_others_can_read(applied: Terminal) -> None:
    (applied.home / "acme.secrets").chmod(0o644)
    refused(
        applied,
        "acme.secrets cannot be read: its mode 0644 lets others in",
        "chmod 600",
        commands=[("plan",), ("drift",)],
    )


# --- the lock -----------------------------------------------------------------------------------------------------

HOLD = """
import sys
from pathlib import Path
from reconciler.backends.local import LocalBackend
from reconciler.storage import LockInfo
info = LockInfo("1", "alice", "build-7", 4711, "apply", "2026-01-02T03:04:05+00:00")
with LocalBackend(Path(sys.argv[1])).lock(info):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_of_another_process(applied: Terminal) -> None:
    """Who holds it is named; what only reads goes on."""
    applied.write({"clients": {"atlassian": {"name": "New"}}})
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(applied.home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout
        holder.stdout.readline()
        for command in (("apply", "--auto-approve"), ("import", "a/b/c"), ("forget", "clavex/client/atlassian")):
            ran = applied.run(*command).ended(ExitCode.LOCKED)
            assert "is locked since 2026-01-02T03:04:05+00:00: apply by alice on build-7 (process 4711)" in flat(
                ran.err
            )
            assert "the lock goes with it" in flat(ran.err)
        assert not applied.writes
        assert len(applied.plan()["changes"]) == 1
        ran = applied.run("drift").ended(ExitCode.DONE)
        assert "An apply is running (alice on build-7, since 2026-01-02T03:04:05+00:00)" in flat(ran.out)
        assert applied.run("drift", "--json").json["running"]["who"] == "alice"
        holder.kill()
    applied.apply().ended(ExitCode.DONE)


# --- saved plans --------------------------------------------------------------------------------------------------


@pytest.fixture
def saved(terminal: Terminal) -> Terminal:
    """The first plan, saved in plan.json."""
    terminal.run("plan", "--out", str(terminal.folder / "plan.json"), "--allow", "locks-out").ended(ExitCode.DONE)
    return terminal


def test_a_plan_that_was_edited(saved: Terminal) -> None:
    path = saved.folder / "plan.json"
    path.write_text(path.read_text().replace("Jira + Confluence", "Jira"))
    for command in (("apply", str(path)), ("show", str(path))):
        ran = saved.run(*command).ended(ExitCode.STALE)
        assert f"{path}: the plan was edited after it was made" in flat(ran.err)
        assert "make a new one with `plan --out`" in flat(ran.err)
        assert not ran.out
    assert not saved.writes
    assert not saved.home.exists()


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"format": "reconciler plan", "version": 1}', "\x00\xff"]
)
def test_a_file_that_is_no_plan(saved: Terminal, content: str) -> None:
    path = saved.folder / "plan.json"
    path.write_text(content)
    for command in ("apply", "show"):
        ran = saved.run(command, str(path))
        assert ran.code in {ExitCode.ERROR, ExitCode.STALE}
        assert f"error: {path}: " in flat(ran.err)
        assert "help: " in ran.err
    assert not saved.writes


def test_a_plan_of_a_newer_version(saved: Terminal) -> None:
    path = saved.folder / "plan.json"
    path.write_text(path.read_text().replace('"version": 1', '"version": 2'))
    ran = saved.run("show", str(path)).ended(ExitCode.ERROR)
    assert "version 2 of the reconciler plan format" in flat(ran.err)


def test_a_plan_that_is_not_there(saved: Terminal) -> None:
    ran = saved.run("apply", "none.json").ended(ExitCode.ERROR)
    assert "none.json cannot be read: No such file or directory" in flat(ran.err)


def test_a_saved_plan_knows_its_stack_and_environment(saved: Terminal) -> None:
    """Whatever else is in the folder; who asks for another is told."""
    other = saved.folder / "specs" / "other"
    other.mkdir()
    (other / "spec.toml").write_text("")
    saved.environ["RECONCILER_ENV"] = "production"
    ran = saved.run("apply", str(saved.folder / "plan.json")).ended(ExitCode.USAGE)
    assert "the plan is for --env default, and you asked for production" in flat(ran.err)
    del saved.environ["RECONCILER_ENV"]
    saved.run("apply", str(saved.folder / "plan.json"), "--allow", "locks-out").ended(ExitCode.DONE)
    saved.environ["RECONCILER_STACK"] = "acme"
    converges(saved)

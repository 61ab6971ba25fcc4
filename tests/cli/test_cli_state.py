"""`reconciler state`: looked at, put back, renamed in, unlocked and moved elsewhere, by hand."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cli.terminal import flat

from reconciler.backends.local import LocalBackend
from reconciler.errors import ExitCode, SpecError
from reconciler.flows.place import lock_info
from reconciler.spec.backends import HttpTable
from reconciler.spec.load import read_backend_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.terminal import Terminal

CLIENT = "clavex/client/atlassian"


def pulled(terminal: Terminal) -> Any:
    return json.loads(terminal.run("state", "pull").ended(ExitCode.DONE).out)


def pushed(terminal: Terminal, content: Any, *options: str) -> Any:
    file = terminal.folder / "pushed.json"
    file.write_text(json.dumps(content))
    return terminal.run("state", "push", str(file), *options)


@contextmanager
def interrupted(terminal: Terminal, **changes: Any) -> Iterator[None]:
    """An apply left a journal that says more than the snapshot."""
    content = pulled(terminal)["state"]
    began = {"event": "began", "lineage": content["lineage"], "serial": content["serial"], "systems": {}}
    doubt = {"event": "in_doubt", "address": CLIENT, "step": "update", "message": "?"}
    path = terminal.home / "journal.jsonl"
    path.write_text("".join(json.dumps(line | changes) + "\n" for line in (began, doubt)))
    yield
    path.unlink(missing_ok=True)


# --- pull and push --------------------------------------------------------------------------------------------------


def test_what_is_pulled_is_the_state_with_its_journal(applied: Terminal) -> None:
    before = pulled(applied)
    assert before["state"]["entries"].keys() == applied.entries.keys()
    with interrupted(applied):
        assert pulled(applied)["state"]["in_doubt"] == {CLIENT: "update"}


def test_there_is_nothing_to_pull_at_first(terminal: Terminal) -> None:
    assert "there is no state yet" in flat(terminal.run("state", "pull").ended(ExitCode.ERROR).err)


def test_what_was_pulled_can_be_pushed_once(applied: Terminal) -> None:
    content = pulled(applied)
    serial = content["state"]["serial"]
    content["state"]["entries"].pop("clavex/group/confluence-users")
    ran = pushed(applied, content, "--json").ended(ExitCode.DONE)
    assert json.loads(ran.out)["serial"] == serial + 1
    assert "clavex/group/confluence-users" not in applied.entries
    ran = pushed(applied, content).ended(ExitCode.ERROR)
    assert f"it has serial {serial}, and the state there has {serial + 1}: somebody wrote since" in flat(ran.err)
    pushed(applied, content, "--force").ended(ExitCode.DONE)
    assert pulled(applied)["state"]["serial"] == serial + 2


def test_what_is_no_state_is_not_pushed(applied: Terminal) -> None:
    applied.run("plan", "--out", str(applied.folder / "plan.json")).ended(ExitCode.DONE)
    ran = applied.run("state", "push", str(applied.folder / "plan.json")).ended(ExitCode.ERROR)
    assert "this is no reconciler state file" in flat(ran.err)
    assert "push a file that `reconciler state pull` printed" in flat(ran.err)


def test_a_state_of_a_higher_serial_is_newer(applied: Terminal) -> None:
    content = pulled(applied)
    content["state"]["serial"] += 10
    pushed(applied, content).ended(ExitCode.DONE)
    assert pulled(applied)["state"]["serial"] == content["state"]["serial"] + 1


def test_a_state_of_another_lineage_needs_force(applied: Terminal) -> None:
    content = pulled(applied)
    content["state"]["lineage"] = "another"
    assert "it is of lineage another" in flat(pushed(applied, content).ended(ExitCode.ERROR).err)
    pushed(applied, content, "--force").ended(ExitCode.DONE)
    assert pulled(applied)["state"]["lineage"] == "another"


def test_a_journal_that_says_more_is_not_overwritten(applied: Terminal) -> None:
    content = pulled(applied)
    with interrupted(applied):
        ran = pushed(applied, content).ended(ExitCode.ERROR)
        assert "an apply that did not end left a journal" in flat(ran.err)
        pushed(applied, content, "--force").ended(ExitCode.DONE)
    assert "in_doubt" not in pulled(applied)["state"]


@pytest.mark.parametrize("option", [[], ["--force"]])
def test_a_state_of_another_place_is_never_taken(applied: Terminal, option: list[str]) -> None:
    content = pulled(applied)
    content["state"]["environment"] = "staging"
    before = pulled(applied)
    assert "the state of acme in staging" in flat(pushed(applied, content, *option).ended(ExitCode.ERROR).err)
    assert pulled(applied) == before


def test_a_first_state_is_taken_as_it_is(applied: Terminal) -> None:
    content = pulled(applied)
    (applied.home / "state.json").unlink()
    pushed(applied, content).ended(ExitCode.DONE)
    assert pulled(applied) == content


def test_a_damaged_state_gives_way_to_force_only(applied: Terminal) -> None:
    content = pulled(applied)
    (applied.home / "state.json").write_text("{")
    assert "not JSON" in flat(pushed(applied, content).ended(ExitCode.ERROR).err)
    pushed(applied, content, "--force").ended(ExitCode.DONE)
    applied.settle()


def test_a_file_that_holds_no_state_is_refused(applied: Terminal) -> None:
    assert "no reconciler state" in flat(pushed(applied, {"format": "other"}, "--force").ended(ExitCode.ERROR).err)
    ran = applied.run("state", "push", str(applied.folder / "none.json")).ended(ExitCode.ERROR)
    assert "cannot be read" in flat(ran.err)


def test_standard_input_can_be_pushed(applied: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.write(writing, json.dumps(pulled(applied)).encode())
    os.close(writing)
    with os.fdopen(reading) as stream:
        monkeypatch.setattr("sys.stdin", stream)
        assert "the one in - now" in applied.run("state", "push", "-").ended(ExitCode.DONE).out


# --- history --------------------------------------------------------------------------------------------------------


def test_a_past_state_can_be_restored(applied: Terminal) -> None:
    before = pulled(applied)["state"]
    applied.run("state", "remove", CLIENT).ended(ExitCode.DONE)
    assert CLIENT not in applied.entries
    rows = json.loads(applied.run("state", "history", "--json").ended(ExitCode.DONE).out)["states"]
    assert rows[0].keys() == {"id", "written", "serial", "resources"}
    assert (rows[0]["serial"], rows[0]["resources"]) == (before["serial"], len(before["entries"]))
    text = applied.run("state", "history").ended(ExitCode.DONE).out
    assert text.splitlines()[0].startswith(rows[0]["id"])
    ran = applied.run("state", "restore", rows[0]["id"]).ended(ExitCode.DONE)
    assert f"with serial {before['serial'] + 2}" in ran.out
    assert pulled(applied)["state"]["entries"] == before["entries"]
    applied.settle()


def test_a_damaged_state_is_restored_by_force(applied: Terminal) -> None:
    applied.run("state", "remove", "clavex/group/confluence-users").ended(ExitCode.DONE)
    (applied.home / "state.json").write_text("")
    newest = json.loads(applied.run("state", "history", "--json").out)["states"][0]["id"]
    applied.run("state", "restore", newest).ended(ExitCode.ERROR)
    applied.run("state", "restore", newest, "--force").ended(ExitCode.DONE)
    applied.settle()


def test_a_past_state_that_is_damaged_is_listed_and_not_restored(applied: Terminal) -> None:
    (newest,) = list((applied.home / "backups").iterdir())[-1:]
    newest.write_text("{")
    name = newest.name.partition("-")[0]
    assert "cannot be read" in applied.run("state", "history").out
    ran = applied.run("state", "restore", name, "--force").ended(ExitCode.ERROR)
    assert f"past state {name}: not JSON" in flat(ran.err)
    assert "no past state is called 99" in flat(applied.run("state", "restore", "99").ended(ExitCode.ERROR).err)


def test_a_stack_whose_spec_is_gone_has_its_local_state(applied: Terminal) -> None:
    shutil.rmtree(applied.folder / "specs" / "acme")
    assert CLIENT in applied.run("state", "list", "--stack", "acme").ended(ExitCode.DONE).out


def test_an_environment_that_has_no_overlay_has_the_backend_of_the_stack(applied: Terminal) -> None:
    assert applied.run("state", "list", "--env", "gone").ended(ExitCode.DONE).out == "Nothing is managed.\n"


def test_there_is_no_history_at_first(terminal: Terminal) -> None:
    assert terminal.run("state", "history").ended(ExitCode.DONE).out == "There are no past states.\n"


# --- renaming and removing ------------------------------------------------------------------------------------------


def test_a_renamed_table_needs_no_permission_after_a_move(applied: Terminal) -> None:
    table = {
        **applied.spec["clients"]["atlassian"],
        "client_id": "atlassian",
        "secret": "file:acme#clients.atlassian.client_secret",
    }
    row = applied.sandbox.clavex.world.clients["atlassian"]
    ran = applied.run("state", "move", CLIENT, "clavex/client/company", "--json").ended(ExitCode.DONE)
    moved = json.loads(ran.out)["moved"]
    assert moved[CLIENT] == "clavex/client/company"
    assert moved["clavex/mapper/atlassian.email"] == "clavex/mapper/company.email"
    applied.write(
        {
            "clients": {"atlassian": None, "company": table},
            "sso": {name: {"client": "company"} for name in applied.spec["sso"]},
        }
    )
    actions = {change["address"]: change["action"] for change in applied.plan()["changes"]}
    assert set(actions.values()) <= {"update", "adopt"}
    secrets = applied.stored_secrets()
    applied.apply().ended(ExitCode.DONE)
    assert applied.sandbox.clavex.world.clients["atlassian"] is row
    assert row.managed_ref == "acme/default/clavex/client/company"
    assert "formerly" not in applied.entries["clavex/client/company"]
    assert applied.stored_secrets() == secrets
    applied.settle()


def test_a_moved_client_whose_table_goes_is_ours_to_delete(applied: Terminal) -> None:
    applied.run("state", "move", "clavex/group/confluence-users", "clavex/group/others").ended(ExitCode.DONE)
    assert "clavex/group/others" in applied.run("state", "list").out


def test_a_renamed_system_is_the_same_one(applied: Terminal) -> None:
    jira = applied.spec["systems"]["jira"]
    applied.run("state", "move", "jira", "tickets").ended(ExitCode.DONE)
    sign_on = applied.spec["sso"]["jira"]
    applied.write(
        {"systems": {"jira": None, "tickets": jira}, "sso": {"jira": None}},
        {"sso": {"jira": {**sign_on, "system": "tickets"}}},
    )
    applied.apply().ended(ExitCode.DONE)
    applied.settle()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("clavex/client/none", "clavex/client/x", "is not in the state"),
        (CLIENT, "clavex/group/x", "only the name may differ"),
        ("clavex/group/confluence-users", "clavex/group/jira-administrators", "is in the state already"),
        ("nosuch", "other", "the state knows no system nosuch"),
        ("jira", "confluence", "knows a system confluence already"),
    ],
)
def test_what_cannot_be_moved(applied: Terminal, old: str, new: str, message: str) -> None:
    before = pulled(applied)
    assert message in flat(applied.run("state", "move", old, new).ended(ExitCode.ERROR).err)
    assert pulled(applied) == before


def test_a_name_and_an_address_do_not_mix(applied: Terminal) -> None:
    applied.run("state", "move", "jira", CLIENT).ended(ExitCode.USAGE)


def test_what_is_removed_was_in_the_state(applied: Terminal) -> None:
    ran = applied.run("state", "remove", "clavex/client/none").ended(ExitCode.ERROR)
    assert "is not in the state" in flat(ran.err)
    before = applied.writes
    assert "not touched" in applied.run("state", "remove", CLIENT).ended(ExitCode.DONE).out
    assert applied.writes == before
    with interrupted(applied):
        pass


# --- the lock -------------------------------------------------------------------------------------------------------


def test_nobody_holds_the_lock(applied: Terminal) -> None:
    assert applied.run("state", "unlock").ended(ExitCode.DONE).out == "Nobody holds the lock.\n"


def test_a_live_holder_keeps_the_lock_without_force(applied: Terminal) -> None:
    with LocalBackend(applied.home).lock(lock_info("apply")):
        ran = applied.run("state", "unlock").ended(ExitCode.LOCKED)
        assert "is locked since" in flat(ran.err)
        assert "--force" in flat(ran.err)
        assert "no terminal" in flat(applied.run("state", "unlock", "--force").ended(ExitCode.ERROR).err)
        ran = applied.run("state", "unlock", "--force", "--auto-approve").ended(ExitCode.ERROR)
        assert f"end process {os.getpid()}" in flat(ran.err)


def test_a_person_is_asked_before_a_lock_is_taken_away(applied: Terminal) -> None:
    with LocalBackend(applied.home).lock(lock_info("apply")):
        seen = applied.converse("state", "unlock", "--force", answer="n\n", question="Take the lock away?")
        assert seen.code == ExitCode.ERROR
        assert "the answer was no" in seen.out


def test_what_a_holder_calls_himself_cannot_act_on_the_terminal(applied: Terminal) -> None:
    with LocalBackend(applied.home).lock(replace(lock_info("apply"), who="\x1b[2Jann\u202e")):
        seen = applied.converse("state", "unlock", "--force", answer="n\n", question="Take the lock away?")
    assert r"\x1b[2Jann\u202e" in seen.out
    assert "\x1b[2J" not in seen.out
    assert "\u202e" not in seen.out


def test_a_state_that_is_pulled_cannot_act_on_the_terminal_and_is_the_same(applied: Terminal) -> None:
    path = applied.home / "state.json"
    odd = "\x7f\x9b2J\u202e\U0001f600é"
    path.write_text(path.read_text().replace("Jira + Confluence", odd))
    ran = applied.run("state", "pull").ended(ExitCode.DONE)
    assert ran.out.isascii()
    assert "\x7f" not in ran.out
    assert json.loads(ran.out) == json.loads(path.read_text())
    assert odd in path.read_text()
    file = applied.folder / "pulled.json"
    file.write_text(ran.out)
    applied.run("state", "push", str(file)).ended(ExitCode.DONE)
    assert odd in path.read_text()


# --- moving elsewhere -----------------------------------------------------------------------------------------------


def test_a_backend_file_must_say_where(tmp_path: Path) -> None:
    file = tmp_path / "old.toml"
    file.write_text('[backend]\nkind = "http"\naddress = "env:STATE_A"\n')
    assert read_backend_file(file).table == HttpTable(address="env:STATE_A")
    for text in ("[stack]\n", "[backend]\nkind = 3\n", "["):
        file.write_text(text)
        with pytest.raises(SpecError):
            read_backend_file(file)


def test_a_state_does_not_move_to_where_it_is(applied: Terminal) -> None:
    ran = applied.run("state", "migrate", "--from", "local").ended(ExitCode.ERROR)
    assert "this is where the state lies already" in flat(ran.err)

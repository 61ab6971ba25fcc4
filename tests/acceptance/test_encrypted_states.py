"""What people do to an encrypted state: in each backend, on the way to another, and from plain to encrypted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import tomlkit
from acceptance.cases import client
from acceptance.test_remote_states import gitlab, postgres, s3
from acceptance.workplace import Workplace
from pyrage import decrypt, x25519

from reconciler.backends.local import LocalBackend
from reconciler.engine.sealed import is_sealed
from reconciler.errors import ExitCode, StateError
from reconciler.flows.place import Place, lock_info
from reconciler.secrets.operator import IDENTITY_VARIABLE

if TYPE_CHECKING:
    from acceptance.workplace import Ran

    from reconciler.storage import Backend

IDENTITY, LOST = x25519.Identity.generate(), x25519.Identity.generate()
TABLE: dict[str, Any] = {"age": {"team": {"recipients": [str(IDENTITY.to_public())]}}}
SEALED: dict[str, Any] = {**TABLE, "stack": {"encrypt": "age:team"}}
RENAMED, AGAIN = client(name="Jira and Confluence"), client(name="Atlassian")
CLIENT = "clavex/client/atlassian"


def local(_: pytest.FixtureRequest) -> tuple[dict[str, Any], dict[str, str]]:
    return {"kind": "local"}, {}


@pytest.fixture(params=[local, s3], ids=lambda make: make.__name__)
def held(request: pytest.FixtureRequest, place: Workplace) -> Workplace:
    """The guide's example with a state in a backend that keeps past ones; nothing is written yet."""
    return opened(place, *request.param(request))


@pytest.fixture(params=[postgres, s3, gitlab], ids=lambda make: make.__name__)
def elsewhere(request: pytest.FixtureRequest, place: Workplace) -> Workplace:
    return opened(place, *request.param(request))


def opened(place: Workplace, table: dict[str, Any], environ: dict[str, str]) -> Workplace:
    made = Workplace(place.sandbox, place.folder, {**environ, IDENTITY_VARIABLE: str(IDENTITY)})
    made.write({"backend": table})
    return made


def rewrite(held: Workplace, *overlays: dict[str, Any]) -> None:
    held.write({"backend": held.spec["backend"]}, *overlays)


def backend_of(held: Workplace) -> Backend:
    states = held.folder / "state"
    return Place("acme", None, held.folder / "specs", states, held.variables).state_store().backend


def lives(held: Workplace, *overlays: dict[str, Any]) -> None:
    """Two applies, so that there is a past."""
    rewrite(held, *overlays)
    held.apply("locks-out").ended(ExitCode.DONE)
    rewrite(held, *overlays, RENAMED)
    held.apply().ended(ExitCode.DONE)


def said(ran: Ran) -> str:
    ran.ended(ExitCode.ERROR)
    return " ".join(ran.err.split())


def refusing(*_: object) -> None:
    raise StateError("the line is dead")


# --- the past of a state that was plain ---------------------------------------------------------------------------


def test_past_states_are_encrypted_with_the_state(held: Workplace) -> None:
    lives(held)
    backend = backend_of(held)
    before = backend.history()
    assert not any(is_sealed(backend.past(each.id)) for each in before)
    rewrite(held, SEALED, RENAMED)
    ran = held.apply().ended(ExitCode.DONE)
    assert "and so are the past states that" in " ".join(ran.out.split())
    assert "Copies that others made of it while it was plain stay readable" in " ".join(ran.out.split())
    kept = backend.history()
    assert list(kept[1:]) == list(before)
    assert all(is_sealed(backend.past(each.id)) for each in kept)
    rows = held.run("state", "history", "--json").json["states"]
    assert [row["serial"] for row in rows][:2] == [2, 1]
    ran = held.apply().ended(ExitCode.DONE)
    assert "Copies" not in ran.out


def test_a_sealing_of_the_past_that_failed_is_made_good(held: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    lives(held)
    backend = backend_of(held)
    rewrite(held, SEALED, AGAIN)
    with monkeypatch.context() as patch:
        patch.setattr(type(backend), "replace_past", refusing)
        assert "the line is dead" in " ".join(held.apply().err.split())
    assert not is_sealed(backend.past(backend.history()[0].id))
    assert not is_sealed(backend.get()[0] or b"")
    held.apply().ended(ExitCode.DONE)
    assert all(is_sealed(backend.past(each.id)) for each in backend.history())
    assert is_sealed(backend.get()[0] or b"")
    held.settle()


def test_the_last_plain_state_is_sealed_by_the_next_commit_if_need_be(
    held: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    rewrite(held)
    held.apply("locks-out").ended(ExitCode.DONE)
    backend = backend_of(held)
    for each in backend.history():
        backend.replace_past(each.id, b'{"format":"reconciler sealed"')  # so that only one is left to do
    rewrite(held, SEALED)
    with monkeypatch.context() as patch:
        patch.setattr(type(backend), "replace_past", refusing)
        ran = held.apply().ended(ExitCode.DONE)
    assert "Older ones that its server keeps stay readable" in " ".join(ran.out.split())
    assert is_sealed(backend.get()[0] or b"")
    assert not is_sealed(backend.past(backend.history()[0].id))
    rewrite(held, SEALED, RENAMED)
    held.apply().ended(ExitCode.DONE)
    assert all(is_sealed(backend.past(each.id)) for each in backend.history())


def test_what_a_server_keeps_by_itself_is_said(place: Workplace, request: pytest.FixtureRequest) -> None:
    held = opened(place, *gitlab(request))
    lives(held)
    rewrite(held, SEALED, AGAIN)
    ran = held.apply().ended(ExitCode.DONE)
    assert "nothing here can reach them: remove them there (GitLab: Operate > Terraform states)" in " ".join(
        ran.out.split()
    )


# --- an apply that died before its commit -------------------------------------------------------------------------


@pytest.mark.parametrize("overlay", [{}, SEALED], ids=["plain", "encrypted"])
def test_an_empty_plan_commits_what_a_run_that_died_left(
    place: Workplace, monkeypatch: pytest.MonkeyPatch, overlay: dict[str, Any]
) -> None:
    held = opened(place, *local(None))
    rewrite(held, overlay)
    put = LocalBackend.put
    with monkeypatch.context() as patch:
        patch.setattr(LocalBackend, "put", lambda self, data, old: put(self, data, old) if not old else refusing())
        assert "what was done is not committed: the line is dead" in said(held.apply("locks-out"))
    assert (held.home / "journal.jsonl").is_file()
    before = held.writes
    ran = held.run("apply", "--auto-approve", "--json").ended(ExitCode.DONE)
    assert (ran.json["results"], ran.json["serial"], held.writes) == ([], 1, before)
    assert not (held.home / "journal.jsonl").exists()
    assert CLIENT in json.loads(held.run("state", "list", "--json").out)["state"]["entries"]
    held.run("apply", "--auto-approve", "--json").ended(ExitCode.DONE)
    assert held.run("state", "pull").ended(ExitCode.DONE).out
    assert held.run("apply", "--auto-approve", "--json").json["serial"] == 1


# --- commands -----------------------------------------------------------------------------------------------------


def test_what_is_pulled_can_be_read_with_the_identity_and_pushed_back(held: Workplace) -> None:
    lives(held, SEALED)
    pulled = held.run("state", "pull").ended(ExitCode.DONE).out
    assert is_sealed(pulled.encode())
    assert CLIENT not in pulled
    file = held.folder / "pulled.json"
    file.write_text(pulled)
    held.run("state", "push", str(file)).ended(ExitCode.DONE)
    plain = json.loads(decrypt(json.loads(held.run("state", "pull").out)["age"].encode(), [IDENTITY]))
    assert plain["state"]["serial"] == 3
    plain["state"]["entries"].pop("jira/group/jira-users", None)
    file.write_text(json.dumps(plain))
    held.run("state", "push", str(file)).ended(ExitCode.DONE)
    backend = backend_of(held)
    assert is_sealed(backend.get()[0] or b"")
    assert all(is_sealed(backend.past(each.id)) for each in backend.history())
    assert CLIENT in held.run("state", "list").ended(ExitCode.DONE).out


def test_a_pull_gives_nothing_in_clear_that_nobody_meant_to_be(held: Workplace) -> None:
    lives(held, SEALED)
    rewrite(held, TABLE, RENAMED)
    ran = held.run("state", "pull")
    assert "is encrypted, and the spec does not say whom for" in said(ran)
    assert ran.out == ""
    rewrite(held, TABLE, RENAMED, {"stack": {"encrypt": "off"}})
    assert CLIENT in held.run("state", "pull").ended(ExitCode.DONE).out


def test_a_pull_gives_nothing_in_clear_of_a_journal_that_is_encrypted(held: Workplace) -> None:
    rewrite(held)
    held.apply("locks-out").ended(ExitCode.DONE)
    rewrite(held, SEALED)
    place = Place("acme", None, held.folder / "specs", held.folder / "state", held.variables)
    with place.state_store(place.read_spec()).open(lock_info("apply")) as store:
        store.begin(store.state.systems, store.state.key_store)  # and died here
    rewrite(held, TABLE)
    ran = held.run("state", "pull")
    assert "is encrypted, and the spec does not say whom for" in said(ran)
    assert ran.out == ""


def test_a_past_state_is_restored_encrypted(held: Workplace) -> None:
    lives(held, SEALED)
    rows = held.run("state", "history", "--json").json["states"]
    assert rows[0]["serial"] == 1
    held.run("state", "restore", rows[0]["id"]).ended(ExitCode.DONE)
    assert is_sealed(backend_of(held).get()[0] or b"")
    assert held.run("state", "history", "--json").json["states"][0]["serial"] == 2
    held.apply().ended(ExitCode.DONE)
    held.settle()


def test_without_the_identity_the_past_is_listed_and_not_read(held: Workplace) -> None:
    lives(held, SEALED)
    held.environ[IDENTITY_VARIABLE] = ""
    assert "cannot be read" in held.run("state", "history").ended(ExitCode.DONE).out
    past = backend_of(held).history()[0].id
    for command in (("restore", past), ("restore", past, "--force"), ("pull",), ("list",)):
        assert "this run has no age identity" in said(held.run("state", *command))


def test_a_state_of_a_lost_identity_is_replaced_by_force_alone(held: Workplace) -> None:
    lives(held, SEALED)
    plain = decrypt(json.loads(held.run("state", "pull").out)["age"].encode(), [IDENTITY])
    file = held.folder / "kept.json"
    file.write_bytes(plain)
    recipients = {"age": {"team": {"recipients": [str(LOST.to_public())]}}}
    held.environ[IDENTITY_VARIABLE] = str(LOST)
    rewrite(held, SEALED, RENAMED, recipients)
    assert "is not encrypted for any age identity of this run" in said(held.run("state", "push", str(file)))
    rewrite(held, RENAMED)
    assert "and the spec does not say whom for" in said(held.run("state", "push", str(file), "--force"))
    assert is_sealed(backend_of(held).get()[0] or b"")
    rewrite(held, SEALED, RENAMED, recipients)
    held.run("state", "push", str(file), "--force").ended(ExitCode.DONE)
    assert CLIENT in held.run("state", "list").ended(ExitCode.DONE).out
    held.settle()


def moved_to(elsewhere: Workplace, *overlays: dict[str, Any]) -> Backend:
    """The local state was moved to the backend of the spec. Gives what is there."""
    elsewhere.write(*overlays)
    elsewhere.run("state", "migrate", "--from", "local").ended(ExitCode.DONE)
    elsewhere.settle()
    return backend_of(elsewhere)


def test_a_plain_state_is_encrypted_as_it_moves(elsewhere: Workplace) -> None:
    table = elsewhere.spec["backend"]
    elsewhere.write()
    elsewhere.apply("locks-out").ended(ExitCode.DONE)
    backend = moved_to(elsewhere, {"backend": table}, SEALED)
    assert is_sealed(backend.get()[0] or b"")
    behind = LocalBackend(elsewhere.home)
    assert all(is_sealed(behind.past(each.id)) for each in behind.history())
    assert CLIENT.encode() not in b"".join(path.read_bytes() for path in elsewhere.home.rglob("*.json"))


def test_an_encrypted_state_moves_there_and_back(elsewhere: Workplace) -> None:
    table = elsewhere.spec["backend"]
    elsewhere.write(SEALED)
    elsewhere.apply("locks-out").ended(ExitCode.DONE)
    rewrite_to = {"backend": table}
    elsewhere.write(rewrite_to)
    assert "the spec does not say whom for" in said(elsewhere.run("state", "migrate", "--from", "local"))
    assert backend_of(elsewhere).get()[0] is None
    backend = moved_to(elsewhere, rewrite_to, SEALED)
    assert is_sealed(backend.get()[0] or b"")
    Path(elsewhere.folder / "old.toml").write_text(tomlkit.dumps(rewrite_to))
    elsewhere.write(SEALED)
    elsewhere.run("state", "migrate", "--from", str(elsewhere.folder / "old.toml")).ended(ExitCode.DONE)
    assert is_sealed((elsewhere.home / "state.json").read_bytes())
    elsewhere.settle()


def test_a_move_of_an_encrypted_state_that_was_interrupted_goes_on(elsewhere: Workplace) -> None:
    table = elsewhere.spec["backend"]
    elsewhere.write(SEALED)
    elsewhere.apply("locks-out").ended(ExitCode.DONE)
    before = (elsewhere.home / "state.json").read_bytes()
    elsewhere.write({"backend": table}, SEALED)
    elsewhere.run("state", "migrate", "--from", "local").ended(ExitCode.DONE)
    (elsewhere.home / "state.json").write_bytes(before)  # as if it ended before its note
    elsewhere.run("state", "migrate", "--from", "local").ended(ExitCode.DONE)
    elsewhere.settle()

"""A stack whose secrets, state and saved plans are encrypted: nothing on the disk is readable, everything works."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from acceptance import wanted
from acceptance.cases import client
from acceptance.workplace import Workplace
from pyrage import decrypt, x25519

from reconciler.errors import ExitCode

if TYPE_CHECKING:
    from acceptance.workplace import Ran

IDENTITY = x25519.Identity.generate()
TABLE: dict[str, Any] = {"age": {"team": {"recipients": [str(IDENTITY.to_public())]}}}
STORE: dict[str, Any] = {**TABLE, "stack": {"secrets": "age:team"}}
WHOLE: dict[str, Any] = {**TABLE, "stack": {"secrets": "age:team", "encrypt": "age:team"}}
RENAMED = client(name="Jira and Confluence")


class Runner(Workplace):
    """A CI runner that has the identity in its environment."""

    def stored_secrets(self) -> dict[str, str]:
        """What the age store holds, by name."""
        plain = decrypt((self.home / "team.secrets.age").read_bytes(), [IDENTITY])
        return dict(json.loads(plain)["secrets"])


@pytest.fixture
def runner(place: Workplace) -> Workplace:
    return Runner(place.sandbox, place.folder, {"RECONCILER_AGE_IDENTITY": str(IDENTITY)})


def apply(place: Workplace) -> Ran:
    return place.apply("locks-out")


def readable(place: Workplace) -> list[str]:
    """The files beside the state, and saved plans, in which the name of the client can be read."""
    paths = [*place.home.rglob("*"), *place.folder.glob("*.plan")]
    return sorted(path.name for path in paths if path.is_file() and b"clavex/client" in path.read_bytes())


def refused(ran: Ran) -> str:
    ran.ended(ExitCode.ERROR)
    return " ".join(ran.err.split())


def test_a_runner_without_a_disk_keeps_nothing_in_clear(runner: Workplace) -> None:
    runner.write(WHOLE)
    apply(runner).ended(ExitCode.DONE)
    wanted.check(runner)
    runner.settle()
    runner.write(WHOLE, RENAMED)
    apply(runner).ended(ExitCode.DONE)
    assert runner.run("state", "list").ended(ExitCode.DONE).out.count("clavex/client/atlassian") == 1
    assert readable(runner) == []
    names = {path.name for path in runner.home.iterdir()}
    assert names == {"backups", "state.json", "team.secrets.age", ".lock"}


def test_a_store_of_secrets_in_git(runner: Workplace) -> None:
    runner.write(STORE, {"age": {"team": {"file": "secrets.age"}}})
    apply(runner).ended(ExitCode.DONE)
    assert (runner.folder / "specs" / "acme" / "secrets.age").is_file()
    runner.settle()


def test_without_the_identity_nothing_is_read_and_nothing_is_written(runner: Workplace) -> None:
    runner.write(WHOLE)
    apply(runner).ended(ExitCode.DONE)
    del runner.environ["RECONCILER_AGE_IDENTITY"]
    before = runner.writes
    for command in (("plan",), ("apply", "--auto-approve"), ("drift",), ("state", "list")):
        said = refused(runner.run(*command))
        assert "is encrypted, and this run has no age identity" in said
        assert "set RECONCILER_AGE_IDENTITY" in said
    assert runner.writes == before


def test_a_first_run_without_an_identity_is_taken(place: Workplace) -> None:
    place.write(STORE)
    apply(place).ended(ExitCode.DONE)
    place.environ["RECONCILER_AGE_IDENTITY"] = str(IDENTITY)
    place.settle()


def test_who_could_not_read_the_secret_back_creates_no_client(runner: Workplace) -> None:
    other = x25519.Identity.generate()
    runner.write({"age": {"team": {"recipients": [str(other.to_public())]}}, "stack": {"secrets": "age:team"}})
    said = refused(apply(runner))
    assert "is not encrypted for any age identity of this run" in said
    assert "atlassian" not in runner.sandbox.clavex.world.clients


def test_a_plain_state_is_encrypted_by_the_next_apply(runner: Workplace) -> None:
    runner.write(STORE)
    apply(runner).ended(ExitCode.DONE)
    assert readable(runner) == ["state.json"]
    runner.write(WHOLE)
    before = runner.writes
    apply(runner).ended(ExitCode.DONE)
    assert runner.writes == before
    assert [name for name in readable(runner) if name == "state.json"] == []
    serial = runner.run("apply", "--auto-approve", "--json").ended(ExitCode.DONE).json["serial"]
    assert serial == runner.run("apply", "--auto-approve", "--json").json["serial"]


def test_an_encrypted_state_does_not_become_plain_by_itself(runner: Workplace) -> None:
    runner.write(WHOLE)
    apply(runner).ended(ExitCode.DONE)
    runner.write(STORE, RENAMED)
    before = runner.writes
    for command in (("apply", "--auto-approve"), ("forget", "clavex/client/atlassian")):
        said = refused(runner.run(*command))
        assert "is encrypted, and the spec does not say whom for; nothing was written" in said
    assert runner.writes == before
    runner.run("plan").ended(ExitCode.DONE)
    runner.write(STORE, RENAMED, {"stack": {"encrypt": "off"}})
    apply(runner).ended(ExitCode.DONE)
    assert "state.json" in readable(runner)
    runner.settle()


def test_a_saved_plan_is_encrypted_and_can_be_shown_and_carried_out(runner: Workplace) -> None:
    runner.write(WHOLE)
    path = runner.folder / "first.plan"
    text = runner.run("plan", "--out", str(path)).out
    assert readable(runner) == []
    assert path.read_bytes().startswith(b'{"format":"reconciler sealed","version":1,"age":"-----BEGIN AGE')
    assert runner.run("show", str(path)).ended(ExitCode.DONE).out == text
    runner.run("apply", str(path), "--allow=locks-out").ended(ExitCode.DONE)
    wanted.check(runner)
    path.write_bytes(path.read_bytes().replace(b'"version":1', b'"version":2'))
    assert "an envelope that is damaged, or of a newer reconciler" in refused(runner.run("show", str(path)))
    del runner.environ["RECONCILER_AGE_IDENTITY"]
    path.write_bytes(path.read_bytes().replace(b'"version":2', b'"version":1'))
    assert "this run has no age identity" in refused(runner.run("show", str(path)))

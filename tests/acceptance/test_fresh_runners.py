"""Every run begins on a runner of its own, with the spec and an identity: state and secrets are remote."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import tomlkit
from acceptance import wanted
from acceptance.cases import client
from acceptance.test_remote_states import Trip, break_and_mend, gitlab, postgres, s3
from acceptance.workplace import Workplace
from contract.documents import TOKEN
from pydantic import SecretStr
from pyrage import decrypt, x25519

from reconciler.errors import ExitCode
from reconciler.flows.place import Place
from reconciler.secrets.age import AgeKeys
from reconciler.secrets.age_store import AgeStore
from reconciler.secrets.keepers import SealedFile
from reconciler.secrets.operator import IDENTITY_VARIABLE

if TYPE_CHECKING:
    from acceptance.workplace import Ran

IDENTITY = x25519.Identity.generate()
RECIPIENT = str(IDENTITY.to_public())
WHOLE: dict[str, Any] = {
    "age": {"team": {"recipients": [RECIPIENT]}},
    "stack": {"secrets": "age:team", "encrypt": "age:team"},
}
RENAMED = client(name="Jira and Confluence")
ATLASSIAN = "clients.atlassian.client_secret"


class Fresh(Workplace):
    """Each run has a working folder of its own, in which nothing may be left."""

    def run(self, *arguments: str) -> Ran:
        number = next(self.numbers)
        states = self.folder / f"runner-{number}"
        self.environ["RECONCILER_STATE_DIR"] = str(states)
        ran = super().run(*arguments)
        assert [path for path in states.rglob("*") if path.is_file()] == []
        return ran

    numbers = itertools.count()

    @property
    def store(self) -> Any:
        """The backend that the spec names."""
        return Place("acme", None, self.folder / "specs", Path("nowhere"), self.variables).state_store().backend

    def stored_secrets(self) -> dict[str, str]:
        data = self.store.companion("team.secrets.age")[0]
        return dict(json.loads(decrypt(data, [IDENTITY]))["secrets"]) if data else {}


@pytest.fixture(params=[postgres, s3, gitlab], ids=lambda make: make.__name__)
def fresh(request: pytest.FixtureRequest, place: Workplace) -> Fresh:
    table, environ = request.param(request)
    made = Fresh(place.sandbox, place.folder, {**environ, IDENTITY_VARIABLE: str(IDENTITY)})
    made.write(WHOLE, {"backend": table})
    return made


def test_no_runner_needs_what_another_left(fresh: Fresh) -> None:
    fresh.apply("locks-out").ended(ExitCode.DONE)
    wanted.check(fresh)
    first = fresh.stored_secrets()
    assert ATLASSIAN in first
    fresh.settle()
    fresh.write(WHOLE, RENAMED, {"backend": fresh.spec["backend"]})
    fresh.apply("locks-out").ended(ExitCode.DONE)
    assert fresh.stored_secrets() == first
    for command in ("verify", "doctor", "plan"):
        fresh.run(command).ended(ExitCode.DONE)
    fresh.run("rotate", "clavex/client/atlassian", "--auto-approve").ended(ExitCode.DONE)
    assert fresh.stored_secrets()[ATLASSIAN] != first[ATLASSIAN]
    wanted.check(fresh)
    fresh.settle()


def test_nothing_in_the_backend_is_in_clear(fresh: Fresh) -> None:
    fresh.apply("locks-out").ended(ExitCode.DONE)
    backend = fresh.store
    for data in (backend.get()[0], backend.companion("team.secrets.age")[0]):
        assert b"clavex/client" not in data
        assert not [secret for secret in fresh.stored_secrets().values() if secret.encode() in data]


def test_without_an_identity_nothing_is_done(fresh: Fresh) -> None:
    fresh.write({"age": WHOLE["age"], "stack": {"secrets": "age:team"}}, {"backend": fresh.spec["backend"]})
    fresh.apply("locks-out").ended(ExitCode.DONE)
    del fresh.environ[IDENTITY_VARIABLE]
    before = fresh.writes
    said = " ".join(fresh.apply("rotates").ended(ExitCode.ERROR).err.split())
    assert "is encrypted, and this run has no age identity" in said
    assert "team.secrets.age in " in said
    assert fresh.writes == before


def test_who_cannot_keep_a_secret_creates_no_client(fresh: Fresh) -> None:
    other = str(x25519.Identity.generate().to_public())
    fresh.write(WHOLE, {"age": {"team": {"recipients": [other]}}}, {"backend": fresh.spec["backend"]})
    said = " ".join(fresh.apply("locks-out").ended(ExitCode.ERROR).err.split())
    assert "is not encrypted for any age identity of this run" in said
    assert "atlassian" not in fresh.sandbox.clavex.world.clients


def test_a_backend_that_is_gone_when_the_secret_comes_leaves_it_to_the_next_runner(
    fresh: Fresh, request: pytest.FixtureRequest
) -> None:
    name = fresh.spec["backend"]["kind"]
    leave, come_back = break_and_mend(request, name)
    fresh.sandbox.clavex.faults.requests = Trip(leave)
    try:
        ran = fresh.apply("locks-out")
    finally:
        come_back()
    assert ran.code in {ExitCode.ERROR, ExitCode.PARTLY}
    if name == "s3":
        request.getfixturevalue("buckets").age("lock.json", 100)
    fresh.apply("locks-out").ended(ExitCode.DONE)
    assert len([row for row in fresh.sandbox.clavex.world.clients.values() if row.client_id == "atlassian"]) == 1
    wanted.check(fresh)
    fresh.settle()


def test_secrets_move_along_with_the_state_and_back(fresh: Fresh) -> None:
    table = fresh.spec["backend"]
    place = Workplace(fresh.sandbox, fresh.folder, {**fresh.environ})
    place.write(WHOLE)
    place.apply("locks-out").ended(ExitCode.DONE)
    sealed = (place.home / "team.secrets.age").read_bytes()
    place.write(WHOLE, {"backend": table})
    place.run("state", "migrate", "--from", "local").ended(ExitCode.DONE)
    assert fresh.store.companion("team.secrets.age")[0] == sealed
    fresh.spec = place.spec
    fresh.settle()
    fresh.run("rotate", "clavex/client/atlassian", "--auto-approve").ended(ExitCode.DONE)
    kept = fresh.stored_secrets()

    place.write(WHOLE)
    place.folder.joinpath("old.toml").write_text(tomlkit.dumps({"backend": table}))
    place.run("state", "migrate", "--from", str(place.folder / "old.toml")).ended(ExitCode.DONE)
    assert dict(json.loads(decrypt((place.home / "team.secrets.age").read_bytes(), [IDENTITY]))["secrets"]) == kept
    place.settle()


def test_secrets_that_did_not_arrive_leave_the_state_where_it_was(
    fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = fresh.spec["backend"]
    place = Workplace(fresh.sandbox, fresh.folder, {**fresh.environ})
    place.write(WHOLE)
    place.apply("locks-out").ended(ExitCode.DONE)
    place.write(WHOLE, {"backend": table})
    with monkeypatch.context() as patch:
        patch.setattr(type(fresh.store), "put_companion", lambda *_: None)
        ran = place.run("state", "migrate", "--from", "local").ended(ExitCode.ERROR)
    assert "team.secrets.age does not come back as it was put there" in " ".join(ran.err.split())
    assert fresh.store.get()[0] is None
    sealed = (place.home / "team.secrets.age").read_bytes()
    version = fresh.store.put_companion("team.secrets.age", sealed, "")  # as if it ended between secrets and state
    place.run("state", "migrate", "--from", "local").ended(ExitCode.DONE)
    assert fresh.store.companion("team.secrets.age") == (sealed, version)
    fresh.spec = place.spec
    fresh.settle()


# --- credentials of the backend -----------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [s3, gitlab], ids=lambda make: make.__name__)
def test_credentials_of_the_backend_lie_in_git(place: Workplace, request: pytest.FixtureRequest, make: Any) -> None:
    table, environ = make(request)
    names = [key for key in ("access_key", "secret_key", "password") if key in table]
    values = {key: environ.pop(table[key].removeprefix("env:")) for key in names}
    table |= {key: f"age:keys#{key}" for key in names}
    fresh = Fresh(place.sandbox, place.folder, {**environ, IDENTITY_VARIABLE: str(IDENTITY)})
    age = {"keys": {"recipients": [RECIPIENT], "file": "keys.age"}}
    fresh.write(WHOLE, {"backend": table, "age": age})
    keys = AgeKeys("age:keys", (RECIPIENT,), (f"env:{IDENTITY_VARIABLE}",), fresh.environ)
    store = AgeStore(SealedFile(place.folder / "specs" / "acme" / "keys.age"), keys)
    for key, value in values.items():
        store.put(key, SecretStr(value))
    fresh.apply("locks-out").ended(ExitCode.DONE)
    fresh.settle()
    fresh.write(WHOLE, {"backend": table, "age": age, "nonsense": {}})
    assert "clavex/client/atlassian" in fresh.run("state", "list").ended(ExitCode.DONE).out
    fresh.environ[IDENTITY_VARIABLE] = ""
    said = " ".join(fresh.run("state", "list").ended(ExitCode.ERROR).err.split())
    assert "keys.age is encrypted, and this run has no age identity" in said
    assert not [text for text in fresh.shown if TOKEN in text]

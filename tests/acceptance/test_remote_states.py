"""The main job with the state somewhere else: nothing of it lies on this machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
import tomlkit
from acceptance import wanted
from acceptance.workplace import Workplace
from contract import tables

from reconciler.engine.statestore import StateStore
from reconciler.errors import ExitCode, StateError
from reconciler.flows.place import Place, lock_info
from reconciler.sandbox.faults import READS


def postgres(request: pytest.FixtureRequest) -> tables.Named:
    return tables.postgres(request.getfixturevalue("postgres_server").dsn, f"run-{uuid4()}")


def s3(request: pytest.FixtureRequest) -> tables.Named:
    return tables.s3(request.getfixturevalue("buckets").url)


def gitlab(request: pytest.FixtureRequest) -> tables.Named:
    return tables.gitlab(request.getfixturevalue("gitlab").address)


@pytest.fixture(params=[postgres, s3, gitlab], ids=lambda make: make.__name__)
def elsewhere(request: pytest.FixtureRequest, place: Workplace) -> Workplace:
    """The guide's example, not yet applied, with its state in a backend."""
    table, environ = request.param(request)
    moved = replace(place, environ=environ)
    moved.write({"backend": table})
    return moved


def test_apply_keeps_its_state_there(elsewhere: Workplace) -> None:
    elsewhere.apply("locks-out").ended(ExitCode.DONE)
    assert {path.name for path in elsewhere.home.iterdir()} == {"acme.secrets"}
    assert "clavex/client/atlassian" in elsewhere.run("state", "list").ended(ExitCode.DONE).out
    wanted.check(elsewhere)
    elsewhere.settle()
    elsewhere.run("doctor").ended(ExitCode.DONE)


def store_of(elsewhere: Workplace) -> StateStore:
    """The same state, for somebody else."""
    return Place("acme", None, elsewhere.folder / "specs", Path("nowhere"), elsewhere.environ).state_store()


def test_a_lock_is_taken_away_by_force_alone(elsewhere: Workplace) -> None:
    elsewhere.apply("locks-out").ended(ExitCode.DONE)
    info, store = lock_info("apply"), store_of(elsewhere)
    with pytest.raises(StateError), store.open(info) as held:  # noqa: PT012 - it is raised where the lock ends
        ran = elsewhere.run("state", "unlock").ended(ExitCode.LOCKED)
        assert f"locked since {info.since}" in " ".join(ran.err.split())
        ran = elsewhere.run("state", "unlock", "--force", "--auto-approve").ended(ExitCode.DONE)
        assert "The lock was taken away." in ran.out
        elsewhere.apply().ended(ExitCode.DONE)
        held.begin({})
    assert elsewhere.run("state", "unlock").ended(ExitCode.DONE).out == "Nobody holds the lock.\n"
    elsewhere.settle()


def test_who_finds_the_state_locked_is_told_since_when(elsewhere: Workplace) -> None:
    elsewhere.apply("locks-out").ended(ExitCode.DONE)
    info, store = lock_info("apply"), store_of(elsewhere)
    with store.open(info):
        ran = elsewhere.apply().ended(ExitCode.LOCKED)
    assert f"locked since {info.since}" in " ".join(ran.err.split())
    elsewhere.apply().ended(ExitCode.DONE)


class Trip(list[tuple[str, str]]):
    """The requests of a system; `act` is done at the first write among them."""

    def __init__(self, act: Callable[[], None]) -> None:
        super().__init__()
        self._act = act

    def append(self, request: tuple[str, str]) -> None:
        super().append(request)
        if request[0] not in READS and self._act is not None:
            act, self._act = self._act, None
            act()


def break_and_mend(request: pytest.FixtureRequest, name: str) -> tuple[Callable[[], None], Callable[[], None]]:
    """What takes the backend away, and what brings it back."""
    if name == "postgres":
        server = request.getfixturevalue("postgres_server")
        return server.stop, server.start
    if name == "s3":
        server = request.getfixturevalue("buckets")
        return partial(setattr, server, "forbidden", True), partial(setattr, server, "forbidden", False)
    server = request.getfixturevalue("gitlab")

    def mend() -> None:
        server.refuse = 0
        server.holder = {}  # the protocol has no lease: a person takes the lock away

    return partial(setattr, server, "refuse", 500), mend


@pytest.mark.parametrize("system", ["clavex", "confluence"])
def test_a_backend_that_goes_away_in_the_middle_loses_nothing(
    elsewhere: Workplace, request: pytest.FixtureRequest, system: str
) -> None:
    name = elsewhere.spec["backend"]["kind"]
    leave, come_back = break_and_mend(request, name)
    getattr(elsewhere.sandbox, system).faults.requests = Trip(leave)
    try:
        ran = elsewhere.apply("locks-out")
    finally:
        come_back()
    assert ran.code in {ExitCode.ERROR, ExitCode.PARTLY}
    said = " ".join(ran.err.split())
    assert "what was done is not committed: " in said
    assert "the journal has what was recorded of it, and the next run begins with that" in said
    secrets = elsewhere.stored_secrets()
    if name == "s3":
        request.getfixturevalue("buckets").age("lock.json", 100)
    elsewhere.apply("locks-out").ended(ExitCode.DONE)
    assert len([row for row in elsewhere.sandbox.clavex.world.clients.values() if row.client_id == "atlassian"]) == 1
    assert secrets.items() <= elsewhere.stored_secrets().items() or not secrets
    wanted.check(elsewhere)
    elsewhere.settle()


def test_a_missing_credential_is_said_before_anything_is_sent(elsewhere: Workplace) -> None:
    ran = replace(elsewhere, environ={}).run("plan").ended(ExitCode.ERROR)
    assert "of [backend] names, is missing" in " ".join(ran.err.split())
    assert elsewhere.writes == 0


def test_a_state_moves_there_and_back_with_one_command_each(elsewhere: Workplace) -> None:
    table = elsewhere.spec["backend"]
    elsewhere.write()
    elsewhere.apply("locks-out").ended(ExitCode.DONE)
    entries = elsewhere.entries
    elsewhere.write({"backend": table})
    ran = elsewhere.run("state", "migrate", "--from", "local", "--json").ended(ExitCode.DONE)
    assert json.loads(ran.out)["from"] == str(elsewhere.home)
    assert elsewhere.run("state", "list", "--json").json["state"]["entries"].keys() == entries.keys()
    elsewhere.settle()

    elsewhere.write()
    for command in ("plan", "apply", "drift"):
        ran = elsewhere.run(command).ended(ExitCode.ERROR)
        assert "this state was moved to" in " ".join(ran.err.split())
    elsewhere.folder.joinpath("old.toml").write_text(tomlkit.dumps({"backend": table}))
    back = ("state", "migrate", "--from", str(elsewhere.folder / "old.toml"))
    elsewhere.run(*back).ended(ExitCode.DONE)
    assert elsewhere.entries == entries
    elsewhere.settle()
    assert "was moved to" in " ".join(elsewhere.run(*back).ended(ExitCode.ERROR).err.split())


def test_a_state_that_is_there_already_is_not_overwritten(elsewhere: Workplace) -> None:
    elsewhere.apply("locks-out").ended(ExitCode.DONE)
    before = elsewhere.run("state", "pull").out
    ran = elsewhere.run("state", "migrate", "--from", "local").ended(ExitCode.ERROR)
    assert "there is no state to move" in " ".join(ran.err.split())
    elsewhere.home.joinpath("state.json").write_text(before.replace('"serial":1', '"serial":7'))
    ran = elsewhere.run("state", "migrate", "--from", "local").ended(ExitCode.ERROR)
    assert "there is a state already; nothing was moved" in " ".join(ran.err.split())
    assert elsewhere.run("state", "pull").out == before
    elsewhere.home.joinpath("state.json").write_text(before)  # as if a move was interrupted before its note
    elsewhere.run("state", "migrate", "--from", "local").ended(ExitCode.DONE)
    elsewhere.settle()


def test_what_an_interrupted_apply_left_moves_along(elsewhere: Workplace) -> None:
    table = elsewhere.spec["backend"]
    elsewhere.write()
    elsewhere.apply("locks-out").ended(ExitCode.DONE)
    state = json.loads(elsewhere.run("state", "pull").out)["state"]
    began = {"event": "began", "lineage": state["lineage"], "serial": state["serial"], "systems": {}}
    doubt = {"event": "in_doubt", "address": "clavex/client/atlassian", "step": "update", "message": "?"}
    (elsewhere.home / "journal.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in (began, doubt)))
    elsewhere.write({"backend": table})
    elsewhere.run("state", "migrate", "--from", "local").ended(ExitCode.DONE)
    assert json.loads(elsewhere.run("state", "pull").out)["state"]["in_doubt"] == {
        "clavex/client/atlassian": "update"
    }
    elsewhere.apply().ended(ExitCode.DONE)
    elsewhere.settle()

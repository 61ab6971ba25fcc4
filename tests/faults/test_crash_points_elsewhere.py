"""The same with the state in a backend: a process that dies, or loses the connection, at each write to it.

Each write is struck before the backend takes it, and after that but before the process hears of it. Who died with the
lock has it no longer by the rule of the backend, or is still named where it has none. Each run of the tests tries a
part of the points of a first apply; with EVERY_POINT=1 all are tried.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cli.terminal import Terminal, flat
from contract import tables
from contract.fixtures import postgres_server
from contract.servers import Postgres
from faults import figures
from faults.dying import NOWHERE, Point, Seen
from faults.gates import DEATHS, LOSSES, Gate, GatedBuckets, GatedDocuments, RelayedPostgres
from faults.ground import EVERY, RUNS, Ground, Reference, try_all
from faults.strangers import Strangers

from reconciler.core.journal import Event
from reconciler.engine.statestore import OpenState
from reconciler.errors import ExitCode
from reconciler.sandbox.serve import Sandbox

__all__ = ["postgres_server"]
SHARE = 17
"""Of all points one of so many is tried: with each way its turn."""


@dataclass
class Elsewhere:
    """A backend behind a gate.

    where: how messages begin that are about it. empty: nothing lies there, as at first. free: holds if the lock that
    a run left is held for as long as it should, and then frees it. httpx: its requests are counted as those of
    systems are.
    """

    gate: Gate
    named: tables.Named
    where: str
    empty: Callable[[], None]
    free: Callable[[Terminal], None]
    httpx: bool = False


@contextmanager
def in_postgres(request: pytest.FixtureRequest) -> Iterator[Elsewhere]:
    """The server ends the session of who died, and the lock with it."""
    server: Postgres = request.getfixturevalue("postgres_server")

    def empty() -> None:
        with psycopg.connect(server.dsn, autocommit=True, options="-c client_min_messages=error") as connection:
            connection.execute("DROP SCHEMA IF EXISTS struck CASCADE")

    def free(terminal: Terminal) -> None:
        deadline = time.monotonic() + 10
        while terminal.run("state", "unlock").code == ExitCode.LOCKED:
            assert time.monotonic() < deadline, "the lock did not go with the session"

    with RelayedPostgres(server.port) as relay:
        port = relay.url.rpartition(":")[2]
        dsn = f"postgresql://reconciler@127.0.0.1:{port}/postgres?sslmode=disable&gssencmode=disable"
        yield Elsewhere(relay.gate, tables.postgres(dsn, "struck"), "PostgreSQL 127.0.0.1", empty, free)


@contextmanager
def in_a_bucket(request: pytest.FixtureRequest) -> Iterator[Elsewhere]:
    """The lock is free once it was not renewed for its lease, by the server's clock."""
    with GatedBuckets() as buckets, pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)  # sent again at once

        def free(terminal: Terminal) -> None:
            left = [each.data for name, each in buckets.objects.items() if name.endswith("lock.json")]
            if any(b'"id"' in data for data in left):
                assert is_locked(terminal)
                buckets.age("lock.json", 55)
                assert is_locked(terminal)
                buckets.age("lock.json", 6)
            assert not is_locked(terminal)

        yield Elsewhere(buckets.gate, tables.s3(buckets.url), "s3://states/", buckets.objects.clear, free)


@contextmanager
def in_documents(*, gitlab: bool) -> Iterator[Elsewhere]:
    """The protocol has no lease: a person takes the lock away."""
    with GatedDocuments(gitlab) as documents:

        def empty() -> None:
            documents.versions.clear()

        def free(terminal: Terminal) -> None:
            if documents.holder:
                assert is_locked(terminal)
                terminal.run("state", "unlock", "--force", "--auto-approve").ended(ExitCode.DONE)
            assert not is_locked(terminal)

        named = (tables.gitlab if gitlab else tables.document)(documents.address)
        yield Elsewhere(documents.gate, named, documents.address, empty, free, httpx=True)


def is_locked(terminal: Terminal) -> bool:
    """Whether somebody has the lock, who is named then."""
    ran = terminal.run("state", "unlock")
    if ran.code == ExitCode.LOCKED:
        assert "is locked since " in flat(ran.err)
        return True
    ran.ended(ExitCode.DONE)
    return False


BACKENDS: dict[str, Callable[[pytest.FixtureRequest], AbstractContextManager[Elsewhere]]] = {
    "postgres": in_postgres,
    "s3": in_a_bucket,
    "http": lambda _: in_documents(gitlab=False),
    "gitlab": lambda _: in_documents(gitlab=True),
}


@dataclass
class GroundElsewhere(Ground):
    """The same with its state in a backend."""

    elsewhere: Elsewhere = field(kw_only=True)

    def fresh(self) -> tuple[Terminal, Strangers]:
        self.elsewhere.empty()
        return super().fresh()

    def strike(self, terminal: Terminal, point: Point) -> Seen:
        return self.elsewhere.gate.strike(terminal, point, *self.reference.command)

    @property
    def received(self) -> int:
        return super().received + self.elsewhere.gate.writes * self.elsewhere.httpx

    def recover(self, terminal: Terminal, strangers: Strangers) -> None:
        self.elsewhere.free(terminal)
        super().recover(terminal, strangers)
        assert {path.name for path in terminal.home.iterdir()} == {"acme.secrets"}


@pytest.fixture(params=RUNS if EVERY else list(RUNS)[:1])
def reference(request: pytest.FixtureRequest) -> Reference:
    return RUNS[request.param]


@pytest.fixture(params=BACKENDS)
def ground(
    request: pytest.FixtureRequest, reference: Reference, shared_sandbox: Sandbox, tmp_path: Path
) -> Iterator[GroundElsewhere]:
    with BACKENDS[request.param](request) as elsewhere:
        table, environ = elsewhere.named
        yield GroundElsewhere(shared_sandbox, tmp_path, reference, environ, {"backend": table}, elsewhere=elsewhere)


def points_of(writes: int, ways: tuple[str, ...]) -> list[Point]:
    """Every write in each way; or a part, in which each way has its turn."""
    assert writes > 15
    points = [Point(way, number) for number in range(writes) for way in ways]
    assert len(points) == writes * len(ways)
    return points if EVERY else points[::SHARE]


def test_a_process_that_dies_at_each_write_to_the_backend(ground: GroundElsewhere) -> None:
    """Before the backend takes it; and when it has, and the process did not hear of it."""
    writes = ground.count().kept
    try_all(ground, points_of(writes, DEATHS), "crash points at writes to backends")
    beyond = ground.strike(ground.fresh()[0], Point("untaken", writes))
    assert beyond.ran
    assert beyond.kept == writes


def test_a_connection_that_is_lost_at_each_write_to_the_backend(ground: GroundElsewhere) -> None:
    """Once, or for good, until the process ends."""
    writes = ground.count().kept
    for point in points_of(writes, LOSSES):
        lose_connection(ground, point)
        figures.COUNTS["connections to backends lost"] += 1


def lose_connection(ground: GroundElsewhere, point: Point) -> None:
    """The run says so unless all is committed, so that the state is never older than it seems; the next converges."""
    terminal, strangers = ground.fresh()
    before = state_of(terminal)["serial"]
    seen = ground.strike(terminal, point)
    assert seen.ran
    assert seen.kept > point.number, f"{point} was not reached"
    if seen.ran.code == ExitCode.DONE:
        state = state_of(terminal)
        assert (state["serial"], state.get("in_doubt", {})) == (before + 1, {}), f"after {point}"
        assert terminal.plan()["changes"] == [], f"after {point}"
    else:
        assert seen.ran.code in {ExitCode.ERROR, ExitCode.PARTLY}, f"after {point}"
        assert ground.elsewhere.where in flat(seen.ran.err), f"after {point}"
    ground.recover(terminal, strangers)


def state_of(terminal: Terminal) -> Any:
    """The state with its journal."""
    return terminal.run("state", "list", "--json").ended(ExitCode.DONE).json["state"]


# --- a bug is caught ----------------------------------------------------------------------------------------------


def unsent_journal(state: OpenState, event: Event) -> None:
    """The bug: nobody waits until the backend has an intention."""
    state._events.append(event)
    state.backend.append(state.codec.encode_event(event), wait=False)


@pytest.mark.parametrize("ground", ["s3"], indirect=True)
def test_a_journal_that_nobody_waits_for_is_caught(ground: GroundElsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OpenState, "_write", unsent_journal)
    requests = ground.strike(ground.fresh()[0], NOWHERE).requests
    with pytest.raises(AssertionError, match=r"^after Point"):
        try_all(ground, [Point("answered", number) for number in range(requests)], "")

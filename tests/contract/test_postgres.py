"""PostgreSQL as a backend: what a lost connection, a dead holder and a wrong connection string lead to."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import replace

import psycopg
import pytest
from contract.servers import free_port
from pydantic import SecretStr

from reconciler.backends.postgres import PostgresBackend
from reconciler.errors import LockedError, StateError
from reconciler.storage import LockInfo

ANN = LockInfo("1", "ann", "here", 4711, "apply", "2026-01-02T03:04:05+00:00")
NUMBERS = itertools.count()

HOLD = """
import sys
from pydantic import SecretStr
from reconciler.backends.postgres import PostgresBackend
from reconciler.storage import LockInfo

backend = PostgresBackend(SecretStr(sys.argv[1]), "reconciler", sys.argv[2], "default")
with backend.lock(LockInfo("7", "bob", "there", 1, "apply", "noon")):
    backend.append(b"began\\n")
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def stack():
    return f"own-{next(NUMBERS)}"


@pytest.fixture
def connect(postgres_server, stack):
    return lambda: PostgresBackend(SecretStr(postgres_server.dsn), "reconciler", stack, "default")


def test_a_connection_that_breaks_takes_the_lock_along_and_says_what_was_recorded(connect, postgres_server):
    backend, other = connect(), connect()
    version = backend.put(b"one", "")
    with pytest.raises(StateError, match=r"the lock was lost.*writing the journal") as caught, backend.lock(ANN):  # noqa: PT012 - it is raised where the lock ends
        backend.append(b"kept\n")
        postgres_server.stop()
        try:
            with pytest.raises(StateError, match=r"what was recorded before is kept"):
                backend.append(b"lost\n")
            for use in (lambda: backend.append(b"later\n"), lambda: backend.put(b"two", version), backend.get):
                with pytest.raises(StateError, match="the lock was lost"):
                    use()
            with pytest.raises(StateError, match="cannot be reached"):
                other.get()
        finally:
            postgres_server.start()
    assert caught.value.remedy
    assert other.holder() is None
    assert other.journal() == b"kept\n"
    assert other.get() == (b"one", version)
    with other.lock(ANN):
        other.put(b"two", version)


def test_a_put_whose_answer_is_lost_says_that_it_may_have_been_done(connect, postgres_server):
    backend = connect()
    with pytest.raises(StateError, match="may or may not have been done"), backend.lock(ANN):  # noqa: PT012 - it is raised where the lock ends
        postgres_server.stop()
        try:
            backend.put(b"one", "")
        finally:
            postgres_server.start()


def test_the_lock_of_a_killed_holder_is_free(connect, postgres_server, stack):
    backend = connect()
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, postgres_server.dsn, stack],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "locked\n"
        with pytest.raises(LockedError, match="since noon: apply by bob on there") as caught, backend.lock(ANN):
            pytest.fail("it was locked twice")
        assert caught.value.lock_id == "7"
        assert backend.holder().who == "bob"
        os.kill(process.pid, signal.SIGKILL)
        process.wait(30)
    deadline = time.monotonic() + 30
    while backend.holder() is not None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    with backend.lock(ANN):
        assert backend.journal() == b"began\n"


def test_who_was_unlocked_writes_nothing_more(connect):
    backend, other = connect(), connect()
    with pytest.raises(StateError, match="the lock was lost"), backend.lock(ANN):  # noqa: PT012 - it is raised where the lock ends
        other.unlock("another")
        backend.append(b"kept\n")
        other.unlock(ANN.id)
        with other.lock(LockInfo("2", "bob", "there", 1, "apply", "now")):
            backend.append(b"stray\n")
    assert other.journal() == b"kept\n"


def test_a_lock_that_is_let_go_is_free_at_once(connect, postgres_server):
    """The end of the session frees it as well, but nobody waits for that."""
    backend = connect()
    with psycopg.connect(postgres_server.dsn, autocommit=True) as other:
        for _ in range(20):
            with backend.lock(ANN):
                pass
            assert other.execute("SELECT pg_try_advisory_xact_lock(%s)", [backend._number]).fetchone() == (True,)


def test_states_are_apart(postgres_server, stack):
    dsn = SecretStr(postgres_server.dsn)
    places = [
        PostgresBackend(dsn, *place)
        for place in (("reconciler", stack, "default"), ("reconciler", stack, "staging"), ("other", stack, "default"))
    ]
    with ExitStack() as locks:
        for number, backend in enumerate(places):
            assert backend.holder() is None
            locks.enter_context(backend.lock(ANN))
            backend.put(b"%d" % number, "")
            backend.append(b"line\n")
            backend.clear_journal()
    assert [backend.get()[0] for backend in places] == [b"0", b"1", b"2"]
    assert len({backend.where for backend in places}) == 2


def test_a_lock_is_of_one_state(postgres_server, stack):
    dsn = SecretStr(postgres_server.dsn)
    one, *others = (
        PostgresBackend(dsn, *place)
        for place in (("reconciler", stack, "default"), ("reconciler", stack, "staging"), ("other", stack, "default"))
    )
    with one.lock(ANN):
        for other in others:
            assert other.holder() is None
            with other.lock(replace(ANN, id="2")):
                assert other.holder().id == "2"
        assert one.holder() == ANN


def test_what_the_server_refuses_is_said(postgres_server, stack):
    with psycopg.connect(postgres_server.dsn, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS guest")
        connection.execute("CREATE ROLE guest LOGIN")
        connection.execute("REVOKE CREATE ON DATABASE postgres FROM PUBLIC")
    guest = PostgresBackend(
        SecretStr(postgres_server.dsn.replace("reconciler@", "guest@")), "fresh", stack, "default"
    )
    assert guest.get() == (None, "")
    with pytest.raises(StateError, match="permission denied"):
        guest.put(b"one", "")


@pytest.mark.parametrize("dsn", ["postgres:/ann:hunter2hunter2@host/db", "host", "nonsense hunter2hunter2"])
def test_a_connection_string_is_never_shown(dsn):
    backend = PostgresBackend(SecretStr(dsn), "reconciler", "acme", "default")
    with pytest.raises(StateError, match="connection string") as caught:
        backend.get()
    assert "hunter2" not in f"{caught.value} {caught.value.remedy} {caught.value.__context__}"


def test_a_server_that_is_not_there_is_named_without_the_password():
    dsn = f"postgresql://ann:hunter2hunter2@127.0.0.1:{free_port()}/states?connect_timeout=2"
    backend = PostgresBackend(SecretStr(dsn), "reconciler", "acme", "default")
    with pytest.raises(StateError, match=r"PostgreSQL 127.0.0.1/states, state of acme in default: cannot") as caught:
        backend.get()
    assert "hunter2" not in str(caught.value)
    assert backend.where == "PostgreSQL 127.0.0.1/states, state of acme in default"


@pytest.mark.parametrize(
    ("dsn", "mode"),
    [
        ("host=db.acme.eu", "require"),
        ("host=127.0.0.1,db.acme.eu", "require"),
        ("host=db.acme.eu sslmode=verify-full", "verify-full"),
        ("host=127.0.0.1", None),
        ("host=/run/postgresql", None),
        ("dbname=states", None),
        ("host=localhost hostaddr=192.0.2.1", "require"),
        ("hostaddr=127.0.0.1", None),
        ("service=states sslmode=verify-full", "verify-full"),
    ],
)
def test_tls_is_not_silently_off(dsn, mode, monkeypatch):
    monkeypatch.delenv("PGSSLMODE", raising=False)
    monkeypatch.delenv("PGHOST", raising=False)
    assert PostgresBackend(SecretStr(dsn), "r", "acme", "default")._target.get("sslmode") == mode


def test_a_service_does_not_turn_tls_off(monkeypatch):
    monkeypatch.delenv("PGSSLMODE", raising=False)
    with pytest.raises(StateError, match="names a service") as caught:
        PostgresBackend(SecretStr("service=states"), "r", "acme", "default").get()
    assert "sslmode=verify-full" in caught.value.remedy


def test_a_password_by_itself_goes_before_that_of_the_connection_string():
    for dsn in ("host=127.0.0.1 password=old", "host=127.0.0.1"):
        backend = PostgresBackend(SecretStr(dsn), "r", "acme", "default", SecretStr("new"))
        assert backend._target["password"] == "new"


def test_without_a_lock_nothing_is_journaled(connect):
    with pytest.raises(StateError, match="not held"):
        connect().append(b"line\n")


def test_a_missing_server_fails_in_ci_and_is_skipped_elsewhere(monkeypatch):
    from contract import servers

    monkeypatch.setattr(servers, "find_postgres", lambda: None)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="apt-get install postgresql"), servers.postgres():
        pass
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="apt-get install postgresql"), servers.postgres():
        pass


def test_a_lock_of_whom_nothing_is_known_is_held_by_somebody(connect, postgres_server):
    backend = connect()
    backend.put(b"one", "")
    with psycopg.connect(postgres_server.dsn, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [backend._number])
        assert backend.holder().who == "somebody"
        with pytest.raises(LockedError, match="somebody on an unknown host"), backend.lock(ANN):
            pytest.fail("it was locked twice")

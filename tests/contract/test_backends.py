"""What every backend promises. A new one joins with a function in BACKENDS."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from threading import Event

import pytest
from contract.documents import TOKEN, USER
from pydantic import SecretStr

from reconciler.backends.http import HttpBackend
from reconciler.backends.local import LocalBackend
from reconciler.backends.opening import Surroundings
from reconciler.backends.postgres import PostgresBackend
from reconciler.backends.s3 import S3Backend
from reconciler.errors import ExitCode, LockedError, StateError
from reconciler.spec.backends import HttpTable, S3Table
from reconciler.storage import LockInfo

ANN = LockInfo("1", "ann", "here", 4711, "apply", "2026-01-02T03:04:05+00:00")
BOB = LockInfo("2", "bob", "there", 1, "apply", "2026-01-02T03:04:06+00:00")
NUMBERS = itertools.count()


def local(request):
    folder = request.getfixturevalue("tmp_path")
    return lambda: LocalBackend(folder / "acme" / "default")


def in_postgres(request):
    dsn = SecretStr(request.getfixturevalue("postgres_server").dsn)
    stack = f"stack-{next(NUMBERS)}"
    return lambda: PostgresBackend(dsn, "reconciler", stack, "default")


def in_a_bucket(request):
    table = S3Table(
        bucket="states",
        region="eu-central-1",
        endpoint=request.getfixturevalue("buckets").url,
        access_key="env:KEY",
        secret_key="env:SECRET",
        path_style=True,
    )
    folder = request.getfixturevalue("tmp_path")
    around = Surroundings("acme", "default", folder, folder, lambda handle: SecretStr(handle.name))
    return lambda: S3Backend(table, around)


def in_gitlab(request):
    address = request.getfixturevalue("gitlab").address
    return of_documents(request, address, lock_address=f"{address}/lock", lock_method="POST", unlock_method="DELETE")


def in_a_document(request):
    return of_documents(request, request.getfixturevalue("documents").address)


def of_documents(request, address, **methods):
    table = HttpTable(address=address, username=USER, password="env:TOKEN", **methods)
    folder = request.getfixturevalue("tmp_path")
    around = Surroundings("acme", "default", folder, folder, lambda handle: SecretStr(TOKEN))
    return lambda: HttpBackend(table, around)


BACKENDS = {
    "local": local,
    "postgres": in_postgres,
    "s3": in_a_bucket,
    "http": in_a_document,
    "gitlab": in_gitlab,
}
SILENT = {"http", "gitlab"}
"""Those whose protocol keeps no past snapshots, and tells who holds the lock only to who tries to take it."""
"""By name: given the request of a test, what opens one more client of the same, new state."""


@pytest.fixture(params=sorted(BACKENDS))
def connect(request):
    return BACKENDS[request.param](request)


@pytest.fixture(params=sorted(BACKENDS.keys() - SILENT))
def connect_telling(request):
    return BACKENDS[request.param](request)


def test_there_is_nothing_at_first(connect):
    backend = connect()
    assert backend.get()[0] is None
    assert backend.journal() == b""
    assert backend.holder() is None
    assert backend.where
    backend.clear_journal()


def test_what_was_put_is_there_for_everybody(connect):
    backend, other = connect(), connect()
    version = backend.put(b'{"a": 1}', backend.get()[1])
    assert backend.get() == other.get() == (b'{"a": 1}', version)
    newer = other.put(b'{"a": 2}', version)
    assert newer != version
    assert backend.get() == (b'{"a": 2}', newer)


def test_a_put_on_an_old_version_changes_nothing(connect):
    backend, other = connect(), connect()
    absent = backend.get()[1]
    first = backend.put(b"one", absent)
    with pytest.raises(StateError, match="meanwhile"):
        other.put(b"another first", absent)
    second = other.put(b"two", first)
    with pytest.raises(StateError, match="meanwhile"):
        backend.put(b"lost", first)
    assert backend.get() == (b"two", second)


def test_of_many_puts_on_one_version_one_wins(connect):
    clients = [connect() for _ in range(8)]
    version = clients[0].put(b"base", clients[0].get()[1])

    def put(number):
        try:
            return clients[number].put(b"%d" % number, version)
        except StateError:
            return None

    with ThreadPoolExecutor(8) as pool:
        versions = list(pool.map(put, range(8)))
    (winner,) = [number for number, made in enumerate(versions) if made]
    assert clients[0].get() == (b"%d" % winner, versions[winner])


def test_the_journal_keeps_lines_in_order_until_it_is_cleared(connect):
    backend, other = connect(), connect()
    with backend.lock(ANN):
        for number in range(5):
            backend.append(b"%d\n" % number)
        assert backend.journal() == other.journal() == b"0\n1\n2\n3\n4\n"
    with other.lock(BOB):
        other.append(b"5\n")
    assert connect().journal() == b"0\n1\n2\n3\n4\n5\n"
    with backend.lock(ANN):
        backend.clear_journal()
        assert other.journal() == b""
        backend.append(b"6\n")
        assert other.journal() == b"6\n"
    other.clear_journal()
    assert backend.journal() == b""


def test_lines_that_nobody_waits_for_are_durable_with_the_next_that_somebody_does(connect):
    backend, other = connect(), connect()
    with backend.lock(ANN):
        backend.append(b"1\n", wait=False)
        backend.append(b"2\n", wait=False)
        backend.append(b"3\n")
        assert other.journal() == b"1\n2\n3\n"


def test_no_line_is_lost_when_the_lock_ends(connect):
    backend, other = connect(), connect()
    with backend.lock(ANN):
        backend.append(b"1\n", wait=False)
    assert other.journal() == b"1\n"
    with suppress(ZeroDivisionError), backend.lock(ANN):
        backend.append(b"2\n", wait=False)
        raise ZeroDivisionError
    assert other.journal() == b"1\n2\n"


def test_lines_of_many_threads_are_whole(connect):
    backend = connect()

    def write(thread):
        for number in range(50):
            backend.append(b"%d:%d:%s\n" % (thread, number, b"x" * 100), wait=number % 2 == 0)

    with backend.lock(ANN), ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    lines = backend.journal().decode().splitlines()
    assert len(lines) == 400
    for thread in range(8):
        mine = [line for line in lines if line.startswith(f"{thread}:")]
        assert mine == [f"{thread}:{number}:{'x' * 100}" for number in range(50)]


def test_a_put_leaves_the_journal_alone(connect):
    backend = connect()
    with backend.lock(ANN):
        backend.append(b"line\n")
        backend.put(b"state", backend.get()[1])
    assert backend.journal() == b"line\n"


def test_two_clients_one_lock(connect):
    backend, other = connect(), connect()
    with backend.lock(ANN):
        assert backend.holder() == ANN
        with pytest.raises(LockedError) as caught, other.lock(BOB):
            pytest.fail("it was locked twice")
        assert caught.value.exit_code == ExitCode.LOCKED
        assert ANN.since in str(caught.value)
        assert caught.value.lock_id == ANN.id
        assert caught.value.remedy
        backend.put(b"under the lock", backend.get()[1])
    assert other.holder() is None
    with other.lock(BOB):
        assert other.get()[0] == b"under the lock"


def test_everybody_is_told_who_holds_the_lock(connect_telling):
    backend, other = connect_telling(), connect_telling()
    with backend.lock(ANN):
        assert other.holder() == backend.holder() == ANN
        with pytest.raises(LockedError) as caught, other.lock(BOB):
            pytest.fail("it was locked twice")
        assert all(word in str(caught.value) for word in ("ann", "here", "4711", "apply", ANN.since))
    with other.lock(ANN):
        assert backend.holder() == ANN


def test_the_lock_ends_with_an_error(connect):
    backend, other = connect(), connect()
    with pytest.raises(ZeroDivisionError), backend.lock(ANN):
        raise ZeroDivisionError
    with other.lock(ANN):
        pass


def test_of_many_locks_at_once_one_is_held(connect):
    clients = [connect() for _ in range(8)]
    held, over = [], Event()

    def take(number):
        try:
            with clients[number].lock(replace(ANN, id=str(number))):
                held.append(number)
                over.wait(30)
        except LockedError as refused:
            return refused
        return None

    with ThreadPoolExecutor(8) as pool:
        runs = [pool.submit(take, number) for number in range(8)]
        refused = [run.result() for run in itertools.islice(as_completed(runs), 7)]
        over.set()
    assert len(held) == 1
    assert all(isinstance(each, LockedError) for each in refused)


def test_past_snapshots_are_kept(connect_telling):
    backend, other = connect_telling(), connect_telling()
    assert list(backend.history()) == []
    version = backend.get()[1]
    for number in range(23):
        version = backend.put(b"%d" % number, version)
    kept = other.history()
    assert [other.past(each.id) for each in kept] == [b"%d" % number for number in range(21, 1, -1)]
    assert len({each.id for each in kept}) == 20
    assert all(datetime.fromisoformat(each.written).tzinfo for each in kept)
    with pytest.raises(StateError, match="no past state is called nonsense"):
        backend.past("nonsense")


def test_bytes_come_back_as_they_were(connect):
    backend = connect()
    data = bytes(range(256)) * 5000
    version = backend.put(data, backend.get()[1])
    assert backend.get() == (data, version)
    with backend.lock(ANN):
        backend.append(b"\x00\xff{}\n")
        assert backend.journal() == b"\x00\xff{}\n"


def test_companions_lie_beside_the_snapshot(connect):
    backend, other = connect(), connect()
    assert list(backend.companions()) == []
    assert backend.companion("a.secrets.age") == (None, "")
    first = backend.put_companion("a.secrets.age", b"one", "")
    assert other.companion("a.secrets.age") == (b"one", first)
    version = backend.put(b"state", backend.get()[1])
    second = other.put_companion("a.secrets.age", bytes(range(256)), first)
    other.put_companion("b.secrets.age", b"b", "")
    assert backend.companion("a.secrets.age") == (bytes(range(256)), second)
    assert list(other.companions()) == ["a.secrets.age", "b.secrets.age"]
    assert backend.get() == (b"state", version)


def test_a_companion_of_an_old_version_changes_nothing(connect):
    backend, other = connect(), connect()
    first = backend.put_companion("a.secrets.age", b"one", "")
    assert other.put_companion("a.secrets.age", b"another first", "") is None
    second = other.put_companion("a.secrets.age", b"two", first)
    assert backend.put_companion("a.secrets.age", b"lost", first) is None
    assert backend.companion("a.secrets.age") == (b"two", second)


def test_companions_and_lines_of_many_threads_are_whole(connect):
    backend = connect()

    def write(thread):
        version = ""
        for number in range(5):
            backend.append(b"%d:%d\n" % (thread, number))
            version = backend.put_companion(f"a{thread}.secrets.age", b"%d" % number, version)

    with backend.lock(ANN), ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    again = connect()
    assert sorted(again.journal().split()) == sorted(b"%d:%d" % (thread, n) for thread in range(4) for n in range(5))
    assert [again.companion(f"a{thread}.secrets.age")[0] for thread in range(4)] == [b"4"] * 4


def test_of_many_companions_on_one_version_one_wins(connect):
    clients = [connect() for _ in range(6)]
    version = clients[0].put_companion("a.secrets.age", b"base", "")

    def put(number):
        try:
            return clients[number].put_companion("a.secrets.age", b"%d" % number, version)
        except LockedError:  # where a lock is what keeps two apart
            return None

    with ThreadPoolExecutor(6) as pool:
        versions = list(pool.map(put, range(6)))
    (winner,) = [number for number, made in enumerate(versions) if made]
    assert clients[0].companion("a.secrets.age") == (b"%d" % winner, versions[winner])


def test_a_past_snapshot_is_replaced_where_it_lies(connect_telling):
    backend = connect_telling()
    version = backend.get()[1]
    for data in (b"one", b"two", b"three"):
        version = backend.put(data, version)
    before = connect_telling().history()
    backend.replace_past(before[1].id, b"sealed")
    assert connect_telling().history() == before
    assert [backend.past(each.id) for each in before] == [b"two", b"sealed"]
    assert backend.get() == (b"three", version)
    with pytest.raises(StateError, match="no past state is called nonsense"):
        backend.replace_past("nonsense", b"x")

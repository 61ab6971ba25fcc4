"""What every backend promises. A new one joins with one line in BACKENDS."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from reconciler.backends.local import LocalBackend
from reconciler.errors import ExitCode, LockedError, StateError
from reconciler.ports import LockInfo

BACKENDS = {"local": lambda folder: lambda: LocalBackend(folder / "acme" / "default")}
"""By name: given an empty folder, what opens one more client of the same state."""

ANN = LockInfo("1", "ann", "here", 4711, "apply", "2026-01-02T03:04:05+00:00")


@pytest.fixture(params=sorted(BACKENDS))
def connect(request, tmp_path):
    return BACKENDS[request.param](tmp_path)


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
    backend.append(b"5\n")
    assert connect().journal() == b"0\n1\n2\n3\n4\n5\n"
    backend.clear_journal()
    assert other.journal() == b""
    backend.append(b"6\n")
    assert other.journal() == b"6\n"


def test_lines_of_many_threads_are_whole(connect):
    backend = connect()

    def write(thread):
        for number in range(50):
            backend.append(b"%d:%d:%s\n" % (thread, number, b"x" * 100))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    lines = backend.journal().decode().splitlines()
    assert len(lines) == 400
    for thread in range(8):
        mine = [line for line in lines if line.startswith(f"{thread}:")]
        assert mine == [f"{thread}:{number}:{'x' * 100}" for number in range(50)]


def test_a_put_leaves_the_journal_alone(connect):
    backend = connect()
    backend.append(b"line\n")
    backend.put(b"state", backend.get()[1])
    assert backend.journal() == b"line\n"


def test_two_clients_one_lock(connect):
    backend, other = connect(), connect()
    with backend.lock(ANN):
        assert other.holder() == backend.holder() == ANN
        with pytest.raises(LockedError) as caught, other.lock(LockInfo("2", "bob", "there", 1, "apply", "now")):
            pytest.fail("it was locked twice")
        assert caught.value.exit_code == ExitCode.LOCKED
        assert all(word in str(caught.value) for word in ("ann", "here", "4711", "apply", ANN.since))
        assert caught.value.remedy
        backend.put(b"under the lock", backend.get()[1])
    assert other.holder() is None
    with other.lock(ANN):
        assert backend.holder() == ANN


def test_the_lock_ends_with_an_error(connect):
    backend, other = connect(), connect()
    with pytest.raises(ZeroDivisionError), backend.lock(ANN):
        raise ZeroDivisionError
    with other.lock(ANN):
        pass

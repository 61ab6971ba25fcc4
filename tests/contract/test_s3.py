"""A bucket as a backend: lost answers, leases that end, holders that come back, and what the server refuses."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from threading import Barrier

import boto3
import pytest
from botocore.exceptions import ClientError
from contract import buckets as buckets_module
from contract.servers import free_port
from pydantic import SecretStr

from reconciler.backends import s3
from reconciler.backends.lease import Lease
from reconciler.backends.opening import Surroundings
from reconciler.backends.s3 import S3Backend
from reconciler.errors import LockedError, SecretError, StateError
from reconciler.spec.backends import S3Table
from reconciler.storage import LockInfo

ANN = LockInfo("1", "ann", "here", 4711, "apply", "2026-01-02T03:04:05+00:00")
BOB = LockInfo("2", "bob", "there", 1, "apply", "2026-01-02T03:04:06+00:00")


@pytest.fixture
def connect(buckets, tmp_path):
    def open_one(**changes):
        table = S3Table(
            bucket="states", endpoint=buckets.url, region="x", access_key="env:K", secret_key="env:S", path_style=True
        ).model_copy(update=changes)
        around = Surroundings("acme", "default", tmp_path, tmp_path, lambda handle: SecretStr(handle.name))
        return S3Backend(table, around)

    return open_one


@pytest.mark.parametrize("condition", [{"IfNoneMatch": "*"}, {"IfMatch": ""}])
def test_of_twenty_conditional_puts_at_once_the_server_does_one(buckets, condition):
    session = boto3.session.Session("k", "s", region_name="x")
    client = session.client("s3", endpoint_url=buckets.url)
    if "IfMatch" in condition:
        condition = {"IfMatch": client.put_object(Bucket="states", Key="a", Body=b"base")["ETag"]}
    gate = Barrier(20)

    def put(number):
        gate.wait(30)
        try:
            client.put_object(Bucket="states", Key="a", Body=b"%d" % number, **condition)
        except ClientError as refused:
            return refused.response["Error"]["Code"]
        return "done"

    with ThreadPoolExecutor(20) as pool:
        assert Counter(pool.map(put, range(20))) == {"done": 1, "PreconditionFailed": 19}


def test_a_put_whose_answer_is_lost_is_known_for_our_own(connect, buckets):
    backend, other = connect(), connect()
    buckets.lose = 1
    version = backend.put(b"one", "")
    assert other.get() == (b"one", version)
    buckets.lose = 2
    newer = backend.put(b"two", version)
    assert other.get() == (b"two", newer)
    with backend.lock(ANN):
        buckets.lose = 1
        backend.append(b"line\n")
        backend.append(b"next\n")
    assert other.journal() == b"line\nnext\n"


def test_puts_in_each_others_way_are_sent_again(connect, buckets):
    backend = connect()
    buckets.conflicts = 2
    version = backend.put(b"one", "")
    buckets.conflicts = 100
    with pytest.raises(StateError, match="meanwhile"):
        backend.put(b"two", version)


def test_a_conflict_that_somebody_else_won_is_no_success(connect, buckets):
    backend = connect()
    stored = backend.put(b"one", "")
    buckets.conflicts = 1
    assert backend._put("state.json", b"two", '"another"') is None
    assert backend.get() == (b"one", stored)


def test_the_lock_of_a_holder_that_does_not_renew_it_is_free_after_its_lease(connect, buckets):
    backend, other = connect(), connect()
    with pytest.raises(StateError, match="somebody took it away"), backend.lock(ANN):  # noqa: PT012 - it is raised where the lock ends
        backend.append(b"1\n")
        buckets.age("lock.json", 55)
        with pytest.raises(LockedError, match="ann on here"), other.lock(BOB):
            pytest.fail("the lease had not ended")
        buckets.age("lock.json", 10)
        assert other.holder() is None
        with other.lock(BOB):
            assert backend.holder() == BOB
            other.append(b"2\n")
            backend.append(b"stray\n")
    assert other.journal() == b"1\n2\n"
    assert other.holder() is None


def test_a_line_is_never_put_in_the_place_of_another(connect, buckets):
    backend, other = connect(), connect()
    with pytest.raises(StateError, match="somebody else writes the journal"), backend.lock(ANN):  # noqa: PT012 - it is raised where the lock ends
        backend.append(b"1\n")
        assert other._put("journal/000000000002", b"2\n", "")
        backend.append(b"stray\n")
    assert other.journal() == b"1\n2\n"


def test_the_end_of_a_lock_that_was_taken_over_leaves_the_new_one(connect, buckets):
    backend, other = connect(), connect()
    first = backend.lock(ANN)
    first.__enter__()
    buckets.age("lock.json", 100)
    with other.lock(BOB):
        first.__exit__(None, None, None)
        assert backend.holder() == BOB


def test_only_the_clock_of_the_server_counts(connect, buckets):
    buckets.ahead = -7 * 86400
    backend, other = connect(), connect()
    with backend.lock(ANN), pytest.raises(LockedError), other.lock(BOB):
        pytest.fail("it was locked twice")
    buckets.ahead = 7 * 86400
    with backend.lock(ANN), pytest.raises(LockedError), other.lock(BOB):
        pytest.fail("it was locked twice")


def test_a_lock_is_renewed_while_it_is_held(connect, buckets):
    backend, other = connect(lease=8), connect()
    with backend.lock(ANN):
        deadline = time.monotonic() + 30
        while b'"beat": 2' not in other._get("lock.json").data:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        backend.append(b"line\n")
    assert other.journal() == b"line\n"


def test_who_cannot_renew_the_lock_writes_nothing_more(connect, buckets):
    backend, other = connect(), connect()
    version = backend.put(b"one", "")
    with pytest.raises(StateError, match="the lock was lost"), backend.lock(ANN):  # noqa: PT012 - it is raised where the lock ends
        backend._lease._safe_until = 0.0  # as if every renewal had failed since long ago
        for use in (
            lambda: backend.append(b"line\n"),
            lambda: backend.put(b"two", version),
            backend.clear_journal,
        ):
            with pytest.raises(StateError, match="could not be renewed for 45 seconds"):
                use()
        backend.append(b"line\n")
    assert other.get() == (b"one", version)
    assert other.journal() == b""


def test_a_lease_survives_a_renewal_that_fails_and_ends_with_one_that_is_refused():
    answers = iter([True, StateError("down"), True, False])
    asked = []

    def renew():
        asked.append(time.monotonic())
        answer = next(answers)
        if isinstance(answer, StateError):
            raise answer
        return answer

    lease = Lease(0.4, renew)
    deadline = time.monotonic() + 30
    while len(asked) < 4 or not lease.lost:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    lease.end()
    assert lease.lost == "somebody took it over"
    assert len(asked) == 4


def test_who_was_unlocked_writes_nothing_more(connect, buckets):
    backend, other = connect(lease=8), connect()
    with pytest.raises(StateError, match=r"the lock was lost \(somebody took it"), backend.lock(ANN):  # noqa: PT012 - it is raised where the lock ends
        other.unlock("another")
        assert other.holder() == ANN
        other.unlock(ANN.id)
        assert other.holder() is None
        deadline = time.monotonic() + 30
        while not backend._lease.lost:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        backend.append(b"stray\n")
    other.unlock(ANN.id)
    assert other.journal() == b""


def test_a_lock_that_is_renewed_meanwhile_is_taken_away_all_the_same(connect, monkeypatch):
    backend, other = connect(), connect()
    with backend.lock(ANN):
        held = s3._Held(other, ANN, other._get("lock.json").etag)
        put, renewals = S3Backend._put, iter([True])

        def renewed_first(self, name, data, if_etag):
            if data == s3._FREE and next(renewals, False):
                held.renew()
            return put(self, name, data, if_etag)

        monkeypatch.setattr(S3Backend, "_put", renewed_first)
        connect().unlock(ANN.id)
        assert other.holder() is None
        renewals = itertools.repeat(True)
        held = s3._Held(other, ANN, other._get("lock.json").etag)
        assert held.renew()
        with pytest.raises(StateError, match="was not taken away"):
            connect().unlock(ANN.id)


def test_a_line_that_took_longer_than_the_lease_lets_nothing_go_on(connect, monkeypatch):
    backend = connect()
    put = S3Backend._put

    def slow(self, name, data, if_etag):
        if name.startswith("journal/"):
            backend._lease._safe_until = 0.0
        return put(self, name, data, if_etag)

    with pytest.raises(StateError, match="could not be renewed"), backend.lock(ANN):  # noqa: PT012 - it is raised where the lock ends
        monkeypatch.setattr(S3Backend, "_put", slow)
        backend.append(b"intended\n")


@pytest.mark.parametrize(
    ("header", "value", "problem"),
    [("Date", "yesterday", "Invalid date"), ("Last-Modified", None, "does not say"), ("ETag", None, "does not say")],
)
def test_a_server_that_says_no_times_is_an_error(connect, monkeypatch, header, value, problem):
    backend = connect()
    backend.put(b"one", "")
    send = buckets_module._Handler.send_header

    def lie(self, name, said):
        if name != header:
            send(self, name, said)
        elif value:
            send(self, name, value)

    monkeypatch.setattr(buckets_module._Handler, "send_header", lie)
    with pytest.raises(StateError, match=problem):
        backend.get()


def test_a_clock_of_a_server_that_names_no_zone_is_read(connect, monkeypatch):
    backend = connect()
    monkeypatch.setattr(
        buckets_module._Handler, "date_time_string", lambda self, timestamp=None: formatdate(time.time())
    )
    with backend.lock(ANN):
        assert backend.holder() == ANN


def test_an_object_beyond_all_measure_is_not_read(connect, monkeypatch):
    backend = connect()
    backend.put(b"12345", "")
    monkeypatch.setattr(s3, "LARGEST", 4)
    with pytest.raises(StateError, match="the object is larger than"):
        backend.get()


def test_an_object_that_is_cut_short_is_an_error(connect, monkeypatch):
    backend = connect()
    backend.put(b"12345", "")
    send = buckets_module._Handler.send_header

    def lie(self, name, said):
        self.close_connection = True
        send(self, name, "9" if name == "Content-Length" else said)

    monkeypatch.setattr(buckets_module._Handler, "send_header", lie)
    with pytest.raises(StateError, match="reading state"):
        backend.get()


def test_who_loses_the_race_for_a_free_lock_is_refused(connect, monkeypatch):
    backend, other = connect(), connect()
    look = s3.S3Backend._get
    with other.lock(BOB):
        monkeypatch.setattr(s3.S3Backend, "_get", lambda self, name: None)
        with pytest.raises(LockedError, match="somebody on an unknown host"), backend.lock(ANN):
            pytest.fail("it was locked twice")
        monkeypatch.setattr(s3.S3Backend, "_get", look)
    assert other.holder() is None


def test_a_lock_object_that_makes_no_sense_is_held_by_somebody(connect, buckets):
    backend = connect()
    with backend.lock(ANN):
        pass
    (stored,) = buckets.objects.values()
    stored.data = b"hunter2"
    with pytest.raises(LockedError, match="somebody"), backend.lock(BOB):
        pytest.fail("it was locked twice")


@pytest.mark.parametrize(
    ("changes", "message", "remedy"),
    [
        ({"bucket": "other"}, "NoSuchBucket", "does the bucket exist"),
        ({"endpoint": f"http://127.0.0.1:{free_port()}"}, "Could not connect", "is the server up"),
        ({"endpoint": "nonsense"}, "Invalid endpoint", "is the server up"),
        ({"access_key": None, "secret_key": None}, "no credentials", "access_key"),
    ],
)
def test_what_is_wrong_is_said(connect, monkeypatch, tmp_path, changes, message, remedy):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    s3._session.cache_clear()
    backend = connect(**changes)
    with pytest.raises(StateError, match=message) as caught:
        backend.get()
    assert remedy in caught.value.remedy
    assert caught.value.__suppress_context__
    s3._session.cache_clear()


def test_a_server_that_fails_is_no_absence(connect, buckets, monkeypatch):
    backend = connect()
    version = backend.put(b"one", "")
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    buckets.down = True
    for use in (backend.get, backend.journal, backend.holder, backend.history, lambda: backend.put(b"two", version)):
        with pytest.raises(StateError, match="ServiceUnavailable"):
            use()
    with pytest.raises(StateError, match="which may or may not have been done"):
        backend._put("state.json", b"two", version)


def test_a_credential_that_is_missing_is_named(connect):
    backend = connect()
    backend._around = backend._around._replace(value=lambda handle: None)
    with pytest.raises(SecretError, match="env:K, which `access_key` of"):
        backend.get()


def test_a_past_state_that_somebody_else_replaced_is_not_overwritten(connect, buckets, monkeypatch):
    backend = connect()
    backend.put(b"two", backend.put(b"one", ""))
    (past,) = backend.history()
    find = S3Backend._find_past

    def overtaken_meanwhile(self, past_id):
        name, found = find(self, past_id)
        monkeypatch.undo()
        connect().replace_past(past_id, b"theirs")
        return name, found

    monkeypatch.setattr(S3Backend, "_find_past", overtaken_meanwhile)
    with pytest.raises(StateError, match="meanwhile"):
        backend.replace_past(past.id, b"ours")
    assert backend.past(past.id) == b"theirs"


def test_without_a_lock_nothing_is_journaled(connect):
    with pytest.raises(StateError, match="not held"):
        connect().append(b"line\n")

"""The rules of the state: lineage, serial, versions, journal before use."""

from __future__ import annotations

import errno
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.backends.local import LocalBackend
from reconciler.core.address import Address
from reconciler.core.codec import encode_event, encode_state
from reconciler.core.journal import Applied, Failed, InDoubt, Intended
from reconciler.core.plan import StepKind
from reconciler.core.state import Entry, Origin, State, SystemRecord
from reconciler.engine.statestore import StateStore
from reconciler.errors import LockedError, StateError
from reconciler.storage import LockInfo

ANN = LockInfo("1", "ann", "here", 4711, "apply", "2026-01-02T03:04:05+00:00")
CLIENT = Address("clavex", "client", "atlassian")
GROUP = Address("jira", "group", "staff")
ENTRY = Entry("id-1", Origin.CREATED, {"name": "Jira", "redirect_uris": ("https://a", "https://b")})
SYSTEMS = {"clavex": SystemRecord("clavex", "https://id.acme.eu", "acme", {"org_id": "7"})}


@pytest.fixture
def backend(tmp_path):
    return LocalBackend(tmp_path / "state")


@pytest.fixture
def store(backend):
    return StateStore(backend, "acme", "default")


def files(backend):
    """Every file of the state but the lock."""
    folder = Path(backend.where)
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.name != ".lock")


def apply(opened, *events):
    opened.begin(SYSTEMS)
    for event in events:
        opened.record(event)


CREATED = (Intended(CLIENT, StepKind.CREATE), Applied(CLIENT, StepKind.CREATE, ENTRY))


# --- from nothing to a snapshot -----------------------------------------------------------------------------------


def test_a_first_look_finds_an_empty_state_and_writes_nothing(store, backend, tmp_path):
    state = store.read()
    assert state == State("acme", "default", state.lineage)
    assert len(state.lineage) == 36
    assert state.lineage != store.read().lineage
    assert store.holder() is None
    assert list(tmp_path.iterdir()) == []


def test_an_opened_state_that_is_not_begun_leaves_nothing(store, backend):
    with store.open(ANN) as opened:
        assert opened.state.serial == 0
        assert store.holder() == ANN
    assert files(backend) == []


def test_the_first_apply(store, backend):
    with store.open(ANN) as opened:
        lineage = opened.state.lineage
        apply(opened, *CREATED)
        assert files(backend) == ["journal.jsonl", "lock.json", "state.json"]
        running = store.read()
        committed = opened.commit()
    assert running == State("acme", "default", lineage, 0, SYSTEMS, {CLIENT: ENTRY})
    assert committed == store.read() == replace(running, serial=1)
    assert [name for name in files(backend) if not name.startswith("0000")] == ["state.json"]


def test_a_lineage_is_durable_before_the_first_event(store, backend):
    with store.open(ANN) as opened:
        opened.begin(SYSTEMS)
        lineage = opened.state.lineage
    assert store.read().lineage == lineage
    assert store.read().systems == SYSTEMS


def test_each_commit_is_the_next_serial(store):
    with store.open(ANN) as opened:
        first, second = opened.commit(), opened.commit()
        assert opened.state == second
    assert (first.serial, second.serial) == (1, 2)
    assert store.read() == second


def test_two_applies_in_one_opening(store):
    with store.open(ANN) as opened:
        apply(opened, *CREATED)
        opened.commit()
        apply(opened, Applied(GROUP, StepKind.CREATE, ENTRY))
        opened.commit()
    assert store.read().serial == 2
    assert set(store.read().entries) == {CLIENT, GROUP}


def test_an_event_needs_an_apply_that_began(store, backend):
    with store.open(ANN) as opened:
        for _ in range(2):
            with pytest.raises(RuntimeError, match="begin"):
                opened.record(CREATED[0])
            opened.begin(SYSTEMS)
            opened.commit()
    assert backend.journal() == b""


# --- what a crash leaves ------------------------------------------------------------------------------------------


def test_what_was_recorded_and_not_committed_is_in_the_next_state(store):
    with store.open(ANN) as opened:
        apply(opened, *CREATED, Intended(GROUP, StepKind.CREATE))
    state = store.read()
    assert state.entries == {CLIENT: ENTRY}
    assert state.in_doubt == {GROUP: StepKind.CREATE}
    with store.open(ANN) as opened:
        assert opened.state == state
        apply(opened, Failed(GROUP, StepKind.CREATE, "it never was"))
        opened.commit()
    assert store.read() == replace(state, serial=1, in_doubt={})


def test_every_prefix_of_the_journal_is_a_state(store, backend):
    with store.open(ANN) as opened:
        apply(opened, *CREATED, Intended(GROUP, StepKind.CREATE), InDoubt(GROUP, StepKind.CREATE, "no answer"))
    journal = backend.journal()
    path = Path(backend.where, "journal.jsonl")
    ends = [number + 1 for number, byte in enumerate(journal) if byte == ord("\n")]
    for cut in range(len(journal) + 1):
        path.write_bytes(journal[:cut])
        whole = sum(end <= cut for end in ends)
        state = store.read()
        assert (CLIENT in state.entries) == (whole >= 3)
        assert state.in_doubt == ({} if whole in {0, 1, 3} else {CLIENT if whole == 2 else GROUP: StepKind.CREATE})


def test_a_torn_line_is_dropped_before_the_next_one(store, backend):
    with store.open(ANN) as opened:
        apply(opened, CREATED[0])
    path = Path(backend.where, "journal.jsonl")
    path.write_bytes(path.read_bytes() + encode_event(CREATED[1])[:-9])
    again = StateStore(LocalBackend(Path(backend.where)), "acme", "default")
    with again.open(ANN) as opened:
        assert opened.state.in_doubt == {CLIENT: StepKind.CREATE}
        apply(opened, CREATED[1])
    assert again.read().entries == {CLIENT: ENTRY}


def test_between_snapshot_and_clearing_the_old_journal_says_nothing(store, backend):
    with store.open(ANN) as opened:
        apply(opened, *CREATED)
        journal = backend.journal()
        opened.record(Applied(CLIENT, StepKind.DELETE, None))
        opened.record(Applied(GROUP, StepKind.CREATE, ENTRY))
        opened.commit()
    Path(backend.where, "journal.jsonl").write_bytes(journal)
    assert store.read().entries == {GROUP: ENTRY}
    again = StateStore(LocalBackend(Path(backend.where)), "acme", "default")
    with again.open(ANN) as opened:
        apply(opened, Applied(CLIENT, StepKind.CREATE, replace(ENTRY, remote_id="id-2")))
        opened.commit()
    assert {entry.remote_id for entry in again.read().entries.values()} == {"id-1", "id-2"}


def test_a_journal_that_cannot_be_cleared_spoils_no_commit(store, backend, monkeypatch):
    def refuse(path):
        raise OSError(errno.EROFS, "Read-only file system")

    with store.open(ANN) as opened:
        apply(opened, *CREATED)
        with monkeypatch.context() as patch:
            patch.setattr("reconciler.files.remove", refuse)
            opened.commit()
    assert store.read().serial == 1
    assert store.read().entries == {CLIENT: ENTRY}


def test_what_the_journal_could_not_take_is_committed_all_the_same(store, monkeypatch):
    with store.open(ANN) as opened:
        apply(opened, CREATED[0])
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", lambda *args: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
            with pytest.raises(StateError, match="full"):
                opened.record(CREATED[1])
        assert store.read().in_doubt == {CLIENT: StepKind.CREATE}
        opened.commit()
    assert store.read().entries == {CLIENT: ENTRY}
    assert store.read().in_doubt == {}


def test_a_commit_on_a_full_disk_keeps_the_journal(store, backend, monkeypatch):
    with store.open(ANN) as opened:
        apply(opened, *CREATED)
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", lambda *args: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
            with pytest.raises(StateError, match="full"):
                opened.commit()
    assert store.read().entries == {CLIENT: ENTRY}
    assert store.read().serial == 0


def test_events_of_many_threads(store):
    addresses = [Address("jira", "group", f"g{number}") for number in range(200)]

    def work(address):
        for event in (Intended(address, StepKind.CREATE), Applied(address, StepKind.CREATE, ENTRY)):
            opened.record(event)

    with store.open(ANN) as opened:
        opened.begin(SYSTEMS)
        with ThreadPoolExecutor(20) as pool:
            list(pool.map(work, addresses))
        from_journal = store.read()
        committed = opened.commit()
    assert committed == replace(from_journal, serial=1)
    assert set(committed.entries) == set(addresses)
    assert not committed.in_doubt


# --- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda data: data[:-20], "cut short"),
        (lambda data: b"", "not JSON"),
        (lambda data: b"\xff\xfe", "not JSON"),
        (lambda data: b"[]", "no reconciler state file"),
        (lambda data: data.replace(b'"version":1', b'"version":2'), "newer reconciler"),
        (lambda data: data.replace(b'"origin":"created"', b'"origin":"dreamt"'), "not a whole state"),
        (lambda data: data.replace(b'"stack":"acme"', b'"stack":"other"'), "state of other in default"),
        (lambda data: data.replace(b'"environment":"default"', b'"environment":"test"'), "state of acme in test"),
    ],
)
def test_a_state_that_is_not_right_is_refused_and_left_alone(store, backend, spoil, words):
    with store.open(ANN) as opened:
        apply(opened, *CREATED)
        opened.commit()
    path = Path(backend.where, "state.json")
    before = path.read_bytes()
    path.write_bytes(spoil(before))
    assert path.read_bytes() != before
    after = path.read_bytes()
    for use in (store.read, lambda: store.open(ANN).__enter__()):
        with pytest.raises(StateError, match=words) as caught:
            use()
        assert backend.where in str(caught.value)
    assert path.read_bytes() == after
    assert store.holder() is None


def test_a_damaged_journal_is_refused(store, backend):
    with store.open(ANN) as opened:
        apply(opened, *CREATED)
    path = Path(backend.where, "journal.jsonl")
    path.write_bytes(path.read_bytes().replace(b'"intended"', b'"invented"'))
    with pytest.raises(StateError, match="journal: a damaged"):
        store.read()


def test_the_journal_of_another_lineage_says_nothing(store, backend):
    """Somebody removed the state file and kept the journal."""
    with store.open(ANN) as opened:
        apply(opened, *CREATED)
    Path(backend.where, "state.json").unlink()
    assert store.read().entries == {}
    with store.open(ANN) as opened:
        apply(opened, Applied(GROUP, StepKind.CREATE, ENTRY))
        opened.commit()
    assert set(store.read().entries) == {GROUP}


def test_a_state_of_another_lineage_than_its_journal_is_refused(store, backend):
    with store.open(ANN) as opened:
        apply(opened, *CREATED)
    path = Path(backend.where, "state.json")
    journal = Path(backend.where, "journal.jsonl").read_bytes()
    other = path.read_bytes().replace(store.read().lineage.encode(), b"00000000-0000-0000-0000-000000000000")
    path.write_bytes(other)
    with pytest.raises(StateError, match="another state was put in its place"):
        store.read()
    with pytest.raises(StateError, match="another state was put in its place"), store.open(ANN):
        pass
    assert path.read_bytes() == other
    assert Path(backend.where, "journal.jsonl").read_bytes() == journal


def test_an_older_state_under_a_newer_journal_is_refused(store, backend):
    path = Path(backend.where, "state.json")
    with store.open(ANN) as opened:
        opened.commit()
        older = path.read_bytes()
        opened.commit()
        apply(opened, *CREATED)
    path.write_bytes(older)
    with pytest.raises(StateError, match="serial 1, but its journal continues serial 2") as caught:
        store.read()
    assert "remove the journal" in caught.value.remedy


def test_a_state_that_was_changed_under_the_lock_is_not_overwritten(store, backend):
    with store.open(ANN) as opened:
        opened.commit()
        path = Path(backend.where, "state.json")
        theirs = encode_state(replace(opened.state, entries={GROUP: ENTRY}))
        path.write_bytes(theirs)
        with pytest.raises(StateError, match="changed by somebody else"):
            opened.commit()
        assert path.read_bytes() == theirs


def test_a_locked_state_can_be_read_and_not_opened(store, backend):
    other = StateStore(LocalBackend(Path(backend.where)), "acme", "default")
    with store.open(ANN) as opened:
        apply(opened, *CREATED)
        assert other.read().entries == {CLIENT: ENTRY}
        with pytest.raises(LockedError, match="ann"), other.open(replace(ANN, who="bob")):
            pytest.fail("it was opened twice")


def test_a_commit_between_the_two_reads_loses_nothing(store, backend):
    """A reader without a lock takes the journal first, so that a snapshot in between makes it an old one."""

    class Interrupted(LocalBackend):
        def get(self):
            opened.commit()
            return super().get()

    with store.open(ANN) as opened:
        apply(opened, *CREATED)
        reader = StateStore(Interrupted(Path(backend.where)), "acme", "default")
        assert reader.read().entries == {CLIENT: ENTRY}
    assert store.read().serial == 1


def test_a_snapshot_names_its_format(store, backend):
    with store.open(ANN) as opened:
        opened.commit()
    content = json.loads(backend.get()[0])
    assert (content["format"], content["version"]) == ("reconciler state", 1)

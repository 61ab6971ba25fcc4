"""Every format that was ever written is read for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.backends.document import encode, parse
from reconciler.core.address import Address
from reconciler.core.codec import PLAN_VERSION, STATE_VERSION, decode_events, decode_plan, decode_state, is_moved
from reconciler.core.journal import Began, fold
from reconciler.core.state import Origin, State
from reconciler.errors import StateError

FORMATS = Path(__file__).parents[2] / "fixtures" / "formats"
CLIENT = Address("clavex", "client", "atlassian")


def read(name):
    return (FORMATS / name).read_bytes()


@pytest.mark.parametrize("version", range(1, STATE_VERSION + 1))
def test_a_state_of_every_version_is_read(version):
    state = decode_state(read(f"state-{version}.json"), "here")
    assert (state.stack, state.environment, state.serial, len(state.entries)) == ("acme", "default", 1, 14)
    client = state.entries[CLIENT]
    assert client.origin is Origin.CREATED
    assert client.applied["client_id"] == "atlassian"
    assert client.fingerprints.keys() == {"client_secret"}
    assert state.systems["clavex"].facts["dialect"] == "released"


@pytest.mark.parametrize("version", range(1, STATE_VERSION + 1))
def test_a_journal_of_every_version_says_what_its_state_says(version):
    state = decode_state(read(f"state-{version}.json"), "here")
    events = decode_events(read(f"journal-{version}.jsonl"), "here")
    began = events[0]
    assert isinstance(began, Began)
    folded = fold(State("acme", "default", began.lineage), events)
    assert folded.entries == state.entries
    assert folded.systems == state.systems
    assert not folded.in_doubt


@pytest.mark.parametrize("version", range(1, PLAN_VERSION + 1))
def test_a_plan_of_every_version_is_read(version):
    plan = decode_plan(read(f"plan-{version}.json"), "here")
    assert (plan.stack, plan.environment, plan.serial) == ("acme", "default", 0)
    assert len(plan.changes) == 14
    assert {hazard.name for hazard in plan.hazards} == {"locks-out"}


@pytest.mark.parametrize(("version", "companions"), [(1, set()), (2, {"team.secrets.age"})])
def test_a_document_of_every_version_is_read(version, companions):
    data = read(f"document-{version}.json")
    document = parse(data, "here")
    assert document.snapshot == read("state-1.json")
    assert document.journal == b""
    assert document.companions.keys() == companions
    assert parse(encode(document), "here") == document
    assert f'"version":{version},'.encode() in encode(document)[:80]


def test_what_is_left_of_a_state_that_was_moved_says_where_it_is():
    data = read("moved-1.json")
    assert is_moved(data)
    with pytest.raises(StateError, match="here: this state was moved to s3://acme-states/reconciler/acme/default"):
        decode_state(data, "here")

"""Addresses, handles, files and journal lines."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from toys import CLIENT_AT, EMPTY, GROUP_AT, IDP_AT, client, entry, group, idp, ordered, planned, seen

from reconciler.core.address import Address, parse_address
from reconciler.core.codec import (
    decode_events,
    decode_plan,
    decode_state,
    encode_event,
    encode_plan,
    encode_state,
)
from reconciler.core.diff import explain
from reconciler.core.journal import Applied, Began, Failed, InDoubt, Intended, fold
from reconciler.core.observed import Absent
from reconciler.core.outcome import Outcome, Status, StepResult
from reconciler.core.plan import StepKind
from reconciler.core.secret import Handle, fingerprint, parse_handle
from reconciler.core.state import SystemRecord
from reconciler.errors import ExitCode, StalePlanError, StateError


def test_an_address_is_its_text():
    assert parse_address("jira/group/a/b") == Address("jira", "group", "a/b")
    assert str(Address("jira", "group", "a/b")) == "jira/group/a/b"
    for text in ("jira/group", "", "//", "a//b"):
        with pytest.raises(ValueError, match="is no address"):
            parse_address(text)


def test_a_handle_is_its_text():
    handle = Handle("file:acme", "clients.a.client_secret")
    assert str(handle) == "file:acme#clients.a.client_secret"
    assert parse_handle(str(handle)) == handle


def test_a_fingerprint_tells_equality_and_needs_its_key():
    assert fingerprint(b"k", "x") == fingerprint(b"k", "x") != fingerprint(b"k", "y")
    assert fingerprint(b"k", "x") != fingerprint(b"j", "x")
    assert len(fingerprint(b"k", "x")) == 32


FULL = replace(
    EMPTY,
    serial=4,
    systems={"clavex": SystemRecord("clavex", "https://id", "acme", {"org_id": "u"})},
    entries={CLIENT_AT: entry(client), IDP_AT: entry(idp, shared=("x",), found={"button": None})},
    in_doubt={CLIENT_AT: "create"},
)


def test_a_state_survives_there_and_back():
    assert decode_state(encode_state(FULL), "f") == FULL
    assert decode_state(encode_state(EMPTY), "f") == EMPTY


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"format": "reconciler sta', "cut short"),
        (b"[]", "no reconciler state file"),
        (b'{"format": "reconciler state", "version": 99}', "version 99"),
        (b'{"format": "reconciler state", "version": "1"}', "version 1"),
        (b'{"format": "reconciler state", "version": 1}', "state: Field required"),
        (b"[" * 100_000, "not JSON"),
        (b'{"format": "reconciler state", "version": 1, "state": {"stack": "hunter2"}}', "not a whole state"),
    ],
)
def test_a_damaged_state_says_what_is_wrong_and_never_its_values(data, message):
    with pytest.raises(StateError, match=message) as caught:
        decode_state(data, "state.json")
    assert "state.json" in str(caught.value)
    assert "hunter2" not in str(caught.value)


PLAN = planned([client, idp, group], {CLIENT_AT: Absent(), IDP_AT: Absent(), GROUP_AT: seen(group)})


def test_a_plan_survives_there_and_back():
    assert decode_plan(encode_plan(PLAN), "p") == PLAN


def test_an_edited_plan_is_told():
    content = json.loads(encode_plan(PLAN))
    content["plan"]["serial"] = 7
    with pytest.raises(StalePlanError, match="edited"):
        decode_plan(json.dumps(content).encode(), "p")


def test_a_plan_with_a_right_checksum_and_a_wrong_shape_is_refused():
    from reconciler.core.codec import _checksum

    content = {"format": "reconciler plan", "version": 1, "plan": {"stack": 1}}
    data = json.dumps(content | {"checksum": _checksum(content)}).encode()
    with pytest.raises(StateError, match="not a whole plan"):
        decode_plan(data, "p")


BEGAN = Began(EMPTY.lineage, EMPTY.serial, {"jira": SystemRecord("jira", "https://j")})
EVENTS = [
    BEGAN,
    Intended(CLIENT_AT, StepKind.CREATE),
    Applied(CLIENT_AT, StepKind.CREATE, entry(client)),
    Intended(IDP_AT, StepKind.CREATE),
    Failed(IDP_AT, StepKind.CREATE, "no"),
    Intended(GROUP_AT, StepKind.CREATE),
    InDoubt(GROUP_AT, StepKind.CREATE, "no answer"),
]


def test_journal_lines_survive_and_a_torn_last_line_did_not_happen():
    data = b"".join(encode_event(event) for event in EVENTS)
    assert decode_events(data, "j") == EVENTS
    assert decode_events(data + b'{"event": "app', "j") == EVENTS
    with pytest.raises(StateError, match="damaged journal line"):
        decode_events(b"{}\n" + data, "j")


def test_the_state_is_the_fold_of_the_journal():
    state = fold(EMPTY, EVENTS)
    assert state.entries == {CLIENT_AT: entry(client)}
    assert state.in_doubt == {GROUP_AT: "create"}
    assert state.systems["jira"].url == "https://j"
    gone = fold(state, [BEGAN, Intended(CLIENT_AT, StepKind.DELETE), Applied(CLIENT_AT, StepKind.DELETE, None)])
    assert gone.entries == {}
    assert fold(EMPTY, EVENTS[:2]).in_doubt == {CLIENT_AT: "create"}


def test_a_journal_of_an_older_snapshot_changes_nothing():
    newer = replace(EMPTY, serial=1)
    assert fold(newer, EVENTS) == newer
    assert fold(replace(EMPTY, lineage="M"), EVENTS).entries == {}


def test_explaining_nested_values():
    assert explain(("a", "b"), ("b", "c")) == (("a", True, None), ("c", None, True))
    assert explain({"a": "1", "b": "2"}, {"a": "9", "b": "2"}) == (("a", "1", "9"),)
    assert explain("x", "y") == ()
    assert explain(None, {"a": "1"}) == ()


def test_the_order_widens_before_and_narrows_after_consumers():
    moved = client._replace(attributes={**client.attributes, "uris": ("u2",)})
    switched = idp._replace(attributes={**idp.attributes, "button": "C", "callback": "u2"})
    from toys import OURS

    plan = planned(
        [moved, switched, group],
        {CLIENT_AT: seen(client, OURS), IDP_AT: seen(idp), GROUP_AT: Absent()},
        {CLIENT_AT: entry(client), IDP_AT: entry(idp)},
    )
    assert ordered(plan) == [
        "clavex/client/a expand",
        "clavex/client/a contract < clavex/client/a expand < jira/idp/a update",
        "jira/group/users create",
        "jira/idp/a update < clavex/client/a expand",
    ]


def test_steps_that_are_late_only_do_not_hold_up_what_depends_on_them():
    from toys import OURS

    less = client._replace(attributes={**client.attributes, "uris": ()})
    button = idp._replace(attributes={**idp.attributes, "button": "C"})
    plan = planned(
        [less, button],
        {CLIENT_AT: seen(client, OURS), IDP_AT: seen(idp)},
        {CLIENT_AT: entry(client), IDP_AT: entry(idp)},
    )
    assert ordered(plan) == [
        "clavex/client/a contract < jira/idp/a update",
        "jira/idp/a update",
    ]


def test_what_does_not_change_is_not_waited_for():
    from toys import OURS

    plan = planned([client, idp], {CLIENT_AT: seen(client, OURS), IDP_AT: Absent()}, {CLIENT_AT: entry(client)})
    assert ordered(plan) == ["jira/idp/a create"]
    both = planned([client, idp], {CLIENT_AT: Absent(), IDP_AT: Absent()})
    assert ordered(both) == [
        "clavex/client/a create",
        "jira/idp/a create < clavex/client/a create",
    ]


def test_a_client_is_deleted_after_what_used_it():
    from toys import OURS

    plan = planned(
        [], {CLIENT_AT: seen(client, OURS), IDP_AT: seen(idp)}, {CLIENT_AT: entry(client), IDP_AT: entry(idp)}
    )
    assert ordered(plan) == [
        "clavex/client/a delete < jira/idp/a delete",
        "jira/idp/a delete",
    ]


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        ((), ExitCode.DONE),
        ((Status.DONE,), ExitCode.DONE),
        ((Status.DONE, Status.MANUAL), ExitCode.MANUAL),
        ((Status.MANUAL, Status.FAILED), ExitCode.PARTLY),
        ((Status.SKIPPED,), ExitCode.PARTLY),
        ((Status.IN_DOUBT,), ExitCode.PARTLY),
    ],
)
def test_the_exit_code_of_an_apply(statuses, code):
    results = tuple(StepResult(GROUP_AT, StepKind.CREATE, status) for status in statuses)
    assert Outcome(results, 1).exit_code is code


def test_what_replaces_a_sign_on_is_made_before_the_old_one_goes():
    from toys import OURS

    old = idp._replace(address=Address("jira", "idp", "old"), attributes={**idp.attributes, "name": "old"})
    plan = planned(
        [client, idp],
        {CLIENT_AT: seen(client, OURS), IDP_AT: Absent(), old.address: seen(old)},
        {CLIENT_AT: entry(client), old.address: entry(old)},
    )
    assert ordered(plan) == [
        "jira/idp/a create",
        "jira/idp/old delete < jira/idp/a create",
    ]

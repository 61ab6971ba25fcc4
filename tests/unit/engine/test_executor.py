"""Plans carried out against a system in memory: order, failures, lost answers, lost secrets, stops."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from fakes import GONE, REFUSED, FakeHandler, World
from pydantic import SecretStr
from toys import (
    CLIENT_AT,
    EMPTY,
    GROUP_AT,
    HANDLE,
    IDP_AT,
    OURS,
    THEIRS,
    TYPES,
    client,
    entry,
    group,
    idp,
    seen,
)

from reconciler.core.journal import Applied, Failed, InDoubt
from reconciler.core.observed import Unreadable
from reconciler.core.outcome import Status
from reconciler.core.resource import Mark, OnRemove
from reconciler.core.secret import fingerprint
from reconciler.core.state import Origin
from reconciler.errors import BadAnswerError, StateError, StatusError

CLIENTS, IDPS, GROUPS = ("clavex", "client"), ("jira", "idp"), ("jira", "group")


@pytest.fixture
def world():
    return World(TYPES, EMPTY)


def statuses(results):
    return {key: str(result.status) for key, result in results.items()}


def calls(world, key):
    return [call for call in world.handlers[key].calls if call != "read"]


def test_the_second_run_does_nothing(world):
    world.run(client, idp, group)
    before = {key: calls(world, key) for key in TYPES}
    assert world.plan(client, idp, group).changes == ()
    assert world.run(client, idp, group) == {}
    proofs = {CLIENTS: ["prove", "prove"]}
    assert {key: calls(world, key) for key in TYPES} == {key: [*before[key], *proofs.get(key, [])] for key in TYPES}


def test_the_secret_goes_into_its_store_and_from_there_to_its_consumer(world):
    world.run(client, idp)
    secret = world.handlers[CLIENTS].secret
    assert world.secrets.values[HANDLE].get_secret_value() == secret
    assert world.handlers[IDPS].written_secrets == [secret]
    expected = {"secret": fingerprint(b"key", secret)}
    assert world.state.entries[CLIENT_AT].fingerprints == world.state.entries[IDP_AT].fingerprints == expected
    assert secret not in repr(world.events)


def test_a_failure_takes_down_what_waits_for_it_and_nothing_else(world):
    world.handlers[CLIENTS].faults["create"] = REFUSED
    results = world.run(client, idp, group)
    assert statuses(results) == {
        (str(CLIENT_AT), "create"): "failed",
        (str(IDP_AT), "create"): "skipped",
        (str(GROUP_AT), "create"): "done",
    }
    assert results[str(IDP_AT), "create"].message == f"{CLIENT_AT} was not done"
    assert set(world.state.entries) == {GROUP_AT}
    assert any(isinstance(event, Failed) for event in world.events)
    world.run(client, idp, group)
    assert world.plan(client, idp, group).changes == ()


def test_a_create_without_an_answer_is_read_back_and_its_secret_made_anew(world):
    world.handlers[CLIENTS].faults["create"] = "lost"
    assert statuses(world.run(client, idp)) == {
        (str(CLIENT_AT), "create"): "done",
        (str(IDP_AT), "create"): "done",
    }
    assert calls(world, CLIENTS) == ["create", "rotate"]
    assert world.secrets.values[HANDLE].get_secret_value() == world.handlers[CLIENTS].secret
    assert len(world.handlers[CLIENTS].objects) == 1
    assert world.plan(client, idp).changes == ()


def test_a_create_without_an_answer_that_did_not_happen_is_refused(world):
    from reconciler.errors import InDoubtError

    world.handlers[GROUPS].faults["create"] = InDoubtError("no answer", "POST /x")
    result = world.run(group)[str(GROUP_AT), "create"]
    assert (result.status, result.remedy) == (Status.FAILED, "it was not created; run apply again")


def test_a_plain_create_without_an_answer_is_read_back(world):
    world.handlers[GROUPS].faults["create"] = "lost"
    world.run(group)
    assert calls(world, GROUPS) == ["create"]
    assert world.state.entries[GROUP_AT].origin is Origin.CREATED


def test_what_a_create_found_there_already_is_never_deleted(world, monkeypatch):
    handler = world.handlers[GROUPS]
    create = handler.create
    monkeypatch.setattr(handler, "create", lambda write: create(write)._replace(found=True))
    world.run(group)
    assert world.state.entries[GROUP_AT].origin is Origin.ADOPTED


def test_what_a_lost_create_had_no_time_for_is_written(world):
    made = world.handlers[CLIENTS].create
    world.handlers[CLIENTS].create = lambda write: made(write._replace(attributes={**write.attributes, "name": "?"}))
    world.handlers[CLIENTS].faults["create"] = "lost"
    assert statuses(world.run(client, idp))[str(CLIENT_AT), "create"] == "done"
    assert calls(world, CLIENTS) == ["create", "rotate", "update"]
    assert world.plan(client, idp).changes == ()


def test_a_lost_create_that_cannot_be_completed_is_no_drift(world):
    made = world.handlers[CLIENTS].create
    world.handlers[CLIENTS].create = lambda write: made(write._replace(attributes={**write.attributes, "name": "?"}))
    world.handlers[CLIENTS].faults = {"create": "lost", "update": REFUSED}
    assert statuses(world.run(client, idp))[str(CLIENT_AT), "create"] == "failed"
    plan = world.plan(client, idp)
    assert plan.drift == ()
    assert [str(step.kind) for change in plan.changes for step in change.steps] == ["update", "create"]
    assert world.secrets.values[HANDLE].get_secret_value() == world.handlers[CLIENTS].secret


def test_a_create_that_cannot_be_read_back_is_in_doubt_and_found_again(world):
    plan = world.plan(client)
    handler = world.handlers[CLIENTS]
    handler.faults = {"create": "lost", "read": Unreadable("502")}
    handler.faults["read"] = None
    handler.read = lambda wanted: dict.fromkeys((item.address for item in wanted), Unreadable("502"))
    results = world.execute(plan)
    assert statuses(results) == {(str(CLIENT_AT), "create"): "in_doubt"}
    assert isinstance(world.events[-1], InDoubt)
    del handler.read
    assert world.state.in_doubt == {CLIENT_AT: "create"}
    world.run(client, idp)
    assert (world.plan(client, idp).changes, len(handler.objects)) == ((), 1)


def test_somebody_elses_object_that_appeared_meanwhile_is_not_taken(world):
    plan = world.plan(client)
    from reconciler.errors import InDoubtError

    world.handlers[CLIENTS].faults["create"] = InDoubtError("no answer", "POST /x")
    world.handlers[CLIENTS].objects["a"] = seen(client, THEIRS)
    result = world.execute(plan)[str(CLIENT_AT), "create"]
    assert "somebody else made it" in result.message


@pytest.mark.parametrize("theirs", [{"client_id": "b"}, {"public": True}])
def test_an_object_with_our_mark_that_is_not_the_one_that_was_sent_is_not_taken(world, theirs):
    from reconciler.errors import InDoubtError

    plan = world.plan(client)
    world.handlers[CLIENTS].faults["create"] = InDoubtError("no answer", "POST /x")
    world.handlers[CLIENTS].read = lambda wanted: {item.address: seen(client, OURS, **theirs) for item in wanted}
    result = world.execute(plan)[str(CLIENT_AT), "create"]
    assert f"with another {next(iter(theirs))}" in result.message
    assert CLIENT_AT not in world.state.entries


def test_a_secret_that_cannot_be_kept_is_made_anew_by_the_next_run(world):
    world.secrets.broken = True
    result = world.run(client, idp)[str(CLIENT_AT), "create"]
    assert "could not be kept: the disk is full" in result.message
    assert world.state.entries[CLIENT_AT].fingerprints == {}
    world.secrets.broken = False
    assert statuses(world.run(client, idp)) == {
        (str(CLIENT_AT), "rotate"): "done",
        (str(IDP_AT), "create"): "done",
    }
    assert world.plan(client, idp).changes == ()


def test_a_rotated_secret_reaches_its_consumer_in_the_same_run(world):
    world.run(client, idp)
    world.secrets.values.clear()
    assert list(world.run(client, idp)) == [(str(CLIENT_AT), "rotate"), (str(IDP_AT), "update")]
    assert world.handlers[IDPS].written_secrets[-1] == world.handlers[CLIENTS].secret
    assert world.plan(client, idp).changes == ()


def test_an_adopted_secret_is_proved_before_it_is_used(world):
    world.handlers[CLIENTS].objects["a"] = seen(client)
    world.handlers[CLIENTS].secret = "known"
    world.secrets.values[HANDLE] = SecretStr("known")
    world.run(client, idp)
    assert calls(world, CLIENTS) == ["prove", "update"]
    assert world.handlers[IDPS].written_secrets == ["known"]
    assert world.plan(client, idp).changes == ()


def test_two_steps_around_the_consumer(world):
    world.run(client, idp)
    moved = client._replace(attributes={**client.attributes, "uris": ("u2",)})
    switched = idp._replace(attributes={**idp.attributes, "callback": "u2", "button": "C"})
    assert list(world.run(moved, switched)) == [
        (str(CLIENT_AT), "expand"),
        (str(IDP_AT), "update"),
        (str(CLIENT_AT), "contract"),
    ]
    assert world.handlers[CLIENTS].objects["a"].attributes["uris"] == ("u2",)
    assert world.plan(moved, switched).changes == ()


def test_no_contract_while_a_consumer_failed(world):
    world.run(client, idp)
    moved = client._replace(attributes={**client.attributes, "uris": ("u2",)})
    switched = idp._replace(attributes={**idp.attributes, "callback": "u2", "button": "C"})
    world.handlers[IDPS].faults["update"] = REFUSED
    assert statuses(world.run(moved, switched))[str(CLIENT_AT), "contract"] == "skipped"
    assert world.handlers[CLIENTS].objects["a"].attributes["uris"] == ("u1", "u2")
    assert world.state.entries[CLIENT_AT].applied["uris"] == ("u1", "u2")
    world.run(moved, switched)
    assert world.handlers[CLIENTS].objects["a"].attributes["uris"] == ("u2",)


def test_a_list_that_moved_since_the_plan_is_not_overwritten(world):
    world.run(client)
    plan = world.plan(client._replace(attributes={**client.attributes, "uris": ("u1", "u2")}))
    world.handlers[CLIENTS].objects["a"] = seen(client, world.handlers[CLIENTS].objects["a"].owner, uris=("u1", "u9"))
    result = world.execute(plan)[str(CLIENT_AT), "update"]
    assert "somebody changed uris since the plan was made" in result.message
    assert world.handlers[CLIENTS].objects["a"].attributes["uris"] == ("u1", "u9")


@pytest.mark.parametrize(("there", "text"), [(None, "it is gone"), (Unreadable("502"), "could not be read again")])
def test_a_list_that_cannot_be_read_again_is_not_overwritten(world, there, text):
    world.run(client)
    plan = world.plan(client._replace(attributes={**client.attributes, "uris": ("u1", "u2")}))
    handler = world.handlers[CLIENTS]
    handler.objects.clear()
    if there is not None:
        handler.read = lambda wanted: dict.fromkeys((item.address for item in wanted), there)
    assert text in world.execute(plan)[str(CLIENT_AT), "update"].message


def test_a_document_is_read_again_before_it_is_written():
    kinds = {**TYPES, IDPS: replace(TYPES[IDPS], document=True)}
    world = World(kinds, EMPTY)
    whole = idp._replace(type=kinds[IDPS])
    world.run(client, whole)
    plan = world.plan(client, whole._replace(attributes={**whole.attributes, "button": "C"}))
    world.handlers[IDPS].objects["a"] = seen(whole, button="X")
    assert "somebody changed button" in world.execute(plan)[str(IDP_AT), "update"].message
    world.run(client, whole)
    assert world.plan(client, whole).changes == ()


def test_what_waits_for_a_person_is_not_lost(world):
    world.run(client, idp)
    moved = client._replace(attributes={**client.attributes, "uris": ("u2",)})
    switched = idp._replace(attributes={**idp.attributes, "callback": "u2", "button": "C"}, manual=True)
    world.handlers[IDPS].manual = ("upload the file",)
    results = world.run(moved, switched)
    assert statuses(results) == {
        (str(CLIENT_AT), "expand"): "done",
        (str(IDP_AT), "update"): "manual",
        (str(CLIENT_AT), "contract"): "manual",
    }
    assert results[str(IDP_AT), "update"].message == "upload the file"
    assert world.state.entries[IDP_AT].awaiting
    world.handlers[IDPS].manual = ()
    plan = world.plan(moved, switched)
    assert plan.changes[1].reason == "a person has carried it out"
    world.execute(plan)
    assert world.plan(moved, switched).changes == ()


def test_a_replacement_moves_the_consumer_before_the_old_client_goes(world):
    world.run(client, idp)
    moved = client._replace(attributes={**client.attributes, "client_id": "b"})
    assert list(world.run(moved, idp)) == [
        (str(CLIENT_AT), "create"),
        (str(IDP_AT), "update"),
        (str(CLIENT_AT), "delete"),
    ]
    assert list(world.handlers[CLIENTS].objects) == ["b"]
    assert world.plan(moved, idp).changes == ()


def test_a_replacement_cut_short_is_finished_by_the_next_run(world):
    world.run(client, idp)
    moved = client._replace(attributes={**client.attributes, "client_id": "b"})
    world.handlers[CLIENTS].faults["delete"] = REFUSED
    world.run(moved, idp)
    assert world.state.entries[CLIENT_AT].deposed == ("a",)
    assert list(world.run(moved, idp)) == [(str(CLIENT_AT), "delete")]
    assert list(world.handlers[CLIENTS].objects) == ["b"]
    assert world.state.entries[CLIENT_AT].deposed == ()
    assert world.plan(moved, idp).changes == ()


def test_a_replacement_with_the_same_key_deletes_first(world):
    world.run(client)
    public = client._replace(attributes={**client.attributes, "public": True})
    assert list(world.run(public)) == [(str(CLIENT_AT), "delete"), (str(CLIENT_AT), "create")]
    assert world.plan(public).changes == ()


def test_leaving_the_spec_deletes_what_we_made_and_forgets_what_we_adopted(world):
    world.run(client)
    assert statuses(world.run()) == {(str(CLIENT_AT), "delete"): "done"}
    assert (world.handlers[CLIENTS].objects, world.state.entries) == ({}, {})
    world.handlers[CLIENTS].objects["a"] = seen(client)
    world.run(client)
    assert statuses(world.run()) == {(str(CLIENT_AT), "release"): "done"}
    assert world.handlers[CLIENTS].objects["a"].owner is None
    assert world.state.entries == {}


def test_releasing_what_is_gone_succeeds_and_other_refusals_do_not(world):
    world.handlers[CLIENTS].objects["a"] = seen(client)
    world.run(client)
    plan = world.plan()
    world.handlers[CLIENTS].faults["update"] = REFUSED
    assert statuses(world.execute(plan)) == {(str(CLIENT_AT), "release"): "failed"}
    world.handlers[CLIENTS].faults["update"] = GONE
    assert statuses(world.execute(plan)) == {(str(CLIENT_AT), "release"): "done"}


def test_a_delete_looks_again_whose_it_is(world):
    world.run(client)
    plan = world.plan()
    world.handlers[CLIENTS].objects["a"] = seen(client, THEIRS)
    assert "somebody else's mark" in world.execute(plan)[str(CLIENT_AT), "delete"].message
    world.handlers[CLIENTS].read = lambda wanted: dict.fromkeys((i.address for i in wanted), Unreadable("502"))
    assert "could not be read again" in world.execute(plan)[str(CLIENT_AT), "delete"].message
    assert list(world.handlers[CLIENTS].objects) == ["a"]


def test_our_members_are_taken_out_of_a_shared_set(world):
    world.handlers[CLIENTS].objects["a"] = seen(client, THEIRS)
    shared = client._replace(attributes={"client_id": "a", "uris": ("u2",)}, shared=("uris",))
    world.run(shared)
    assert world.handlers[CLIENTS].objects["a"].attributes["uris"] == ("u1", "u2")
    assert world.plan(shared).changes == ()
    world.run()
    assert world.handlers[CLIENTS].objects["a"].attributes["uris"] == ("u1",)
    assert world.state.entries == {}


def test_a_removal_that_waits_for_a_person_is_asked_for_until_it_is_done(world):
    from reconciler.errors import ManualError

    world.run(group_to_delete := group._replace(on_remove=OnRemove.DELETE))
    world.handlers[GROUPS].faults["delete"] = ManualError(("press the button",))
    result = world.run()[str(GROUP_AT), "delete"]
    assert (result.status, result.message) == (Status.MANUAL, "press the button")
    assert world.state.entries[GROUP_AT].awaiting
    assert world.plan().changes[0].action == "delete"
    world.handlers[GROUPS].objects.clear()
    world.run()
    assert world.state.entries == {}
    assert group_to_delete.type is group.type


def test_a_kept_group_is_forgotten(world):
    world.run(group._replace(on_remove=OnRemove.FORGET))
    assert statuses(world.run()) == {(str(GROUP_AT), "record"): "done"}
    assert list(world.handlers[GROUPS].objects) == ["users"]


def test_a_stopped_run_begins_nothing_more_and_says_so(world):
    world.progress = type("Stopping", (), {"append": lambda self, result: world.stop.set()})()
    results = world.run(client, idp)
    assert results[str(IDP_AT), "create"].message == "the run was stopped before it"
    world.stop.clear()
    world.run(client, idp)
    assert world.plan(client, idp).changes == ()


def test_a_step_queued_when_the_run_stops_is_not_begun(world):
    world.stop.set()
    assert statuses(world.run(client)) == {(str(CLIENT_AT), "create"): "skipped"}
    assert world.handlers[CLIENTS].objects == {}


def test_a_journal_that_cannot_be_written_stops_the_run(world):
    plan = world.plan(client, idp)
    from reconciler.engine.executor import Executor
    from reconciler.engine.performing import Performer

    def record(event):
        raise StateError("the disk is full", "make room")

    executor = Executor(
        Performer(EMPTY, TYPES, world.handlers, world.secrets), record, lambda result, total: None, world.stop, 4
    )
    results = {str(result.address): result for result in executor.run(plan)}
    assert (results[str(CLIENT_AT)].status, results[str(CLIENT_AT)].message) == (Status.FAILED, "the disk is full")
    assert results[str(IDP_AT)].status is Status.SKIPPED
    assert world.handlers[CLIENTS].objects == {}


def test_an_end_that_cannot_be_recorded_stops_the_run_and_is_in_doubt(world):
    plan = world.plan(client, idp)
    from reconciler.engine.executor import Executor
    from reconciler.engine.performing import Performer

    def record(event):
        if isinstance(event, Applied):
            raise StateError("the disk is full", "make room")

    executor = Executor(
        Performer(EMPTY, TYPES, world.handlers, world.secrets), record, lambda result, total: None, world.stop, 4
    )
    results = {str(result.address): result for result in executor.run(plan)}
    assert results[str(CLIENT_AT)].status is Status.IN_DOUBT
    assert results[str(CLIENT_AT)].message == "it was carried out, but that could not be recorded: the disk is full"
    assert results[str(IDP_AT)].status is Status.SKIPPED
    assert world.handlers[CLIENTS].objects != {}


def test_a_bug_in_a_handler_stops_the_run_and_is_named(world):
    world.handlers[GROUPS].faults["create"] = KeyError("secret-value")
    result = world.run(group)[str(GROUP_AT), "create"]
    assert result.status is Status.IN_DOUBT
    assert re.fullmatch(r"an unexpected KeyError at .*fakes\.py:\d+", result.message)


def test_a_secret_that_left_its_store_fails_the_step(world):
    world.run(client, idp)
    plan = world.plan(client, idp._replace(attributes={**idp.attributes, "button": "C", "secret": HANDLE}))
    forgotten = replace(world.state.entries[IDP_AT], fingerprints={})
    world.state = replace(world.state, entries={**world.state.entries, IDP_AT: forgotten})
    plan = world.plan(client, idp)
    world.secrets.values.clear()
    assert "is not in its store" in world.execute(plan)[str(IDP_AT), "update"].message


def test_a_handler_without_rotation_refuses(world):
    world.run(client)
    world.secrets.values.clear()
    plan = world.plan(client, idp)
    handler = world.handlers[CLIENTS]
    from fakes import PlainHandler

    plain = PlainHandler(handler.type)
    plain.objects = handler.objects
    world.handlers[CLIENTS] = plain
    assert "no secret to rotate" in world.execute(plan)[str(CLIENT_AT), "rotate"].message


def test_a_rotation_without_a_secret_in_the_answer_is_refused(world):
    from reconciler.ports import Written

    world.run(client)
    world.secrets.values.clear()
    plan = world.plan(client, idp)
    world.handlers[CLIENTS].rotate = lambda write: Written("a")
    assert "without the new secret" in world.execute(plan)[str(CLIENT_AT), "rotate"].message


def test_every_applied_event_carries_the_whole_entry(world):
    world.run(client)
    event = next(event for event in world.events if isinstance(event, Applied))
    assert event.entry is not None
    known = {"fingerprints": event.entry.fingerprints, "secret_since": event.entry.secret_since}
    assert event.entry == replace(entry(client), **known)
    assert Mark.GENERATED in client.type.attributes["secret"]


AMBIGUOUS = [
    BadAnswerError("HTML", "POST /x"),
    StatusError(500, "oops", "POST /x"),
    StatusError(202, "Accepted", "POST /x"),
]


@pytest.mark.parametrize("problem", AMBIGUOUS, ids=str)
def test_a_create_without_a_usable_answer_is_read_back(world, problem):
    """The server may have acted: the object is known to be ours, and its secret is made anew."""
    handler = world.handlers[CLIENTS]

    def act_and_fail(write):
        FakeHandler.create(handler, write)
        raise problem

    handler.create = act_and_fail
    assert statuses(world.run(client, idp)) == {(str(CLIENT_AT), "create"): "done", (str(IDP_AT), "create"): "done"}
    assert world.state.entries[CLIENT_AT].origin == "created"
    assert world.secrets.values[HANDLE].get_secret_value() == handler.secret


@pytest.mark.parametrize("problem", AMBIGUOUS, ids=str)
def test_a_create_without_a_usable_answer_that_did_nothing_has_failed(world, problem):
    world.handlers[CLIENTS].faults["create"] = problem
    result = world.run(client)[str(CLIENT_AT), "create"]
    assert (result.status, result.message) == (Status.FAILED, problem.message)
    assert world.state.in_doubt == {}


def test_a_lost_create_whose_secret_cannot_be_made_anew_is_in_doubt(world):
    """So that the next run makes it without asking: nobody can be using the old one."""
    world.handlers[CLIENTS].faults |= {"create": "lost", "rotate": REFUSED}
    result = world.run(client, idp)[str(CLIENT_AT), "create"]
    assert result.status is Status.IN_DOUBT
    assert "its secret could not be made anew" in result.message
    assert world.state.in_doubt == {CLIENT_AT: "create"}


@pytest.mark.parametrize("problem", AMBIGUOUS, ids=str)
def test_a_rotation_without_a_usable_answer_is_in_doubt(world, problem):
    world.run(client, idp)
    world.secrets.values.clear()
    world.handlers[CLIENTS].faults["rotate"] = problem
    assert world.run(client, idp)[str(CLIENT_AT), "rotate"].status is Status.IN_DOUBT
    assert world.state.in_doubt == {CLIENT_AT: "rotate"}


def test_what_has_an_unknown_type_can_be_forgotten(world):
    """Its system left the spec."""
    from reconciler.core.plan import Action, Change, Plan, Step, StepKind

    world.run(client)
    world.types = {}
    change = Change(CLIENT_AT, Action.FORGET, "forget", (Step(StepKind.RECORD),), {})
    world.execute(Plan("acme", "prod", "lineage", 1, (change,)))
    assert world.state.entries == {}

"""When a secret is due, who is told, how long it was refused, and what a shadow is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from toys import (
    CLIENT_AT,
    EMPTY,
    GROUP_AT,
    HANDLE,
    IDP,
    IDP_AT,
    OURS,
    STORED,
    TYPES,
    client,
    entry,
    group,
    idp,
    seen,
)

from reconciler.core.address import Address
from reconciler.core.desired import Desired
from reconciler.core.outcome import Status, StepResult, Window, measure
from reconciler.core.plan import Action, Change, Phase, Step, StepKind
from reconciler.core.planner import Situation, make_plan
from reconciler.core.policy import judge
from reconciler.core.resource import Mark, ResourceType
from reconciler.core.rotation import find_consumers, find_due, generated, narrow, review_ages
from reconciler.core.schedule import Node, order
from reconciler.core.shadow import (
    is_rotated,
    is_shadow,
    make_shadow,
    original_of,
    plan_legs,
    redirect,
    review_shadows,
    shadow_findings,
    shadow_of,
    shadows,
)
from reconciler.core.steps import update

NOW = datetime(2026, 6, 1, tzinfo=UTC)
SHADOW_AT = Address("clavex", "client", "a~shadow")
MAPPER_AT = Address("clavex", "mapper", "a.email")
aging = client._replace(secret_days=90)
USER = replace(IDP, attributes={**IDP.attributes, "client_id": Mark.PLAIN})
user = idp._replace(type=USER, attributes={**idp.attributes, "client_id": "a"})


def known(days: float | None, **changes):
    since = None if days is None else NOW - timedelta(days=days)
    return entry(client, secret_since=since, **changes)


def world(desired, entries, rotations=None, **observed):
    found = {CLIENT_AT: seen(client, OURS), IDP_AT: seen(idp), GROUP_AT: seen(group)}
    wanted = {item.address: item for item in desired}
    return Situation(
        wanted,
        {address: found[address] for address in wanted} | observed,
        replace(EMPTY, entries=entries),
        TYPES | {("jira", "idp"): USER},
        {HANDLE: STORED},
        rotations=rotations or {},
    )


@pytest.mark.parametrize(
    ("days", "due"), [(None, False), (-400, False), (0, False), (89.9, False), (90, True), (400, True)]
)
def test_a_secret_is_due_at_its_age_and_never_because_a_clock_went_back(days, due):
    found = find_due({CLIENT_AT: aging}, replace(EMPTY, entries={CLIENT_AT: known(days)}), NOW)
    assert (CLIENT_AT in found) is due


def test_no_age_matters_where_the_spec_names_none_or_nothing_is_on_record():
    assert find_due({CLIENT_AT: client}, replace(EMPTY, entries={CLIENT_AT: known(400)}), NOW) == {}
    assert find_due({CLIENT_AT: aging}, EMPTY, NOW) == {}


def test_the_reason_of_a_due_rotation_does_not_change_from_day_to_day():
    state = replace(EMPTY, entries={CLIENT_AT: known(95)})
    first, second = (find_due({CLIENT_AT: aging}, state, NOW + timedelta(days=day)) for day in (0, 1))
    assert first == second == {CLIENT_AT: "its secret is of 2026-02-26: older than the 90 days that the spec allows"}


@pytest.mark.parametrize(("hours", "told"), [(0.5, False), (2, True)])
def test_a_secret_of_the_future_is_told(hours, told):
    state = replace(EMPTY, entries={CLIENT_AT: known(-hours / 24)})
    assert bool([*review_ages({CLIENT_AT: aging}, state, NOW)]) is told


def test_a_due_rotation_reaches_the_consumer_and_asks_even_where_no_fingerprint_is_known():
    for prints in ({"secret": "f1"}, {}):
        entries = {CLIENT_AT: known(1, fingerprints=prints), IDP_AT: entry(idp)}
        situation = world([client, idp], entries, {CLIENT_AT: "it is due"})
        plan = make_plan(situation)
        assert [(change.address, change.reason) for change in plan.changes] == [
            (CLIENT_AT, "it is due"),
            (IDP_AT, "its secret is new"),
        ]
        assert [hazard.name for hazard in judge(plan, situation)] == ["rotates"]


def test_a_secret_of_which_nobody_knows_the_age_is_recorded_only():
    (change,) = make_plan(world([aging], {CLIENT_AT: known(None)})).changes
    assert [step.kind for step in change.steps] == [StepKind.RECORD]
    assert "counts from this apply" in change.reason
    assert make_plan(world([aging], {CLIENT_AT: known(1)})).changes == ()


def test_a_secret_that_may_or_may_not_have_been_written_is_written_again():
    entries = {CLIENT_AT: known(1), IDP_AT: entry(idp)}
    situation = world([client, idp], entries)
    assert make_plan(situation).changes == ()
    doubtful = situation._replace(state=replace(situation.state, in_doubt={IDP_AT: StepKind.UPDATE}))
    (change,) = make_plan(doubtful).changes
    assert [item.name for item in change.attributes] == ["secret"]


def test_a_narrow_plan_has_what_its_targets_need_and_nothing_else():
    button = idp._replace(attributes={**idp.attributes, "button": "C"}, depends_on=(CLIENT_AT, GROUP_AT))
    renamed = group._replace(attributes={"name": "Users"})
    situation = world([client, button, renamed], {CLIENT_AT: known(1), IDP_AT: entry(idp), GROUP_AT: entry(group)})
    plan = make_plan(situation)
    assert {change.address for change in plan.changes} == {IDP_AT, GROUP_AT}
    targets = frozenset((IDP_AT,))
    assert narrow(plan, situation.desired, targets, frozenset()).changes == plan.changes
    assert narrow(plan, situation.desired, frozenset((CLIENT_AT,)), frozenset()).changes == ()
    assert narrow(plan, {}, frozenset((SHADOW_AT,)), frozenset()).changes == ()


def results(*ended):
    return [StepResult(address, step, status, seconds=0.5, ended=at) for address, step, status, at in ended]


def test_the_window_goes_from_the_request_to_the_last_write():
    rotated = (CLIENT_AT, StepKind.ROTATE, Status.DONE, 1.0)
    desired = {CLIENT_AT: client, IDP_AT: idp, GROUP_AT: group}
    other = (GROUP_AT, StepKind.UPDATE, Status.DONE, 9.0)
    done = (IDP_AT, StepKind.UPDATE, Status.DONE, 3.0)
    assert measure(desired, results(rotated, done, other)) == (Window(CLIENT_AT, 2.5, 1),)
    failed = (IDP_AT, StepKind.UPDATE, Status.FAILED, 3.0)
    assert measure(desired, results(rotated, failed)) == (Window(CLIENT_AT, 0.5, 1, (IDP_AT,)),)
    assert measure(desired, results(rotated)) == (Window(CLIENT_AT, 0.5, 1, (IDP_AT,)),)
    slow = idp._replace(type=replace(idp.type, at_start=True))
    assert measure(desired | {IDP_AT: slow}, results(rotated, done)) == (Window(CLIENT_AT, 0.5, 1, (IDP_AT,)),)
    refused = (CLIENT_AT, StepKind.ROTATE, Status.FAILED, 1.0)
    assert measure(desired, results(refused, done)) == ()
    assert measure({}, results(rotated)) == ()


def test_who_has_a_secret_and_who_uses_it():
    desired = {CLIENT_AT: client, IDP_AT: idp, GROUP_AT: group}
    assert (generated(client), generated(group)) == (HANDLE, "")
    assert find_consumers(desired, CLIENT_AT) == (IDP_AT,)


# --- shadows ------------------------------------------------------------------------------------------------------


def test_a_shadow_has_an_address_that_no_spec_can_name():
    assert shadow_of(CLIENT_AT) == SHADOW_AT
    assert shadow_of(MAPPER_AT) == Address("clavex", "mapper", "a~shadow.email")
    for address in (CLIENT_AT, MAPPER_AT):
        assert is_shadow(shadow_of(address))
        assert not is_shadow(address)
        assert original_of(shadow_of(address)) == address
    assert not is_shadow(Address("clavex", "mapper", "a.x~shadow"))
    assert not is_shadow(Address("jira", "group", "a~shadow"))


def shadowed(**changes):
    """The client with its shadow on record."""
    made = make_shadow(world([client, user], {}), CLIENT_AT)[SHADOW_AT]
    return {CLIENT_AT: known(1), SHADOW_AT: replace(entry(made, secret_since=NOW - timedelta(days=2)), **changes)}


def test_a_shadow_is_as_its_client_but_for_id_name_and_secret():
    made = make_shadow(world([client, user], {}), CLIENT_AT)[SHADOW_AT]
    assert made.attributes == {
        "client_id": "ashadow",
        "public": False,
        "name": "A (rotation)",
        "uris": ("u1",),
        "secret": f"{HANDLE}.shadow",
    }
    long = client._replace(attributes={**client.attributes, "client_id": "x" * 120, "name": "y" * 120})
    own = make_shadow(world([long, user], {}), CLIENT_AT)[SHADOW_AT].attributes
    assert len(own["client_id"]) == len(own["name"]) == 120


def test_a_shadow_has_the_mappers_of_its_client():
    kind = ResourceType("mapper", ("client_id", "name"), {"client_id": Mark.FORCE_NEW}, inside="client")
    mapper = Desired(MAPPER_AT, kind, {"client_id": "a"}, (CLIENT_AT,))
    theirs = mapper._replace(address=Address("clavex", "mapper", "b.email"), depends_on=(GROUP_AT,))
    situation = world([client], {})
    situation = situation._replace(desired=situation.desired | {item.address: item for item in (mapper, theirs)})
    made = make_shadow(situation, CLIENT_AT)
    assert made.keys() == {SHADOW_AT, shadow_of(MAPPER_AT)}
    assert made[shadow_of(MAPPER_AT)].attributes == {"client_id": "ashadow"}
    assert made[shadow_of(MAPPER_AT)].depends_on == (SHADOW_AT,)


def test_what_the_spec_leaves_open_is_taken_from_what_is_there():
    bare = client._replace(attributes={"client_id": "a", "secret": HANDLE})
    own = make_shadow(world([bare, user], {}), CLIENT_AT)[SHADOW_AT].attributes
    assert own["uris"] == ("u1",)
    gone = world([bare, user], {})._replace(observed={})
    with pytest.raises(KeyError):
        make_shadow(gone, CLIENT_AT)


def test_the_legs_of_a_rotation_and_those_that_are_left():
    situation = world([client, user], {CLIENT_AT: known(1)})
    legs = plan_legs(situation, CLIENT_AT, "asked")
    assert [leg.proves for leg in legs] == [SHADOW_AT, None, CLIENT_AT, None, None]
    assert legs[1].desired[IDP_AT].attributes["client_id"] == "ashadow"
    assert legs[1].desired[IDP_AT].depends_on == (SHADOW_AT,)
    assert legs[1].desired[IDP_AT].attributes["secret"] == f"{HANDLE}.shadow"
    assert legs[3].desired[IDP_AT] == user
    assert SHADOW_AT not in legs[4].desired
    assert len(plan_legs(situation._replace(state=replace(EMPTY, entries=shadowed())), CLIENT_AT, "asked")) == 2


def test_a_client_is_rotated_if_its_secret_is_newer_than_its_shadow_and_sure():
    def done(entries, doubt=None):
        return is_rotated(replace(EMPTY, entries=entries, in_doubt=doubt or {}), CLIENT_AT)

    assert done(shadowed())
    assert not done(shadowed(), {CLIENT_AT: StepKind.ROTATE})
    assert not done(shadowed(secret_since=NOW))
    assert not done(shadowed(secret_since=None))
    assert not done({CLIENT_AT: known(1)})
    assert not done(shadowed() | {CLIENT_AT: known(1, fingerprints={})})


def test_each_consumer_stays_with_the_client_that_it_uses_now():
    situation = world([client, user], {CLIENT_AT: known(1)})
    assert redirect(situation, CLIENT_AT)[IDP_AT] == user
    away = situation._replace(observed=situation.observed | {IDP_AT: seen(user, client_id="ashadow")})
    assert redirect(away, CLIENT_AT)[IDP_AT].depends_on == (SHADOW_AT,)


def test_a_shadow_that_is_left_is_told_and_goes_without_a_question():
    state = replace(EMPTY, entries=shadowed())
    moved = user._replace(
        attributes={**user.attributes, "client_id": "ashadow", "secret": f"{HANDLE}.shadow"},
        depends_on=(SHADOW_AT,),
    )
    (told,) = review_shadows(state)
    assert "nobody logs in through it" in told.message
    used = replace(state, entries=state.entries | {IDP_AT: entry(moved)})
    (told,) = review_shadows(used)
    assert "jira/idp/a log in through it" in told.message
    assert shadows(used, CLIENT_AT) == {SHADOW_AT}
    situation = world([client, user], used.entries)
    made = make_shadow(situation, CLIENT_AT)[SHADOW_AT]
    mark = OURS._replace(ref=f"acme/default/{SHADOW_AT}")
    observed = situation.observed | {SHADOW_AT: seen(made, mark, remote_id="a~shadow"), IDP_AT: seen(moved)}
    situation = situation._replace(observed=observed)
    plan = make_plan(situation)
    gone = next(change for change in plan.changes if change.address == SHADOW_AT)
    assert (gone.action, gone.reason) == (Action.DELETE, "the rotation that needed it is over")
    back = next(change for change in plan.changes if change.address == IDP_AT)
    assert back.reason == "it goes back from the shadow of its client"
    assert judge(plan, situation) == ()
    assert shadow_findings(plan) == (told,)


def test_what_is_deleted_waits_for_who_leaves_it():
    left = Change(SHADOW_AT, Action.DELETE, "", (Step(StepKind.DELETE, Phase.LATE),), {})
    inside = replace(left, address=shadow_of(MAPPER_AT), depends_on=(SHADOW_AT,))
    back = update(user, seen(user), entry(user), (), action=Action.UPDATE, rotation="", marked=True)
    graph = order([left, inside, back], {IDP_AT: (SHADOW_AT,)})
    assert Node(IDP_AT, 0) in graph[Node(inside.address, 0)]
    assert Node(IDP_AT, 0) in graph[Node(SHADOW_AT, 0)]
    assert graph[Node(IDP_AT, 0)] == frozenset()
    assert Node(IDP_AT, 0) not in order([left, back])[Node(SHADOW_AT, 0)]
    needs = replace(left, depends_on=(IDP_AT,))
    assert order([needs, back], {IDP_AT: (SHADOW_AT,)})[Node(SHADOW_AT, 0)] == {Node(IDP_AT, 0)}

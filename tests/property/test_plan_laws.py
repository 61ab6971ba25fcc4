"""Laws of the plan alone: order, ownership, ignorance, and that what is at rest is only quicker."""

from __future__ import annotations

import random
from dataclasses import replace
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING
from unittest.mock import patch

from budget import tries
from hypothesis import assume, given
from hypothesis import strategies as st
from small import situations

from reconciler.core.codec import decode_plan, encode_plan
from reconciler.core.observed import Present, Unreadable
from reconciler.core.ownership import bears_our_mark, recognised
from reconciler.core.plan import Action, HazardName, Phase, Plan, StepKind
from reconciler.core.planner import Situation, make_plan
from reconciler.core.policy import judge, refused
from reconciler.core.resource import Kind
from reconciler.core.schedule import order
from reconciler.core.state import Origin

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeVar

    from reconciler.core.address import Address
    from reconciler.core.desired import DesiredState
    from reconciler.core.observed import ObservedState
    from reconciler.core.state import State

    K = TypeVar("K")
    V = TypeVar("V")


def planned(situation: Situation) -> Plan:
    made = make_plan(situation)
    return replace(made, hazards=judge(made, situation))


def shuffled(mapping: Mapping[K, V], chance: random.Random) -> dict[K, V]:
    items = list(mapping.items())
    chance.shuffle(items)
    return dict(items)


@tries(100)
@given(situations(), st.randoms(use_true_random=False))
def test_order_of_what_comes_in_makes_no_difference_byte_for_byte(
    situation: Situation, chance: random.Random
) -> None:
    other = situation._replace(
        desired=shuffled(situation.desired, chance),
        observed=shuffled(situation.observed, chance),
        state=replace(
            situation.state,
            entries=shuffled(situation.state.entries, chance),
            in_doubt=shuffled(situation.state.in_doubt, chance),
        ),
        types=shuffled(situation.types, chance),
    )
    assert encode_plan(planned(other)) == encode_plan(planned(situation))


@tries(100)
@given(situations())
def test_no_change_rests_on_what_could_not_be_read(situation: Situation) -> None:
    plan = planned(situation)
    unknown = {address for address, found in situation.observed.items() if isinstance(found, Unreadable)}
    for change in plan.changes:
        assert change.address not in unknown
        assert not unknown.intersection(change.depends_on)
    blocked = {item.address for item in plan.unread}
    assert unknown <= blocked
    assert not blocked.intersection(change.address for change in plan.changes)
    assert bool(blocked) is any(hazard.name is HazardName.INCOMPLETE for hazard in plan.hazards)


@tries(100)
@given(situations())
def test_what_is_neither_wanted_nor_recorded_is_never_touched(situation: Situation) -> None:
    for change in planned(situation).changes:
        known = situation.state.entries.get(change.address)
        assert change.address in situation.desired or known is not None
        found = situation.observed[change.address]
        if change.action is Action.DELETE:
            assert known is not None
            assert known.origin is Origin.CREATED
            assert change.address not in situation.desired
            assert isinstance(found, Present)
            ours = {known.remote_id, *known.deposed}
            assert found.remote_id in ours or bears_our_mark(situation.state, change.address, found)
            assert situation.types[change.address[:2]].kind is Kind.OBJECT


@tries(100)
@given(situations())
def test_a_foreign_mark_is_never_overwritten_without_permission(situation: Situation) -> None:
    plan = planned(situation)
    asked = {hazard.subject for hazard in plan.hazards if hazard.name is HazardName.TAKES_OVER}
    for change in plan.changes:
        found = situation.observed[change.address]
        if not isinstance(found, Present) or found.owner is None or change.action is Action.CREATE:
            continue
        if not bears_our_mark(situation.state, change.address, found):
            writes = {step.kind for step in change.steps} - {StepKind.RECORD}
            assert not writes or str(change.address) in asked


@tries(100)
@given(situations())
def test_what_changes_an_object_that_nobody_knows_is_asked_about(situation: Situation) -> None:
    plan = planned(situation)
    asked = {hazard.subject for hazard in plan.hazards if hazard.name is HazardName.TAKES_OVER}
    for change in plan.changes:
        found = situation.observed[change.address]
        kind = situation.types[change.address[:2]]
        if isinstance(found, Present) and kind.kind is Kind.OBJECT:
            stranger = recognised(situation.state, change.address, found, marked=kind.marked) is None
            values = [item for item in change.attributes if not item.sensitive]
            if stranger and values and change.address in situation.desired:
                assert str(change.address) in asked


def look_at_all(desired: DesiredState, _observed: ObservedState, state: State, _secrets: object) -> set[Address]:
    return {*desired, *state.entries}


@tries(100)
@given(situations())
def test_what_is_at_rest_is_only_quicker(situation: Situation) -> None:
    quick = planned(situation)
    with patch("reconciler.core.planner.find_restless", look_at_all):
        assert planned(situation) == quick


@tries(100)
@given(situations())
def test_every_plan_can_be_carried_out_and_makes_before_it_breaks(situation: Situation) -> None:
    plan = planned(situation)
    graph = order(plan.changes)
    assert len(tuple(TopologicalSorter(graph).static_order())) == sum(len(change.steps) for change in plan.changes)
    for change in plan.changes:
        phases = [step.phase for step in change.steps]
        assert phases == sorted(phases, key=[Phase.EARLY, Phase.LATE].index)
        assert change.steps


@tries(60)
@given(situations())
def test_a_plan_survives_its_file_there_and_back(situation: Situation) -> None:
    plan = planned(situation)
    again = decode_plan(encode_plan(plan), "plan.json")
    assert again == plan
    assert encode_plan(again) == encode_plan(plan)


@tries(60)
@given(situations())
def test_permission_by_name_covers_what_permission_one_by_one_covers(situation: Situation) -> None:
    hazards = planned(situation).hazards
    assume(hazards)
    assert refused(hazards, frozenset(str(hazard.name) for hazard in hazards)) == ()
    assert refused(hazards, frozenset(f"{hazard.name}={hazard.subject}" for hazard in hazards)) == ()
    assert refused(hazards, frozenset()) == hazards

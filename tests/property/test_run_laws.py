"""Laws of runs in a small world: convergence, idempotence, ownership, and a crash at each line of the journal."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from budget import tries
from fakes import REFUSED, FakeHandler, World
from hypothesis import given
from hypothesis import strategies as st
from small import wishes
from toys import CLIENT_AT, EMPTY, GROUP_AT, HANDLE, IDP_AT, SETTINGS_AT, THEIRS, TYPES, client

from reconciler.core.journal import Applied, Began, Event, fold
from reconciler.core.observed import Present
from reconciler.core.plan import StepKind
from reconciler.core.resource import Mark
from reconciler.engine.executor import Executor
from reconciler.engine.performing import Performer
from reconciler.errors import InDoubtError, StateError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reconciler.core.desired import Desired
    from reconciler.core.plan import Plan

Wishes = tuple["Desired", ...]
FOREIGN = {
    CLIENT_AT[:2]: Present("zz", {"client_id": "zz", "public": False, "name": "Z", "uris": ("z",)}, THEIRS),
    IDP_AT[:2]: Present("zz", {"name": "zz", "button": "Z"}),
    GROUP_AT[:2]: Present("zz", {"name": "zz"}),
}
VERBS = ("create", "update", "delete", "rotate")


def new_world() -> World:
    """A world with something of somebody else in every corner; settings are always there."""
    world = World(TYPES, EMPTY)
    for key, found in FOREIGN.items():
        world.handlers[key].objects["zz"] = found
    world.handlers[SETTINGS_AT[:2]].objects[""] = Present("", {"form": True})
    return world


def run(world: World, wanted: Wishes) -> Plan:
    """One plan, carried out."""
    made: Plan = world.plan(*wanted)
    world.execute(made)
    return made


def check(world: World, wanted: Wishes) -> None:
    """Holds if the world is as wanted, nothing is left to do, and what is not ours is as it was."""
    plan = world.plan(*wanted)
    assert plan.changes == ()
    assert plan.drift == ()
    before = {key: list(handler.calls) for key, handler in world.handlers.items()}
    world.execute(plan)
    assert {key: handler.calls for key, handler in world.handlers.items()} == before
    _check_objects(world, {item.address: item for item in wanted})


def _check_objects(world: World, wanted: Mapping[Any, Desired]) -> None:
    for key, handler in world.handlers.items():
        assert handler.objects.get("zz") == FOREIGN.get(key)
        address = next(item for item in (CLIENT_AT, IDP_AT, GROUP_AT, SETTINGS_AT) if item[:2] == key)
        found = [item for number, item in handler.objects.items() if number != "zz"]
        if address not in wanted:
            assert key in {GROUP_AT[:2], SETTINGS_AT[:2]} or found == []  # groups may stay, settings always do
            continue
        (shown,) = found
        marks = handler.type.attributes
        for name, value in wanted[address].attributes.items():
            if not marks[name] & (Mark.SECRET | Mark.GENERATED | Mark.LOCAL):
                assert shown.attributes[name] == value
    if IDP_AT in wanted:  # the plugin has the secret that the client has, and the store too
        secret = world.handlers[CLIENT_AT[:2]].secret
        assert world.handlers[IDP_AT[:2]].written_secrets[-1] == secret
        assert world.secrets.values[HANDLE].get_secret_value() == secret


@tries(40)
@given(st.lists(wishes(), min_size=1, max_size=4))
def test_after_each_apply_the_next_plan_is_empty_and_sends_nothing(specs: Sequence[Wishes]) -> None:
    world = new_world()
    for wanted in specs:
        run(world, wanted)
        check(world, wanted)


@tries(40)
@given(st.lists(wishes(), min_size=1, max_size=3), st.data())
def test_what_somebody_does_by_hand_is_healed(specs: Sequence[Wishes], data: st.DataObject) -> None:
    world = new_world()
    for wanted in specs:
        run(world, wanted)
        for item in wanted:
            handler = world.handlers[item.address[:2]]
            number = next((number for number in handler.objects if number != "zz"), "")
            deed = data.draw(st.sampled_from(["nothing", "remove", "change"]))
            if deed == "remove" and item.address != SETTINGS_AT:
                del handler.objects[number]
            elif deed == "change" and (name := {CLIENT_AT: "name", IDP_AT: "button"}.get(item.address)):
                shown = handler.objects[number]
                handler.objects[number] = shown._replace(attributes={**shown.attributes, name: "by hand"})
        run(world, wanted)
        check(world, wanted)


@tries(80)
@given(st.lists(wishes(), min_size=1, max_size=3), st.data())
def test_whatever_fails_on_the_way_a_later_run_converges(specs: Sequence[Wishes], data: st.DataObject) -> None:
    world = new_world()
    for wanted in specs:
        for handler in world.handlers.values():
            handler.faults = dict(
                data.draw(
                    st.dictionaries(
                        st.sampled_from(VERBS),
                        st.sampled_from([REFUSED, "lost", InDoubtError("cut", "POST /x")]),
                        max_size=2,
                    )
                )
            )
        world.secrets.broken = data.draw(st.booleans())
        run(world, wanted)
        world.secrets.broken = False
        for handler in world.handlers.values():
            handler.faults.clear()
        run(world, wanted)
        check(world, wanted)


# --- crashes ------------------------------------------------------------------------------------------------------


@dataclass
class Crash:
    """A journal that keeps its first lines, and a process that ends at the next one."""

    lines: int
    events: list[Event]

    def record(self, event: Event) -> None:
        if len(self.events) >= self.lines:
            raise StateError("the process is gone")
        self.events.append(event)


def crash(world: World, wanted: Wishes, lines: int) -> bool:
    """Carries out a plan until so many lines are written; whether it came to its end before."""
    plan = world.plan(*wanted)
    journal = Crash(lines, [Began(world.state.lineage, world.state.serial, {})])
    performer = Performer(world.state, world.types, world.handlers, world.secrets)
    world.stop.clear()
    executor = Executor(performer, journal.record, lambda *_: None, world.stop, 1)
    executor.run(plan)
    ended = not world.stop.is_set()
    world.stop.clear()
    world.state = fold(world.state, journal.events)
    _check_kept(world, journal.events)
    return ended


def _check_kept(world: World, events: Sequence[Event]) -> None:
    """What was recorded as applied is known, and there."""
    last = {event.address: event.entry for event in events if isinstance(event, Applied)}
    for address, entry in last.items():
        known = world.state.entries.get(address)
        assert known == entry or (entry is None and known is not None and known.begun)
        if entry is not None and address not in world.state.in_doubt:
            handler: FakeHandler = world.handlers[address[:2]]
            assert entry.remote_id in handler.objects


@tries(40)
@given(wishes(), wishes())
def test_a_crash_at_any_line_of_the_journal_loses_nothing_and_a_rerun_converges(old: Wishes, new: Wishes) -> None:
    start = new_world()
    run(start, old)
    for lines in range(1, 40):
        world = _copied(start)
        ended = crash(world, new, lines)
        run(world, new)
        check(world, new)
        if ended:
            return
    raise AssertionError("the run has no end")


@tries(40)
@given(wishes(), wishes(), st.integers(1, 12), st.integers(1, 12))
def test_a_second_crash_in_the_rerun_changes_nothing(old: Wishes, new: Wishes, first: int, second: int) -> None:
    world = new_world()
    run(world, old)
    crash(world, new, first)
    crash(world, new, second)
    run(world, new)
    check(world, new)


@tries(40)
@given(wishes(), wishes(), wishes(), st.integers(1, 12))
def test_after_a_crash_the_spec_may_be_changed_or_turned_back(
    old: Wishes, new: Wishes, other: Wishes, lines: int
) -> None:
    for last in (old, other):
        world = new_world()
        run(world, old)
        crash(world, new, lines)
        if StepKind.CREATE in world.state.in_doubt.values():
            return  # what may have been made is found again by the key that the spec names, and by no other
        run(world, last)
        check(world, last)


def _copied(world: World) -> World:
    made = World(world.types, world.state)
    for key, handler in world.handlers.items():
        made.handlers[key].objects = dict(handler.objects)
        made.handlers[key].secret = handler.secret
        made.handlers[key].calls = list(handler.calls)
        made.handlers[key].written_secrets = list(handler.written_secrets)
    made.secrets.values = copy.copy(world.secrets.values)
    return made


def test_an_id_that_is_made_again_is_not_deleted_with_the_object_that_had_it() -> None:
    """The old object is deleted, nobody recorded that, and the spec goes back to its id."""
    old, new = (
        client._replace(attributes={**client.attributes, "client_id": key, "public": key == "b"}) for key in "ab"
    )
    world = new_world()
    run(world, (old,))
    for lines in range(1, 8):
        again = _copied(world)
        crash(again, (new,), lines)
        if StepKind.CREATE not in again.state.in_doubt.values():
            run(again, (old,))
            check(again, (old,))

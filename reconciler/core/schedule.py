"""The order of the steps: a graph with one node for each step of each change."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from reconciler.core.plan import Action, Change, Phase

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reconciler.core.address import Address


class Node(NamedTuple):
    """One step: the address of its change, and its place among the steps of that change."""

    address: Address
    step: int


Graph = dict[Node, frozenset[Node]]
"""Every step, and the steps that must have succeeded before it."""


def order(changes: Sequence[Change], before: Mapping[Address, Sequence[Address]] | None = None) -> Graph:
    """The steps of `changes` and what each waits for.

    The steps of one change follow one another. A resource's early steps come before the steps of what depends on
    it, its late steps after all of them. Make before break: what is deleted waits for what is created beside it for
    the same client, so that swapping a plugin leaves no moment without a login. `before` says what each resource
    rested on until now: it has left that when that is deleted.
    """
    by_address: Mapping[Address, Change] = {change.address: change for change in changes}
    waits: dict[Node, set[Node]] = {
        Node(change.address, index): {Node(change.address, index - 1)} if index else set()
        for change in changes
        for index in range(len(change.steps))
    }
    made: dict[tuple[str, Address], list[Change]] = defaultdict(list)  # what is created, by system and need
    for change in changes:
        for needed in change.depends_on:
            if change.action is Action.CREATE:
                made[change.address.system, needed].append(change)
            if (other := by_address.get(needed)) is not None:
                _tie(waits, change, other)
    for change in changes:
        if change.action is Action.DELETE:
            news = [new for needed in change.depends_on for new in made[change.address.system, needed]]
            waits[Node(change.address, 0)] |= {Node(new.address, len(new.steps) - 1) for new in news}
    _outlive(waits, changes, before or {})
    return {node: frozenset(before) for node, before in waits.items()}


def _outlive(
    waits: dict[Node, set[Node]], changes: Sequence[Change], before: Mapping[Address, Sequence[Address]]
) -> None:
    """What is deleted, or goes along with what is, waits for those who leave it."""
    leavers: dict[Address, list[Change]] = defaultdict(list)
    for change in changes:
        if change.action is not Action.DELETE:
            for left in set(before.get(change.address, ())).difference(change.depends_on):
                leavers[left].append(change)
    for change in changes if leavers else ():
        if change.action is Action.DELETE:
            left_by = [other for item in (change.address, *change.depends_on) for other in leavers.get(item, ())]
            waits[Node(change.address, 0)] |= {
                Node(other.address, len(other.steps) - 1)
                for other in left_by
                if other.address not in change.depends_on
            }


def _tie(waits: dict[Node, set[Node]], dependent: Change, needed: Change) -> None:
    early = [index for index, step in enumerate(needed.steps) if step.phase is Phase.EARLY]
    late = [index for index, step in enumerate(needed.steps) if step.phase is Phase.LATE]
    if early:
        last = Node(needed.address, early[-1])
        waits[Node(dependent.address, 0)].add(last)
    if late:
        waits[Node(needed.address, late[0])].add(Node(dependent.address, len(dependent.steps) - 1))

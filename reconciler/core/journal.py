"""What is written down while an apply runs, and the state that follows from it.

The state is the fold of the journal over the last snapshot, so recovery after a crash is no special code: a step
that began and has no end is in doubt, and its address is simply observed again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from reconciler.core.address import Address
from reconciler.core.plan import StepKind
from reconciler.core.state import Entry, State, SystemRecord


@dataclass(frozen=True, slots=True)
class Began:
    """An apply began: on which snapshot, against which systems, with its key in which store (empty: as before)."""

    lineage: str
    serial: int
    systems: Mapping[str, SystemRecord]
    key_store: str = ""
    event: Literal["began"] = "began"


@dataclass(frozen=True, slots=True)
class Intended:
    """A step is about to be carried out.

    `entry` comes with a create: what is recorded until its end is known, without the id of an object.
    """

    address: Address
    step: StepKind
    entry: Entry | None = None
    event: Literal["intended"] = "intended"


@dataclass(frozen=True, slots=True)
class Applied:
    """A step was carried out; `entry` is what is recorded from now on, None for no longer managed."""

    address: Address
    step: StepKind
    entry: Entry | None
    event: Literal["applied"] = "applied"


@dataclass(frozen=True, slots=True)
class Failed:
    """A step was refused: nothing changed."""

    address: Address
    step: StepKind
    message: str
    event: Literal["failed"] = "failed"


@dataclass(frozen=True, slots=True)
class InDoubt:
    """Nobody knows whether a step was carried out."""

    address: Address
    step: StepKind
    message: str
    event: Literal["in_doubt"] = "in_doubt"


Event = Began | Intended | Applied | Failed | InDoubt


def fold(state: State, events: Iterable[Event]) -> State:
    """The state after `events`. Events of another lineage, or of an older snapshot, change nothing."""
    entries, doubt, systems = dict(state.entries), dict(state.in_doubt), dict(state.systems)
    current, key_store = False, state.key_store
    for event in events:
        match event:
            case Began():
                current = event.lineage == state.lineage and event.serial == state.serial
                if current:
                    systems.update(event.systems)
                    key_store = event.key_store or key_store
            case _ if not current:
                continue
            case Intended():
                doubt[event.address] = event.step
                if event.entry is not None:
                    entries.setdefault(event.address, event.entry)
            case Applied():
                _put(entries, event.address, event.entry)
                doubt.pop(event.address, None)
            case Failed():
                doubt.pop(event.address, None)
                _unbegin(entries, event)
            case _:
                doubt[event.address] = event.step
    return replace(state, entries=entries, in_doubt=doubt, systems=systems, key_store=key_store)


def _put(entries: dict[Address, Entry], address: Address, entry: Entry | None) -> None:
    if entry is None:
        entries.pop(address, None)
    else:
        entries[address] = entry


def _unbegin(entries: dict[Address, Entry], event: Failed) -> None:
    """A create that was refused left nothing behind."""
    if event.step is StepKind.CREATE and event.address in entries and entries[event.address].begun:
        del entries[event.address]

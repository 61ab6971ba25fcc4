"""Addresses of the state renamed: the objects stay what they are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler.errors import ReconcilerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.core.address import Address
    from reconciler.core.state import State

Renaming = dict["Address", "Address"]


def rename_resource(state: State, old: Address, new: Address) -> Renaming:
    """What moves when one resource does: itself, and what is named after it and needs it (`NAME.…`)."""
    if old not in state.entries:
        raise ReconcilerError(f"{old} is not in the state", "`reconciler state list` shows what is")
    if (old.system, old.type) != (new.system, new.type):
        raise ReconcilerError(
            f"{old} cannot become {new}: the object stays where it is, and what it is",
            "only the name may differ; `reconciler state move SYSTEM NEW` renames a system",
        )
    parts = (
        address
        for address, entry in state.entries.items()
        if old in entry.depends_on and address.name.startswith(f"{old.name}.")
    )
    return {old: new} | {part: part._replace(name=new.name + part.name[len(old.name) :]) for part in parts}


def rename_system(state: State, old: str, new: str) -> Renaming:
    """What moves when a system is called otherwise: all its resources."""
    found = {address for address in (*state.entries, *state.in_doubt) if address.system == old}
    if not found and old not in state.systems:
        raise ReconcilerError(f"the state knows no system {old}", f"it knows {', '.join(sorted(state.systems))}")
    if new in state.systems:
        raise ReconcilerError(f"the state knows a system {new} already", "two systems cannot become one")
    return {address: address._replace(system=new) for address in found}


def moved(state: State, renaming: Mapping[Address, Address], systems: Mapping[str, str]) -> State:
    """The state with addresses and systems renamed. ReconcilerError if one of the new addresses is taken."""
    if taken := {new for new in renaming.values() if new in state.entries and new not in renaming}:
        raise ReconcilerError(
            f"{min(taken)} is in the state already", "`reconciler forget` or `state remove` lets it go first"
        )
    return replace(
        state,
        systems={systems.get(name, name): record for name, record in state.systems.items()},
        entries={
            renaming.get(address, address): replace(
                entry,
                depends_on=tuple(renaming.get(each, each) for each in entry.depends_on),
                formerly=(*entry.formerly, address) if address in renaming else entry.formerly,
            )
            for address, entry in state.entries.items()
        },
        in_doubt={renaming.get(address, address): step for address, step in state.in_doubt.items()},
    )

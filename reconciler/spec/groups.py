"""Groups: those with tables of their own, and those that mappings name, on both ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.intent import Group, SignOn, System
from reconciler.core.resource import OnRemove
from reconciler.spec.model import CLAVEX
from reconciler.spec.position import key_path
from reconciler.spec.rules import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reconciler.spec.findings import Findings
    from reconciler.spec.validation import Spec


def compile_groups(
    spec: Spec, systems: Mapping[str, System], sign_ons: Mapping[str, SignOn], findings: Findings
) -> tuple[Group, ...]:
    """All groups, by system and name. A mapping adds those that have no table of their own."""
    groups: dict[tuple[str, str], Group] = {}
    for group, path in _find_tabled(spec, systems, findings):
        first = groups.setdefault(_identify(group, systems), group)
        if first is not group:
            message = f"{first.where} is {shown(first.name)} of {group.system} already"
            findings.fail(message, f"drop one of the two tables{_hint(first, group)}", *path)
    for group, path in _find_mapped(sign_ons):
        first = groups.setdefault(_identify(group, systems), group)
        if first.name != group.name:
            message = f"{shown(group.name)} and {shown(first.name)} ({first.where}) are one group in {group.system}"
            findings.fail(message, f"spell it the same way everywhere{_hint(first, group)}", *path)
    return tuple(sorted(groups.values(), key=lambda group: (group.system, group.name)))


def _hint(first: Group, second: Group) -> str:
    return "" if first.name == second.name else ": the product takes upper and lower case as equal"


def _identify(group: Group, systems: Mapping[str, System]) -> tuple[str, str]:
    """What tells groups apart: Clavex minds the case of names (facts clavex 3.1), products do not."""
    exact = systems[group.system].provider == CLAVEX
    return group.system, group.name if exact else group.name.casefold()


def _find_tabled(
    spec: Spec, systems: Mapping[str, System], findings: Findings
) -> Iterator[tuple[Group, tuple[str, ...]]]:
    for name, table in spec.tables.groups.items():
        path = ("groups", name)
        system = findings.resolve(table.system, systems, spec.declared.get("systems", ()), *path, "system")
        if system is None:
            continue
        if table.description is not None and system.provider != CLAVEX:
            findings.fail("only groups of Clavex have a description", "take it out", *path, "description")
        on_remove = OnRemove(table.on_remove)
        yield Group(system.name, table.name or name, table.description, on_remove, key_path(*path)), path


def _find_mapped(sign_ons: Mapping[str, SignOn]) -> Iterator[tuple[Group, tuple[str, ...]]]:
    for name, sign_on in sign_ons.items():
        for theirs, ours in sign_on.groups.items():
            path = ("sso", name, "groups", theirs)
            yield Group(sign_on.issuer_system.name, theirs, where=key_path(*path)), path
            yield Group(sign_on.product.name, ours, where=key_path(*path)), path

"""Sections that several texts share: titles, attributes in columns, what could not be read, what needs permission."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING

from reconciler.core.plan import Action, HazardName
from reconciler.core.policy import refused
from reconciler.render.diagnostics import remedy_lines
from reconciler.render.terminal import Ink, Style, pad, width, wrap
from reconciler.render.wording import by_permission, listed, number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from reconciler.core.address import Address
    from reconciler.core.plan import Change, Hazard, Unread

INDENT = " " * 6
_WIDEST_NAME = 30
"""Names of attributes are aligned up to this width."""
_MOST_ALIKE = 20
_MOST_CREATES = 20
_ALIKE = {HazardName.DELETES, HazardName.REPLACES, HazardName.ROTATES}
"""Of hazards that only repeat what the changes show, so many are listed one by one."""


def title(text: str, style: Style) -> str:
    """The first line of a section."""
    return style.paint(text, Ink.BOLD)


def attribute_lines(rows: Sequence[tuple[str, Sequence[str]]], style: Style) -> list[str]:
    """Attributes, each with the lines of its value, in two columns."""
    column = _name_column([name for name, _ in rows])
    lines: list[str] = []
    for name, (first, *others) in rows:
        lines.append(f"{INDENT}{pad(style.safe(name), column)}  {first}")
        lines += [f"{INDENT}{' ' * column}  {line}" for line in others]
    return lines


def room_for(names: Sequence[str], columns: int) -> int:
    """How wide the values of these attributes may be."""
    return columns - len(INDENT) - _name_column(names) - 2


def _name_column(names: Sequence[str]) -> int:
    return min(max(map(len, names), default=0), _WIDEST_NAME)


def brief_creates(changes: Iterable[Change]) -> frozenset[Address]:
    """The creates whose attributes are not shown: of each type in each system all but the first twenty."""
    seen: Counter[tuple[str, str]] = Counter()
    found: set[Address] = set()
    for change in changes:
        if change.action is Action.CREATE:
            seen[change.address[:2]] += 1
            if seen[change.address[:2]] > _MOST_CREATES:
                found.add(change.address)
    return frozenset(found)


def left_out(changes: Iterable[Change], brief: frozenset[Address]) -> list[str]:
    """For each type, how many creates are shown without attributes."""
    found = Counter(change.address.type for change in changes if change.address in brief)
    return [
        f"the attributes of {number(count, f'more {kind}')} are in `--format json`" for kind, count in found.items()
    ]


def unread_lines(unread: tuple[Unread, ...], style: Style, columns: int, heading: str) -> list[str]:
    """What could not be read, by reason, with what to do."""
    if not unread:
        return []
    lines = [title(heading, style)]
    for (reason, remedy), addresses in by_reason(unread).items():
        mark = style.paint("?", Ink.YELLOW, Ink.BOLD)
        first, *others = wrap(listed([style.safe(str(address)) for address in addresses]), columns, " " * 4, " " * 4)
        lines += [f"  {mark} {first.lstrip()}", *others]
        lines += wrap(style.safe(reason), columns, INDENT, INDENT)
        lines += remedy_lines(remedy, style, columns, INDENT)
    return lines


def by_reason(unread: Iterable[Unread]) -> dict[tuple[str, str], list[Address]]:
    """What could not be read, by reason and remedy."""
    groups: dict[tuple[str, str], list[Address]] = {}
    for item in unread:
        groups.setdefault((item.reason, item.remedy), []).append(item.address)
    return groups


def hazard_lines(hazards: tuple[Hazard, ...], allowed: frozenset[str], style: Style, columns: int) -> list[str]:
    """What needs permission, with the argument that gives it, then what is permitted already."""
    open_ones = refused(hazards, allowed)
    closed = set(hazards).difference(open_ones)
    given = tuple(hazard for hazard in hazards if hazard in closed)
    lines: list[str] = []
    for text, found in (("Refused unless allowed", open_ones), ("Allowed", given)):
        if found:
            lines += ["", title(text, style), *_permissions(by_permission(found, style), style, columns)]
    return lines[1:]


def _permissions(groups: Mapping[str, Sequence[Hazard]], style: Style, columns: int) -> list[str]:
    """Each argument with its hazards; in one line where they fit."""
    lines: list[str] = []
    for name, same in groupby(groups.items(), key=lambda group: group[1][0].name):
        every = list(same)
        shown = every[:_MOST_ALIKE] if name in _ALIKE else every
        column = min(max(width(argument) for argument, _ in shown), columns // 2)
        for argument, hazards in shown:
            painted = style.paint(pad(argument, column), Ink.YELLOW, Ink.BOLD)
            text = style.safe(hazards[0].message)
            if len(hazards) == 1 and max(width(argument), column) + width(text) + 4 <= columns:
                lines.append(f"  {painted}  {text}")
                continue
            lines.append(f"  {painted.rstrip()}")
            texts = [style.safe(hazard.message) for hazard in hazards]
            lines += [line for item in texts for line in wrap(item, columns, INDENT, INDENT)]
        if len(every) > len(shown):
            argument = style.paint(f"--allow {name}", Ink.YELLOW, Ink.BOLD)
            lines.append(
                f"  {argument}  permits all {len(every):,}, of which {len(every) - len(shown):,} are not listed here"
            )
    return lines

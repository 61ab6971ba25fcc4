"""The plan as text for a terminal."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from reconciler.core.plan import Action, AttributeChange, Cause, Change, Plan
from reconciler.diagnostic import Severity
from reconciler.render.diagnostics import diagnostics_text, note_lines
from reconciler.render.drift import drift_lines
from reconciler.render.sections import (
    INDENT,
    attribute_lines,
    brief_creates,
    hazard_lines,
    left_out,
    room_for,
    title,
    unread_lines,
)
from reconciler.render.steps import Dependents, dependents_of, step_lines, why
from reconciler.render.terminal import Ink, Style, wrap
from reconciler.render.terminal import width as columns_of
from reconciler.render.values import change_lines, secret_lines, value_lines
from reconciler.render.wording import INKS, hidden_warnings, phrase, summary, symbol, tells_findings

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEAST_WIDTH = 60


def plan_text(plan: Plan, style: Style, *, width: int, allowed: frozenset[str] = frozenset()) -> str:
    """The whole plan; one line if there is nothing to say. `allowed` names the hazards that are permitted already."""
    width = max(width, _LEAST_WIDTH)
    told = tells_findings(plan)
    notes = note_lines(plan.diagnostics, style, width) if told else []
    hidden = set() if told else hidden_warnings(plan)
    findings = [item for item in plan.diagnostics if item.severity is not Severity.NOTE and item not in hidden]
    sections = [
        drift_lines(plan, style, width),
        *_systems(plan, style, width),
        _manual_lines(plan, style),
        [title("Worth knowing", style), *notes] if notes else [],
        [diagnostics_text(findings, style, columns=width)] if findings else [],
        unread_lines(plan.unread, style, width, "Could not be read, so nothing is planned for them"),
        hazard_lines(plan.hazards, allowed, style, width),
        [style.paint(line, Ink.BOLD) for line in wrap(summary(plan, allowed), width)],
    ]
    if any(sections[:-1]):
        sections.insert(0, [title(style.safe(f"Plan for {plan.stack}/{plan.environment}"), style)])
    return "\n\n".join("\n".join(lines) for lines in sections if lines)


def _systems(plan: Plan, style: Style, width: int) -> Iterator[list[str]]:
    """One section for each system that changes, in the order of the addresses."""
    dependents, brief = dependents_of(plan.changes), brief_creates(plan.changes)
    for system, group in groupby(plan.changes, key=lambda change: change.address.system):
        record = plan.systems.get(system)
        where = f"{record.url}{f', organisation {record.org}' if record.org else ''}" if record else ""
        heading = style.paint(style.safe(system), Ink.BOLD)
        lines = [f"{heading}  {style.paint(style.safe(where), Ink.DIM)}" if where else heading]
        changes, spread = list(group), True
        for change in changes:
            block = _head(change, style, width)
            block += [] if change.address in brief else _body(change, dependents, style, width)
            lines += ["", *block] if spread or len(block) > 1 else block
            spread = len(block) > 1
        lines += [style.paint(f"\n{INDENT}{text}", Ink.DIM) for text in left_out(changes, brief)]
        yield lines


def _head(change: Change, style: Style, width: int) -> list[str]:
    """The sign, the action, the address and why."""
    start = f"{symbol(change.action, style):>3} {phrase(change)}"
    address, reason = style.safe(str(change.address)), style.safe(why(change))
    tag = "  (for a person to do)" if change.manual else ""
    painted = " ".join((style.paint(start, INKS[change.action]), style.paint(address, Ink.BOLD)))
    painted += style.paint(tag, Ink.YELLOW)
    if columns_of(f"{start} {address}{tag} - {reason}") <= width:
        return [f"{painted} {style.paint(f'{style.dash} {reason}', Ink.DIM)}"]
    return [painted, *(style.paint(line, Ink.DIM) for line in wrap(reason, width, INDENT, INDENT))]


def _body(change: Change, dependents: Dependents, style: Style, width: int) -> list[str]:
    """The attributes, then the steps if there is more than one."""
    room = room_for([item.name for item in change.attributes], width)
    uniform = len({item.cause for item in change.attributes}) == 1
    rows = []
    for item in change.attributes:
        first, *others = _shown(change, item, room, style)
        if item.cause is Cause.DRIFT and not uniform:
            first += style.paint("  (changed outside the spec)", Ink.DIM)
        rows.append((item.name, [first, *others]))
    steps = step_lines(change, dependents, width - len(INDENT), style)
    return [*attribute_lines(rows, style), *(style.paint(f"{INDENT}{line}", Ink.DIM) for line in steps)]


def _shown(change: Change, item: AttributeChange, room: int, style: Style) -> list[str]:
    if item.sensitive:
        return secret_lines(change, item, room, style)
    if change.action is Action.CREATE:
        return value_lines(item.after, room, style)
    return change_lines(item.before, item.after, room, style)


def _manual_lines(plan: Plan, style: Style) -> list[str]:
    addresses = [style.safe(str(change.address)) for change in plan.changes if change.manual]
    if not addresses:
        return []
    text = "For a person to do: apply prepares it, says how, and ends with exit code 9"
    return [title(text, style), *(f"  {address}" for address in addresses)]

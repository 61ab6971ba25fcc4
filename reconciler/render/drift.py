"""Drift as text: what was changed outside the spec since the last apply, and what an apply would do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.diff import members
from reconciler.core.plan import Action, AttributeChange, Change, Drift, DriftKind, Plan, StepKind, Unread
from reconciler.core.shadow import shadow_findings
from reconciler.render.sections import attribute_lines, room_for, title, unread_lines
from reconciler.render.terminal import Ink, Style, prose
from reconciler.render.values import change_lines
from reconciler.render.wording import number

if TYPE_CHECKING:
    from reconciler.storage import LockInfo

SECRET_DRIFTED = "(secret) no longer the one last applied"  # noqa: S105 - a sentence


def drift_text(
    plan: Plan,
    style: Style,
    *,
    width: int,
    running: LockInfo | None = None,
    held: tuple[Unread, ...] = (),
    managed: bool = True,
) -> str:
    """What drifted, what could not be read, and in one line whether all is in sync.

    `running`: who applies at the moment. Other changes are not drift; their number is told.
    `held` was compared, and would be left alone by a plan. `managed`: whether there was anything to compare with.
    """
    sections = [
        drift_lines(plan, style, width),
        unread_lines(plan.unread, style, width, "Could not be read"),
        unread_lines(held, style, width, "Read and compared, but a plan would leave them alone"),
    ]
    last = [style.paint(_verdict(plan, managed=managed), Ink.BOLD)]
    drifted = {drift.address for drift in plan.drift}
    pending = sum(change.address not in drifted for change in plan.changes)
    if pending:
        others = "other " if drifted else ""
        last.append(f"{number(pending, f'{others}change')} pending, not drift: see `reconciler plan`.")
    for item in shadow_findings(plan):
        last += prose(f"{item.message[:1].upper()}{item.message[1:]}.", style, width)
    if running is not None:
        who = f"{running.who} on {running.host}, since {running.since}"
        last += prose(f"An apply is running ({who}): look again when it is done.", style, width)
    return "\n\n".join("\n".join(lines) for lines in (*sections, last) if lines)


def drift_lines(plan: Plan, style: Style, width: int) -> list[str]:
    """Every object that is not as it was last applied, from applied to observed."""
    if not plan.drift:
        return []
    lines = [title("Changed outside the spec since the last apply", style)]
    changes = {change.address: change for change in plan.changes}
    blocked = {item.address for item in plan.unread}
    for drift in plan.drift:
        what = "is gone" if drift.kind is DriftKind.GONE else "was changed"
        mark = style.paint("!", Ink.YELLOW, Ink.BOLD)
        lines.append(f"  {mark} {style.paint(style.safe(str(drift.address)), Ink.BOLD)} {what}")
        rows = []
        for item in drift.attributes:
            secret = [style.paint(SECRET_DRIFTED, Ink.DIM)]
            room = room_for([other.name for other in drift.attributes], width)
            shown = secret if item.sensitive else change_lines(item.before, item.after, room, style)
            rows.append((item.name, shown))
        lines += attribute_lines(rows, style)
        if drift.address not in blocked:
            lines.append(style.paint(f"      {answer(drift, changes.get(drift.address))}", Ink.DIM))
    return lines


def answer(drift: Drift, change: Change | None) -> str:
    """What an apply would do about it."""
    if change is None:
        return "apply would leave it so: the spec asks for nothing else"
    if drift.kind is DriftKind.GONE and change.action is Action.CREATE:
        return "apply would make it again"
    if change.action is Action.ADOPT and drift.kind is DriftKind.CHANGED and not change.attributes:
        return "the spec wants it so too: apply would only record it"
    goals = {item.name: item for item in change.attributes}
    if any(step.kind is StepKind.ROTATE for step in change.steps):
        return "apply would have the server make a new secret"
    if drift.attributes and all(_put_back(item, goals.get(item.name)) for item in drift.attributes):
        return "apply would put it back"
    return f"apply would {change.action} it"


def _put_back(item: AttributeChange, goal: AttributeChange | None) -> bool:
    if goal is None:
        return False
    ours = set(members(item.before))  # of a shared set, others' members may stand beside ours
    return item.sensitive or goal.after == item.before or (bool(ours) and ours <= set(members(goal.after)))


def _verdict(plan: Plan, *, managed: bool) -> str:
    if not managed:
        return "Nothing was applied yet, so nothing can have drifted."
    if plan.drift:
        return f"Drift: {number(len(plan.drift), 'resource')}."
    if plan.unread:
        return "No drift in what could be read."
    return "No drift: everything is as it was last applied."

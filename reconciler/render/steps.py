"""The steps of a change in words: what each does, and what happens between the early and the late ones."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from reconciler.core.plan import Change, Step, StepKind
from reconciler.render.terminal import wrap
from reconciler.render.wording import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.core.address import Address
    from reconciler.render.terminal import Style

Dependents = dict["Address", list["Address"]]
"""Which changed resources rest on a resource."""
_WORDS = {
    StepKind.CREATE: "makes the new object",
    StepKind.ROTATE: "the server makes a new secret",
    StepKind.MARK: "sets the managed-by mark",
    StepKind.RECORD: "only the state changes",
    StepKind.DELETE: "removes the old object",
}
_SINGLE = {
    StepKind.MARK: "one request, which only sets the managed-by mark",
    StepKind.RELEASE: "one request, which only takes the managed-by mark off",
    StepKind.RECORD: "only the state changes",
}


def dependents_of(changes: Sequence[Change]) -> Dependents:
    """For each address, the changed resources that depend on it."""
    found: Dependents = defaultdict(list)
    for change in changes:
        for needed in change.depends_on:
            found[needed].append(change.address)
    return found


def why(change: Change) -> str:
    """The reason of a change, and what its only step does where the action does not say it."""
    text = _SINGLE.get(change.steps[0].kind, "") if len(change.steps) == 1 else ""
    return f"{change.reason} ({text})" if text and text not in change.reason else change.reason


def step_lines(change: Change, dependents: Dependents, room: int, style: Style) -> list[str]:
    """The steps in order, if there is more than one, and what happens between the early and the late ones."""
    if len(change.steps) == 1:
        return []
    lines = ["in steps:"]
    consumers = [style.safe(str(address)) for address in dependents.get(change.address, ())]
    columns = max(len(step.kind) for step in change.steps)
    phase = change.steps[0].phase
    for place, step in enumerate(change.steps, 1):
        if consumers and step.phase is not phase:
            lines += wrap(
                f"then {listed(consumers)} {'changes' if len(consumers) == 1 else 'change'}", room, "  ", "  "
            )
        phase = step.phase
        done = _WORDS.get(step.kind) or _written(step, change)
        lines += wrap(done, room, f"  {place} {step.kind:{columns}}  ", " " * (columns + 6))
    return lines


def _written(step: Step, change: Change) -> str:
    """What an expand, an update or a contract writes. The members that come and go stand with the attributes."""
    if step.kind is StepKind.CONTRACT:
        return f"removes the old {', '.join(step.attributes)}"
    narrowed = {name for other in change.steps if other.kind is StepKind.CONTRACT for name in other.attributes}
    widened = [name for name in step.attributes if name in narrowed]
    plain = [name for name in step.attributes if name not in narrowed]
    texts = [f"writes {', '.join(plain)}"] if plain else []
    texts += [f"adds the new {', '.join(widened)}"] if widened else []
    return "; ".join(texts)

"""The steps of a change to a wanted resource: create, update in one or two steps, replace, record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.diff import compared, members
from reconciler.core.plan import Action, AttributeChange, Cause, Change, Phase, Step, StepKind
from reconciler.core.resource import Attributes, Kind, Mark, Value, unordered
from reconciler.core.shadow import is_shadow
from reconciler.core.state import Origin

if TYPE_CHECKING:
    from reconciler.core.desired import Desired
    from reconciler.core.observed import Present
    from reconciler.core.state import Entry

NOT_CARRIED_OUT = "a person has not carried it out yet"


def creation(wanted: Desired, reason: str) -> Change:
    """The change that makes a resource."""
    sensitive, local = wanted.type.handles, wanted.type.having(Mark.LOCAL)
    attributes = tuple(
        AttributeChange(name, None, None if name in sensitive else value, Cause.SPEC, sensitive=name in sensitive)
        for name, value in wanted.attributes.items()
        if name not in local
    )
    step = Step(StepKind.CREATE, Phase.EARLY, wanted.attributes)
    return _change(wanted, Action.CREATE, reason, (step,), attributes, {}, "", Origin.CREATED)


def update(
    wanted: Desired,
    observed: Present,
    entry: Entry | None,
    found: tuple[AttributeChange, ...],
    *,
    action: Action,
    rotation: str,
    marked: bool,
) -> Change:
    """The change that brings a present object to what is wanted.

    `rotation` says why its secret is made anew, empty if it is not. `marked`: it already bears our mark.
    A set that consumers rely on is widened before they change and narrowed after: its own steps.
    """
    early, late = _halves(wanted, found)
    steps: list[Step] = []
    if early:
        kind = StepKind.EXPAND if late and early.keys() == late.keys() else StepKind.UPDATE
        steps.append(Step(kind, Phase.EARLY, early))
    elif not marked and wanted.type.marked and not wanted.shared:
        steps.append(Step(StepKind.MARK))
    if rotation:
        steps.append(Step(StepKind.ROTATE))
    if late:
        steps.append(Step(StepKind.CONTRACT, Phase.LATE, late))
    steps += clearance(entry.deposed if entry else ())
    origin = entry.origin if entry else Origin.ADOPTED
    if rotation:
        generated = wanted.type.generated[0]
        found = (*found, AttributeChange(generated, None, None, Cause.SECRET, sensitive=True))
    reason = _reason(wanted, entry, found, action, rotation)
    if action is Action.ADOPT and wanted.type.kind is Kind.SETTINGS and found:
        action = Action.UPDATE
    steps = steps or [Step(StepKind.RECORD)]
    return _change(wanted, action, reason, tuple(steps), found, observed.attributes, observed.remote_id, origin)


def clearance(deposed: tuple[str, ...]) -> tuple[Step, ...]:
    """The steps that delete what replacements left behind, once nobody uses it any more."""
    return tuple(Step(StepKind.DELETE, Phase.LATE, remote_id=remote_id) for remote_id in deposed)


def _halves(wanted: Desired, found: tuple[AttributeChange, ...]) -> tuple[Attributes, Attributes]:
    """What is written before the consumers change, and what after."""
    early: dict[str, Value] = {}
    late: dict[str, Value] = {}
    for change in found:
        if Mark.TWO_STEPS not in wanted.type.attributes[change.name]:
            early[change.name] = wanted.attributes[change.name] if change.sensitive else change.after
            continue
        union = unordered((*members(change.before), *members(change.after)))
        if union != change.before:
            early[change.name] = union
        if union != change.after:
            late[change.name] = change.after
    return early, late


def replacement(wanted: Desired, observed: Present, entry: Entry, found: tuple[AttributeChange, ...]) -> Change:
    """The change that makes a new object in place of the old one.

    With another key both can stand side by side: the new one is made first, the old one deleted after its
    consumers have moved. With the same key the old one must go first.
    """
    create = Step(StepKind.CREATE, Phase.EARLY, wanted.attributes)
    names = {change.name for change in found}
    if names.intersection(wanted.type.key):
        steps: tuple[Step, ...] = (create, *clearance((*entry.deposed, entry.remote_id)))
    else:
        steps = (Step(StepKind.DELETE), create, *clearance(entry.deposed))
    forced = ", ".join(sorted(names.intersection(wanted.type.having(Mark.FORCE_NEW))))
    reason = f"{forced} cannot be changed on an existing object"
    return _change(wanted, Action.REPLACE, reason, steps, found, observed.attributes, entry.remote_id, Origin.CREATED)


def settlement(wanted: Desired, observed: Present, entry: Entry) -> Change:
    """The change that only records: the object is as wanted, the state does not say so yet."""
    reason = "a person has carried it out" if entry.awaiting else "it is as wanted already; only the state changes"
    if wanted.secret_days is not None and entry.secret_since is None:
        reason = "nobody recorded how old its secret is; its age counts from this apply"
    step = Step(StepKind.RECORD)
    return _change(wanted, Action.ADOPT, reason, (step,), (), observed.attributes, observed.remote_id, entry.origin)


def _change(
    wanted: Desired,
    action: Action,
    reason: str,
    steps: tuple[Step, ...],
    attributes: tuple[AttributeChange, ...],
    observed: Attributes,
    remote_id: str,
    origin: Origin,
) -> Change:
    written = {name for step in steps for name in step.attributes}
    if origin is Origin.ADOPTED:  # what others have in a set that is shared with them is remembered
        written.update(wanted.shared)
    shown = compared({name: value for name, value in observed.items() if name in written}, wanted.type)
    manual = wanted.manual and any(step.kind is not StepKind.RECORD for step in steps)
    return Change(
        address=wanted.address,
        action=action,
        reason=reason,
        steps=steps,
        wanted=wanted.attributes,
        attributes=attributes,
        observed=shown,
        remote_id=remote_id,
        origin=origin,
        depends_on=wanted.depends_on,
        on_remove=wanted.on_remove,
        shared=wanted.shared,
        manual=manual,
    )


def _reason(
    wanted: Desired, entry: Entry | None, found: tuple[AttributeChange, ...], action: Action, rotation: str
) -> str:
    if action is Action.ADOPT:
        if wanted.type.kind is Kind.SETTINGS:
            return "these settings are managed from now on"
        if entry is not None:
            return "it bears our mark, and the state does not know it"
        return "it exists, and is not managed yet"
    causes = {change.cause for change in found}
    words = {
        Cause.SPEC: "the spec says otherwise",
        Cause.DRIFT: "somebody changed it outside the spec",
        Cause.SECRET: rotation or "its secret is new",
    }
    texts = [text for cause, text in words.items() if cause in causes]
    if entry is not None and any(is_shadow(left) for left in set(entry.depends_on).difference(wanted.depends_on)):
        texts = ["it goes back from the shadow of its client"]
    if entry is not None and entry.awaiting and entry.applied == wanted.attributes:
        texts = [NOT_CARRIED_OUT]
    if entry is not None and entry.deposed:
        texts.append("a replacement left the old object behind")
    return "; ".join(texts) or "it was moved in the state, and bears the mark of its old address"

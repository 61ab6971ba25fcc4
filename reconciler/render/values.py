"""Values of attributes, and what becomes of them, as lines of text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from reconciler.core.diff import explain, members
from reconciler.core.plan import Action, AttributeChange, Cause, Change, StepKind
from reconciler.render.terminal import Ink, quote_apart, width, wrap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.core.resource import Value
    from reconciler.render.terminal import Style


def value_lines(value: Value, room: int, style: Style) -> list[str]:
    """A value that stands alone: a set in one line if it fits, else a line a member."""
    shown = inline(value, room, style)
    if isinstance(value, (tuple, Mapping)) and width(shown) > room:
        return _each(value, room, style)
    return [shown]


def change_lines(before: Value, after: Value, room: int, style: Style) -> list[str]:
    """From one value to another: `old → new`, or the members of a set that come and go, or the keys that differ."""
    if isinstance(before, tuple) or isinstance(after, tuple):
        lost, gained = set(members(before)) - set(members(after)), set(members(after)) - set(members(before))
        if lost or gained:
            stay = len(members(after)) - len(gained)
            return _come_and_go(sorted(gained), sorted(lost), stay, room, style)
    if isinstance(before, Mapping) or isinstance(after, Mapping):
        items = explain({} if before is None else before, {} if after is None else after)
        if items:
            return [line for item in items for line in _key_lines(*item, room, style)]
    old, new = _pair(before, after, room, style)
    painted = style.paint(old, Ink.RED), style.paint(new, Ink.GREEN)
    if width(f"{old} {style.arrow} {new}") <= room:
        return [f"{painted[0]} {style.arrow} {painted[1]}"]
    return [painted[0], f"{style.arrow} {painted[1]}"]


def inline(value: Value, room: int, style: Style) -> str:
    """A value in one line, e.g. `"text"`, `true`, `3600`, `["a", "b"]`, `{key = "text"}`, `(none)`."""
    match value:
        case bool():
            return str(value).lower()
        case None:
            return "(none)"
        case int():
            return str(value)
        case str():
            return quote_apart([value], room, style)[0]
        case tuple():
            return f"[{', '.join(quote_apart(value, room, style))}]"
        case _:
            return "{" + ", ".join(_each(value, room, style)) + "}"


def secret_lines(change: Change, item: AttributeChange, room: int, style: Style) -> list[str]:
    """What happens to a secret attribute; never the secret."""
    return [style.paint(line, Ink.DIM) for line in wrap(f"(secret) {_fate(change, item, style)}", room)]


def _fate(change: Change, item: AttributeChange, style: Style) -> str:
    handle = style.safe(str(change.wanted.get(item.name)))
    kinds = {step.kind for step in change.steps}
    if StepKind.ROTATE in kinds and not any(item.name in step.attributes for step in change.steps):
        return f"a new one is made by the server and kept in {handle}; the old one stops working"
    # Whoever is given a secret needs the client that it belongs to; the client itself needs nothing.
    if change.action in {Action.CREATE, Action.REPLACE} and not change.depends_on:
        return f"made by the server and kept in {handle}"
    drifted = item.cause is Cause.DRIFT
    if change.manual:  # typed into a screen, or in the file that a person imports
        written = "to be typed or imported again" if drifted else "to be typed or imported"
    else:
        written = "written again" if drifted else "written"
    return f"{'no longer the one last applied; ' if drifted else ''}{written} from {handle}"


def _each(value: tuple[str, ...] | Mapping[str, str], room: int, style: Style) -> list[str]:
    if isinstance(value, tuple):
        return quote_apart(value, room, style)
    texts = quote_apart(list(value.values()), room, style)
    return [f"{_key(key, style)} = {text}" for key, text in zip(value, texts, strict=True)]


def _key(key: str, style: Style) -> str:
    """A key as TOML would spell it: bare where that is clear."""
    return key if key.isascii() and key.replace("-", "_").isidentifier() else style.quote(key)


def _come_and_go(gained: Sequence[str], lost: Sequence[str], stay: int, room: int, style: Style) -> list[str]:
    texts = quote_apart([*gained, *lost], room - 2, style)
    lines = [style.paint(f"+ {text}", Ink.GREEN) for text in texts[: len(gained)]]
    lines += [style.paint(f"- {text}", Ink.RED) for text in texts[len(gained) :]]
    if stay:
        lines.append(style.paint(f"({stay} {'other stays' if stay == 1 else 'others stay'})", Ink.DIM))
    return lines


def _key_lines(key: str, before: Value, after: Value, room: int, style: Style) -> list[str]:
    name = _key(key, style)
    if before is None:
        return [style.paint(f"+ {name} = {inline(after, room, style)}", Ink.GREEN)]
    if after is None:
        return [style.paint(f"- {name} = {inline(before, room, style)}", Ink.RED)]
    first, *others = change_lines(before, after, room - width(name) - 3, style)
    return [f"{name} = {first}", *(" " * (width(name) + 3) + line for line in others)]


def _pair(before: Value, after: Value, room: int, style: Style) -> tuple[str, str]:
    """Both sides in one line each; two texts are cut so that their difference shows."""
    if isinstance(before, str) and isinstance(after, str):
        old, new = quote_apart([before, after], room - 2, style)
        return old, new
    return inline(before, room - 2, style), inline(after, room - 2, style)

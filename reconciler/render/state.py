"""The state as text: what is managed, and what was last applied to one resource."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.render.sections import attribute_lines, room_for, title
from reconciler.render.terminal import PLAIN, Ink, Style, pad, width
from reconciler.render.values import value_lines
from reconciler.render.wording import listed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reconciler.core.address import Address
    from reconciler.core.resource import Attributes
    from reconciler.core.state import Entry, State


def entries_text(state: State, style: Style = PLAIN) -> str:
    """A line for each managed address: how it came under management, and what is not settled."""
    names = {address: style.safe(str(address)) for address in sorted(state.entries.keys() | state.in_doubt.keys())}
    column = max(map(width, names.values()), default=0)
    lines = []
    for address, name in names.items():
        entry = state.entries.get(address)
        origin = str(entry.origin) if entry else "not known"
        notes = _notes(entry) if entry else []
        if address in state.in_doubt:
            notes.append(f"in doubt: {style.safe(state.in_doubt[address])}")
        remark = style.paint(", ".join(notes), Ink.YELLOW)
        lines.append(f"{pad(name, column)}  {origin}{f'  {remark}' if remark else ''}")
    return "\n".join(lines) or "Nothing is managed."


def history_text(rows: Iterable[tuple[str, str, State | None]], style: Style = PLAIN) -> str:
    """A line for each past state: what to call it, when it was written, and what it holds."""
    lines = []
    for name, written, state in rows:
        count = len(state.entries) if state else 0
        holds = f"serial {state.serial}, {count} resource{'' if count == 1 else 's'}" if state else "cannot be read"
        lines.append(f"{style.safe(name)}  {style.safe(written)}  {holds}")
    return "\n".join(lines) or "There are no past states."


def entry_text(address: Address, entry: Entry, style: Style = PLAIN, *, columns: int = 100) -> str:
    """What is recorded of one resource: facts first, then the attributes as last applied, then those found before."""
    facts = {
        "origin": str(entry.origin),
        "remote id": style.quote(entry.remote_id),
        "needs": listed([style.safe(str(needed)) for needed in entry.depends_on]) if entry.depends_on else "",
        "on removal": str(entry.on_remove),
        "shared": ", ".join(style.safe(name) for name in sorted(entry.shared)),
        "not settled": ", ".join(_notes(entry)),
    }
    lines = [title(style.safe(str(address)), style)]
    lines += attribute_lines([(name, [text]) for name, text in facts.items() if text], style)
    for text, values in (("As last applied", entry.applied), ("As found before", entry.found)):
        if values:
            lines += ["", title(text, style), *_values(values, entry, style, columns)]
    return "\n".join(lines)


def _values(values: Attributes, entry: Entry, style: Style, columns: int) -> list[str]:
    room = room_for(list(values), columns)
    rows = []
    for name, value in values.items():
        secret = [f"(secret) {style.safe(str(value))}"]
        rows.append((name, secret if name in entry.fingerprints else value_lines(value, room, style)))
    return attribute_lines(rows, style)


def _notes(entry: Entry) -> list[str]:
    notes = ["waits for a person"] if entry.awaiting else []
    return notes + (["a replaced object is left to be removed"] if entry.deposed else [])

"""What somebody probably meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_LISTED = 12


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is nearly this one, whatever the case of its letters."""
    from difflib import get_close_matches  # noqa: PLC0415 - most specs are right

    folded = {each.casefold(): each for each in known}
    near = get_close_matches(name.casefold(), folded, n=1)
    return folded[near[0]] if near else None


def did_you_mean(name: str, known: Iterable[str], lead: str) -> str:
    """The nearest known name as a question, else all of them after `lead`; empty if there are none."""
    names = sorted(known)
    if near := nearest(name, names):
        return f"did you mean {near}?"
    if not names:
        return ""
    rest = len(names) - _MOST_LISTED
    return f"{lead} {', '.join(names[:_MOST_LISTED])}" + (f" and {rest} more" if rest > 0 else "")

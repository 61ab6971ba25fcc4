"""How far clocks are apart, and times in words."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from reconciler.core.check import Check, broken, doubtful, fine, hidden

if TYPE_CHECKING:
    from collections.abc import Mapping

_LATE, _TOO_LATE = timedelta(seconds=60), timedelta(minutes=5)


def compare_clocks(system: str, headers: Mapping[str, str], before: datetime, after: datetime) -> Check:
    """Whether a system's clock, by the Date of an answer that came between `before` and `after`, agrees with ours.

    A token is refused when the clocks of who made it and who reads it differ by more than what is tolerated.
    """
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - 5 ms, and providers import this module

    name, remedy = "clock", "let both machines keep time by NTP; tokens are refused when clocks differ"
    try:
        theirs = parsedate_to_datetime(headers.get("date", "")) + timedelta(seconds=int(headers.get("age", "0")))
    except (ValueError, OverflowError):
        return hidden(name, system, "its answers have no readable Date", "compare its clock by hand")
    if theirs.tzinfo is None:  # "-0000": RFC 5322 for UTC of an unknown place
        theirs = theirs.replace(tzinfo=after.tzinfo)
    ahead, behind = theirs - after, before - theirs - timedelta(seconds=1)  # a Date has no fractions
    off = max(ahead, behind)
    if off <= _LATE:
        return fine(name, system, "agrees with ours")
    seen = f"{span(off)} {'ahead of' if ahead > behind else 'behind'} ours"
    return broken(name, system, seen, remedy) if off > _TOO_LATE else doubtful(name, system, seen, remedy)


def span(time: timedelta) -> str:
    """A length of time in its largest unit, e.g. `3 days`, `1 hour`; none is shorter than a second."""
    seconds = max(int(time.total_seconds()), 1)
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}s"
    return f"{seconds} second{'' if seconds == 1 else 's'}"

"""A check: one thing that must hold for a login to work, what was seen of it, and what to do.

Whoever can look at something contributes checks: the flow, providers, and plugins, those outside this package too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from reconciler.errors import ExitCode, ReconcilerError

if TYPE_CHECKING:
    from collections.abc import Mapping

_LATE, _TOO_LATE = timedelta(seconds=60), timedelta(minutes=5)
_WILDCARD = "*."


class Status(StrEnum):
    """How a check went."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Source(StrEnum):
    """How far a check can be trusted.

    `proved`: it follows from what the real system was seen to do. `documented`: from what its vendor says of it.
    `assumed`: nobody says so; it is our reading.
    """

    PROVED = "proved"
    DOCUMENTED = "documented"
    ASSUMED = "assumed"


class Stops(StrEnum):
    """What cannot go on while a check is not ok: a login, our reading, or nothing."""

    LOGIN = "login"
    READING = "reading"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. `subject` is an address, a sign-on (`sso.NAME`), a system or a store."""

    name: str
    subject: str
    status: Status
    seen: str
    remedy: str = ""
    source: Source = Source.PROVED
    stops: Stops = Stops.NOTHING


def fine(name: str, subject: object, seen: str, source: Source = Source.PROVED) -> Check:
    """All is well."""
    return Check(name, str(subject), Status.OK, seen, source=source)


def doubtful(name: str, subject: object, seen: str, remedy: str, source: Source = Source.PROVED) -> Check:
    """A login works, yet not for all, not for long, or not as the guide has it."""
    return Check(name, str(subject), Status.WARNING, seen, remedy, source)


def broken(name: str, subject: object, seen: str, remedy: str, source: Source = Source.PROVED) -> Check:
    """A login would not work, or lead nowhere."""
    return Check(name, str(subject), Status.FAILED, seen, remedy, source, Stops.LOGIN)


def hidden(name: str, subject: object, seen: str, remedy: str, source: Source = Source.PROVED) -> Check:
    """Nobody can find it out by asking; a person has to look."""
    return Check(name, str(subject), Status.UNKNOWN, seen, remedy, source)


def unread(name: str, subject: object, reason: str, remedy: str = "") -> Check:
    """It could not be read this time."""
    return Check(name, str(subject), Status.UNKNOWN, reason, remedy, stops=Stops.READING)


def unreachable(name: str, subject: object, reason: str, remedy: str = "") -> Check:
    """A whole system, store or backend cannot be read."""
    return Check(name, str(subject), Status.FAILED, reason, remedy, stops=Stops.READING)


def examined(name: str, subject: object, examine: Callable[[], Iterable[Check]]) -> Iterator[Check]:
    """The checks that `examine` gives; when a read fails in it, one more that says so under `name`."""
    try:
        yield from examine()
    except ReconcilerError as problem:
        yield unread(name, subject, problem.message, problem.remedy)


def exit_code(checks: Iterable[Check]) -> ExitCode:
    """UNVERIFIED if anything would stop a login, else INCOMPLETE if anything could not be read, else DONE."""
    stopped = {check.stops for check in checks}
    if Stops.LOGIN in stopped:
        return ExitCode.UNVERIFIED
    return ExitCode.INCOMPLETE if Stops.READING in stopped else ExitCode.DONE


# --- what more than one examiner needs ----------------------------------------------------------------------------


def compare_clocks(system: str, headers: Mapping[str, str], before: datetime, after: datetime) -> Check:
    """Whether a system's clock, by the Date of an answer that came between `before` and `after`, agrees with ours.

    A token is refused when the clocks of who made it and who reads it differ by more than what is tolerated.
    """
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


def accepts(registered: Iterable[str], uri: str) -> bool:
    """Whether Clavex takes a redirect URI: exact text, or one first label for `*` (facts clavex 2.4)."""
    return any(uri == one or _matches(one, uri) for one in registered)


def _matches(pattern: str, uri: str) -> bool:
    scheme, _, wanted = pattern.partition("://")
    if scheme not in {"http", "https"} or not wanted.startswith(_WILDCARD):
        return False
    same_scheme, _, given = uri.partition("://")
    label, _, rest = given.partition(".")
    return same_scheme == scheme and bool(label) and "/" not in label and rest == wanted.removeprefix(_WILDCARD)

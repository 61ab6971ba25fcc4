"""A check: one thing that must hold for a login to work, what was seen of it, and what to do.

Whoever can look at something contributes checks: the flow, providers, and plugins, those outside this package too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from reconciler.errors import ExitCode, ReconcilerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


PRODUCT_LOGIN = "product-login"
"""The check of a whole login, which the product takes part in."""


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


@dataclass(frozen=True, slots=True)
class Person:
    """Who is logged in to a product. `groups` is None where the product does not tell them."""

    username: str
    groups: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Landing:
    """Who a login by the sign-on `subject` would be in the product, and the groups that the person brings along.

    `groups` pairs each group of Clavex with that of the product; empty text if the spec maps it to none. `person` is
    who the product itself says was logged in; None if it let nobody in, or that was not tried.
    """

    subject: str
    account: str
    username: str
    groups: tuple[tuple[str, str], ...]
    person: Person | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All checks of a stack in one environment, in the order in which a person reads them.

    `landings` are those of a test account that logged in.
    """

    stack: str
    environment: str
    checks: tuple[Check, ...]
    landings: tuple[Landing, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """UNVERIFIED if anything would stop a login, else INCOMPLETE if anything could not be read, else DONE."""
        stopped = {check.stops for check in self.checks}
        if Stops.LOGIN in stopped:
            return ExitCode.UNVERIFIED
        return ExitCode.INCOMPLETE if Stops.READING in stopped else ExitCode.DONE

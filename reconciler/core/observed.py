"""What was found: an object, nothing, or no answer. A read that failed is never "nothing there".

What a run makes thousands of is a named tuple: a frozen dataclass takes three times as long to make.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from reconciler.core.address import Address

if TYPE_CHECKING:
    from reconciler.core.resource import Attributes, Value


class Owner(NamedTuple):
    """The managed-by mark that an object carries: who manages it, and under which name."""

    managed_by: str
    ref: str


class Present(NamedTuple):
    """An object was found.

    `remote_id` is what the server calls it. `fingerprints` holds those of secrets that could be read after all.
    """

    remote_id: str
    attributes: Attributes
    owner: Owner | None = None
    fingerprints: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Absent:
    """The server was asked, and there is no such object."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Nobody knows: the read failed, or several objects fit."""

    reason: str
    remedy: str = ""


Observation = Present | Absent | Unreadable
ObservedState = Mapping[Address, Observation]


class Lookup(NamedTuple):
    """What a handler is asked to find: by `remote_id` if known, else by the type's key attributes.

    `leaving`: the address has left the spec, so that another one may mean the same object now. `applied` is what the
    object of this id was last made; empty if nobody knows.
    """

    address: Address
    attributes: Attributes
    remote_id: str | None = None
    leaving: bool = False
    applied: Mapping[str, Value] = {}

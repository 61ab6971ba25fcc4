"""What was found: an object, nothing, or no answer. A read that failed is never "nothing there"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.core.address import Address
from reconciler.core.resource import Attributes


@dataclass(frozen=True, slots=True)
class Owner:
    """The managed-by mark that an object carries: who manages it, and under which name."""

    managed_by: str
    ref: str


@dataclass(frozen=True, slots=True)
class Present:
    """An object was found.

    `remote_id` is what the server calls it. `fingerprints` holds those of secrets that could be read after all.
    """

    remote_id: str
    attributes: Attributes
    owner: Owner | None = None
    fingerprints: Mapping[str, str] = field(default_factory=dict)


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


@dataclass(frozen=True, slots=True)
class Lookup:
    """What a handler is asked to find: by `remote_id` if known, else by the type's key attributes.

    `leaving`: the address has left the spec, so that another one may mean the same object now.
    """

    address: Address
    attributes: Attributes
    remote_id: str | None = None
    leaving: bool = False

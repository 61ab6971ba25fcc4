"""Kinds of resources, and the canonical form of their attributes.

An attribute's value is a string, a number, a truth value, None, a tuple of strings, or a mapping of strings.
Both sides of a comparison are brought into canonical form once, so that equal meaning is equal value and `==` is
the diff. Absent means: not managed. An empty tuple means: make it empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Flag, StrEnum, auto
from functools import cached_property, lru_cache
from typing import Annotated

from pydantic import Field, StrictBool, StrictInt, StrictStr

Value = Annotated[
    StrictStr | tuple[str, ...] | StrictBool | StrictInt | Mapping[str, str] | None,
    Field(union_mode="left_to_right"),  # what is in a file fits one of them only: a third faster than weighing all
]
Attributes = Mapping[str, Value]


class Mark(Flag):
    """How one attribute differs from a plain one."""

    PLAIN = 0
    UNORDERED = auto()
    """A set: kept as a sorted tuple without duplicates."""
    FORCE_NEW = auto()
    """A change needs a new object."""
    SECRET = auto()
    """Holds a handle; the remote value cannot be read, so it is compared by fingerprint."""
    GENERATED = auto()
    """A secret that the server makes and shows once."""
    TWO_STEPS = auto()
    """A set that consumers rely on: widened before they change, narrowed after."""
    LOCAL = auto()
    """Kept in the state only; neither sent nor read."""


class Kind(StrEnum):
    """Whether a resource comes and goes (object) or always exists (settings)."""

    OBJECT = "object"
    SETTINGS = "settings"


class OnRemove(StrEnum):
    """What leaving the spec does to an object that we created."""

    DELETE = "delete"
    FORGET = "forget"


def never_locks_out(before: Attributes, after: Attributes) -> Iterable[str]:  # noqa: ARG001 - the default answer
    """No change of this kind of resource keeps people out."""
    return ()


@dataclass(frozen=True)  # without slots: what is asked for thousands of resources is worked out once
class ResourceType:
    """One kind of resource.

    `key` names the attributes by which an object is recognised when its id is unknown. `marked`: the server keeps
    a managed-by mark on it. `document`: it is read and written as a whole, so it is read again before a write.
    `inside` names the type whose objects hold those of this one, and take them along when they are deleted.
    `at_start`: what is written takes effect when the system starts again.
    `locks_out` gives a sentence for each way in which going from one value to another may keep people out. `doors`
    names the truth values that let people in without a sign-on while they are not false. `mends` names the attributes
    that may lock out when they change, and not when all that change go back to what was last applied: that was asked
    then, and meanwhile they are broken. `admits` names the attribute
    that holds groups of the system whose members are let in or given something; or the one group that it is.
    """

    name: str
    key: tuple[str, ...]
    attributes: Mapping[str, Mark]
    kind: Kind = Kind.OBJECT
    marked: bool = False
    document: bool = False
    inside: str = ""
    at_start: bool = False
    locks_out: Callable[[Attributes, Attributes], Iterable[str]] = never_locks_out
    doors: tuple[str, ...] = ()
    mends: tuple[str, ...] = ()
    admits: str = ""

    def having(self, mark: Mark) -> tuple[str, ...]:
        """The names of the attributes that carry `mark`."""
        return self._by_mark[mark]

    @cached_property
    def _by_mark(self) -> Mapping[Mark, tuple[str, ...]]:
        return {mark: tuple(name for name, marks in self.attributes.items() if mark in marks) for mark in Mark}

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """The names of the attributes that hold the handle of a secret that the resource needs."""
        return self.having(Mark.SECRET)

    @cached_property
    def generated(self) -> tuple[str, ...]:
        """The names of the attributes that hold the handle of a secret that the server makes."""
        return self.having(Mark.GENERATED)

    @cached_property
    def handles(self) -> tuple[str, ...]:
        """The names of the attributes that hold the handle of a secret."""
        return (*self.secrets, *self.generated)

    @cached_property
    def shown(self) -> frozenset[str]:
        """The names of the attributes that a server shows."""
        hidden = Mark.SECRET | Mark.GENERATED | Mark.LOCAL
        return frozenset(name for name, marks in self.attributes.items() if not marks & hidden)


def unordered(values: Iterable[str]) -> tuple[str, ...]:
    """The canonical form of a set of strings."""
    found = tuple(values)
    return found if len(found) < 2 else _sort(found)  # noqa: PLR2004 - there is no order of one


@lru_cache(maxsize=1024)  # thousands of clients have the same few sets
def _sort(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))

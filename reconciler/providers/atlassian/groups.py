"""Groups of a product: names that are there or not, compared without regard to case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from reconciler.core.observed import Absent, Observation, Present, Unreadable
from reconciler.core.resource import Mark, ResourceType
from reconciler.errors import ReconcilerError, StatusError
from reconciler.ports import Write, Written

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from reconciler.core.address import Address
    from reconciler.core.observed import Lookup
    from reconciler.core.resource import Attributes


def takes_rights(before: Attributes, after: Attributes) -> Iterable[str]:
    """A sentence when a group that looks like one of administrators is deleted."""
    name = str(before.get("name", ""))
    if not after and "admin" in name.lower():
        yield f"the members of {name} lose what it permits, and it looks like a group of administrators"


GROUP = ResourceType("group", key=("name",), attributes={"name": Mark.PLAIN}, locks_out=takes_rights)


class GroupApi(Protocol):
    """What a product offers for groups. Errors are those of ports.Http."""

    def find(self, name: str) -> str | None:
        """The name as the product spells it; None if there is no such group."""

    def create(self, name: str) -> Sequence[str]:
        """Makes the group; what a person must do instead, where the product has no way to do it."""

    def delete(self, name: str) -> None:
        """Removes the group. ReconcilerError if there is none."""


@dataclass(frozen=True, slots=True)
class GroupHandler:
    """Implements ports.Handler. A group's id is its name as the product spells it."""

    api: GroupApi

    def read(self, wanted: Sequence[Lookup]) -> Mapping[Address, Observation]:
        """An answer for every address, each asked for by itself."""
        return {lookup.address: self._look(lookup) for lookup in wanted}

    def _look(self, lookup: Lookup) -> Observation:
        name = str(lookup.attributes["name"])
        try:
            found = self.api.find(name)
        except ReconcilerError as problem:
            return unreadable(problem)
        if found is None:
            return Absent()
        # A product may store another case than it was given (facts atlassian 6.2): that is the same group, no change.
        known = lookup.remote_id or ""
        same = known.casefold() == found.casefold()
        return Present(known if same else found, {"name": name})

    def create(self, write: Write) -> Written:
        """Makes the group; one that was made meanwhile is taken as it is."""
        name = str(write.attributes["name"])
        try:
            manual = self.api.create(name)
        except StatusError as problem:
            # "It exists" is 400 in Jira and 409 in Confluence, and 400 means other things too (facts atlassian 6.2).
            if (found := self.api.find(name)) is None:
                remedy = (
                    problem.remedy or "is the first user directory read-only? Then make the group where it is kept"
                )
                raise ReconcilerError(problem.message, remedy) from None
            return Written(found)
        return Written(name, manual=tuple(manual)) if manual else Written(self._spelling(name))

    def _spelling(self, name: str) -> str:
        """How the product spells the group that was just made; as it was sent, where that cannot be found out."""
        try:
            return self.api.find(name) or name
        except ReconcilerError:
            return name

    def update(self, write: Write) -> Written:
        """Nothing: a group has only its name, and its case is the product's."""
        return Written(write.remote_id)

    def delete(self, write: Write) -> None:
        """Removes the group; one that is gone already is fine."""
        name = write.remote_id or str(write.attributes["name"])
        try:
            self.api.delete(name)
        except ReconcilerError:
            if self.api.find(name) is not None:
                raise


def unreadable(problem: ReconcilerError, remedy: str = "") -> Unreadable:
    """What a failed read says of an address."""
    return Unreadable(problem.message, remedy or problem.remedy)

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
    from reconciler.core.losses import Members
    from reconciler.core.observed import Lookup
    from reconciler.core.resource import Attributes


def takes_rights(before: Attributes, after: Attributes) -> Iterable[str]:
    """A sentence when a group that looks like one of administrators is deleted."""
    name = str(before.get("name", ""))
    if not after and "admin" in name.lower():
        yield f"the members of {name} lose what it permits, and it looks like a group of administrators"


GROUP = ResourceType(
    "group",
    key=("name",),
    attributes={"name": Mark.PLAIN},
    admits="name",
    inside="group",  # that of a shared directory takes those of its products along
    locks_out=takes_rights,
)


_REFUSALS = {400, 403}


class GroupApi(Protocol):
    """What a product offers for groups. Errors are those of ports.Http."""

    def find(self, name: str) -> str | None:
        """The name as the product spells it; None if there is no such group."""

    def create(self, name: str) -> Sequence[str]:
        """Makes the group; what a person must do instead, where the product has no way to do it."""

    def delete(self, name: str) -> None:
        """Removes the group. ReconcilerError if there is none."""

    def members(self, name: str) -> Members | None:
        """Who is in the group; None if the product does not tell."""


@dataclass(frozen=True, slots=True)
class DirectoryGroups:
    """Implements GroupApi for a product whose groups a Crowd keeps: it only looks (facts atlassian 8)."""

    api: GroupApi
    product: str
    directory: str

    def find(self, name: str) -> str | None:
        """The name as the product spells it; None if there is no such group, or not yet."""
        return self.api.find(name)

    def create(self, name: str) -> Sequence[str]:
        """Nothing but patience, unless the group has arrived already."""
        if self.find(name) is not None:
            return ()
        return (
            f"wait until the directory synchronisation brings {name} from {self.directory}, by default each hour",
            f"or start it: {self.product}: User Directories > Synchronise; then run apply again",
        )

    def delete(self, name: str) -> None:
        """ReconcilerError: the group is not the product's."""
        raise ReconcilerError(
            f"the group {name} is kept in {self.directory}, so it is not deleted in {self.product}",
            "delete it there; the directory synchronisation takes it out here",
        )

    def members(self, name: str) -> Members | None:
        """Who is in the group, as far as it has arrived."""
        return self.api.members(name)


def groups_api(api: GroupApi, product: str, directory: str) -> GroupApi:
    """The groups of a product, which is only looked at where a directory keeps them."""
    return DirectoryGroups(api, product, directory) if directory else api


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
        """Makes the group; one that somebody made meanwhile is taken as it is."""
        name = str(write.attributes["name"])
        try:
            manual = self.api.create(name)
        except StatusError as problem:
            # "It exists" is 400 in Jira and 409 in Confluence, and 400 means other things too (facts atlassian 6.2).
            if (found := self.api.find(name)) is None:
                raise _refused(name, problem) from None
            return Written(found, found=True)
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

    def members(self, name: str) -> Members | None:
        """Implements ports.MembersHandler."""
        return self.api.members(name)


def _refused(name: str, problem: StatusError) -> ReconcilerError:
    """The error for a group that could not be made: 400 and 403 also mean a directory that is not written to."""
    if problem.status not in _REFUSALS:
        return ReconcilerError(problem.message, problem.remedy)
    return ReconcilerError(
        f"the group {name} was refused: its directory is read-only, or the account may not make groups "
        f"({problem.message})",
        "where the first user directory is read-only, make the group at its source, or name the Crowd that keeps it "
        "as `directory` in the table of the system; else use an administrator, or let the application add groups in "
        "Crowd",
    )


def unreadable(problem: ReconcilerError, remedy: str = "") -> Unreadable:
    """What a failed read says of an address."""
    return Unreadable(problem.message, remedy or problem.remedy)

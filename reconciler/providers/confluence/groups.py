"""Confluence's REST for groups (facts atlassian 7.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from pydantic import BaseModel, Field, TypeAdapter

from reconciler.core.losses import Members
from reconciler.errors import ReconcilerError
from reconciler.ports import Http
from reconciler.providers.confluence.wire import Groups, Links, NamedGroup
from reconciler.transport.answers import decode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


_GROUPS = "/rest/api/group"
_ADMIN = "/rest/api/admin/group"
_PAGE = 200
_MISSING = 404
_SCREEN = "Confluence: General configuration > Manage groups"


class _Member(BaseModel):
    username: str


class _Members(BaseModel):
    results: list[_Member]
    links: Links = Field(default_factory=Links, alias="_links")


_MEMBERS_ADAPTER = TypeAdapter(_Members)
_GROUP_ADAPTER = TypeAdapter(NamedGroup)
_PAGE_ADAPTER = TypeAdapter(Groups)


def breaks_path(name: str) -> bool:
    """Whether no path can carry the name: servers refuse quoted slashes, and clients resolve dots before they ask."""
    return "/" in name or "\\" in name or name in {".", ".."}


@dataclass(frozen=True, slots=True)
class ConfluenceGroups:
    """Implements GroupApi for Confluence. Before 8.2 there is no REST that writes groups."""

    http: Http
    can_write: bool

    def find(self, name: str) -> str | None:
        """The name as Confluence spells it; None if there is no such group."""
        if breaks_path(name):  # the query form came late (facts atlassian 7.2)
            spellings = [other for other in self._list() if other.casefold() == name.casefold()]
            return name if name in spellings else next(iter(spellings), None)
        path = f"{_GROUPS}/{quote(name, safe='')}"
        answer = self.http.get(path, ok=(200, _MISSING))
        if answer.status == _MISSING:
            return None
        return decode(answer, _GROUP_ADAPTER, f"GET {self.http.url}{path}").name

    def _list(self) -> Iterator[str]:
        start = 0
        while True:
            answer = self.http.get(_GROUPS, params={"start": start, "limit": _PAGE})
            page = decode(answer, _PAGE_ADAPTER, f"GET {self.http.url}{_GROUPS}")
            yield from (group.name for group in page.results)
            start += len(page.results)
            if not page.links.next or not page.results:
                return

    def create(self, name: str) -> Sequence[str]:
        """Makes the group; what a person must do before 8.2. A group that exists is 409."""
        if not self.can_write:
            return (f"{_SCREEN} > Add group: {name}",)
        self.http.send("POST", _ADMIN, json={"type": "group", "name": name})
        return ()

    def delete(self, name: str) -> None:
        """Removes the group; ReconcilerError before 8.2. The last group of administrators is 400, a missing 404."""
        if not self.can_write:
            raise ReconcilerError(
                f"this version of Confluence has no REST that deletes the group {name}",
                f"delete it by hand in {_SCREEN}",
            )
        if breaks_path(name):
            raise ReconcilerError(
                f"no path of Confluence's REST can name the group {name}", f"delete it by hand in {_SCREEN}"
            )
        self.http.send("DELETE", f"{_ADMIN}/{quote(name, safe='')}", ok=(204,))

    def members(self, name: str) -> Members | None:
        """Who is in the group, by the first page; a path from public code, which no name with a slash fits."""
        if "/" in name or "\\" in name:
            return None
        path = f"{_GROUPS}/{quote(name, safe='')}/member"
        answer = self.http.get(path, params={"start": 0, "limit": _PAGE})
        page = decode(answer, _MEMBERS_ADAPTER, f"GET {self.http.url}{path}")
        return Members(len(page.results), tuple(person.username for person in page.results), bool(page.links.next))

"""Jira's REST for groups (facts atlassian 6.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, TypeAdapter

from reconciler.core.losses import Members
from reconciler.ports import Http
from reconciler.transport.answers import decode

if TYPE_CHECKING:
    from collections.abc import Sequence


_GROUP = "/rest/api/2/group"
_MEMBER = f"{_GROUP}/member"
_PICKER = "/rest/api/2/groups/picker"
_MISSING = 404
_FIRST = 5


class _Suggestion(BaseModel):
    name: str


class _Picked(BaseModel):
    groups: list[_Suggestion]


class _Member(BaseModel):
    name: str


class _Members(BaseModel):
    total: int
    values: list[_Member]


_ADAPTER = TypeAdapter(_Picked)
_MEMBERS = TypeAdapter(_Members)


@dataclass(frozen=True, slots=True)
class JiraGroups:
    """Implements GroupApi for Jira."""

    http: Http

    def find(self, name: str) -> str | None:
        """The name as Jira spells it; None if there is no such group.

        The picker is the one place that shows the spelling. It is cut short, and empty for who has no rights, so
        that only the page of members can say that a group is missing.
        """
        answer = self.http.get(_PICKER, params={"query": name, "maxResults": 1000})
        picked = decode(answer, _ADAPTER, f"GET {self.http.url}{_PICKER}")
        spellings = [group.name for group in picked.groups if group.name.casefold() == name.casefold()]
        if spellings:
            return name if name in spellings else spellings[0]
        answer = self.http.get(_MEMBER, params={"groupname": name, "maxResults": 1}, ok=(200, _MISSING))
        return None if answer.status == _MISSING else name

    def create(self, name: str) -> Sequence[str]:
        """Makes the group. A group that exists is 400."""
        self.http.send("POST", _GROUP, json={"name": name}, ok=(201,))
        return ()

    def delete(self, name: str) -> None:
        """Removes the group. A group that is missing is 404, or 400."""
        self.http.send("DELETE", _GROUP, params={"groupname": name})

    def members(self, name: str) -> Members:
        """Who is active in the group, subgroups included."""
        answer = self.http.get(_MEMBER, params={"groupname": name, "maxResults": _FIRST})
        page = decode(answer, _MEMBERS, f"GET {self.http.url}{_MEMBER}")
        return Members(page.total, tuple(person.name for person in page.values))

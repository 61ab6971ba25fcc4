"""Crowd's REST for groups (facts atlassian 8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, TypeAdapter

from reconciler.ports import Http
from reconciler.transport.answers import decode

if TYPE_CHECKING:
    from collections.abc import Sequence

_GROUP = "/rest/usermanagement/1/group"
_MISSING = 404


class _Group(BaseModel):
    name: str


_ADAPTER = TypeAdapter(_Group)


@dataclass(frozen=True, slots=True)
class CrowdGroups:
    """Implements GroupApi for Crowd."""

    http: Http

    def find(self, name: str) -> str | None:
        """The name as Crowd spells it; None if there is no such group."""
        answer = self.http.get(_GROUP, params={"groupname": name}, ok=(200, _MISSING))
        if answer.status == _MISSING:
            if "html" in answer.headers.get("content-type", ""):  # not Crowd's REST, but a page of some other server
                answer.json()
            return None
        return decode(answer, _ADAPTER, f"GET {self.http.url}{_GROUP}").name

    def create(self, name: str) -> Sequence[str]:
        """Makes the group. A group that exists is 400."""
        body = {"name": name, "type": "GROUP", "active": True}
        self.http.send("POST", _GROUP, json=body, ok=(201,))
        return ()

    def delete(self, name: str) -> None:
        """Removes the group. A group that is missing is 404."""
        self.http.send("DELETE", _GROUP, params={"groupname": name}, ok=(204,))

    def members(self, name: str) -> None:
        """Not known: nothing that we read tells how Crowd lists them."""

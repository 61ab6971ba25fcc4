"""Who is logged in to Jira.

Documented: that the session is 401 for nobody (facts atlassian 6.1). Seen in public code: its fields, and the groups
of `myself`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, Field, TypeAdapter

from reconciler.core.check import Person
from reconciler.errors import ReconcilerError
from reconciler.transport.answers import decode

if TYPE_CHECKING:
    from reconciler.ports import Http

_SESSION = "/rest/auth/1/session"
_MYSELF = "/rest/api/2/myself"
_NOBODY = 401


class _Session(BaseModel):
    name: str


class _Group(BaseModel):
    name: str


class _Groups(BaseModel):
    size: int
    items: list[_Group] = Field(default_factory=list)


class _Myself(BaseModel):
    groups: _Groups


_SESSIONS = TypeAdapter(_Session)
_SELVES = TypeAdapter(_Myself)


def who(http: Http) -> Person | None:
    """Who is logged in with the session that `http` has; None for nobody."""
    answer = http.get(_SESSION, ok=(200, _NOBODY))
    if answer.status == _NOBODY:
        return None
    name = decode(answer, _SESSIONS, f"GET {http.url}{_SESSION}").name
    try:
        answer = http.get(_MYSELF, params={"expand": "groups"})
        groups = decode(answer, _SELVES, f"GET {http.url}{_MYSELF}").groups
    except ReconcilerError:
        return Person(name)
    whole = len(groups.items) == groups.size
    return Person(name, tuple(sorted(group.name for group in groups.items)) if whole else None)

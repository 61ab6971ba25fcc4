"""Who is logged in to Confluence.

Documented: the path of the current user, and 403 (facts atlassian 7.1). Seen in public code: the anonymous user where
nobody is logged in and anonymous access is on, and the groups of a user.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, TypeAdapter

from reconciler.core.check import Person
from reconciler.errors import ReconcilerError
from reconciler.providers.confluence.wire import Groups
from reconciler.transport.answers import decode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.ports import Http

_CURRENT = "/rest/api/user/current"
_GROUPS = "/rest/api/user/memberof"
_PAGE = 200
_OK = 200


class _User(BaseModel):
    type: str = ""
    username: str = ""


_USERS = TypeAdapter(_User)
_PAGES = TypeAdapter(Groups)


def who(http: Http) -> Person | None:
    """Who is logged in with the session that `http` has; None for nobody."""
    answer = http.get(_CURRENT, ok=(_OK, 401, 403))
    if answer.status != _OK:
        return None
    user = decode(answer, _USERS, f"GET {http.url}{_CURRENT}")
    if user.type == "anonymous" or not user.username:
        return None
    try:
        return Person(user.username, tuple(sorted(_groups(http, user.username))))
    except ReconcilerError:
        return Person(user.username)


def _groups(http: Http, username: str) -> Iterator[str]:
    start = 0
    while True:
        answer = http.get(_GROUPS, params={"username": username, "start": start, "limit": _PAGE})
        page = decode(answer, _PAGES, f"GET {http.url}{_GROUPS}")
        yield from (group.name for group in page.results)
        start += len(page.results)
        if not page.links.next or not page.results:
            return

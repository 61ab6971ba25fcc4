"""The app's REST for identity providers (facts atlassian 3.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from pydantic import BaseModel, Field, JsonValue, TypeAdapter

from reconciler.errors import BadAnswerError, StatusError
from reconciler.ports import Http
from reconciler.providers.atlassian.groups import unreadable
from reconciler.transport.answers import decode

if TYPE_CHECKING:
    from reconciler.core.observed import Unreadable
    from reconciler.errors import ReconcilerError
    from reconciler.providers.atlassian.fields import JsonObject

ROOT = "/rest/authconfig/1.0"
_IDPS = f"{ROOT}/idps"
_OPTIONS = f"{ROOT}/login-options"
_PAGE = 50
MISSING = 404
REFUSED = 400


class _Page(BaseModel):
    results: list[dict[str, JsonValue]]
    is_last: bool = Field(default=False, alias="isLastPage")


_PAGE_ADAPTER = TypeAdapter(_Page)
_IDP_ADAPTER = TypeAdapter(dict[str, JsonValue])


def id_of(idp: JsonObject) -> str:
    """The id as text: paths hold it so, bodies hold a number."""
    return str(idp["id"])


def path_of(number: str) -> str:
    """Where one identity provider stands."""
    return f"{_IDPS}/{quote(number, safe='')}"


def app_unreadable(problem: ReconcilerError) -> Unreadable:
    """What a failed read says; a path that is missing means that the app is."""
    missing = isinstance(problem, StatusError) and problem.status == MISSING
    remedy = "is the app SSO for Atlassian Data Center enabled, and 4.2.0 or later? See Manage apps"
    return unreadable(problem, remedy if missing else "")


@dataclass(frozen=True, slots=True)
class IdpApi:
    """The identity providers of one product. Errors are those of ports.Http."""

    http: Http

    def all(self) -> list[JsonObject]:
        """Every identity provider, whoever made it."""
        where = f"GET {self.http.url}{_IDPS}"
        found: dict[str, JsonObject] = {}
        start = 0
        while True:
            page = decode(self.http.get(_IDPS, params={"start": start, "limit": _PAGE}), _PAGE_ADAPTER, where)
            if not all(isinstance(idp.get("id"), int | str) and idp["id"] != "" for idp in page.results):
                raise BadAnswerError("an identity provider has no id", where)
            before = len(found)
            found |= {id_of(idp): idp for idp in page.results}
            start += len(page.results)
            if page.is_last or not page.results:
                return list(found.values())
            if len(found) == before:
                raise BadAnswerError("the list of identity providers repeats itself", where)

    def login_options(self) -> list[JsonObject]:
        """What the login page offers: one page of it. The local form has no id, so nothing counts these."""
        answer = self.http.get(_OPTIONS, params={"start": 0, "limit": _PAGE})
        return decode(answer, _PAGE_ADAPTER, f"GET {self.http.url}{_OPTIONS}").results

    def get(self, number: str) -> JsonObject:
        """One identity provider."""
        path = path_of(number)
        return decode(self.http.get(path), _IDP_ADAPTER, f"GET {self.http.url}{path}")

    def create(self, idp: JsonObject) -> None:
        """A new one. InDoubtError if no answer came: two posts would make two."""
        self.http.send("POST", _IDPS, json=idp, ok=(200, 201), repeatable=False)

    def change(self, number: str, changes: JsonObject) -> None:
        """Only the properties that `changes` names."""
        self.http.send("PATCH", path_of(number), json=changes)

    def delete(self, number: str) -> None:
        """Gone, or gone already: 404, or 400, nobody says which (facts atlassian 12.1)."""
        try:
            self.http.send("DELETE", path_of(number), ok=(200, 204, MISSING))
        except StatusError as problem:
            if problem.status != REFUSED or number in {id_of(idp) for idp in self.all()}:
                raise

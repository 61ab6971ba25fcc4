"""Confluence Data Center: its version and its groups (facts atlassian 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import AliasChoices, BaseModel, Field, TypeAdapter

from reconciler.core.intent import Facts
from reconciler.ports import Connection, Provider
from reconciler.providers.atlassian.access import ProductSettings
from reconciler.providers.atlassian.credentials import authenticate
from reconciler.providers.atlassian.groups import GROUP, GroupHandler
from reconciler.providers.atlassian.products import BASE_URL, Product
from reconciler.providers.atlassian.versions import is_below
from reconciler.providers.confluence.groups import ConfluenceGroups
from reconciler.transport.answers import decode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.core.intent import System
    from reconciler.ports import Http

CONFLUENCE = Product("Confluence", floor="7.0", tokens_since="7.9", group_writes_since="8.2")
_INFORMATION = "/rest/api/server-information"
_MANIFEST = "/rest/applinks/1.0/manifest"
_MISSING = 404


class _Information(BaseModel):
    version: str
    base_url: str = Field("", validation_alias=AliasChoices("baseUrl", "url"))


_ADAPTER = TypeAdapter(_Information)


def connect(system: System, http: Http, known: Mapping[str, str], endpoints: bool) -> Connection:  # noqa: ARG001, FBT001 - the port's shape
    """One request, two before 9.1: version and base URL."""
    path = _INFORMATION
    answer = http.get(path, ok=(200, _MISSING))
    if answer.status == _MISSING:  # it came with 9.1 (facts atlassian 1.1); every version has the manifest
        path = _MANIFEST
        answer = http.get(path, headers={"Accept": "application/json"})
    information = decode(answer, _ADAPTER, f"GET {http.url}{path}")
    facts = Facts(information.version, {BASE_URL: information.base_url}, assumed=False)
    can_write = not is_below(information.version, CONFLUENCE.group_writes_since)
    return Connection(facts, {GROUP.name: GroupHandler(ConfluenceGroups(http, can_write=can_write))})


provider = Provider(
    name="confluence",
    settings=ProductSettings,
    types=(GROUP,),
    authenticate=authenticate,
    expand=CONFLUENCE.expand,
    connect=connect,
)

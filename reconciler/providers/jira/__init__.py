"""Jira Data Center: its version and its groups (facts atlassian 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, TypeAdapter

from reconciler.core.intent import Facts
from reconciler.ports import Connection, Provider
from reconciler.providers.atlassian.credentials import authenticate
from reconciler.providers.atlassian.groups import GROUP, GroupHandler
from reconciler.providers.atlassian.products import BASE_URL, Product, ProductSettings
from reconciler.providers.jira.groups import JiraGroups
from reconciler.transport.answers import decode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.core.intent import System
    from reconciler.ports import Http

JIRA = Product("Jira", floor="8.0", tokens_since="8.14")
_SERVER_INFO = "/rest/api/2/serverInfo"


class _ServerInfo(BaseModel):
    version: str
    baseUrl: str = ""  # noqa: N815 - the server's spelling


_ADAPTER = TypeAdapter(_ServerInfo)


def connect(system: System, http: Http, known: Mapping[str, str], endpoints: bool) -> Connection:  # noqa: ARG001, FBT001 - the port's shape
    """One request: version and base URL."""
    info = decode(http.get(_SERVER_INFO), _ADAPTER, f"GET {http.url}{_SERVER_INFO}")
    facts = Facts(info.version, {BASE_URL: info.baseUrl}, assumed=False)
    return Connection(facts, {GROUP.name: GroupHandler(JiraGroups(http))})


provider = Provider(
    name="jira",
    settings=ProductSettings,
    types=(GROUP,),
    authenticate=authenticate,
    expand=JIRA.expand,
    connect=connect,
)

"""Jira Data Center: its version, its groups, and who may use its applications (facts atlassian 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, Field, TypeAdapter

from reconciler.core.intent import Facts
from reconciler.ports import Connection, Handler, Provider
from reconciler.providers.atlassian.access import GroupsOf, ProductSettings, directory_of
from reconciler.providers.atlassian.credentials import authenticate
from reconciler.providers.atlassian.groups import GROUP, GroupHandler, groups_api
from reconciler.providers.atlassian.products import BASE_URL, Product
from reconciler.providers.jira.groups import JiraGroups
from reconciler.providers.jira.roles import APPLICATION_ROLE, RoleHandler, roles_of
from reconciler.transport.answers import decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reconciler.core.check import Check, Person
    from reconciler.core.intent import Intent, System
    from reconciler.ports import Examination, Expansion, Http

JIRA = Product("Jira", floor="8.0", tokens_since="8.14")
_SERVER_INFO = "/rest/api/2/serverInfo"


class JiraSettings(ProductSettings):
    """Application access: groups that are let in. Groups that others let in stay; leaving one out takes ours out."""

    applications: GroupsOf = Field(
        default_factory=dict,
        description="Groups whose members may use an application, by its key: `jira-software`, `jira-core`, "
        "`jira-servicedesk`. They are created where they are missing.",
        examples=[{"jira-software": ["jira-software-users"]}],
    )
    default_groups: GroupsOf = Field(
        default_factory=dict,
        description="Groups that new users of an application join, by its key. They may use it, too.",
        examples=[{"jira-software": ["jira-software-users"]}],
    )


class _ServerInfo(BaseModel):
    version: str
    baseUrl: str = ""  # noqa: N815 - the server's spelling


_ADAPTER = TypeAdapter(_ServerInfo)


def connect(system: System, http: Http, known: Mapping[str, str], endpoints: bool) -> Connection:  # noqa: ARG001, FBT001 - the port's shape
    """One request: version and base URL."""
    info = decode(http.get(_SERVER_INFO), _ADAPTER, f"GET {http.url}{_SERVER_INFO}")
    facts = Facts(info.version, {BASE_URL: info.baseUrl}, assumed=False)
    handlers: dict[str, Handler] = {
        GROUP.name: GroupHandler(groups_api(JiraGroups(http), JIRA.title, directory_of(system))),
        APPLICATION_ROLE.name: RoleHandler(http),
    }
    return Connection(facts, handlers)


def expand(intent: Intent, system: System, facts: Facts) -> Expansion:
    """The groups of a Jira, and its application roles."""
    groups = JIRA.expand(intent, system, facts)
    return groups._replace(resources=(*groups.resources, *roles_of(system)))


def examine(examination: Examination) -> Iterable[Check]:
    """The checks of `doctor`."""
    from reconciler.providers.jira import examination as checks  # noqa: PLC0415 - only `doctor` needs it

    return checks.examine(examination, JIRA)


def who(http: Http) -> Person | None:
    """Who is logged in."""
    from reconciler.providers.jira.people import who as ask  # noqa: PLC0415 - only `verify` needs it

    return ask(http)


provider = Provider(
    name="jira",
    settings=JiraSettings,
    types=(GROUP, APPLICATION_ROLE),
    authenticate=authenticate,
    expand=expand,
    connect=connect,
    examine=examine,
    who=who,
)

"""Confluence Data Center: its version, its groups, and what they may do (facts atlassian 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import AliasChoices, BaseModel, Field, TypeAdapter

from reconciler.core.intent import Facts
from reconciler.ports import Connection, Expansion, Handler, Provider
from reconciler.providers.atlassian.access import Groups, ProductSettings, Spaces, directory_of
from reconciler.providers.atlassian.credentials import authenticate
from reconciler.providers.atlassian.groups import GROUP, GroupHandler, groups_api
from reconciler.providers.atlassian.products import BASE_URL, Product
from reconciler.providers.atlassian.versions import is_below
from reconciler.providers.confluence.groups import ConfluenceGroups
from reconciler.providers.confluence.permissions import (
    GLOBAL,
    GLOBAL_PERMISSION,
    SPACE,
    SPACE_PERMISSIONS,
    PermissionHandler,
    check_permissions,
    permissions_of,
)
from reconciler.transport.answers import decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reconciler.core.check import Check, Person
    from reconciler.core.intent import Intent, System
    from reconciler.ports import Examination, Http

CONFLUENCE = Product("Confluence", floor="7.0", tokens_since="7.9", group_writes_since="8.2")
_INFORMATION = "/rest/api/server-information"
_MANIFEST = "/rest/applinks/1.0/manifest"
_MISSING = 404


class ConfluenceSettings(ProductSettings):
    """What groups may do. What others granted stays; leaving something out takes back what we granted."""

    may_use: Groups | None = Field(
        None,
        description="Groups whose members may use Confluence. They are created where they are missing. "
        "Needs Confluence 9.3.1, or 9.2.18 of 9.2.",
        examples=[["confluence-users"]],
    )
    spaces: Spaces = Field(
        default_factory=dict,
        description="What groups may do in a space, by the key of the space: `read`, `administer`, `export`, "
        "`restrict`, `delete_own`, `delete_mail`, and `create_` or `delete_` with `page`, `blogpost`, `comment` or "
        "`attachment`. Needs Confluence 9.2.",
        examples=[{"DOCS": {"confluence-users": ["read", "create_page"]}}],
    )


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
    groups = groups_api(ConfluenceGroups(http, can_write=can_write), CONFLUENCE.title, directory_of(system))
    handlers: dict[str, Handler] = {
        GROUP.name: GroupHandler(groups),
        GLOBAL_PERMISSION.name: PermissionHandler(http, GLOBAL),
        SPACE_PERMISSIONS.name: PermissionHandler(http, SPACE),
    }
    return Connection(facts, handlers)


def expand(intent: Intent, system: System, facts: Facts) -> Expansion:
    """The groups of a Confluence and what they may do, and what its version will not do."""
    groups = CONFLUENCE.expand(intent, system, facts)
    return Expansion(
        (*groups.resources, *permissions_of(system)),
        (*groups.diagnostics, *check_permissions(system, facts)),
    )


def examine(examination: Examination) -> Iterable[Check]:
    """The checks of `doctor`."""
    from reconciler.providers.confluence import examination as checks  # noqa: PLC0415 - only `doctor` needs it

    return checks.examine(examination, CONFLUENCE)


def who(http: Http) -> Person | None:
    """Who is logged in."""
    from reconciler.providers.confluence.people import who as ask  # noqa: PLC0415 - only `verify` needs it

    return ask(http)


provider = Provider(
    name="confluence",
    settings=ConfluenceSettings,
    types=(GROUP, GLOBAL_PERMISSION, SPACE_PERMISSIONS),
    authenticate=authenticate,
    expand=expand,
    connect=connect,
    examine=examine,
    who=who,
)

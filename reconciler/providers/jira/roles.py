"""Jira's application access: which groups may use which application (facts atlassian 6.3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from pydantic import BaseModel, TypeAdapter

from reconciler.core.address import Address
from reconciler.core.desired import Desired
from reconciler.core.observed import Observation, Present, Unreadable
from reconciler.core.resource import Kind, Mark, ResourceType, unordered
from reconciler.errors import ReconcilerError
from reconciler.ports import Http, Write, Written
from reconciler.providers.atlassian.access import APPLICATIONS, DEFAULT_GROUPS, groups_of, merged, respelled
from reconciler.providers.atlassian.groups import unreadable
from reconciler.providers.atlassian.products import group_address
from reconciler.spec.position import key_path
from reconciler.transport.answers import decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from reconciler.core.intent import System
    from reconciler.core.observed import Lookup
    from reconciler.core.resource import Attributes, Value

GROUPS = "groups"
_ROLES = "/rest/api/2/applicationrole"
_STALE = 412
_ATTEMPTS = 4
"""How often a role is written when others keep changing it; all roles may share one version."""


def loses_users(before: Attributes, after: Attributes) -> Iterable[str]:
    """A sentence for each group that is let in no longer."""
    for name in sorted(set(_members(before.get(GROUPS))) - set(_members(after.get(GROUPS)))):
        yield f"members of {name} can no longer use the application, unless another group lets them in"


def _members(value: Value) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()


APPLICATION_ROLE = ResourceType(
    "application_role",
    key=(),
    attributes={GROUPS: Mark.UNORDERED, DEFAULT_GROUPS: Mark.UNORDERED},
    kind=Kind.SETTINGS,
    locks_out=loses_users,
    admits=GROUPS,
)


def roles_of(system: System) -> Iterator[Desired]:
    """The application roles that the spec speaks of. A default group is one that is let in, too."""
    allowed, default = groups_of(system, APPLICATIONS), groups_of(system, DEFAULT_GROUPS)
    for key in sorted({*allowed, *default}):
        groups = unordered((*allowed.get(key, ()), *default.get(key, ())))
        attributes = {GROUPS: groups} | ({DEFAULT_GROUPS: unordered(default[key])} if key in default else {})
        yield Desired(
            Address(system.name, APPLICATION_ROLE.name, key),
            APPLICATION_ROLE,
            attributes,
            depends_on=tuple(group_address(system, name) for name in groups),
            shared=tuple(attributes),
            where=key_path("systems", system.name, APPLICATIONS if key in allowed else DEFAULT_GROUPS, key),
        )


class _Role(BaseModel):
    key: str
    groups: tuple[str, ...] = ()
    defaultGroups: tuple[str, ...] = ()  # noqa: N815 - the server's spelling


_ADAPTER = TypeAdapter(list[_Role])


@dataclass(frozen=True, slots=True)
class _Seen:
    role: _Role
    version: str


@dataclass(frozen=True, slots=True)
class RoleHandler:
    """Implements ports.Handler. `_seen` holds what each role was when it was last read, which a write rests on."""

    http: Http
    _seen: dict[str, _Seen] = field(default_factory=dict)

    def read(self, wanted: Sequence[Lookup]) -> Mapping[Address, Observation]:
        """An answer for every address, by one list of all roles."""
        try:
            roles = self._list() if wanted else {}
        except ReconcilerError as problem:
            return dict.fromkeys((lookup.address for lookup in wanted), unreadable(problem))
        self._seen.update(roles)
        return {lookup.address: _observe(lookup, roles) for lookup in wanted}

    def _list(self) -> dict[str, _Seen]:
        answer = self.http.get(_ROLES)
        version = answer.headers.get("etag", "").removeprefix("W/")
        roles = decode(answer, _ADAPTER, f"GET {self.http.url}{_ROLES}")
        return {role.key: _Seen(role, version) for role in roles}

    def create(self, write: Write) -> Written:
        """The same as an update: a role is always there."""
        return self.update(write)

    def update(self, write: Write) -> Written:
        """Adds and takes out what changed since the role was last read; whatever others change meanwhile stays.

        Sets replace, so both are sent whole, under the version that they rest on: 412 means to read again.
        """
        key = write.address.name
        first = now = self._seen.pop(key, None) or self._find(key)
        path = f"{_ROLES}/{quote(key, safe='')}"
        for _ in range(_ATTEMPTS):
            body = {
                GROUPS: _goal(write, GROUPS, now.role.groups, first.role.groups),
                "defaultGroups": _goal(write, DEFAULT_GROUPS, now.role.defaultGroups, first.role.defaultGroups),
            }
            headers = {"If-Match": now.version} if now.version else {}
            answer = self.http.send("PUT", path, json=body, headers=headers, ok=(200, _STALE))
            if answer.status != _STALE:
                return Written(key)
            now = self._find(key)
        raise ReconcilerError(f"application {key}: somebody changed the roles again and again meanwhile", "run again")

    def _find(self, key: str) -> _Seen:
        roles = self._list()
        if key not in roles:
            raise ReconcilerError(*_missing(key, roles))
        return roles[key]

    def delete(self, write: Write) -> None:
        """Nothing: a role stays."""


def _goal(write: Write, name: str, now: tuple[str, ...], first: tuple[str, ...]) -> list[str]:
    return list(merged(now, first, write.attributes[name]) if name in write.changed else now)


def _observe(lookup: Lookup, roles: Mapping[str, _Seen]) -> Present | Unreadable:
    key = lookup.address.name
    if key not in roles:
        return Unreadable(*_missing(key, roles))
    role = roles[key].role
    attributes: dict[str, Value] = {
        GROUPS: respelled(role.groups, lookup.attributes.get(GROUPS)),
        DEFAULT_GROUPS: respelled(role.defaultGroups, lookup.attributes.get(DEFAULT_GROUPS)),
    }
    return Present(key, attributes)


def _missing(key: str, roles: Iterable[str]) -> tuple[str, str]:
    known = ", ".join(sorted(roles)) or "none"
    return f"this Jira has no application {key}", f"correct the key, or license it; there are: {known}"

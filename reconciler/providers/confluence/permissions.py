"""What groups may do in Confluence, as a whole and in single spaces (facts atlassian 7.3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, get_args
from urllib.parse import quote

from pydantic import BaseModel, TypeAdapter

from reconciler.core.address import Address
from reconciler.core.desired import Desired
from reconciler.core.observed import Observation, Present, Unreadable
from reconciler.core.resource import Kind, Mark, ResourceType, unordered
from reconciler.diagnostic import error
from reconciler.errors import ReconcilerError
from reconciler.ports import Http, Write, Written
from reconciler.providers.atlassian.access import MAY_USE, SPACES, Permission, may_use, respelled, spaces_of
from reconciler.providers.atlassian.groups import unreadable
from reconciler.providers.atlassian.products import group_address
from reconciler.providers.atlassian.versions import is_below
from reconciler.providers.confluence.groups import breaks_path
from reconciler.spec.position import key_path
from reconciler.transport.answers import decode

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from reconciler.core.intent import Facts, System
    from reconciler.core.observed import Lookup
    from reconciler.core.resource import Attributes, Value
    from reconciler.diagnostic import Diagnostic

USE = "use"
GROUPS = "groups"
GRANTED = "granted"
_SCREEN = "General configuration > Global permissions"
_SPACES_SINCE = "9.2"
_GLOBAL_SINCE = "9.3.1"
_GLOBAL_SINCE_IN_9_2 = "9.2.18"
_MISSING = 404

Pair = tuple[str, str]
"""Target type and operation key."""
Grant = tuple[str, Pair]
"""A group, and what it may do."""


def _pair(word: str) -> Pair:
    operation, _, target = word.partition("_")
    return (
        (target, operation)
        if operation in {"create", "delete"} and target not in {"own", "mail"}
        else ("space", word)
    )


SPACE_PAIRS: Mapping[str, Pair] = {word: _pair(word) for word in get_args(Permission)}
_SPACE_WORDS = {pair: word for word, pair in SPACE_PAIRS.items()}
USE_PAIR: Pair = ("application", "use")


@dataclass(frozen=True, slots=True)
class Scope:
    """Where permissions hold: the attribute that lists them, how one is written there, and what a 404 means."""

    attribute: str
    root: str
    pairs: Mapping[Pair, str]
    missing: str
    remedy: str

    def path(self, name: str) -> str:
        """The list of permissions."""
        return self.root.format(quote(name, safe=""))

    def text(self, grant: Grant) -> str:
        """How a grant stands in the attribute; empty for one that is none of ours to speak of."""
        group, pair = grant
        word = self.pairs.get(pair, "")
        return word and (group if word == USE else f"{group}: {word}")

    def grant(self, text: str) -> Grant:
        """What a text of the attribute grants."""
        if self.attribute == GROUPS:
            return text, USE_PAIR
        group, _, word = text.rpartition(": ")
        return group, SPACE_PAIRS[word]


GLOBAL = Scope(
    GROUPS,
    "/rest/api/permissions",
    {USE_PAIR: USE},
    "this Confluence has no REST for global permissions",
    f"take may_use out, and use {_SCREEN}",
)
SPACE = Scope(
    GRANTED,
    "/rest/api/space/{}/permissions",
    _SPACE_WORDS,
    "this Confluence has no space {}",
    "correct the key; a space is made by hand",
)


def loses_use(before: Attributes, after: Attributes) -> Iterable[str]:
    """A sentence for each group that may use Confluence no longer."""
    for name in _lost(before, after, GROUPS):
        yield f"members of {name} can no longer use Confluence, unless another group lets them in"


def loses_administrators(before: Attributes, after: Attributes) -> Iterable[str]:
    """A sentence for each group that may administer a space no longer."""
    for text in _lost(before, after, GRANTED):
        if text.endswith(": administer"):
            yield f"members of {text.removesuffix(': administer')} can no longer administer the space"


def _lost(before: Attributes, after: Attributes, name: str) -> Sequence[str]:
    return sorted({*_members(before.get(name))} - {*_members(after.get(name))})


def _members(value: Value) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()


GLOBAL_PERMISSION = ResourceType(
    "global_permission",
    key=(),
    attributes={GROUPS: Mark.UNORDERED},
    kind=Kind.SETTINGS,
    locks_out=loses_use,
    admits=GROUPS,
)
SPACE_PERMISSIONS = ResourceType(
    "space_permissions",
    key=(),
    attributes={GRANTED: Mark.UNORDERED},
    kind=Kind.SETTINGS,
    locks_out=loses_administrators,
)


def permissions_of(system: System) -> Iterator[Desired]:
    """The permissions that the spec speaks of."""
    if (names := may_use(system)) is not None:
        yield _wish(system, GLOBAL_PERMISSION, USE, {GROUPS: unordered(names)}, names, MAY_USE)
    for key, groups in sorted(spaces_of(system).items()):
        granted = unordered(f"{group}: {word}" for group, words in groups.items() for word in words)
        yield _wish(system, SPACE_PERMISSIONS, key, {GRANTED: granted}, groups, SPACES, key)


def _wish(
    system: System, kind: ResourceType, name: str, attributes: Attributes, groups: Iterable[str], *path: str
) -> Desired:
    return Desired(
        Address(system.name, kind.name, name),
        kind,
        attributes,
        depends_on=tuple(group_address(system, group) for group in unordered(groups)),
        shared=tuple(attributes),
        where=key_path("systems", system.name, *path),
    )


def check_permissions(system: System, facts: Facts) -> Iterator[Diagnostic]:
    """What this version cannot do, and what to do by hand instead; names that no path can carry."""
    where = ("systems", system.name)
    named = f"Confluence {facts.version} has no REST for"
    names, spaces = may_use(system), spaces_of(system)
    early = is_below(facts.version, _GLOBAL_SINCE)
    backported = is_below(facts.version, "9.3") and not is_below(facts.version, _GLOBAL_SINCE_IN_9_2)
    if names is not None and early and not backported:
        yield error(
            f"{named} global permissions: it came with {_GLOBAL_SINCE}, and in 9.2 with {_GLOBAL_SINCE_IN_9_2}",
            key_path(*where, MAY_USE),
            f"by hand: {_SCREEN}, `Can use` for {', '.join(unordered(names)) or 'nobody'}; then take may_use out",
        )
    for key, groups in sorted(spaces.items()):
        if is_below(facts.version, _SPACES_SINCE):
            yield error(
                f"{named} permissions of a space: it came with {_SPACES_SINCE}",
                key_path(*where, SPACES, key),
                f"by hand: space {key}, Space settings > Permissions; then take the space out",
            )
        yield from (_no_path(name, key_path(*where, SPACES, key, name)) for name in groups if breaks_path(name))
    yield from (_no_path(name, key_path(*where, MAY_USE)) for name in names or () if breaks_path(name))


def _no_path(name: str, where: str) -> Diagnostic:
    return error(f"nothing can be granted to {name} by REST: no path can carry the name", where, "grant it by hand")


class _Operation(BaseModel):
    operationKey: str  # noqa: N815 - the server's spelling
    targetType: str  # noqa: N815 - the server's spelling


class _Subject(BaseModel):
    type: str = ""
    displayName: str = ""  # noqa: N815 - the server's spelling


class _Permission(BaseModel):
    operation: _Operation
    subject: _Subject


_ADAPTER = TypeAdapter(list[_Permission])


@dataclass(frozen=True, slots=True)
class PermissionHandler:
    """Implements ports.Handler. `_seen` holds what each list was when it was last read, which a write rests on."""

    http: Http
    scope: Scope
    _seen: dict[str, frozenset[Grant]] = field(default_factory=dict)

    def read(self, wanted: Sequence[Lookup]) -> Mapping[Address, Observation]:
        """An answer for every address, each by a list of its own."""
        return {lookup.address: self._look(lookup) for lookup in wanted}

    def _look(self, lookup: Lookup) -> Present | Unreadable:
        name, attribute = lookup.address.name, self.scope.attribute
        try:
            held = self._list(name)
        except ReconcilerError as problem:
            return unreadable(problem)
        self._seen[name] = held
        found = {text for grant in held if (text := self.scope.text(grant))}
        return Present(name, {attribute: respelled(found, lookup.attributes.get(attribute))})

    def _list(self, name: str) -> frozenset[Grant]:
        """Every permission of a group, those included that the spec cannot name."""
        path = self.scope.path(name)
        answer = self.http.get(path, ok=(200, _MISSING))
        if answer.status == _MISSING:
            raise ReconcilerError(self.scope.missing.format(name), self.scope.remedy)
        return frozenset(
            (item.subject.displayName, (item.operation.targetType, item.operation.operationKey))
            for item in decode(answer, _ADAPTER, f"GET {self.http.url}{path}")
            if item.subject.type == "group"
        )

    def create(self, write: Write) -> Written:
        """The same as an update: there is always a list."""
        return self.update(write)

    def update(self, write: Write) -> Written:
        """Grants what is new since the list was last read, then revokes what is wanted no more; nothing else."""
        name = write.address.name
        held = self._seen.pop(name, None)
        held = self._list(name) if held is None else held
        before = {_folded(grant): grant for grant in held if self.scope.text(grant)}
        goal = {
            _folded(grant): grant for grant in map(self.scope.grant, _members(write.attributes[self.scope.attribute]))
        }
        revoked = [before[key] for key in before.keys() - goal.keys()]
        _check_nothing_else_goes(revoked, held)
        self._send(name, "grant", [goal[key] for key in goal.keys() - before.keys()])
        self._send(name, "revoke", revoked)
        return Written(name)

    def _send(self, name: str, act: str, grants: Iterable[Grant]) -> None:
        by_group: dict[str, list[Pair]] = defaultdict(list)
        for group, pair in sorted(grants):
            by_group[group].append(pair)
        for group, pairs in by_group.items():
            path = f"{self.scope.path(name)}/group/{quote(group, safe='')}/{act}"
            body = [{"targetType": target, "operationKey": operation} for target, operation in pairs]
            self.http.send("PUT", path, json=body, ok=(204,))

    def delete(self, write: Write) -> None:
        """Nothing: a list stays."""


def _folded(grant: Grant) -> Grant:
    return grant[0].casefold(), grant[1]


def _check_nothing_else_goes(revoked: Collection[Grant], held: Collection[Grant]) -> None:
    """ReconcilerError if a revoke would take what others granted: that of the use takes all (facts atlassian 7.3)."""
    for group in sorted(group for group, pair in revoked if pair == USE_PAIR):
        others = sorted(" ".join(pair) for owner, pair in held if owner == group and pair != USE_PAIR)
        if others:
            raise ReconcilerError(
                f"{group} holds other global permissions too ({', '.join(others)}), and Confluence would take them "
                "along with the use",
                f"decide by hand in {_SCREEN}, or leave the group in may_use",
            )

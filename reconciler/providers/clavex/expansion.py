"""From the meaning of a spec to the resources of one Clavex."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import TYPE_CHECKING

from reconciler.core.desired import Desired
from reconciler.core.resource import unordered
from reconciler.ports import Expansion
from reconciler.providers.clavex import claims, storage
from reconciler.providers.clavex.resources import CLIENT, GROUP
from reconciler.providers.clavex.wire import DIALECTS, GUIDE, RELEASED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.core.intent import Client, Facts, Group, Intent, SignOn, System
    from reconciler.core.resource import Value
    from reconciler.diagnostic import Diagnostic
    from reconciler.providers.clavex.wire import Dialect

_SHARED = ("redirect_uris",)
_STATED = (
    "name",
    "post_logout_redirect_uris",
    "grant_types",
    "response_types",
    "scopes",
    "token_endpoint_auth_method",
    "active",
    "public",
    "access_token_ttl",
    "refresh_token_ttl",
)
"""Attributes that the spec may leave out."""
_Read = Callable[["Client"], Iterable[tuple[str, "Value"]]]


def expand(intent: Intent, system: System, facts: Facts) -> Expansion:
    """The clients, mappers and groups of `system`, and what will and will not hold there."""
    dialect = DIALECTS[facts.values.get("dialect") or RELEASED]
    read = _reader(dialect)
    users: dict[str, list[SignOn]] = defaultdict(list)
    for _, sign_on in sorted(intent.sign_ons.items()):
        users[sign_on.client.name].append(sign_on)
    resources: list[Desired] = []
    diagnostics: list[Diagnostic] = []
    for client in intent.clients.values():
        if client.system != system.name:
            continue
        sign_ons = users.get(client.name, ())
        resources.append(_client(client, sign_ons, read))
        if not client.shared:
            diagnostics += storage.review(client, dialect, used=bool(sign_ons))
        if not sign_ons and not client.claims:
            continue
        sources = claims.find_sources(client, sign_ons, dialect.name)
        resources += claims.make_mappers(client, sources)
        if sign_ons and dialect.name != GUIDE:
            diagnostics.append(storage.signing(client))
        for sign_on in sign_ons:
            diagnostics += claims.review(sign_on, sources, dialect.name)
    resources += (_group(group) for group in intent.groups if group.system == system.name)
    return Expansion(tuple(resources), tuple(diagnostics))


def _reader(dialect: Dialect) -> _Read:
    """What gives the attributes of a client that this Clavex keeps, stated or not."""
    names = [name for name in _STATED if name in dialect.fields]
    read = attrgetter(*("display_name" if name == "name" else name for name in names))
    return lambda client: zip(names, read(client), strict=True)


def _client(client: Client, sign_ons: Sequence[SignOn], read: _Read) -> Desired:
    """The client: with the callbacks of its sign-ons, and with what this Clavex keeps."""
    callbacks = [sign_on.callback for sign_on in sign_ons if sign_on.callback]
    attributes: dict[str, Value] = {
        "client_id": client.client_id,
        "redirect_uris": unordered((*client.redirect_uris, *callbacks)),
    }
    where = f"clients.{client.name}"
    if client.shared:
        return Desired(client.address, CLIENT, attributes, shared=_SHARED, where=where)
    for name, value in read(client):
        if value is not None:
            attributes[name] = unordered(value) if isinstance(value, tuple) else value
    if client.post_logout_redirect_uris == ():
        attributes.pop("post_logout_redirect_uris", None)  # [] is ignored (facts clavex 2.3)
    if client.secret is not None and not client.public:
        attributes["client_secret"] = str(client.secret)
    return Desired(client.address, CLIENT, attributes, where=where, secret_days=client.secret_days)


def _group(group: Group) -> Desired:
    attributes: dict[str, Value] = {"name": group.name}
    if group.description is not None:
        attributes["description"] = group.description
    return Desired(group.address, GROUP, attributes, on_remove=group.on_remove, where=group.where)

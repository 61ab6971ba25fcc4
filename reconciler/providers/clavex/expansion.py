"""From the meaning of a spec to the resources of one Clavex."""

from __future__ import annotations

from collections import defaultdict
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

_SHARED = ("redirect_uris",)


def expand(intent: Intent, system: System, facts: Facts) -> Expansion:
    """The clients, mappers and groups of `system`, and what will and will not hold there."""
    dialect = DIALECTS[facts.values.get("dialect") or RELEASED]
    lost = CLIENT.shown - dialect.fields.keys()
    users: dict[str, list[SignOn]] = defaultdict(list)
    for _, sign_on in sorted(intent.sign_ons.items()):
        users[sign_on.client.name].append(sign_on)
    resources: list[Desired] = []
    diagnostics: list[Diagnostic] = []
    for client in intent.clients.values():
        if client.system != system.name:
            continue
        sign_ons = users.get(client.name, ())
        resources.append(_client(client, sign_ons, lost))
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


def _client(client: Client, sign_ons: Sequence[SignOn], lost: frozenset[str]) -> Desired:
    """The client: with the callbacks of its sign-ons, and without the attributes that this Clavex does not keep."""
    callbacks = [sign_on.callback for sign_on in sign_ons if sign_on.callback]
    attributes: dict[str, Value] = {
        "client_id": client.client_id,
        "redirect_uris": unordered((*client.redirect_uris, *callbacks)),
    }
    where = f"clients.{client.name}"
    if client.shared:
        return Desired(client.address, CLIENT, attributes, shared=_SHARED, where=where)
    _state(client, attributes)
    for name in lost:
        attributes.pop(name, None)
    if client.secret is not None and not client.public:
        attributes["client_secret"] = str(client.secret)
    return Desired(client.address, CLIENT, attributes, where=where, secret_days=client.secret_days)


def _state(client: Client, attributes: dict[str, Value]) -> None:
    """Adds what the spec states: one by one, since a loop takes twice as long, and there may be thousands."""
    if client.display_name is not None:
        attributes["name"] = client.display_name
    if client.post_logout_redirect_uris:  # [] is ignored (facts clavex 2.3)
        attributes["post_logout_redirect_uris"] = unordered(client.post_logout_redirect_uris)
    if client.grant_types is not None:
        attributes["grant_types"] = unordered(client.grant_types)
    if client.response_types is not None:
        attributes["response_types"] = unordered(client.response_types)
    if client.scopes is not None:
        attributes["scopes"] = unordered(client.scopes)
    if client.token_endpoint_auth_method is not None:
        attributes["token_endpoint_auth_method"] = client.token_endpoint_auth_method
    if client.active is not None:
        attributes["active"] = client.active
    attributes["public"] = client.public
    if client.access_token_ttl is not None:
        attributes["access_token_ttl"] = client.access_token_ttl
    if client.refresh_token_ttl is not None:
        attributes["refresh_token_ttl"] = client.refresh_token_ttl


def _group(group: Group) -> Desired:
    attributes: dict[str, Value] = {"name": group.name}
    if group.description is not None:
        attributes["description"] = group.description
    return Desired(group.address, GROUP, attributes, on_remove=group.on_remove, where=group.where)

"""What the spec asks for and the Clavex at hand does not keep (facts clavex 2.1, 2.3, 3.3, 5.3, 5.5)."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from reconciler.diagnostic import error, note, warning
from reconciler.providers.clavex.wire import GUIDE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.core.intent import Client
    from reconciler.diagnostic import Diagnostic
    from reconciler.providers.clavex.wire import Dialect

FIXED_SCOPES = ("openid", "profile", "email")
"""What every client of a released server has."""


def review(client: Client, dialect: Dialect, *, used: bool) -> Iterator[Diagnostic]:
    """Findings about one client of our own; `used`: a sign-on goes through it."""
    kept = _review_guide(client, dialect) if dialect.name == GUIDE else _review_released(client)
    return chain(kept, _review_login(client)) if used else kept


def _review_login(client: Client) -> Iterator[Diagnostic]:
    if client.response_types is not None and "code" not in client.response_types:
        text = "a sign-on goes through this client, and Clavex refuses response types that are not listed"
        yield error(text, f"clients.{client.name}.response_types", 'add "code"')
    if client.grant_types is not None and "authorization_code" not in client.grant_types:
        text = (
            "a sign-on goes through this client with authorization_code, which is not listed; the released Clavex "
            "looks at no grant type, and logins go on there"
        )
        yield warning(text, f"clients.{client.name}.grant_types", 'add "authorization_code"')


def _review_released(client: Client) -> Iterator[Diagnostic]:
    where = f"clients.{client.name}"
    if client.scopes is not None and set(client.scopes) != set(FIXED_SCOPES):
        yield _scopes(client, where)
    if client.token_endpoint_auth_method == "client_secret_post":  # noqa: S105 - the name of a method
        yield warning(
            "this Clavex does not keep the method: the record says client_secret_basic. Its token endpoint accepts "
            "client_secret_post all the same",
            f"{where}.token_endpoint_auth_method",
        )
    if client.post_logout_redirect_uris == ():
        yield warning(
            "this Clavex ignores an empty list: what is on the client stays there",
            f"{where}.post_logout_redirect_uris",
            "leave it out; what stays has no effect anyhow",
        )
    elif client.post_logout_redirect_uris:
        yield warning(
            "this Clavex keeps the list and never looks at it: after logout it sends people back only to URIs that "
            "are in redirect_uris of a client",
            f"{where}.post_logout_redirect_uris",
            "list them under redirect_uris if people shall be sent back there",
        )


def _scopes(client: Client, where: str) -> Diagnostic:
    wanted = set(client.scopes or ())
    dropped = sorted(wanted - set(FIXED_SCOPES))
    text = "this Clavex keeps openid, profile and email for every client"
    if dropped:
        text += f", and drops {', '.join(dropped)} from every login without an error"
    if "groups" in dropped:
        text += "; that takes nothing away, for the claim groups is in UserInfo without a scope"
    return warning(text, f"{where}.scopes")


def _review_guide(client: Client, dialect: Dialect) -> Iterator[Diagnostic]:
    where = f"clients.{client.name}"
    unknown = ("post_logout_redirect_uris", "response_types", "active", "access_token_ttl", "refresh_token_ttl")
    for name in unknown:
        if getattr(client, name) is not None and name not in dialect.fields:
            text = "this Clavex speaks the guide's dialect, in which nothing is known of this key: it is not sent"
            yield warning(text, f"{where}.{name}", "set it in Clavex by hand, or leave it out")
    if client.public:
        text = "this Clavex speaks the guide's dialect, in which nothing is known of public clients"
        yield error(text, f"{where}.public", "make the client by hand, and say `external = true`")
    if client.claims:
        text = "this Clavex speaks the guide's dialect, in which nothing is known of mappers: they may not work"
        yield warning(text, f"{where}.claims", "log in once and look which attributes arrive")


def signing(client: Client) -> Diagnostic:
    """What every plugin must cope with (facts clavex 5.3)."""
    return note(
        "ID tokens of this client are signed with PS256, and no request can change that: a plugin that knows only "
        "RS256 refuses every login",
        f"clients.{client.name}",
    )

"""Bob, who logs in to Confluence: at Clavex, and through either plugin, configured without the product's help."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reconciler.sandbox.clavex import Client

if TYPE_CHECKING:
    from sandbox.visitor import Page, Visitor

    from reconciler.sandbox.atlassian.idp import Idp
    from reconciler.sandbox.serve import Sandbox

EMAIL, PASSWORD, SECRET = "bob@acme.test", "Bob-pass-1", "s" * 43
JIT = {
    "user-provisioning-enabled": True,
    "mapping-display-name": "${given_name} ${family_name}",
    "mapping-email": "${email}",
    "mapping-groups": "groups",
    "additional-openid-scopes": [],
}


def add_bob(sandbox: Sandbox) -> str:
    """The id of a user of Clavex in the group of Confluence's users; a client that the products may use."""
    world = sandbox.clavex.world
    callbacks = [
        f"{url}/plugins/servlet/{kind}/callback"
        for url in (sandbox.jira.url, sandbox.confluence.url)
        for kind in ("oidc", "oauth")
    ]
    world.add_client(Client("products", world.org_id, "Products", callbacks), SECRET)
    user = world.add_user(EMAIL, PASSWORD, "Bob", "Ross")
    user.metadata["preferred_username"] = "bob"
    world.add_group("confluence-users").members.add(user.id)
    return user.id


def add_idp(sandbox: Sandbox) -> Idp:
    """Confluence's identity provider; UserInfo is where it reads, so that no mapper is needed."""
    world = sandbox.confluence.world
    world.switches = replace(world.switches, sso_app_claims="userinfo")
    return world.store_idp(
        {
            "name": "clavex",
            "sso-type": "OIDC",
            "enabled": True,
            "button-text": "Sign in with Clavex",
            "issuer-url": f"{sandbox.clavex.url}/acme",
            "client-id": "products",
            "client-secret": SECRET,
            "discovery-enabled": True,
            "additional-scopes": ["profile", "email"],
            "username-claim": "${preferred_username}",
            "jit-configuration": JIT,
        }
    )


def add_provider(sandbox: Sandbox) -> dict[str, Any]:
    """Confluence's miniOrange, with one provider."""
    issuer = f"{sandbox.clavex.url}/acme"
    made: dict[str, Any] = {
        "ID": "one",
        "Name": "Clavex",
        "Application Configuration": {
            "CLIENT_ID": "products",
            "CLIENT_SECRET": SECRET,
            "SCOPE": "openid profile email",
            "AUTHORIZE_END_POINT": f"{issuer}/authorize",
            "ACCESSTOKEN_END_POINT": f"{issuer}/token",
            "USERINFO_END_POINT": f"{issuer}/userinfo",
            "SEND_TOKEN_AUTHORIZATION_PARAMETERS_IN": "HttpBody",
        },
        "Attribute Mapping": {
            "USERNAME_ATTRIBUTE": "preferred_username",
            "EMAIL_ATTRIBUTE": "email",
            "FULL_NAME_ATTRIBUTE": "name",
        },
        "Group Mapping": {"ROLE_ATTRIBUTE": "groups", "ON_THE_FLY_GROUP_MAPPING": True},
    }
    sandbox.confluence.world.miniorange["Identity Providers"] = [made]
    return made


def start(visitor: Visitor, sandbox: Sandbox, query: str = "") -> Page:
    page = visitor.open(f"{sandbox.confluence.url}/login.action{query}")
    links = [link for link in page.links if link.startswith("sso-")]
    return visitor.press(page, links[0]) if links else page


def log_in(visitor: Visitor, sandbox: Sandbox) -> Page:
    return visitor.send(start(visitor, sandbox), email=EMAIL, password=PASSWORD)

"""Old spec, new spec, hazards: each a change that a person may make to the guide's example."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Overlay = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """From the guide's example with `old` over it to that with `new` over it; `hazards` are what it asks about."""

    name: str
    old: Overlay = field(default_factory=dict)
    new: Overlay = field(default_factory=dict)
    hazards: tuple[str, ...] = ()


def jira(**keys: Any) -> Overlay:
    return {"sso": {"jira": keys}}


def confluence(**keys: Any) -> Overlay:
    return {"sso": {"confluence": keys}}


def client(**keys: Any) -> Overlay:
    return {"clients": {"atlassian": keys}}


def portal(**keys: Any) -> Overlay:
    """A second client, which no sign-on uses."""
    return {"clients": {"portal": {"system": "clavex", "redirect_uris": ["https://portal.acme.eu/cb"], **keys}}}


ATLASSIAN = jira(plugin="atlassian")
MINIORANGE = confluence(plugin="miniorange", miniorange={"route": "rest"})
JIRA_JIT, CONFLUENCE_JIT = "locks-out=jira/idp/jira", "locks-out=confluence/idp/confluence"
SECOND = {
    "system": "jira",
    "plugin": "atlassian",
    "client": "portal",
    "display_name": "Sign in for partners",
    "atlassian": {"name": "partners"},
}
PARTNERS = {**portal(redirect_uris=[], claims={"preferred_username": "email"}), "sso": {"partners": SECOND}}

NO_ID_TOKEN = tuple(
    f"deletes=clavex/mapper/atlassian.{claim}" for claim in ("email", "family_name", "given_name", "groups")
)
"""What goes when no sign-on of the client reads the ID token any more."""

CASES = (
    Case("from nothing to the guide's example", {"clients": None, "sso": None}, {}, (CONFLUENCE_JIT,)),
    Case(
        "plugin of Jira from miniOrange to the built-in app",
        {},
        ATLASSIAN,
        (
            "deletes=jira/miniorange/jira",
            "locks-out=jira/miniorange/jira",
            JIRA_JIT,
        ),
    ),
    Case("plugin of Jira from the built-in app to miniOrange", ATLASSIAN, {}, ("deletes=jira/idp/jira", JIRA_JIT)),
    Case(
        "plugin of Confluence from the built-in app to miniOrange",
        {},
        MINIORANGE,
        (
            "deletes=confluence/idp/confluence",
            "locks-out=confluence/miniorange/confluence",
            *NO_ID_TOKEN,
        ),
    ),
    Case("callback of the guide for miniOrange", {}, jira(callback="/plugins/servlet/oidc/callback")),
    Case("callback as a whole URL", {}, jira(callback="https://jira.acme.eu/plugins/servlet/oauth/callback")),
    Case("callback back to the plugin's own", jira(callback="/plugins/servlet/oidc/callback"), {}),
    Case("client id", {}, client(client_id="sso2"), ("replaces=clavex/client/atlassian",)),
    Case("name of the client", {}, client(name="Sign-on of Acme")),
    Case("grant types", {}, client(grant_types=["authorization_code"])),
    Case("lifetimes set", {}, client(access_token_ttl=600, refresh_token_ttl=7200)),
    Case("lifetimes unset", client(access_token_ttl=600), client(access_token_ttl=0)),
    Case("lifetimes left", client(access_token_ttl=600), client(access_token_ttl=600)),
    Case(
        "logout URIs",
        client(post_logout_redirect_uris=["https://a.eu/"]),
        client(post_logout_redirect_uris=["https://b.eu/", "https://a.eu/"]),
    ),
    Case("client switched off", {}, client(active=False), ("locks-out=clavex/client/atlassian",)),
    Case("client switched on", client(active=False), client(active=True)),
    Case("redirect URI added", {}, client(redirect_uris=["https://wiki.acme.eu/cb"])),
    Case("redirect URI removed", client(redirect_uris=["https://wiki.acme.eu/cb"]), {}),
    Case(
        "redirect URI exchanged",
        client(redirect_uris=["https://wiki.acme.eu/cb"]),
        client(redirect_uris=["https://docs.acme.eu/cb", "https://*.acme.eu/cb"]),
    ),
    Case("public to confidential", portal(public=True), portal(), ("replaces=clavex/client/portal",)),
    Case("confidential to public", portal(), portal(public=True), ("replaces=clavex/client/portal",)),
    Case(
        "public to confidential with claims",
        portal(public=True, claims={"email": "email"}),
        portal(claims={"email": "email"}),
        ("replaces=clavex/client/portal",),
    ),
    Case("claim added", {}, client(claims={"department": "attribute:department", "company": "value:Acme"})),
    Case(
        "claim from another source of its kind",
        client(claims={"nick": "email"}),
        client(claims={"nick": "first_name"}),
    ),
    Case(
        "claim from a source of another kind",
        {},
        client(claims={"preferred_username": "attribute:login"}),
        ("replaces=clavex/mapper/atlassian.preferred_username",),
    ),
    Case("claim removed", client(claims={"company": "value:Acme"}), {}, ("deletes=clavex/mapper/atlassian.company",)),
    Case(
        "claims by word",
        client(claims={"who": "sub", "what": "roles", "team": "groups"}),
        client(claims={"who": "last_name", "what": "roles", "team": "groups"}),
    ),
    Case("group added", {}, jira(groups={"jira-developers": "jira-developers"})),
    Case("group removed", {}, jira(groups={"jira-software-users": None})),
    Case(
        "group of administrators removed",
        {},
        jira(groups={"jira-administrators": None}),
        ("locks-out=jira/miniorange/jira",),
    ),
    Case(
        "group that is deleted on removal",
        {"groups": {"beta": {"system": "clavex", "on_remove": "delete"}}},
        {},
        ("deletes=clavex/group/beta",),
    ),
    Case("group that is forgotten on removal", {"groups": {"beta": {"system": "jira"}}}, {}),
    Case(
        "group learns what its removal does",
        {"groups": {"beta": {"system": "jira"}}},
        {"groups": {"beta": {"system": "jira", "on_remove": "delete"}}},
    ),
    Case(
        "display name and scopes",
        {},
        {
            "sso": {
                "jira": {"display_name": "Log in", "scopes": ["openid", "email"]},
                "confluence": {"display_name": "Log in", "scopes": ["openid", "profile"]},
            }
        },
    ),
    Case(
        "user name from another claim",
        {},
        {
            "sso": {
                "jira": {"attributes": {"username": "email"}},
                "confluence": {"attributes": {"username": "email"}},
            }
        },
        ("locks-out=jira/miniorange/jira", "locks-out=confluence/idp/confluence"),
    ),
    Case("updates on login", {}, jira(update_attributes_on_login=False)),
    Case("memberships may go", {}, jira(miniorange={"keep_groups": False}), ("locks-out=jira/miniorange/jira",)),
    Case("sign-on off and on", confluence(enabled=False), confluence(enabled=True)),
    Case("identity provider renamed", {}, confluence(atlassian={"name": "Clavex"})),
    Case("provider of miniOrange renamed", {}, jira(miniorange={"name": "Clavex"})),
    Case(
        "login form off in the built-in app",
        {},
        confluence(login_form=False, login_fallback=True),
        ("locks-out=confluence/sso_settings/login",),
    ),
    Case("login form on again", confluence(login_form=False, login_fallback=True), confluence(login_form=True)),
    Case(
        "login form off in miniOrange",
        {},
        jira(login_form=False, login_fallback=True),
        ("locks-out=jira/miniorange_sign_in/login",),
    ),
    Case("login form on again in miniOrange", jira(login_form=False), jira(login_form=True, login_fallback=True)),
    Case(
        "fallback off",
        confluence(login_form=False, login_fallback=True),
        confluence(login_form=False, login_fallback=False),
        ("locks-out=confluence/sso_settings/login",),
    ),
    Case("two sign-ons on one product", {}, PARTNERS),
    Case(
        "back to one sign-on",
        PARTNERS,
        {},
        (
            "deletes=clavex/client/portal",
            "deletes=clavex/mapper/portal.preferred_username",
            *(f"deletes=clavex/mapper/portal.{claim}" for claim in ("email", "family_name", "given_name", "groups")),
            "deletes=jira/idp/partners",
            "too-much=clavex",
        ),
    ),
    Case(
        "two plugins for one client",
        {},
        {
            "sso": {
                "jira2": {
                    "system": "jira",
                    "plugin": "atlassian",
                    "client": "atlassian",
                    "display_name": "Try it",
                }
            }
        },
    ),
    Case("second client", {}, portal(name="Portal", grant_types=["client_credentials"])),
    Case(
        "sign-on of another client",
        portal(claims={"preferred_username": "email"}),
        {
            **portal(claims={"preferred_username": "email"}),
            **confluence(client="portal"),
        },
        (*NO_ID_TOKEN, "too-much=clavex"),
    ),
    Case(
        "another client for both",
        {},
        {
            "clients": {"atlassian": None, **portal(claims={"preferred_username": "email"})["clients"]},
            "sso": {"jira": {"client": "portal"}, "confluence": {"client": "portal"}},
        },
        (*NO_ID_TOKEN, "deletes=clavex/client/atlassian", "deletes=clavex/mapper/atlassian.preferred_username"),
    ),
    Case(
        "one product left out", {}, {"sso": {"confluence": None}}, (*NO_ID_TOKEN, "deletes=confluence/idp/confluence")
    ),
    Case(
        "renamed sign-on",
        {},
        {
            "sso": {
                "confluence": None,
                "wiki": {
                    "system": "confluence",
                    "plugin": "atlassian",
                    "client": "atlassian",
                    "groups": {"confluence-users": "confluence-users"},
                },
            }
        },
        ("deletes=confluence/idp/confluence", "locks-out=confluence/idp/wiki"),
    ),
)

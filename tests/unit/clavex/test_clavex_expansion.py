"""What a spec becomes in a Clavex, and what is said about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from reconciler.core.address import Address
from reconciler.core.intent import ClaimsFrom, Client, Facts, Group, Intent, SignOn, System
from reconciler.core.resource import OnRemove
from reconciler.core.secret import Handle
from reconciler.diagnostic import Diagnostic, Severity
from reconciler.providers.clavex import provider
from reconciler.providers.clavex.resources import CLIENT

if TYPE_CHECKING:
    from reconciler.core.resource import Attributes
    from reconciler.ports import Expansion

CLAVEX = System("clavex", "clavex", "https://id.acme.eu", "acme")
JIRA = System("jira", "jira", "https://jira.acme.eu")
RELEASED = Facts(values={"dialect": "released"}, assumed=False)
GUIDE = Facts(values={"dialect": "guide"}, assumed=False)
READ = {
    "username": "preferred_username",
    "email": "email",
    "first_name": "given_name",
    "last_name": "family_name",
    "groups": "groups",
}


def client(**more: Any) -> Client:
    secret = Handle("file:acme", "clients.atlassian.client_secret")
    return Client("atlassian", "clavex", "atlassian", **{"secret": secret, **more})


def sign_on(client: Client, claims_from: ClaimsFrom = ClaimsFrom.USERINFO, **more: Any) -> SignOn:
    fields = {
        "scopes": ("openid", "profile", "email"),
        "attributes": READ,
        "groups": {},
        "callback": "https://jira.acme.eu/callback",
        **more,
    }
    return SignOn("jira", JIRA, "miniorange", client, CLAVEX, display_name="Enter", claims_from=claims_from, **fields)


def expand(*parts: Client | SignOn | Group, facts: Facts = RELEASED) -> Expansion:
    sign_ons = {item.name: item for item in parts if isinstance(item, SignOn)}
    clients = {item.name: item for item in parts if isinstance(item, Client)}
    clients |= {item.client.name: item.client for item in sign_ons.values()}
    groups = tuple(item for item in parts if isinstance(item, Group))
    intent = Intent("acme", "default", {"clavex": CLAVEX, "jira": JIRA}, clients, sign_ons, groups)
    return provider.expand(intent, CLAVEX, facts)


def attributes(found: Expansion, kind: str = "client") -> list[Attributes]:
    return [item.attributes for item in found.resources if item.address.type == kind]


def said(found: Expansion, *severities: Severity) -> list[Diagnostic]:
    return [item for item in found.diagnostics if item.severity in (severities or {*Severity} - {Severity.NOTE})]


def about(found: Expansion, where: str) -> list[str]:
    return [item.message for item in found.diagnostics if item.where == where]


# --- resources


def test_a_client_has_what_the_spec_states() -> None:
    stated = client(
        display_name="J",
        redirect_uris=("https://b", "https://a", "https://b"),
        grant_types=("refresh_token", "authorization_code"),
        active=False,
        access_token_ttl=0,
    )
    (found,) = expand(stated).resources
    assert found.address == Address("clavex", "client", "atlassian")
    assert found.attributes == {
        "client_id": "atlassian",
        "name": "J",
        "redirect_uris": ("https://a", "https://b"),
        "grant_types": ("authorization_code", "refresh_token"),
        "active": False,
        "public": False,
        "access_token_ttl": 0,
        "client_secret": "file:acme#clients.atlassian.client_secret",
    }
    assert (found.where, found.shared, found.depends_on) == ("clients.atlassian", (), ())


def test_callbacks_of_sign_ons_become_redirect_uris() -> None:
    mine = client(redirect_uris=("https://a",))
    other = client(redirect_uris=("https://o",))._replace(name="other", client_id="other")
    second = sign_on(mine)._replace(name="second", callback="https://wiki.acme.eu/callback")
    silent = sign_on(mine)._replace(name="silent", callback=None)
    found = attributes(expand(sign_on(mine), second, silent, other))
    assert [item["redirect_uris"] for item in found] == [
        ("https://o",),
        ("https://a", "https://jira.acme.eu/callback", "https://wiki.acme.eu/callback"),
    ]


def test_a_client_of_somebody_else_gets_redirect_uris_alone() -> None:
    found = expand(sign_on(client(shared=True)))
    assert attributes(found) == [{"client_id": "atlassian", "redirect_uris": ("https://jira.acme.eu/callback",)}]
    assert found.resources[0].shared == ("redirect_uris",)


def test_a_public_client_has_no_secret() -> None:
    (found,) = attributes(expand(client(public=True, redirect_uris=("https://a",))))
    assert found["public"] is True
    assert "client_secret" not in found


def test_other_systems_are_left_to_others() -> None:
    mine, theirs = Group("clavex", "users", "d", OnRemove.DELETE, "groups.users"), Group("jira", "users")
    found = expand(client()._replace(system="other"), mine, theirs)
    assert [(item.address, item.attributes, item.on_remove, item.where) for item in found.resources] == [
        (mine.address, {"name": "users", "description": "d"}, OnRemove.DELETE, "groups.users")
    ]
    assert attributes(expand(Group("clavex", "users")), "group") == [{"name": "users"}]


def test_an_id_token_gets_the_mappers_that_nobody_would_doubt() -> None:
    found = expand(sign_on(client(claims={"preferred_username": "sub"}), ClaimsFrom.ID_TOKEN))
    made = {item["claim_name"]: item for item in attributes(found, "mapper")}
    assert {name: (item["mapper_type"], item.get("attribute_name")) for name, item in made.items()} == {
        "preferred_username": ("user_property", "sub"),
        "email": ("user_property", "email"),
        "given_name": ("user_property", "first_name"),
        "family_name": ("user_property", "last_name"),
        "groups": ("group_membership", None),
    }
    assert all(item["in_tokens"] and item["name"] == name for name, item in made.items())
    mappers = [item for item in found.resources if item.address.type == "mapper"]
    assert mappers[0].address == Address("clavex", "mapper", "atlassian.preferred_username")
    assert {item.depends_on for item in mappers} == {(Address("clavex", "client", "atlassian"),)}
    assert [item.where for item in mappers[:2]] == ["clients.atlassian.claims", "clients.atlassian"]


def test_every_source_has_its_mapper() -> None:
    claims = {"team": "attribute:team", "site": "value:acme: eu", "roles": "roles", "name": "first_name"}
    made = attributes(expand(client(claims=claims, redirect_uris=("https://a",))), "mapper")
    found = {
        item["claim_name"]: (item["mapper_type"], item.get("attribute_name"), item.get("claim_value"))
        for item in made
    }
    assert found == {
        "team": ("user_attribute", "team", None),
        "site": ("hardcoded", None, "acme: eu"),
        "roles": ("role_list", None, None),
        "name": ("user_property", "first_name", None),
    }


def test_what_the_spec_says_of_a_claim_goes_before_what_is_derived() -> None:
    found = expand(
        sign_on(client(claims={"email": "attribute:mail", "preferred_username": "sub"}), ClaimsFrom.ID_TOKEN)
    )
    (mapper,) = [item for item in attributes(found, "mapper") if item["claim_name"] == "email"]
    assert mapper["mapper_type"] == "user_attribute"


@pytest.mark.parametrize(("claims_from", "facts"), [(ClaimsFrom.USERINFO, RELEASED), (ClaimsFrom.ID_TOKEN, GUIDE)])
def test_no_mapper_is_derived_where_none_is_needed_or_known(claims_from: ClaimsFrom, facts: Facts) -> None:
    assert attributes(expand(sign_on(client(), claims_from), facts=facts), "mapper") == []


# --- what the server does not keep


def test_fields_silently_dropped() -> None:
    mine = client(scopes=("openid", "profile", "email", "groups"), token_endpoint_auth_method="client_secret_post")
    found = expand(mine._replace(redirect_uris=("https://a",)))
    assert not attributes(found)[0].keys() & {"scopes", "token_endpoint_auth_method"}
    assert [item.severity for item in found.diagnostics] == [Severity.WARNING] * 2
    assert about(found, "clients.atlassian.scopes") == [
        (
            "this Clavex keeps openid, profile and email for every client, and drops groups from every login "
            "without an error; that takes nothing away, for the claim groups is in UserInfo without a scope"
        )
    ]
    assert about(found, "clients.atlassian.token_endpoint_auth_method") == [
        (
            "this Clavex does not keep the method: the record says client_secret_basic. Its token endpoint accepts "
            "client_secret_post all the same"
        )
    ]


@pytest.mark.parametrize(
    ("more", "where", "text"),
    [
        ({"scopes": ("openid",)}, "scopes", "for every client"),
        ({"scopes": ("openid", "profile", "email", "x")}, "scopes", "drops x from every login"),
        ({"post_logout_redirect_uris": ("https://out",)}, "post_logout_redirect_uris", "never looks at it"),
    ],
)
def test_what_has_no_effect_is_said(more: dict[str, Any], where: str, text: str) -> None:
    (message,) = about(expand(client(**more)), f"clients.atlassian.{where}")
    assert text in message


def test_an_empty_list_that_is_ignored() -> None:
    """It would be a perpetual change, so it is none."""
    found = expand(client(post_logout_redirect_uris=()))
    assert "post_logout_redirect_uris" not in attributes(found)[0]
    (message,) = about(found, "clients.atlassian.post_logout_redirect_uris")
    assert "ignores an empty list" in message


def test_what_the_server_keeps_is_not_mentioned() -> None:
    quiet = client(
        scopes=("email", "openid", "profile"),
        token_endpoint_auth_method="client_secret_basic",
        grant_types=("authorization_code",),
        response_types=("code",),
    )
    assert expand(quiet).diagnostics == ()


def test_a_sign_on_needs_the_code() -> None:
    mine = client(response_types=("code token",))
    assert said(expand(mine)) == []
    (problem,) = said(expand(sign_on(mine)), Severity.ERROR)
    assert problem.where == "clients.atlassian.response_types"


@pytest.mark.parametrize("facts", [RELEASED, GUIDE])
def test_a_grant_type_that_no_server_is_known_to_look_at(facts: Facts) -> None:
    listed = client(grant_types=("refresh_token",))
    found = expand(listed, sign_on(listed), facts=facts)
    (warned,) = [item for item in said(found, Severity.WARNING) if item.where == "clients.atlassian.grant_types"]
    assert "authorization_code, which is not listed" in warned.message
    assert not [item for item in expand(listed).diagnostics if item.where == "clients.atlassian.grant_types"]


def test_ps256_is_told_once() -> None:
    mine = client()
    found = expand(sign_on(mine), sign_on(mine)._replace(name="second"))
    assert [("PS256" in message) for message in about(found, "clients.atlassian")] == [True]


def test_the_guides_dialect_keeps_what_it_prints() -> None:
    mine = client(
        display_name="J",
        scopes=("openid", "groups"),
        token_endpoint_auth_method="client_secret_post",
        active=True,
        access_token_ttl=3,
        post_logout_redirect_uris=(),
        claims={"x": "email"},
    )
    found = expand(mine, facts=GUIDE)
    assert attributes(found)[0] == {
        "client_id": "atlassian",
        "redirect_uris": (),
        "name": "J",
        "scopes": ("groups", "openid"),
        "token_endpoint_auth_method": "client_secret_post",
        "client_secret": "file:acme#clients.atlassian.client_secret",
    }
    assert {item.where.rpartition(".")[2] for item in said(found, Severity.WARNING)} == {
        "active",
        "access_token_ttl",
        "post_logout_redirect_uris",
        "claims",
    }
    (problem,) = said(expand(client(public=True), facts=GUIDE), Severity.ERROR)
    assert problem.where == "clients.atlassian.public"


# --- claims


def test_the_guides_example_says_what_holds_for_user_name_and_groups() -> None:
    mine = client(claims={"preferred_username": "email"})
    jira = sign_on(mine, ClaimsFrom.USERINFO, claims_assumed=True)
    wiki = sign_on(mine, ClaimsFrom.ID_TOKEN)._replace(name="confluence", plugin="atlassian")
    found = expand(jira, wiki)
    assert about(found, "sso.jira.attributes.username") == [
        (
            "preferred_username: UserInfo has it only for users whose metadata hold it; for all others it is absent; "
            "the mapper clavex/mapper/atlassian.preferred_username does not reach UserInfo"
        )
    ]
    assert about(found, "sso.jira.attributes.groups") == [
        "groups: UserInfo has it for every user, whatever the scopes: it holds the names of the user's groups"
    ]
    assert about(found, "sso.jira.claims_from") == [
        "nothing documents where miniorange reads claims; UserInfo is assumed"
    ]
    assert about(found, "sso.confluence.attributes.username") == [
        (
            "preferred_username: the ID token has it by the mapper clavex/mapper/atlassian.preferred_username: it is "
            "the user's e-mail address"
        )
    ]
    assert about(found, "sso.confluence.attributes.groups") == [
        (
            "groups: the ID token has it by the mapper clavex/mapper/atlassian.groups: it holds the names of the "
            "user's groups"
        )
    ]
    assert about(found, "sso.confluence.claims_from") == []
    assert [item.severity for item in said(found)] == [Severity.WARNING]


@pytest.mark.parametrize(
    ("claims_from", "username", "claims", "severity", "text"),
    [
        (ClaimsFrom.USERINFO, "sub", {}, Severity.NOTE, "for every user"),
        (ClaimsFrom.USERINFO, "email", {}, Severity.NOTE, "by the scope email"),
        (ClaimsFrom.USERINFO, "department", {}, Severity.ERROR, "mappers do not reach UserInfo"),
        (ClaimsFrom.USERINFO, "login", {"login": "email"}, Severity.ERROR, "atlassian.login does not reach UserInfo"),
        (ClaimsFrom.USERINFO, "preferred_username", {}, Severity.WARNING, "metadata hold it"),
        (ClaimsFrom.ID_TOKEN, "sub", {}, Severity.NOTE, "user's UUID"),
        (ClaimsFrom.ID_TOKEN, "preferred_username", {}, Severity.ERROR, "for no user"),
        (ClaimsFrom.ID_TOKEN, "login", {"login": "attribute:uid"}, Severity.WARNING, "whose metadata hold uid"),
        (ClaimsFrom.ID_TOKEN, "login", {"login": "value:all"}, Severity.NOTE, "it is always all"),
    ],
)
def test_claims_must_arrive(
    claims_from: ClaimsFrom, username: str, claims: dict[str, str], severity: Severity, text: str
) -> None:
    found = expand(sign_on(client(claims=claims), claims_from, attributes={"username": username}))
    (item,) = [item for item in found.diagnostics if item.where == "sso.jira.attributes.username"]
    assert item.severity is severity
    assert item.message.startswith(f"{username}: ")
    assert text in item.message
    assert bool(item.remedy) is (severity is not Severity.NOTE)


@pytest.mark.parametrize("claims_from", [ClaimsFrom.USERINFO, ClaimsFrom.ID_TOKEN])
def test_what_arrives_for_sure_is_told_of_the_name_and_groups_alone(claims_from: ClaimsFrom) -> None:
    found = expand(sign_on(client(), claims_from, attributes={"email": "email", "display_name": "sub"}))
    assert [item.where for item in found.diagnostics] == ["clients.atlassian"]


def test_a_scope_that_is_not_asked_for() -> None:
    found = expand(sign_on(client(), scopes=("openid", "profile"), attributes={"email": "email"}))
    (problem,) = said(found)
    assert problem.message == "email: UserInfo has it only with the scope email, which the sign-on does not ask for"
    assert problem.where == "sso.jira.scopes"


def test_a_client_of_somebody_else_needs_its_owners_mappers() -> None:
    found = expand(sign_on(client(shared=True), ClaimsFrom.ID_TOKEN))
    assert [item.remedy for item in said(found)] == ["ask its owner for the mapper"] * 5
    assert attributes(found, "mapper") == []


def test_of_the_guides_claims_only_what_it_prints_is_known() -> None:
    found = expand(sign_on(client(), attributes={**READ, "display_name": "nick"}), facts=GUIDE)
    (message,) = about(found, "sso.jira.attributes")
    assert "only what the guide prints is known" in message
    assert message.endswith("nothing is known of nick")
    (problem,) = said(found)
    assert (
        problem.message == "groups: the guide has it arrive by the scope groups, which the sign-on does not ask for"
    )
    quiet = sign_on(client(), scopes=("openid", "groups"), attributes={"username": "sub", "groups": "groups"})
    assert said(expand(quiet, facts=GUIDE)) == []


# --- what keeps people out


@pytest.mark.parametrize(
    ("before", "after", "count"),
    [
        ({"active": True}, {"active": False}, 1),
        ({"active": False}, {"active": False}, 0),
        ({"response_types": ("code",)}, {"response_types": ("code token",)}, 1),
        ({"response_types": ("code",)}, {}, 0),
        ({"active": True, "response_types": ("code",)}, {"active": False, "response_types": ()}, 2),
    ],
)
def test_what_stops_logins(before: Attributes, after: Attributes, count: int) -> None:
    assert len(list(CLIENT.locks_out(before, after))) == count


def test_the_provider_needs_no_network_to_be_asked() -> None:
    assert provider.assumed.assumed
    assert expand(client(), facts=provider.assumed).resources

"""What the systems must hold for a spec: read off the spec and the emulators, without a line of the product."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from acceptance.workplace import Spec, Workplace

CALLBACKS = {"atlassian": "/plugins/servlet/oidc/callback", "miniorange": "/plugins/servlet/oauth/callback"}
CLAIMS = {
    "username": "preferred_username",
    "email": "email",
    "first_name": "given_name",
    "last_name": "family_name",
    "groups": "groups",
}
DERIVED = {"email": "email", "given_name": "first_name", "family_name": "last_name", "groups": "groups"}


def check(place: Workplace) -> None:
    """Holds if every system has what the spec asks for, and of clients, mappers and sign-ons nothing else."""
    spec = place.spec
    _check_clients(place, spec)
    _check_mappers(place, spec)
    _check_groups(place, spec)
    for name in ("jira", "confluence"):
        if name in spec["systems"]:
            _check_idps(place, spec, name)
            _check_miniorange(place, spec, name)


def sign_ons(spec: Spec, **having: str) -> dict[str, Any]:
    """The sign-ons of which these keys have these values."""
    return {name: table for name, table in spec.get("sso", {}).items() if having.items() <= {**table}.items()}


def client_id(spec: Spec, name: str) -> str:
    """The id of a client."""
    return str(spec["clients"][name].get("client_id", name))


def callback(spec: Spec, sign_on: Spec) -> str:
    """Where a sign-on sends people back to."""
    url = spec["systems"][sign_on["system"]]["url"].rstrip("/")
    given = sign_on.get("callback", CALLBACKS[sign_on["plugin"]])
    return str(given if "://" in given else url + given)


def client_secret(place: Workplace, name: str) -> str:
    """The secret of a client as its store has it."""
    given = place.spec["clients"][name].get("secret", "")
    if given.startswith("env:"):
        return place.environ[given.removeprefix("env:")]
    return place.stored_secrets()[f"clients.{name}.client_secret"]


def _redirect_uris(spec: Spec, name: str) -> set[str]:
    used = sign_ons(spec, client=name).values()
    return {*spec["clients"][name].get("redirect_uris", ()), *(callback(spec, sign_on) for sign_on in used)}


def _check_clients(place: Workplace, spec: Spec) -> None:
    world = place.sandbox.clavex.world
    found = dict(world.clients)
    for name, table in spec.get("clients", {}).items():
        client = found.pop(client_id(spec, name))
        uris = _redirect_uris(spec, name)
        if table.get("external"):
            assert uris <= set(client.redirect_uris)
            continue
        assert set(client.redirect_uris) == uris
        assert client.name == table.get("name", client.name)
        assert client.is_active is table.get("active", True)
        public = table.get("public", False)
        assert (client.token_endpoint_auth_method == "none") is public
        for key in ("grant_types", "response_types", "post_logout_redirect_uris"):
            if key in table:
                assert set(getattr(client, key)) == set(table[key])
        if world.switches.guide_dialect:
            assert set(client.scopes) == set(table.get("scopes", client.scopes))
            assert client.token_endpoint_auth_method == table["token_endpoint_auth_method"]
        for key in ("access_token_ttl", "refresh_token_ttl"):
            assert key not in table or (getattr(client, key) or 0) == table[key]
        environment = place.environment or "default"
        assert client.managed_by == "reconciler"
        assert (client.managed_ref or "").removesuffix("+adopted") == f"acme/{environment}/clavex/client/{name}"
        if not public:
            secret = client_secret(place, name)
            assert client.secret_digest == hashlib.sha256(secret.encode()).hexdigest()
    assert not found


def _sources(spec: Spec, name: str, *, guide: bool) -> dict[str, str]:
    sources = dict(spec["clients"][name].get("claims", {}))
    if guide:  # it expects claims to arrive by scopes
        return sources
    for sign_on in sign_ons(spec, client=name).values():
        assumed = {"atlassian": "id_token", "miniorange": "userinfo"}[sign_on["plugin"]]
        if sign_on.get("claims_from", assumed) == "id_token" and not spec["clients"][name].get("external"):
            claims = {**CLAIMS, **sign_on.get("attributes", {})}.values()
            sources = {**{claim: DERIVED[claim] for claim in claims if claim in DERIVED}, **sources}
    return sources


def _check_mappers(place: Workplace, spec: Spec) -> None:
    world = place.sandbox.clavex.world
    expected = {
        (client_id(spec, name), claim): source
        for name in spec.get("clients", {})
        for claim, source in _sources(spec, name, guide=world.switches.guide_dialect).items()
    }
    found = {(mapper.client_id, mapper.claim_name): mapper for mapper in world.mappers.values()}
    assert set(found) == set(expected)
    for key, source in expected.items():
        word, _, detail = source.partition(":")
        mapper = found[key]
        match word:
            case "attribute":
                assert (mapper.mapper_type, mapper.attribute_name) == ("user_attribute", detail)
            case "value":
                assert (mapper.mapper_type, mapper.claim_value) == ("hardcoded", detail)
            case "groups":
                assert mapper.mapper_type == "group_membership"
            case "roles":
                assert mapper.mapper_type == "role_list"
            case _:
                assert (mapper.mapper_type, mapper.attribute_name) == ("user_property", word)
        assert mapper.add_to_access_token


def _check_groups(place: Workplace, spec: Spec) -> None:
    at_clavex = {group.name for group in place.sandbox.clavex.world.groups.values()}
    for sign_on in spec.get("sso", {}).values():
        product = getattr(place.sandbox, sign_on["system"]).world
        for theirs, ours in sign_on.get("groups", {}).items():
            assert theirs in at_clavex
            assert product.find_group(ours)
    for name, table in spec.get("groups", {}).items():
        if table["system"] == "clavex":
            assert table.get("name", name) in at_clavex
        else:
            assert getattr(place.sandbox, table["system"]).world.find_group(table.get("name", name))


def _check_idps(place: Workplace, spec: Spec, product: str) -> None:
    world = getattr(place.sandbox, product).world
    found = {idp.name: idp for idp in world.idps.values()}
    assert len(found) == len(world.idps)
    wanted = sign_ons(spec, system=product, plugin="atlassian")
    assert set(found) == {table.get("atlassian", {}).get("name", name) for name, table in wanted.items()}
    for name, table in wanted.items():
        idp, client = found[table.get("atlassian", {}).get("name", name)], table["client"]
        claims = {**CLAIMS, **table.get("attributes", {})}
        assert idp.enabled is table.get("enabled", True)
        assert idp.button_text == table.get("display_name", "Sign in with Clavex")
        assert idp.issuer_url == f"{spec['systems']['clavex']['url']}/{spec['systems']['clavex']['org']}"
        assert idp.client_id == client_id(spec, client)
        assert idp.client_secret is not None
        assert idp.client_secret.get_secret_value() == client_secret(place, client)
        assert idp.username_claim == f"${{{claims['username']}}}"
        assert {"openid", *(idp.additional_scopes or ())} == {"openid", *_scopes(spec, table)}
        if table.get("groups"):
            assert idp.jit_configuration.user_provisioning_enabled
            assert idp.jit_configuration.mapping_groups == claims["groups"]
            assert idp.jit_configuration.mapping_email == f"${{{claims['email']}}}"
    for name, key in (("login_form", "show_login_form"), ("login_fallback", "enable_authentication_fallback")):
        for table in wanted.values():
            if name in table:
                assert getattr(world.sso, key) is table[name]


def _scopes(spec: Spec, sign_on: Spec) -> list[str]:
    of_client = spec["clients"][sign_on["client"]].get("scopes", ["openid", "profile", "email"])
    return list(sign_on.get("scopes", of_client))


def _check_miniorange(place: Workplace, spec: Spec, product: str) -> None:
    document = getattr(place.sandbox, product).world.miniorange
    found = {provider["Name"]: provider for provider in document["Identity Providers"]}
    assert len(found) == len(document["Identity Providers"])
    wanted = sign_ons(spec, system=product, plugin="miniorange")
    assert set(found) == {table.get("miniorange", {}).get("name", name) for name, table in wanted.items()}
    issuer = f"{spec['systems']['clavex']['url']}/{spec['systems']['clavex']['org']}"
    for name, table in wanted.items():
        provider = found[table.get("miniorange", {}).get("name", name)]
        claims = {**CLAIMS, **table.get("attributes", {})}
        application, attributes = provider["Application Configuration"], provider["Attribute Mapping"]
        assert application["CUSTOM_APP_NAME"] == table.get("display_name", "Sign in with Clavex")
        assert application["CLIENT_ID"] == client_id(spec, table["client"])
        assert application["CLIENT_SECRET"] == client_secret(place, table["client"])
        assert set(application["SCOPE"].split()) == set(_scopes(spec, table))
        assert application["AUTHORIZE_END_POINT"] == f"{issuer}/authorize"
        assert application["ACCESSTOKEN_END_POINT"] == f"{issuer}/token"
        assert application["USERINFO_END_POINT"] == f"{issuer}/userinfo"
        assert application["SEND_TOKEN_AUTHORIZATION_PARAMETERS_IN"] == "HttpBody"
        assert attributes["USERNAME_ATTRIBUTE"] == claims["username"]
        assert attributes["EMAIL_ATTRIBUTE"] == claims["email"]
        assert attributes["FIRST_NAME_ATTRIBUTE"] == claims["first_name"]
        assert attributes["LAST_NAME_ATTRIBUTE"] == claims["last_name"]
        assert provider["Group Mapping"]["ROLE_ATTRIBUTE"] == claims["groups"]
        if "update_attributes_on_login" in table:
            assert attributes.get("KEEP_EXISTING_USER_ATTRIBUTES", False) is not table["update_attributes_on_login"]
        if table.get("groups"):
            assert provider["Group Mapping"]["ON_THE_FLY_GROUP_MAPPING"] is True
        form, fallback = ("true" if table.get(key) else "false" for key in ("login_form", "login_fallback"))
        if "login_form" in table:
            assert document["Sign In Settings"]["DISABLE_DEFAULT_LOGIN"] != form
        if "login_fallback" in table:
            assert document["Sign In Settings"]["ENABLE_BACKDOOR"] == fallback

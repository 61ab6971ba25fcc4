"""What a sign-on becomes in the built-in app, and what is said about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from unit.atlassian.product import CLAVEX_FACTS, CLIENT, ISSUER, sign_on, wanted

from reconciler.core.address import Address
from reconciler.core.intent import Facts, System
from reconciler.core.resource import never_locks_out
from reconciler.diagnostic import Severity
from reconciler.providers.atlassian_sso import plugin
from reconciler.providers.atlassian_sso.types import IDP, SSO_SETTINGS
from reconciler.providers.miniorange.types import MINIORANGE

if TYPE_CHECKING:
    from reconciler.ports import Expansion

JIRA = System("jira", "jira", "https://jira.acme.eu")
CONFLUENCE = System("confluence", "confluence", "https://confluence.acme.eu/wiki")
NEW = Facts("9.2.18", assumed=False)
IDP_ADDRESS = Address("confluence", "idp", "main")
SETTINGS_ADDRESS = Address("confluence", "sso_settings", "login")
ALIKE = {"confluence-users": "confluence-users"}


def expand(
    product: System = CONFLUENCE, facts: Facts = NEW, clavex: Facts = CLAVEX_FACTS, **changes: Any
) -> Expansion:
    return plugin.expand(sign_on(product, "atlassian", **{"groups": ALIKE, **changes}), facts, clavex)


def told(expansion: Expansion, severity: Severity) -> dict[str, str]:
    return {item.where: item.message for item in expansion.diagnostics if item.severity is severity}


def test_the_guides_example() -> None:
    found = expand()
    (resource,) = found.resources
    assert resource.address == IDP_ADDRESS
    assert resource.attributes == {
        "name": "main",
        "enabled": True,
        "button_text": "Sign in with Clavex",
        "issuer": ISSUER,
        "client_id": "atlassian",
        "client_secret": "file:acme#clients.atlassian.client_secret",
        "discovery": True,
        "additional_scopes": ("email", "groups", "profile"),
        "username_claim": "${preferred_username}",
        "jit_enabled": True,
        "jit_display_name": "${given_name} ${family_name}",
        "jit_email": "${email}",
        "jit_groups": "groups",
        "callback": "https://confluence.acme.eu/wiki/plugins/servlet/oidc/callback",
        "mapped_groups": ("confluence-users",),
    }
    assert resource.depends_on == (
        Address("clavex", "client", "atlassian"),
        Address("confluence", "group", "confluence-users"),
    )
    assert resource.where == "sso.main"
    assert not resource.manual
    assert not told(found, Severity.ERROR)
    assert not told(found, Severity.WARNING)
    assert "takes all others away" in told(found, Severity.NOTE)["sso.main"]


def test_every_attribute_is_known_to_the_type() -> None:
    for resource in expand(login_form=False).resources:
        assert set(resource.attributes) <= set(resource.type.attributes)


def test_the_name_can_be_chosen() -> None:
    assert wanted(expand(options={"name": "Clavex"}), "idp").attributes["name"] == "Clavex"


@pytest.mark.parametrize("options", [{"name": ""}, {"nam": "x"}, {"name": 7}, {"token_endpoint": "//x/y"}])
def test_wrong_options_are_told_with_their_key(options: dict[str, Any]) -> None:
    (where,) = told(expand(options=options), Severity.ERROR)
    assert where == f"sso.main.atlassian.{next(iter(options))}"


def test_without_discovery_the_issuer_is_what_clavex_makes() -> None:
    assert wanted(expand(clavex=Facts()), "idp").attributes["issuer"] == ISSUER


def test_without_a_claim_for_the_user_name_the_product_decides() -> None:
    assert "username_claim" not in wanted(expand(attributes={"email": "email"}, groups={}), "idp").attributes


def test_a_display_name_goes_before_first_and_last() -> None:
    claims = {"display_name": "name", "first_name": "given_name", "email": "email", "groups": "groups"}
    assert wanted(expand(attributes=claims), "idp").attributes["jit_display_name"] == "${name}"


def test_just_in_time_needs_claims() -> None:
    found = expand(attributes={"username": "sub"})
    errors = [item for item in found.diagnostics if item.severity is Severity.ERROR]
    assert {item.where for item in errors} == {"sso.main.attributes"}
    assert len(errors) == 3


@pytest.mark.parametrize(
    ("groups", "update", "create", "jit"),
    [
        ({}, None, None, None),
        ({}, False, None, False),
        ({}, False, False, False),
        ({}, True, None, True),
        ({}, None, True, True),
        (ALIKE, None, None, True),
        (ALIKE, True, True, True),
    ],
)
def test_just_in_time_is_one_switch(groups: Any, update: Any, create: Any, jit: Any) -> None:
    found = expand(groups=groups, update_attributes_on_login=update, create_users=create)
    assert wanted(found, "idp").attributes.get("jit_enabled") == jit
    assert ("jit_email" in wanted(found, "idp").attributes) is bool(jit)
    assert not told(found, Severity.ERROR)
    if not jit:
        assert "only people who have an account already" in told(found, Severity.NOTE)["sso.main"]


@pytest.mark.parametrize(
    ("wishes", "where"),
    [
        ({"update_attributes_on_login": True, "create_users": False}, "sso.main.create_users"),
        ({"update_attributes_on_login": False}, "sso.main.update_attributes_on_login"),
    ],
)
def test_parts_of_the_one_switch_cannot_differ(wishes: dict[str, Any], where: str) -> None:
    assert set(told(expand(**wishes), Severity.ERROR)) == {where}


def test_a_mapping_to_another_name_is_an_error_that_says_why() -> None:
    found = expand(groups={"wiki-people": "confluence-users", **ALIKE})
    assert told(found, Severity.ERROR) == {
        "sso.main.groups": "wiki-people is mapped to confluence-users, and the names must be equal: "
        "the built-in app has no table of groups and takes names as Clavex sends them"
    }


def test_texts_of_more_than_255_characters_are_refused() -> None:
    found = expand(display_name="x" * 256)
    assert "button_text has 256 characters" in told(found, Severity.ERROR)["sso.main"]
    assert not told(expand(display_name="x" * 255), Severity.ERROR)


def test_a_client_without_a_secret_is_an_error() -> None:
    found = expand(client=CLIENT._replace(secret=None))
    assert "has no secret" in told(found, Severity.ERROR)["sso.main.client"]
    assert "client_secret" not in wanted(found, "idp").attributes


def test_another_callback_is_a_warning_and_kept() -> None:
    found = expand(callback="https://confluence.acme.eu/wiki/other")
    assert "Clavex will refuse the login" in told(found, Severity.WARNING)["sso.main.callback"]
    assert wanted(found, "idp").attributes["callback"] == "https://confluence.acme.eu/wiki/other"
    assert not told(expand(callback=plugin.callback(sign_on(CONFLUENCE, "atlassian"))), Severity.WARNING)


@pytest.mark.parametrize(
    ("kind", "version", "severity"),
    [
        ("jira", "8.14.3", Severity.ERROR),
        ("jira", "8.15.0", Severity.WARNING),
        ("jira", "9.3.9", Severity.WARNING),
        ("jira", "9.4.0", None),
        ("jira", "", None),
        ("confluence", "7.11.6", Severity.ERROR),
        ("confluence", "7.12.0", None),
        ("bitbucket", "8.0", Severity.ERROR),
    ],
)
def test_version_gates(kind: str, version: str, severity: Severity | None) -> None:
    found = expand(product=System("it", kind, "https://it.acme.eu"), facts=Facts(version))
    assert {item.severity for item in found.diagnostics if item.where == "sso.main.plugin"} == (
        {severity} if severity else set()
    )


def test_what_the_app_has_no_place_for_is_a_warning() -> None:
    found = expand(default_groups=("everybody",), auto_redirect=True)
    assert set(told(found, Severity.WARNING)) == {"sso.main.default_groups", "sso.main.auto_redirect"}
    assert Address("confluence", "group", "everybody") in wanted(found, "idp").depends_on
    assert not told(expand(default_groups=()), Severity.WARNING)


@pytest.mark.parametrize(
    ("form", "fallback", "attributes"),
    [
        (None, None, None),
        (True, None, {"show_login_form": True}),
        (None, True, {"authentication_fallback": True}),
        (False, True, {"show_login_form": False, "authentication_fallback": True}),
    ],
)
def test_settings_only_when_the_spec_manages_them(form: Any, fallback: Any, attributes: Any) -> None:
    found = expand(login_form=form, login_fallback=fallback)
    assert [dict(item.attributes) for item in found.resources[1:]] == ([attributes] if attributes else [])


def test_the_form_is_shown_before_the_sign_on_is_touched_and_hidden_after() -> None:
    shown = expand(login_form=True, login_fallback=True)
    assert SETTINGS_ADDRESS in wanted(shown, "idp").depends_on
    assert wanted(shown, "sso_settings").depends_on == ()
    hidden = expand(login_form=False, login_fallback=True)
    assert wanted(hidden, "sso_settings").depends_on == (IDP_ADDRESS,)
    assert SETTINGS_ADDRESS not in wanted(hidden, "idp").depends_on


def test_what_the_app_has_besides_is_written_if_the_spec_says_so() -> None:
    options = {
        "enable_remember_me": True,
        "include_customer_logins": False,
        "additional_openid_scopes": ["phone", "address"],
        "show_login_form_for_jsm": False,
        "discovery_refresh_cron": "0 0 3 * * ?",
    }
    found = expand(product=JIRA, facts=Facts("10.3.24"), options=options)
    idp, settings = wanted(found, "idp"), wanted(found, "sso_settings")
    assert idp.attributes["enable_remember_me"] is True
    assert idp.attributes["include_customer_logins"] is False
    assert idp.attributes["jit_scopes"] == ("address", "phone")
    assert settings.attributes == {"show_login_form_for_jsm": False, "discovery_refresh_cron": "0 0 3 * * ?"}
    assert settings.depends_on == (idp.address,)
    assert not told(found, Severity.WARNING)


def test_what_has_no_effect_is_a_warning() -> None:
    options = {"include_customer_logins": True, "show_login_form_for_jsm": True, "additional_openid_scopes": ["x"]}
    found = expand(options=options, groups={}, update_attributes_on_login=None)
    assert set(told(found, Severity.WARNING)) == {f"sso.main.atlassian.{name}" for name in options}
    assert "jit_scopes" not in wanted(found, "idp").attributes


def test_without_discovery_the_endpoints_are_those_of_clavex_or_of_the_spec() -> None:
    inside = "http://clavex.internal:8080/acme/token"
    found = expand(options={"discovery_enabled": False, "token_endpoint": inside})
    attributes = wanted(found, "idp").attributes
    assert attributes["discovery"] is False
    assert attributes["authorization_endpoint"] == f"{ISSUER}/authorize"
    assert attributes["token_endpoint"] == inside
    assert attributes["userinfo_endpoint"] == f"{ISSUER}/userinfo"
    assert told(found, Severity.WARNING) == {
        "sso.main.atlassian.token_endpoint": "token_endpoint is at clavex.internal:8080, and clavex at id.acme.eu"
    }
    same = {"discovery_enabled": False, "token_endpoint": f"{ISSUER}/token"}
    assert not told(expand(options=same), Severity.WARNING)
    assert plugin.needs_endpoints(sign_on(CONFLUENCE, "atlassian", options=same))


def test_endpoints_that_nobody_gives_or_that_discovery_gives_are_errors() -> None:
    off = {"discovery_enabled": False, "authorization_endpoint": f"{ISSUER}/authorize"}
    found = expand(options=off, clavex=Facts("1.0", assumed=False))
    assert (
        "does not give token_endpoint, userinfo_endpoint"
        in told(found, Severity.ERROR)["sso.main.atlassian.discovery_enabled"]
    )
    assert not told(expand(options=off, clavex=Facts()), Severity.ERROR)
    on = expand(options={"token_endpoint": f"{ISSUER}/token"})
    assert set(told(on, Severity.ERROR)) == {"sso.main.atlassian.token_endpoint"}
    assert "token_endpoint" not in wanted(on, "idp").attributes


def test_just_in_time_that_comes_on_may_lock_out() -> None:
    on, off = {"jit_enabled": True, "mapped_groups": ()}, {"jit_enabled": False, "mapped_groups": ()}
    assert "just-in-time provisioning comes on" in next(iter(IDP.locks_out(off, on)))
    assert list(IDP.locks_out({}, on))
    for before, after in ((on, on), (on, off), (off, off), (on, {})):
        assert not list(IDP.locks_out(before, after))


def test_what_is_mended_is_known_to_the_types() -> None:
    for kind in (IDP, MINIORANGE):
        assert kind.mends
        assert kind.shown.issuperset(kind.mends)


def test_a_group_of_administrators_that_is_no_longer_mapped_may_lock_out() -> None:
    both = {"mapped_groups": ("Jira-Administrators", "users")}
    assert "Jira-Administrators is no longer mapped" in next(iter(IDP.locks_out(both, {"mapped_groups": ("users",)})))
    assert list(IDP.locks_out(both, {}))
    assert not list(IDP.locks_out(both, {"mapped_groups": ("Jira-Administrators",)}))
    assert not list(IDP.locks_out(both, {"button_text": "only that is known"}))
    assert not list(IDP.locks_out({}, {}))


def test_a_form_or_a_fallback_that_goes_off_may_lock_out() -> None:
    on = {"show_login_form": True, "show_login_form_for_jsm": True, "authentication_fallback": True}
    off = dict.fromkeys(on, False)
    assert len(list(SSO_SETTINGS.locks_out(on, off))) == 3
    assert set(SSO_SETTINGS.doors) == set(on)
    for before, after in ((off, on), (off, off), (on, on)):
        assert not list(SSO_SETTINGS.locks_out(before, after))
    assert SSO_SETTINGS.locks_out is not never_locks_out


def test_the_plugin_is_what_the_registry_expects() -> None:
    made = sign_on(CONFLUENCE, "atlassian")
    assert (plugin.name, plugin.claims_from, plugin.needs_endpoints(made)) == ("atlassian", "id_token", False)
    assert {kind.name for kind in plugin.types} == {"idp", "sso_settings"}

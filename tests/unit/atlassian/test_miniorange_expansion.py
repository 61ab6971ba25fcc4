"""What a sign-on becomes in miniOrange, and what is said about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from unit.atlassian.product import CLAVEX_FACTS, CLIENT, sign_on, wanted

from reconciler.core.address import Address
from reconciler.core.intent import Facts, System
from reconciler.diagnostic import Severity
from reconciler.providers.miniorange import plugin
from reconciler.providers.miniorange.types import MINIORANGE, SIGN_IN

if TYPE_CHECKING:
    from reconciler.ports import Expansion

JIRA = System("jira", "jira", "https://jira.acme.eu")
PROVIDER = Address("jira", "miniorange", "main")
SETTINGS = Address("jira", "miniorange_sign_in", "login")
FILES = {"route": "file", "export": "/run/export.json", "import": "/run/import.json"}


def expand(clavex: Facts = CLAVEX_FACTS, **changes: Any) -> Expansion:
    return plugin.expand(sign_on(JIRA, "miniorange", **{"options": {"route": "rest"}, **changes}), Facts(), clavex)


def told(expansion: Expansion, severity: Severity) -> dict[str, str]:
    return {item.where: item.message for item in expansion.diagnostics if item.severity is severity}


def test_the_guides_example() -> None:
    found = expand()
    (resource,) = found.resources
    assert resource.address == PROVIDER
    assert resource.attributes == {
        "name": "main",
        "display_name": "Sign in with Clavex",
        "client_id": "atlassian",
        "client_secret": "file:acme#clients.atlassian.client_secret",
        "scopes": ("email", "groups", "openid", "profile"),
        "authorization_endpoint": "https://id.acme.eu/acme/authorize",
        "token_endpoint": "https://id.acme.eu/acme/token",
        "userinfo_endpoint": "https://id.acme.eu/acme/userinfo",
        "token_parameters_in": "HttpBody",
        "username_attribute": "preferred_username",
        "email_attribute": "email",
        "first_name_attribute": "given_name",
        "last_name_attribute": "family_name",
        "separate_names": True,
        "group_attribute": "groups",
        "on_the_fly_groups": True,
        "update_on_login": True,
        "callback": "https://jira.acme.eu/plugins/servlet/oauth/callback",
        "mapped_groups": ("jira-administrators", "jira-software-users"),
        "route": "rest",
    }
    assert resource.depends_on == (
        Address("clavex", "client", "atlassian"),
        Address("jira", "group", "jira-administrators"),
        Address("jira", "group", "jira-software-users"),
    )
    assert not resource.manual
    assert not told(found, Severity.ERROR)
    assert not told(found, Severity.WARNING)
    notes = told(found, Severity.NOTE)
    assert "every group of equal name, not only those of the table" in notes["sso.main"]
    assert "unverified" in notes["sso.main.miniorange"]


def test_what_the_spec_leaves_out_is_not_managed() -> None:
    found = expand(groups={}, update_attributes_on_login=None, attributes={"username": "sub"})
    attributes = wanted(found, "miniorange").attributes
    assert not {
        "on_the_fly_groups", "keep_groups", "update_on_login", "create_users", "default_groups", "separate_names",
        "email_attribute", "group_attribute", "full_name_attribute", "export", "import", "accept_version",
    } & set(attributes)  # fmt: skip


def test_what_the_spec_says_is_managed() -> None:
    found = expand(
        update_attributes_on_login=False,
        create_users=True,
        default_groups=("b", "a"),
        attributes={"username": "sub", "display_name": "name"},
        options={"route": "rest", "keep_groups": True, "name": "Clavex", "accept_version": "3.1.0"},
        client=CLIENT._replace(token_endpoint_auth_method="client_secret_basic"),
    )
    attributes = wanted(found, "miniorange").attributes
    expected = {
        "name": "Clavex", "update_on_login": False, "create_users": True, "default_groups": ("a", "b"),
        "keep_groups": True, "full_name_attribute": "name", "separate_names": False,
        "token_parameters_in": "HttpHeader", "accept_version": "3.1.0",
    }  # fmt: skip
    assert expected.items() <= attributes.items()
    assert not told(found, Severity.WARNING)


def test_every_attribute_is_known_to_its_type() -> None:
    for resource in expand(login_form=False, options=FILES).resources:
        assert set(resource.attributes) <= set(resource.type.attributes)


def test_a_table_to_other_names_is_an_error_that_says_why() -> None:
    (text,) = told(expand(groups={"staff": "jira-software-users"}), Severity.ERROR).values()
    assert "staff is mapped to jira-software-users" in text
    assert "nobody has seen how the plugin writes a table" in text


def test_a_client_without_a_secret_is_an_error() -> None:
    found = expand(client=CLIENT._replace(secret=None))
    assert "has no secret" in told(found, Severity.ERROR)["sso.main.client"]
    assert "client_secret" not in wanted(found, "miniorange").attributes


def test_the_guides_callback_is_a_warning_here() -> None:
    """Facts atlassian 13, row 1: the guide prints the path of the built-in app."""
    found = expand(callback="https://jira.acme.eu/plugins/servlet/oidc/callback")
    assert (
        "sends people back to https://jira.acme.eu/plugins/servlet/oauth"
        in told(found, Severity.WARNING)["sso.main.callback"]
    )


def test_endpoints_that_discovery_does_not_give_are_an_error_once_it_was_asked() -> None:
    some = Facts(values={"token_endpoint": "https://x/token"}, assumed=False)
    assert "authorization_endpoint, userinfo_endpoint" in told(expand(clavex=some), Severity.ERROR)["sso.main"]
    unasked = expand(clavex=Facts())
    assert not told(unasked, Severity.ERROR)
    assert "token_endpoint" not in wanted(unasked, "miniorange").attributes


def test_what_the_plugin_has_no_switch_for() -> None:
    assert "no known switch" in told(expand(enabled=False), Severity.ERROR)["sso.main.enabled"]
    warned = told(expand(create_users=False, auto_redirect=True), Severity.WARNING)
    assert set(warned) == {"sso.main.create_users", "sso.main.auto_redirect"}


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({}, "sso.main.miniorange"),
        ({"export": "/run/a"}, "sso.main.miniorange"),
        ({"export": "/run/a", "import": "/run//a"}, "sso.main.miniorange"),
        ({"export": "/run/a", "import": "state/acme/import.json"}, "sso.main.miniorange.import"),
        ({"route": "rest", "export": "/run/a"}, "sso.main.miniorange"),
        ({"route": "rest", "import": "/run/a"}, "sso.main.miniorange"),
        ({"route": "soap"}, "sso.main.miniorange.route"),
        ({"exports": "x"}, "sso.main.miniorange.exports"),
        ({"import": ""}, "sso.main.miniorange.import"),
    ],
)
def test_options_that_do_not_fit_are_told_with_their_key(options: dict[str, Any], where: str) -> None:
    assert set(told(expand(options=options), Severity.ERROR)) == {where}


def test_a_file_in_the_folder_state_is_told_apart_from_a_file_of_that_name() -> None:
    assert not told(expand(options={**FILES, "import": "/run/state"}), Severity.ERROR)


def test_route_file_is_manual() -> None:
    found = expand(options=FILES, login_form=True)
    for resource in found.resources:
        assert resource.manual
        assert {key: resource.attributes[key] for key in FILES} == FILES
    assert "/run/export.json" in told(found, Severity.NOTE)["sso.main.miniorange"]


@pytest.mark.parametrize(
    ("wishes", "attributes"),
    [
        ({}, None),
        ({"login_form": True}, {"show_login_form": True}),
        ({"login_fallback": True}, {"authentication_fallback": True}),
        ({"auto_redirect": False}, {"auto_redirect": False}),
        ({"login_form": False, "login_fallback": True}, {"show_login_form": False, "authentication_fallback": True}),
    ],
)
def test_sign_in_settings_only_when_the_spec_manages_them(wishes: dict[str, Any], attributes: Any) -> None:
    found = expand(**wishes).resources[1:]
    expected = [{**attributes, "button_text": "Sign in with Clavex", "route": "rest"}] if attributes else []
    assert [dict(item.attributes) for item in found] == expected


def test_the_form_is_shown_before_the_sign_on_is_touched_and_hidden_after() -> None:
    shown = expand(login_form=True)
    assert SETTINGS in wanted(shown, "miniorange").depends_on
    assert wanted(shown, "miniorange_sign_in").depends_on == ()
    for wishes in ({"login_form": False}, {"login_fallback": False}, {"auto_redirect": True}):
        hidden = expand(**wishes)
        assert wanted(hidden, "miniorange_sign_in").depends_on == (PROVIDER,)
        assert SETTINGS not in wanted(hidden, "miniorange").depends_on


def test_one_import_file_carries_the_sign_on_and_a_form_that_stays() -> None:
    found = expand(options=FILES, login_form=True)
    assert wanted(found, "miniorange_sign_in").depends_on == ()
    assert SETTINGS not in wanted(found, "miniorange").depends_on


def test_group_removal_that_comes_on_may_lock_out() -> None:
    on, off = {"on_the_fly_groups": True, "mapped_groups": ()}, {"on_the_fly_groups": False, "mapped_groups": ()}
    kept = {**on, "keep_groups": True}
    for before in ({}, off, kept):
        assert "on-the-fly group mapping comes on" in next(iter(MINIORANGE.locks_out(before, on)))
    for before, after in ((off, kept), (on, on), (on, off), (on, {})):
        assert not list(MINIORANGE.locks_out(before, after))


def test_a_group_of_administrators_that_is_no_longer_mapped_may_lock_out() -> None:
    assert list(MINIORANGE.locks_out({"mapped_groups": ("jira-administrators",)}, {"mapped_groups": ()}))
    assert len(list(SIGN_IN.locks_out({"show_login_form": True}, {"show_login_form": False}))) == 1


def test_the_plugin_is_what_the_registry_expects() -> None:
    assert (plugin.name, plugin.claims_from) == ("miniorange", "userinfo")
    assert {kind.name for kind in plugin.types if kind.document} == {"miniorange", "miniorange_sign_in"}

"""What a sign-on becomes in the app by resolution, and what is said of it."""

from __future__ import annotations

from typing import Any

import pytest
from unit.atlassian.product import CLAVEX_FACTS, CLIENT, ENDPOINTS, ISSUER, sign_on

from reconciler.core.address import Address
from reconciler.core.intent import Facts, System
from reconciler.diagnostic import Severity
from reconciler.providers.resolution import plugin
from reconciler.providers.resolution.types import digest_of, locks_out, parse_confirmation

JIRA = System("jira", "jira", "https://jira.acme.eu")
CALLBACK = "https://jira.acme.eu/plugins/servlet/x"


def expanded(product: System = JIRA, **changes: Any) -> Any:
    return plugin.expand(sign_on(product, "resolution", **{"callback": CALLBACK, **changes}), Facts(), CLAVEX_FACTS)


def attributes(**changes: Any) -> Any:
    return expanded(**changes).resources[0].attributes


def errors(**changes: Any) -> dict[str, str]:
    found = expanded(**changes).diagnostics
    return {item.where: item.message for item in found if item.severity is Severity.ERROR}


def test_everything_that_a_person_types_in_is_worked_out() -> None:
    (wanted,) = expanded().resources
    assert wanted.manual
    assert wanted.address == Address("jira", "resolution", "main")
    assert wanted.depends_on == (
        CLIENT.address,
        Address("jira", "group", "jira-administrators"),
        Address("jira", "group", "jira-software-users"),
    )
    assert wanted.attributes.keys() <= wanted.type.attributes.keys()
    assert {name: wanted.attributes[name] for name in ENDPOINTS} == ENDPOINTS
    assert wanted.attributes["discovery"] == f"{ISSUER}/.well-known/openid-configuration"
    assert wanted.attributes["group_mapping"] == {
        "jira-administrators": "jira-administrators",
        "jira-software-users": "jira-software-users",
    }
    assert wanted.attributes["client_secret"] == "file:acme#clients.atlassian.client_secret"
    assert errors() == {}


def test_the_plugin_has_no_callback_of_its_own() -> None:
    assert plugin.callback(sign_on(JIRA, "resolution")) == ""
    found = expanded(callback="").diagnostics
    (missing,) = [item for item in found if item.severity is Severity.ERROR]
    assert missing.where == "sso.main.callback"
    assert "the wizard shows the URL" in missing.remedy


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"client": CLIENT._replace(secret=None)}, "sso.main.client"),
        ({"enabled": False}, "sso.main.enabled"),
        ({"product": System("bamboo", "bamboo", "https://bamboo.acme.eu")}, "sso.main"),
        ({"options": {"confirmed": "yes"}}, "sso.main.resolution.confirmed"),
    ],
)
def test_what_cannot_be_is_an_error(changes: dict[str, Any], where: str) -> None:
    assert list(errors(**changes)) == [where]


def test_other_products_and_other_versions_need_the_key_of_the_app() -> None:
    options = {"app_key": "com.resolution.bamboo"}
    assert errors(product=System("bamboo", "bamboo", "https://bamboo.acme.eu"), options=options) == {}
    assert attributes(options=options)["app_key"] == "com.resolution.bamboo"


def test_different_names_of_groups_are_no_problem_for_a_person() -> None:
    assert errors(groups={"admins": "jira-administrators"}) == {}
    assert attributes(groups={"admins": "jira-administrators"})["group_mapping"] == {"admins": "jira-administrators"}
    assert "group_mapping" not in attributes(groups={})


def test_options_and_wishes_are_typed_in_only_where_the_spec_has_them() -> None:
    plain = attributes()
    assert plain["name"] == "main"
    assert {"show_login_form", "create_users", "default_groups", "confirmation"}.isdisjoint(plain)
    wishes = attributes(
        options={"name": "Clavex", "confirmed": None, "app_key": None},
        login_form=False,
        create_users=True,
        default_groups=("b", "a"),
    )
    assert (wishes["name"], wishes["show_login_form"], wishes["create_users"]) == ("Clavex", False, True)
    assert wishes["default_groups"] == ("a", "b")


@pytest.mark.parametrize(
    "changes",
    [
        {"display_name": "Enter"},
        {"callback": f"{CALLBACK}/2"},
        {"groups": {"admins": "jira-administrators"}},
        {"attributes": {"username": "email"}},
        {"login_form": True},
        {"options": {"name": "Clavex"}},
    ],
)
def test_every_value_counts_for_the_digest(changes: dict[str, Any]) -> None:
    assert attributes(**changes)["confirmed"] != attributes()["confirmed"]


def test_what_nobody_types_in_does_not_count_for_the_digest() -> None:
    said = f"{'0' * 12}-{'0' * 32}"
    same = attributes(
        options={"confirmed": said, "app_key": "k"}, client=CLIENT._replace(secret=CLIENT.secret._replace(name="y"))
    )
    assert same["confirmed"] == attributes()["confirmed"] == digest_of(same)
    assert same["confirmation"] == said


def test_a_confirmation_is_its_text() -> None:
    said = parse_confirmation(f"{'a' * 12}-{'b' * 32}")
    assert said is not None
    assert str(said) == f"{'a' * 12}-{'b' * 32}"
    for text in ("", "a", f"{'a' * 12}-{'b' * 31}", f"{'A' * 12}-{'b' * 32}", f"{'a' * 12}-{'b' * 32}\n"):
        assert parse_confirmation(text) is None


def test_people_are_told_what_keeps_them_out() -> None:
    before = attributes(login_form=True, login_fallback=True)
    after = attributes(login_form=False, login_fallback=False, groups={})
    texts = list(locks_out(before, after))
    assert [text.split()[0] for text in texts] == ["the", "the", "jira-administrators"]
    assert list(locks_out(before, before)) == []

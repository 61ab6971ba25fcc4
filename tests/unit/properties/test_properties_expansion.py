"""What a sign-on becomes in jira-config.properties, and what a person is told first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from unit.atlassian.product import CLAVEX_FACTS, CLIENT, ISSUER, sign_on
from unit.properties.keyed import JIRA, made

from reconciler.core.address import Address
from reconciler.core.intent import Facts, System
from reconciler.diagnostic import Severity
from reconciler.providers.properties import plugin

FILE = "/var/atlassian/jira/jira-config.properties"
GOOD = {"file": FILE, "secret_in_clear": True}


def findings(severity: Severity, product: System = JIRA, version: str = "10.3.24", **changes: Any) -> dict[str, str]:
    wish = sign_on(
        product, "properties", **{"options": GOOD, "groups": {}, "update_attributes_on_login": None, **changes}
    )
    expansion = plugin.expand(wish, Facts(version, assumed=False), CLAVEX_FACTS)
    return {item.where: item.message for item in expansion.diagnostics if item.severity is severity}


def test_the_six_keys_of_the_guide() -> None:
    wanted = made(Path("/jira")).desired
    assert wanted.address == Address("jira", "properties", "main")
    assert wanted.attributes == {
        "file": "/jira/jira-config.properties",
        "enabled": True,
        "issuer": ISSUER,
        "client_id": "atlassian",
        "client_secret": "file:acme#clients.atlassian.client_secret",
        "scopes": ("email", "groups", "openid", "profile"),
        "username_attribute": "preferred_username",
        "callback": "https://jira.acme.eu/plugins/servlet/oidc/callback",
    }
    assert wanted.depends_on == (CLIENT.address,)
    assert not wanted.manual
    assert "username_attribute" not in made(Path("/jira"), attributes={}).desired.attributes


def test_a_person_is_told_that_it_is_unverified_in_clear_and_needs_a_restart() -> None:
    (warned,) = findings(Severity.WARNING).values()
    assert "no document of Atlassian knows them" in warned
    assert f"stands in {FILE} in clear" in warned
    (noted,) = findings(Severity.NOTE).values()
    assert "takes effect when Jira starts again" in noted
    assert findings(Severity.ERROR) == {}


def test_the_secret_must_be_asked_for_in_so_many_words() -> None:
    for options in ({"file": FILE}, {"file": FILE, "secret_in_clear": False}):
        expansion = plugin.expand(sign_on(JIRA, "properties", options=options), Facts(), CLAVEX_FACTS)
        (refused,) = [item for item in expansion.diagnostics if item.severity is Severity.ERROR]
        assert refused.where == "sso.main.properties.secret_in_clear"
        assert 'plugin = "atlassian"' in refused.remedy


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"client": CLIENT._replace(secret=None)}, "sso.main.client"),
        ({"product": System("confluence", "confluence", "https://wiki.acme.eu")}, "sso.main.plugin"),
        ({"options": {**GOOD, "file": "jira-config.properties"}}, "sso.main.properties.file"),
        ({"options": {**GOOD, "file": "/home/jira/.bashrc"}}, "sso.main.properties.file"),
    ],
)
def test_what_cannot_be_is_an_error(changes: dict[str, Any], where: str) -> None:
    assert list(findings(Severity.ERROR, **changes)) == [where]


@pytest.mark.parametrize(
    ("changes", "where", "text"),
    [
        ({"version": "9.3.1"}, "sso.main.plugin", "9.4 or later"),
        ({"callback": "https://jira.acme.eu/x"}, "sso.main.callback", "unless this version"),
        (
            {"groups": {"a": "b"}, "login_form": False, "create_users": True},
            "sso.main",
            "groups, create_users, login_form",
        ),
    ],
)
def test_what_may_not_work_is_a_warning(changes: dict[str, Any], where: str, text: str) -> None:
    assert text in findings(Severity.WARNING, **changes)[where]

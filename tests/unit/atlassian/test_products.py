"""Jira and Confluence themselves: version, base URL, gates, groups of the spec."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from unit.atlassian.product import connection, intent, opened, side, sign_on, system_of

from reconciler.core.address import Address
from reconciler.core.intent import Facts, Group, System
from reconciler.core.resource import OnRemove
from reconciler.core.secret import Handle
from reconciler.diagnostic import Severity
from reconciler.errors import BadAnswerError, StatusError
from reconciler.providers import atlassian_sso
from reconciler.providers import confluence as confluence_provider
from reconciler.providers import jira as jira_provider
from reconciler.sandbox.atlassian import Switches
from reconciler.sandbox.atlassian import jira as emulated_jira
from reconciler.sandbox.faults import Fault, Kind
from reconciler.sandbox.serve import Sandbox

if TYPE_CHECKING:
    from reconciler.ports import Http

JIRA = System("jira", "jira", "https://jira.acme.eu", token=Handle("env", "TOKEN"))


def test_jira_is_asked_once_for_its_version(sandbox: Sandbox, jira: Http) -> None:
    found = connection(jira_provider.provider, sandbox.jira, jira)
    assert found.facts == Facts("10.3.24", {"base_url": sandbox.jira.url}, assumed=False)
    assert set(found.handlers) == {"group", "application_role"}
    assert sandbox.jira.faults.requests == [("GET", "/rest/api/2/serverInfo")]


def test_confluence_is_asked_once_for_its_version(sandbox: Sandbox, confluence: Http) -> None:
    found = connection(confluence_provider.provider, sandbox.confluence, confluence)
    assert found.facts == Facts("9.2.18", {"base_url": sandbox.confluence.url}, assumed=False)
    assert sandbox.confluence.faults.requests == [("GET", "/rest/api/server-information")]


def test_an_older_confluence_tells_its_version_in_the_manifest(sandbox: Sandbox, confluence: Http) -> None:
    sandbox.confluence.world.version = "8.5.4"
    found = connection(confluence_provider.provider, sandbox.confluence, confluence)
    assert found.facts == Facts("8.5.4", {"base_url": sandbox.confluence.url}, assumed=False)
    assert [path for _, path in sandbox.confluence.faults.requests] == [
        "/rest/api/server-information",
        "/rest/applinks/1.0/manifest",
    ]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Kind.HTML, BadAnswerError),
        (Kind.LOGIN_REDIRECT, BadAnswerError),
        (Kind.TRUNCATED_JSON, BadAnswerError),
        (Kind.ERROR_IN_200, BadAnswerError),
        (Kind.EXPIRED_TOKEN, StatusError),
        (Kind.WEBSUDO, StatusError),
    ],
)
def test_a_connection_that_fails_says_where(sandbox: Sandbox, jira: Http, fault: Kind, error: type[Any]) -> None:
    sandbox.jira.faults.add(Fault(kind=fault, times=None))
    with pytest.raises(error, match=r"/rest/api/2/serverInfo"):
        connection(jira_provider.provider, sandbox.jira, jira)


def test_a_context_path_is_part_of_every_path() -> None:
    """The base URL may have one (facts atlassian 2.1)."""
    with (
        Sandbox(jira=emulated_jira(switches=Switches(context_path="/jira"))) as sandbox,
        opened(sandbox.jira) as http,
    ):
        found = connection(jira_provider.provider, sandbox.jira, http)
        wish = sign_on(system_of(sandbox.jira), "atlassian")
        written = side(atlassian_sso.plugin, http, wish, "idp").create()
    assert found.facts.values["base_url"] == http.url
    assert http.url.endswith("/jira")
    assert written.remote_id


def test_groups_of_spec_and_mappings_become_resources_once() -> None:
    made = sign_on(JIRA, "miniorange", default_groups=("everybody",))
    listed = (
        Group("jira", "jira-administrators", on_remove=OnRemove.DELETE, where="groups.jira-administrators"),
        Group("confluence", "other"),
    )
    elsewhere = sign_on(System("confluence", "confluence", "https://x"), "atlassian", name="other", groups={"a": "a"})
    found = jira_provider.provider.expand(intent(made, elsewhere, groups=listed), JIRA, Facts())
    assert not found.diagnostics
    assert {item.address: (item.attributes, item.on_remove, item.manual, item.where) for item in found.resources} == {
        Address("jira", "group", name): ({"name": name}, on_remove, False, where)
        for name, on_remove, where in [
            ("jira-administrators", OnRemove.DELETE, "groups.jira-administrators"),
            ("everybody", OnRemove.FORGET, "sso.main.groups"),
            ("jira-software-users", OnRemove.FORGET, "sso.main.groups"),
        ]
    }


def test_two_spellings_of_one_group_are_an_error() -> None:
    made = sign_on(JIRA, "miniorange")
    found = jira_provider.provider.expand(intent(made, groups=(Group("jira", "Jira-Administrators"),)), JIRA, Facts())
    (problem,) = found.diagnostics
    assert problem.severity is Severity.ERROR
    assert "Jira-Administrators and jira-administrators" in problem.message


@pytest.mark.parametrize(
    ("version", "base", "told"),
    [
        ("", "", {}),
        ("10.3.24", "https://JIRA.acme.eu/", {}),
        ("10.3.24", "https://other.acme.eu", {"systems.jira.url": Severity.WARNING}),
        ("8.13.1", "", {"systems.jira.token": Severity.ERROR}),
        ("7.13.0", "", {"systems.jira": Severity.WARNING, "systems.jira.token": Severity.ERROR}),
    ],
)
def test_what_a_version_or_a_base_url_will_not_do_is_told(version: str, base: str, told: dict[str, Severity]) -> None:
    found = jira_provider.provider.expand(intent(sign_on(JIRA, "x")), JIRA, Facts(version, {"base_url": base}))
    assert {item.where: item.severity for item in found.diagnostics} == told


def test_the_cloud_is_no_data_center() -> None:
    cloud = JIRA._replace(url="https://acme.atlassian.net")
    (problem,) = jira_provider.provider.expand(intent(sign_on(cloud, "x")), cloud, Facts()).diagnostics
    assert (problem.severity, problem.where) == (Severity.ERROR, "systems.jira.url")
    assert "admin.atlassian.com" in problem.remedy


def test_an_old_jira_takes_a_password() -> None:
    system = JIRA._replace(token=None, username="admin", password=Handle("env", "P"))
    assert not jira_provider.provider.expand(intent(sign_on(system, "x")), system, Facts("8.13.1")).diagnostics


@pytest.mark.parametrize(("version", "manual"), [("8.1.4", True), ("8.2.0", False), ("", False)])
def test_a_confluence_before_8_2_cannot_create_a_group(version: str, manual: bool) -> None:
    system = System("confluence", "confluence", "https://confluence.acme.eu")
    made = sign_on(system, "atlassian", groups={"confluence-users": "confluence-users"})
    (group,) = confluence_provider.provider.expand(intent(made), system, Facts(version)).resources
    assert group.manual is manual


def test_systems_have_no_keys_of_their_own(sandbox: Sandbox) -> None:
    assert system_of(sandbox.jira).settings == {}
    with pytest.raises(ValueError, match="org_id"):
        jira_provider.provider.settings(org_id="x")

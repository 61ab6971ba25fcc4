"""The checks of products and plugins that no sandbox answers so."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.core.address import Address
from reconciler.core.check import Status, Stops
from reconciler.core.desired import Desired
from reconciler.core.intent import Client, Facts, Intent, SignOn, System
from reconciler.core.observed import Absent, Present, Unreadable
from reconciler.errors import StatusError
from reconciler.flows import doctor
from reconciler.ports import Credentials, Examination
from reconciler.providers import atlassian_sso, confluence, jira, miniorange, properties, resolution
from reconciler.transport.answers import HttpAnswer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.core.check import Check
    from reconciler.core.observed import Observation
    from reconciler.core.resource import ResourceType
    from reconciler.ports import PluginProvider

JIRA = System("jira", "jira", "https://jira.acme.eu")
CLIENT = Client("atlassian", "clavex", "atlassian")
SIGN_ON = SignOn(
    "jira", JIRA, "x", CLIENT, System("clavex", "clavex", "https://id.acme.eu", "acme"), "Sign in", (), {}, {}
)
APP = {"key": "x", "version": "6.1", "enabled": True}


@dataclass
class Always:
    """Implements as much of ports.Http as is asked: always the same answer."""

    body: Any
    status: int = 200
    url: str = JIRA.url

    def get(self, path: str, *, ok: Sequence[int] = (200,), **_: object) -> HttpAnswer:
        if self.status not in ok:
            raise StatusError(self.status, "no", f"GET {path}")
        return HttpAnswer(self.status, {}, json.dumps(self.body).encode(), f"GET {path}")


def examination(http: Always, facts: Facts, found: dict[Address, Observation] | None = None, kind: Any = None) -> Any:
    address = Address("jira", kind.name, "jira") if kind else None
    desired = {address: Desired(address, kind, {})} if address else {}
    observed = found if found is not None else {}
    intent = Intent("acme", "default", {"jira": JIRA}, {}, {"jira": SIGN_ON})
    return Examination(JIRA, Credentials(), http, facts, intent, desired, observed, datetime.now(UTC))


def of_plugin(
    plugin: PluginProvider, kind: ResourceType, found: Observation | None, http: Always | None = None
) -> dict[str, Check]:
    observed = {Address("jira", kind.name, "jira"): found} if found else {}
    looked = examination(http or Always(APP), Facts("10.3", assumed=False), observed, kind)
    return {check.name: check for check in plugin.examine(SIGN_ON, looked)}


def test_a_product_that_could_not_be_connected_has_no_checks_of_its_own() -> None:
    for provider in (jira.provider, confluence.provider):
        assert list(provider.examine(examination(Always({}), Facts()))) == []


@pytest.mark.parametrize(("version", "status"), [("7.13", Status.WARNING), ("", Status.OK), ("8.0", Status.OK)])
def test_versions(version: str, status: Status) -> None:
    looked = examination(Always({"permissions": {}}), Facts(version, assumed=False))
    found = {check.name: check for check in jira.provider.examine(looked)}
    assert found["version"].status is status
    assert (found["base-url"].status, found["base-url"].stops) == (Status.UNKNOWN, Stops.NOTHING)


def test_a_base_url_beside_a_client_that_could_not_be_read() -> None:
    facts = Facts("10.3", {"base_url": "https://other.eu/"}, assumed=False)
    sign_on = SIGN_ON._replace(callback=f"{JIRA.url}/cb")
    looked = examination(Always({}), facts)._replace(intent=Intent("a", "b", {}, {}, {"jira": sign_on}))
    found = {check.name: check for check in jira.provider.examine(looked)}
    assert found["base-url"].status is Status.WARNING


def test_an_administrators_read_that_fails_otherwise() -> None:
    found = confluence.provider.examine(examination(Always({}, 500), Facts("9.3.1", assumed=False)))
    assert {check.name: check.stops for check in found}["token"] is Stops.READING


@pytest.mark.parametrize(
    ("plugin", "kind"),
    [
        (atlassian_sso.plugin, atlassian_sso.IDP),
        (miniorange.plugin, miniorange.MINIORANGE),
        (resolution.plugin, resolution.RESOLUTION),
        (properties.plugin, properties.PROPERTIES),
    ],
)
def test_what_a_plugin_holds_is_missing_or_unread(plugin: PluginProvider, kind: ResourceType) -> None:
    assert of_plugin(plugin, kind, Absent())["sign-on"].stops is Stops.LOGIN
    assert of_plugin(plugin, kind, Unreadable("500", "look"))["sign-on"].stops is Stops.READING
    assert of_plugin(plugin, kind, None)["sign-on"].stops is Stops.READING
    assert of_plugin(plugin, kind, Absent(), Always({}, 404))["plugin"].status is Status.FAILED
    assert of_plugin(plugin, kind, Absent(), Always({}, 401))["plugin"].status is Status.UNKNOWN


def test_resolution_knows_what_was_confirmed() -> None:
    kind = resolution.RESOLUTION
    found = of_plugin(resolution.plugin, kind, Present("x", {"update_on_login": True}))
    assert found["update-on-login"].status is Status.OK
    found = of_plugin(resolution.plugin, kind, Present("x", {}))
    assert (found["update-on-login"].status, found["update-on-login"].stops) == (Status.UNKNOWN, Stops.NOTHING)


def test_the_properties_are_never_called_well() -> None:
    found = of_plugin(properties.plugin, properties.PROPERTIES, Present("x", {}))
    assert (found["properties"].status, found["plugin"].status) == (Status.UNKNOWN, Status.OK)


def test_a_group_claim_that_nobody_asks_for() -> None:
    sign_on = SIGN_ON._replace(groups={"staff": "staff"})
    kind = miniorange.MINIORANGE
    found = {Address("jira", kind.name, "jira"): Present("x", {"group_attribute": "", "update_on_login": False})}
    looked = examination(Always(APP), Facts("10.3", assumed=False), found, kind)
    by_name = {check.name: check for check in miniorange.plugin.examine(sign_on, looked)}
    assert by_name["group-claim"].seen == "the plugin reads no groups"
    assert by_name["update-on-login"].status is Status.WARNING


def test_a_plugin_of_a_product_that_nobody_knows() -> None:
    product = JIRA._replace(provider="bamboo")
    looked = examination(Always(APP), Facts("1", assumed=False))
    names = [check.name for check in miniorange.plugin.examine(SIGN_ON._replace(product=product), looked)]
    assert names == ["sign-on"]


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("https://jira.acme.eu", Status.OK),
        ("http://jira.acme.eu", Status.WARNING),
        ("http://localhost:1", Status.OK),
        ("http://127.0.0.1:1", Status.OK),
        ("http://[::1]:1", Status.OK),
    ],
)
def test_tls(url: str, status: Status) -> None:
    assert doctor._transport(JIRA._replace(url=url)).status is status

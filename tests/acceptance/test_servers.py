"""Servers that differ: the guide's dialect of Clavex, versions of the products, and their open questions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from acceptance import wanted
from acceptance.cases import ATLASSIAN, MINIORANGE, Overlay, client, confluence, jira, portal
from acceptance.workplace import Workplace, merged

from reconciler.errors import ExitCode
from reconciler.flows import world
from reconciler.sandbox.atlassian import SSO_APP

GUIDE_CALLBACKS = {"sso": {"jira": {"callback": "/plugins/servlet/oidc/callback"}}}


def switch(place: Workplace, name: str, **switches: Any) -> None:
    served = getattr(place.sandbox, name).world
    served.switches = replace(served.switches, **switches)


def told(text: str) -> str:
    return " ".join(text.split())


def test_parallelism_bounds_the_requests_to_each_system(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    bounds: list[int] = []

    def open_http(*arguments: Any, most: int, **rest: Any) -> Any:
        bounds.append(most)
        return original(*arguments, most=most, **rest)

    original = world.open_http
    monkeypatch.setattr(world, "open_http", open_http)
    place.write()
    place.run("plan", "--parallelism", "3").ended(ExitCode.DONE)
    assert bounds == [3, 3, 3]


# --- the guide's dialect ------------------------------------------------------------------------------------------


@pytest.fixture
def guide(place: Workplace) -> Workplace:
    """A Clavex as the published guide prints it."""
    switch(place, "clavex", guide_dialect=True)
    return place


@pytest.mark.parametrize("overlay", [{}, GUIDE_CALLBACKS, {"systems": {"clavex": {"dialect": "guide"}}}])
def test_the_guide_on_its_own_server(guide: Workplace, overlay: Overlay) -> None:
    guide.write(overlay)
    ran = guide.apply("locks-out").ended(ExitCode.DONE)
    assert "guide" in told(ran.out)
    assert all("/organizations/acme/" in path for _, path in guide.sandbox.clavex.faults.requests if "/api/" in path)
    wanted.check(guide)
    guide.settle()


@pytest.mark.parametrize(
    "new",
    [
        client(scopes=["openid", "profile"]),
        client(token_endpoint_auth_method=None),
        client(name="Other", redirect_uris=["https://wiki.acme.eu/cb"]),
        ATLASSIAN,
        MINIORANGE,
        portal(token_endpoint_auth_method="client_secret_basic"),
    ],
)
def test_changes_on_the_guides_server(guide: Workplace, new: Overlay) -> None:
    guide.write()
    guide.apply("locks-out").ended(ExitCode.DONE)
    spec = guide.write(new)
    guide.apply("locks-out", "deletes").ended(ExitCode.DONE)
    for table in spec["clients"].values():
        table.setdefault("token_endpoint_auth_method", "client_secret_post")  # not managed: it stays
    wanted.check(guide)
    guide.settle()


def test_a_dialect_that_the_spec_names_wrongly_is_an_error(guide: Workplace) -> None:
    guide.write({"systems": {"clavex": {"dialect": "released"}}})
    guide.apply("locks-out").ended(ExitCode.INCOMPLETE)
    assert guide.writes == 0


def test_what_the_guides_server_is_not_known_to_keep_is_said_and_not_sent(guide: Workplace) -> None:
    guide.write(client(access_token_ttl=600))
    ran = guide.apply("locks-out").ended(ExitCode.DONE)
    assert "nothing is known of this key" in told(ran.out)
    assert guide.sandbox.clavex.world.clients["atlassian"].access_token_ttl is None
    guide.settle()


# --- versions of the products -------------------------------------------------------------------------------------


def test_tokens_on_a_product_that_knows_none(place: Workplace) -> None:
    place.sandbox.jira.world.version = "8.13.0"
    place.write()
    ran = place.run("plan")
    assert ran.code in {ExitCode.ERROR, ExitCode.INCOMPLETE}
    place.apply("locks-out").ended(ExitCode(ran.code))
    assert place.writes == 0


def test_basic_on_a_product_that_knows_no_tokens(place: Workplace) -> None:
    served = place.sandbox.jira
    served.world.version = "8.13.0"
    place.environ = {"JIRA_PASSWORD": served.password}
    basic = {"token": None, "username": served.username, "password": "env:JIRA_PASSWORD"}
    place.write({"systems": {"jira": basic}})
    place.apply("locks-out").ended(ExitCode.DONE)
    wanted.check(place)
    place.settle()


@pytest.mark.parametrize(
    ("product", "version", "overlay"), [("jira", "8.14.0", ATLASSIAN), ("confluence", "7.10.0", {})]
)
def test_the_built_in_app_on_a_product_that_has_none(
    place: Workplace, product: str, version: str, overlay: Overlay
) -> None:
    served = getattr(place.sandbox, product)
    served.world.version = version
    served.world.plugins.pop(SSO_APP, None)
    place.environ = {f"{product.upper()}_PASSWORD": served.password}
    basic = {"token": None, "username": served.username, "password": f"env:{product.upper()}_PASSWORD"}
    place.write(overlay, {"systems": {product: basic}})
    ran = place.run("plan").ended(ExitCode.ERROR)
    assert "has no built-in OpenID Connect" in told(ran.out + ran.err)
    place.apply("locks-out").ended(ExitCode.ERROR)
    assert place.writes == 0


def test_the_built_in_app_where_it_is_disabled_or_too_old(place: Workplace) -> None:
    world = place.sandbox.confluence.world
    world.plugins[SSO_APP].version = "4.1.9"
    place.write()
    ran = place.run("plan").ended(ExitCode.INCOMPLETE)
    assert "4.2.0 or later" in told(ran.out)
    place.apply("locks-out").ended(ExitCode.INCOMPLETE)
    assert place.writes == 0
    world.plugins[SSO_APP].version = "4.2.0"
    place.apply("locks-out").ended(ExitCode.DONE)
    wanted.check(place)
    place.settle()


@pytest.mark.parametrize(
    ("product", "version"), [("jira", "9.4.30"), ("jira", "10.3.1"), ("confluence", "8.5.4"), ("confluence", "9.2.1")]
)
def test_both_spellings_of_the_button(place: Workplace, product: str, version: str) -> None:
    getattr(place.sandbox, product).world.version = version
    place.write(ATLASSIAN)
    place.apply("locks-out").ended(ExitCode.DONE)
    place.write(ATLASSIAN, {"sso": {"jira": {"display_name": "Log in"}, "confluence": {"display_name": "Enter"}}})
    place.apply().ended(ExitCode.DONE)
    wanted.check(place)
    place.settle()


def test_groups_of_a_confluence_that_has_no_rest_for_them(place: Workplace) -> None:
    world = place.sandbox.confluence.world
    world.version = "8.1.0"
    place.write(confluence(groups={"confluence-editors": "confluence-editors"}))
    ran = place.apply("locks-out").ended(ExitCode.MANUAL)
    assert "Add group: confluence-editors" in told(ran.out)
    assert not world.idps  # it names a group that is not there yet
    world.groups["confluence-editors"] = []
    place.apply("locks-out").ended(ExitCode.DONE)
    wanted.check(place)
    place.settle()


@pytest.mark.parametrize(
    "switches",
    [
        {"nested_patch": "merges"},
        {"discovered_endpoints": "absent"},
        {"emptied_lists": "absent"},
        {"duplicate_idp_names": "refused"},
        {"unknown_idp": 400},
        {"other_button_key": "accepted"},
        {"other_fields": "ignored"},
        {"miniorange_booleans": "strings"},
        {"miniorange_post": "html"},
        {"miniorange_post": "redirect"},
        {"miniorange_extra_keys": "absent"},
    ],
    ids=lambda switches: " ".join(map(str, *switches.items())),
)
def test_whatever_the_documents_leave_open(place: Workplace, switches: dict[str, Any]) -> None:
    switch(place, "jira", **switches)
    switch(place, "confluence", **switches)
    for overlay in (MINIORANGE, ATLASSIAN, merged(ATLASSIAN, jira(scopes=["openid"], groups=None)), {}):
        place.write(overlay)
        place.apply("locks-out", "deletes", "too-much").ended(ExitCode.DONE)
        place.settle()
    if "miniorange_booleans" not in switches:
        wanted.check(place)


def test_a_version_of_miniorange_that_nobody_has_looked_at(place: Workplace) -> None:
    place.sandbox.jira.world.miniorange["PLUGIN_VERSION"] = "3.1.0"
    place.write()
    ran = place.run("plan").ended(ExitCode.INCOMPLETE)
    assert 'accept_version = "3.1.0"' in told(ran.out)
    place.apply("locks-out").ended(ExitCode.INCOMPLETE)
    assert place.writes == 0
    place.write(jira(miniorange={"accept_version": "3.1.0"}))
    place.apply("locks-out").ended(ExitCode.DONE)
    wanted.check(place)
    place.settle()


def test_a_product_that_takes_another_url_for_its_own(place: Workplace) -> None:
    place.sandbox.jira.world.base_url = "https://jira.acme.eu"
    place.write()
    ran = place.apply("locks-out").ended(ExitCode.DONE)
    assert "takes https://jira.acme.eu for its own URL" in told(ran.out)
    place.settle()

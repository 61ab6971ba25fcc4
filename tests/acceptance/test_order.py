"""Make before break: in which order the systems are asked, and what stays while a step of it fails."""

from __future__ import annotations

import re
from typing import Any

from acceptance import wanted
from acceptance.cases import ATLASSIAN, client, jira
from acceptance.workplace import Workplace

from reconciler.errors import ExitCode
from reconciler.sandbox.faults import Fault, Kind

MINIORANGE_CALLBACK, ATLASSIAN_CALLBACK = "/plugins/servlet/oauth/callback", "/plugins/servlet/oidc/callback"
SWAP = ("deletes", "locks-out")


def shape(requests: list[tuple[str, str, str]]) -> list[str]:
    """The writes without what differs from run to run."""
    return [
        re.sub(r"/api/v1/organizations/[^/]+", "", f"{name} {method} {path}").replace("/rest/authconfig/1.0", "")
        for name, method, path in requests
        if not path.endswith("/token")  # the proof of a secret
    ]


def uris(place: Workplace) -> set[str]:
    return {
        uri.removeprefix(place.sandbox.jira.url)
        for uri in place.sandbox.clavex.world.clients["atlassian"].redirect_uris
    }


def test_a_new_redirect_uri_comes_before_the_plugin_and_the_old_one_goes_after_it(place: Workplace) -> None:
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    seen = place.watch()
    place.write(ATLASSIAN)
    place.apply(*SWAP).ended(ExitCode.DONE)
    assert shape(seen) == [
        "clavex PATCH /clients/atlassian",
        "jira POST /idps",
        "jira PATCH /idps/1",
        "jira POST /plugins/servlet/oauth/configureplugin",
        "clavex PATCH /clients/atlassian",
    ]


def test_a_new_client_comes_before_its_consumers_move_and_the_old_one_goes_after_them(place: Workplace) -> None:
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    seen = place.watch()
    place.write(client(client_id="sso2"))
    place.apply("replaces").ended(ExitCode.DONE)
    requests = shape(seen)
    assert requests[0] == "clavex POST /clients"
    assert requests[-1] == "clavex DELETE /clients/atlassian"
    assert {"confluence PATCH /idps/1", "jira POST /plugins/servlet/oauth/configureplugin"} < set(requests[1:-1])
    wanted.check(place)


def test_no_redirect_uri_goes_while_a_consumer_failed(place: Workplace) -> None:
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    place.write(ATLASSIAN)
    place.sandbox.jira.faults.add(Fault(kind=Kind.SERVER_ERROR, status=500, method="POST", path="/idps"))
    ran = place.apply(*SWAP).ended(ExitCode.PARTLY)
    assert {MINIORANGE_CALLBACK, ATLASSIAN_CALLBACK} < uris(place)
    assert place.sandbox.jira.world.miniorange["Identity Providers"]
    assert "jira/idp/jira was not done" in ran.out + ran.err
    place.apply(*SWAP).ended(ExitCode.DONE)
    wanted.check(place)
    place.settle()


def test_a_half_done_exchange_of_redirect_uris_can_be_turned_back(place: Workplace) -> None:
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    place.write(ATLASSIAN)
    place.sandbox.jira.faults.add(Fault(kind=Kind.SERVER_ERROR, status=500, method="POST", path="/idps"))
    place.apply(*SWAP).ended(ExitCode.PARTLY)
    place.write()
    place.apply().ended(ExitCode.DONE)
    wanted.check(place)
    place.settle()


def test_what_does_not_depend_on_a_failure_goes_on(place: Workplace) -> None:
    place.write()
    place.sandbox.confluence.faults.add(Fault(kind=Kind.SERVER_ERROR, status=500, method="POST"))
    place.apply("locks-out").ended(ExitCode.PARTLY)
    providers: Any = place.sandbox.jira.world.miniorange["Identity Providers"]
    assert [item["Name"] for item in providers] == ["jira"]
    assert not place.sandbox.confluence.world.idps
    place.apply("locks-out").ended(ExitCode.DONE)
    wanted.check(place)
    place.settle()


def test_a_form_is_hidden_after_the_sign_on_works_and_shown_before_it_is_touched(place: Workplace) -> None:
    hidden = jira(plugin="atlassian", login_form=False, login_fallback=True)
    seen = place.watch()
    place.write(hidden)
    place.apply("locks-out").ended(ExitCode.DONE)
    assert [item for item in shape(seen) if item.startswith("jira ") and ("/idps" in item or "/sso" in item)][
        -2:
    ] == [
        "jira PATCH /idps/1",
        "jira PATCH /sso",
    ]
    seen.clear()
    place.write(jira(plugin="atlassian", login_form=True, login_fallback=True, display_name="New"))
    place.apply().ended(ExitCode.DONE)
    assert shape(seen) == ["jira PATCH /sso", "jira PATCH /idps/1"]

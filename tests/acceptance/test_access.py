"""With which credentials the systems can be asked, and how an organisation's UUID is found out with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest
from acceptance import wanted
from acceptance.workplace import Workplace

from reconciler.errors import ExitCode
from reconciler.sandbox.atlassian import Switches, confluence, jira
from reconciler.sandbox.clavex import clavex
from reconciler.sandbox.serve import Sandbox

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import Receive, Scope, Send

ALL_IT_NEEDS = ["clients:write", "groups:write"]


def give_key(place: Workplace, *permissions: str) -> str:
    """A key of the one organisation is what the program has."""
    world = place.sandbox.clavex.world
    key, _ = world.add_key("ours", org_id=world.org_id, permissions=list(permissions) or ALL_IT_NEEDS)
    place.environ["CLAVEX_TOKEN"] = key
    return key


def asked(place: Workplace) -> list[str]:
    """The paths that Clavex was asked for, the organisation's id left out."""
    world = place.sandbox.clavex.world
    return [path.replace(world.org_id, "{id}") for _, path in place.sandbox.clavex.faults.requests]


def make_it_so(place: Workplace) -> None:
    place.apply("locks-out").ended(ExitCode.DONE)
    wanted.check(place)
    place.settle()


def test_a_bearer_token_of_a_login(place: Workplace) -> None:
    served = place.sandbox.clavex
    login = {"org_slug": "acme", "email": served.username, "password": served.password}
    with httpx.Client(trust_env=False) as http:
        answer = http.post(f"{served.url}/api/v1/auth/login", json=login)
        cookies = answer.cookies
    place.environ["CLAVEX_TOKEN"] = next(value for value in cookies.values() if value.count(".") == 2)
    place.write()
    make_it_so(place)


def test_basic_instead_of_tokens(place: Workplace) -> None:
    systems = place.sandbox.describe()
    basic = {
        name: {"token": None, "username": systems[name]["username"], "password": f"env:{name.upper()}_PASSWORD"}
        for name in ("jira", "confluence")
    }
    place.environ = {f"{name.upper()}_PASSWORD": systems[name]["password"] for name in basic}
    place.write({"systems": basic})
    make_it_so(place)


def test_the_organisation_by_the_list_of_a_super_admin(place: Workplace) -> None:
    place.write()
    make_it_so(place)
    assert "/api/v1/organizations" in asked(place)


def test_the_organisation_is_found_out_once(place: Workplace) -> None:
    place.write()
    make_it_so(place)
    place.sandbox.clavex.faults.reset_counts()
    place.settle()
    assert not [path for path in asked(place) if path == "/api/v1/organizations" or "/acme/clients" in path]


def test_the_organisation_by_its_uuid_in_the_spec(place: Workplace) -> None:
    give_key(place)
    place.write({"systems": {"clavex": {"org_id": place.sandbox.clavex.world.org_id.upper()}}})
    make_it_so(place)
    assert not [path for path in asked(place) if "proof" in path or "events" in path]


def test_the_organisation_by_the_public_audit_proof(place: Workplace) -> None:
    give_key(place)
    place.write()
    make_it_so(place)
    assert "/api/v1/organizations/by-slug/acme/audit/proof/latest" in asked(place)
    assert "/acme/events" not in asked(place)


def test_the_organisation_by_the_event_stream(place: Workplace) -> None:
    give_key(place)
    world = place.sandbox.clavex.world
    world.orgs[world.org_id].proof = False
    place.write()
    make_it_so(place)
    assert "/acme/events" in asked(place)


def test_an_organisation_that_no_way_finds_is_an_error_with_the_remedies(tmp_path: Path) -> None:
    emulator = clavex()

    async def without_events(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close"})
        else:
            await emulator.app(scope, receive, send)

    with Sandbox(clavex=replace(emulator, app=without_events)) as sandbox:
        place = Workplace(sandbox, tmp_path)
        give_key(place)
        world = sandbox.clavex.world
        world.orgs[world.org_id].proof = False
        place.write()
        for command in ("plan", "apply", "drift"):
            ran = place.run(command, *(["--auto-approve"] if command == "apply" else [])).ended(ExitCode.INCOMPLETE)
            told = " ".join((ran.out + ran.err).split())
            assert "the id of the organisation acme could not be found out with this key" in told
            for remedy in ("org_id in [systems.clavex]", "super admin", "five minutes"):
                assert remedy in told
        assert place.writes == 0


@pytest.mark.parametrize("permissions", [["clients:read", "groups:read"], ["clients:write"], ["groups:write"]])
def test_a_key_that_may_not_do_it_all_is_an_error_and_writes_stop(place: Workplace, permissions: list[str]) -> None:
    give_key(place, *permissions)
    place.write()
    ran = place.apply("locks-out")
    assert ran.code in {ExitCode.INCOMPLETE, ExitCode.PARTLY}
    assert "permission" in ran.out + ran.err
    give_key(place)
    make_it_so(place)


def test_the_slug_of_nobody_is_an_error(place: Workplace) -> None:
    place.write({"systems": {"clavex": {"org": "nobody"}}})
    ran = place.run("plan").ended(ExitCode.INCOMPLETE)
    assert "has no organisation nobody" in " ".join(ran.out.split())


@pytest.mark.parametrize("name", ["CLAVEX_TOKEN", "JIRA_TOKEN", "CONFLUENCE_TOKEN"])
def test_a_wrong_token_reads_nothing_and_writes_nothing(place: Workplace, name: str) -> None:
    place.write()
    make_it_so(place)
    place.environ[name] = "clv_" + "x" * 43 if name == "CLAVEX_TOKEN" else "wrong"
    place.run("plan").ended(ExitCode.INCOMPLETE)
    place.run("drift").ended(ExitCode.INCOMPLETE)
    before = place.writes
    place.apply().ended(ExitCode.INCOMPLETE)
    assert place.writes == before
    del place.environ[name]
    place.settle()


def test_a_missing_token_is_an_error_before_any_request(place: Workplace) -> None:
    place.write({"systems": {"jira": {"token": "env:NO_SUCH_TOKEN"}}})
    ran = place.run("plan").ended(ExitCode.ERROR)
    assert "NO_SUCH_TOKEN" in ran.err
    assert all(not served.faults.requests for served in place.sandbox.served)


@pytest.fixture(scope="module")
def below() -> Iterator[Sandbox]:
    """Products below a path of their hosts."""
    jira_below, confluence_below = jira(switches=Switches("/jira")), confluence(switches=Switches("/wiki"))
    with Sandbox(jira=jira_below, confluence=confluence_below) as sandbox:
        yield sandbox


def test_products_below_a_path(below: Sandbox, tmp_path: Path) -> None:
    place = Workplace(below, tmp_path)
    place.write()
    make_it_so(place)
    uris = below.clavex.world.clients["atlassian"].redirect_uris
    assert f"{below.confluence.url}/plugins/servlet/oidc/callback" in uris
    assert below.confluence.url.endswith("/wiki")


def test_a_slash_at_the_end_of_a_url_changes_nothing(place: Workplace) -> None:
    place.write()
    make_it_so(place)
    place.write(
        {"systems": {name: {"url": system["url"] + "/"} for name, system in place.sandbox.describe().items()}}
    )
    place.settle()

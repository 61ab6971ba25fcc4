"""What the recordings of logins do not hold: ages, strangers, and what is left out."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from sandbox.logins import EMAIL, PASSWORD, SECRET

from reconciler.sandbox.clavex import Client

if TYPE_CHECKING:
    import httpx

    from reconciler.sandbox.clavex import ClavexWorld
    from reconciler.sandbox.serve import Sandbox

CALLBACK = "https://jira.acme.eu/cb"
CLIENT = {"client_id": "products", "client_secret": SECRET}
ASKED = {"client_id": "products", "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid"}


@pytest.fixture
def world(sandbox: Sandbox, bob: str) -> ClavexWorld:
    sandbox.clavex.world.clients["products"].redirect_uris = [CALLBACK]
    return sandbox.clavex.world


def log_in(clavex: httpx.Client, world: ClavexWorld, **asked: str) -> httpx.Response:
    clavex.get("/acme/authorize", params=ASKED | asked)
    form = next(reversed(world.logins.forms))
    return clavex.post("/acme/authorize", data={"login_session_id": form, "email": EMAIL, "password": PASSWORD})


def exchange(clavex: httpx.Client, code: str) -> Any:
    given = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK} | CLIENT
    return clavex.post("/acme/token", data=given).json()


def refresh(clavex: httpx.Client, token: str, **client: str) -> Any:
    given = {"grant_type": "refresh_token", "refresh_token": token} | CLIENT | client
    return clavex.post("/acme/token", data=given).json()


def code_of(world: ClavexWorld) -> str:
    return next(reversed(world.logins.codes))


def test_a_code_lives_a_minute_and_a_form_ten(clavex: httpx.Client, world: ClavexWorld) -> None:
    log_in(clavex, world)
    code = code_of(world)
    world.logins.codes[code] = world.logins.codes[code][0], time.monotonic() - 1
    assert exchange(clavex, code)["error_description"] == "authorization code expired"
    clavex.cookies.clear()
    clavex.get("/acme/authorize", params=ASKED)
    form, (asked, _) = next(reversed(world.logins.forms.items()))
    world.logins.forms[form] = asked, time.monotonic() - 1
    gone = clavex.get("/acme/authorize/cancel", params={"login_session_id": form})
    assert (gone.status_code, gone.json()["message"]) == (400, "login session expired")


def test_max_age_asks_again_when_the_login_is_older(clavex: httpx.Client, world: ClavexWorld) -> None:
    log_in(clavex, world)
    session = next(iter(world.logins.sessions.values()))
    assert clavex.get("/acme/authorize", params=ASKED | {"max_age": "60"}).status_code == 302
    world.logins.sessions[session.id] = replace(session, since=session.since - 100)
    assert clavex.get("/acme/authorize", params=ASKED | {"max_age": "60"}).status_code == 200
    world.logins.sessions[session.id] = replace(session, since=session.since - 50_000)
    assert clavex.get("/acme/authorize", params=ASKED).status_code == 200


def test_a_refresh_token_is_one_clients_and_dies_with_its_user(
    clavex: httpx.Client, world: ClavexWorld, bob: str
) -> None:
    world.add_client(Client("other", world.org_id, "Other", [CALLBACK]), SECRET)
    log_in(clavex, world)
    token = exchange(clavex, code_of(world))["refresh_token"]
    assert refresh(clavex, token, client_id="other")["error_description"] == "token was not issued to this client"
    world.users[bob].is_active = False
    assert refresh(clavex, token)["error_description"] == "user not found or inactive"


def test_a_refresh_token_can_be_revoked(clavex: httpx.Client, world: ClavexWorld) -> None:
    log_in(clavex, world)
    token = exchange(clavex, code_of(world))["refresh_token"]
    for given in (token, "made up"):
        assert clavex.post("/acme/revoke", data={"token": given}).status_code == 200
    assert refresh(clavex, token)["error_description"] == "refresh token already used"


def test_without_a_scope_there_is_no_id_token(clavex: httpx.Client, world: ClavexWorld) -> None:
    log_in(clavex, world, scope="")
    assert "id_token" not in exchange(clavex, code_of(world))


def test_a_client_may_be_granted_a_token_of_its_own(clavex: httpx.Client, world: ClavexWorld) -> None:
    token = clavex.post("/acme/token", data={"grant_type": "client_credentials"} | CLIENT).json()["access_token"]
    shown = clavex.post("/acme/introspect", data={"token": token} | CLIENT).json()
    assert (shown["client_id"], shown["sub"], shown["scope"]) == ("products", "products", "api")
    assert "username" not in shown


def test_a_response_type_that_nobody_supports(clavex: httpx.Client, world: ClavexWorld) -> None:
    world.clients["products"].response_types = ["id_token"]
    told = clavex.get("/acme/authorize", params=ASKED | {"response_type": "id_token"}).headers["location"]
    assert told.startswith(f"{CALLBACK}#error=unsupported_response_type&error_description=only+response_type")


def test_an_answer_by_form_is_left_out_and_says_so(clavex: httpx.Client, world: ClavexWorld) -> None:
    refused = log_in(clavex, world, response_mode="form_post")
    assert (refused.status_code, "does not emulate" in refused.json()["message"]) == (501, True)


def test_users_may_begin_with_roles(clavex: httpx.Client, world: ClavexWorld) -> None:
    other = world.add_role("r", org_id=next(iter(world.orgs)))
    body = {"email": "eve@acme.test", "password": "Eve-pass-1", "role_ids": [other.id, "none"]}
    made = clavex.post(f"/api/v1/organizations/{world.org_id}/users", json=body).json()
    assert world.roles_of(made["id"]) == ["r"]


@pytest.mark.parametrize("body", ["[]", "{"])
def test_attributes_are_an_object(body: str, clavex: httpx.Client, world: ClavexWorld, bob: str) -> None:
    path = f"/api/v1/organizations/{world.org_id}/users/{bob}/attributes"
    assert clavex.put(path, content=body).status_code == 400
    assert world.users[bob].metadata == {"preferred_username": "bob"}


def test_the_key_is_made_when_it_is_needed_and_kept(
    clavex: httpx.Client, world: ClavexWorld, sandbox: Sandbox
) -> None:
    path = "/acme/.well-known/jwks.json"
    before = clavex.get(path).json()
    sandbox.reset()
    assert clavex.get(path).json() == before
    assert set(before["keys"][0]) == {"kty", "use", "kid", "n", "e"}

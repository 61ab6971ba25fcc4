"""What a product does with an identity provider's answer that is not as it should be."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sandbox.logins import EMAIL, PASSWORD, SECRET, log_in, start
from sandbox.visitor import Visitor

from reconciler.sandbox.atlassian.people import LoginError
from reconciler.sandbox.atlassian.relying_party import Endpoints, Tokens, read_userinfo
from reconciler.sandbox.faults import Fault, Kind

if TYPE_CHECKING:
    from reconciler.sandbox.atlassian.idp import Idp
    from reconciler.sandbox.serve import Sandbox


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("expired", "it has expired"),
        ("not yet valid", "it is not yet valid"),
        ("unsigned", "cannot be verified"),
        ("HS256", "cannot be verified"),
        ("other key", "cannot be verified"),
        ("other audience", "its audience is"),
        ("other issuer", "its issuer is https://id.example.org/acme"),
        ("other nonce", "its nonce is of another login"),
    ],
)
def test_a_bad_id_token_lets_nobody_in(fault: Any, told: str, idp: Idp, sandbox: Sandbox, visitor: Visitor) -> None:
    sandbox.clavex.world.switches = replace(sandbox.clavex.world.switches, id_token=fault)
    failed = log_in(visitor, sandbox)
    assert (failed.status, failed.cause) == (502, "bad-token")
    assert told in failed.texts["reason"]


@pytest.mark.parametrize(
    ("switches", "cause"),
    [
        ({"jwks": "empty"}, "bad-token"),
        ({"issuer": "https://id.example.org/acme"}, "bad-issuer"),
        ({"key_backend": "db"}, "refused"),
    ],
)
def test_a_clavex_that_is_set_up_wrong(
    switches: dict[str, Any], cause: str, idp: Idp, sandbox: Sandbox, visitor: Visitor
) -> None:
    clavex = sandbox.clavex.world
    page = start(visitor, sandbox)
    clavex.switches = replace(clavex.switches, **switches)
    assert visitor.send(page, email=EMAIL, password=PASSWORD).cause == cause


def test_a_product_that_does_not_know_the_algorithm(idp: Idp, sandbox: Sandbox, visitor: Visitor) -> None:
    world = sandbox.confluence.world
    world.switches = replace(world.switches, id_token_algorithms=("RS256",))
    assert log_in(visitor, sandbox).cause == "bad-token"


def test_a_wrong_secret(idp: Idp, sandbox: Sandbox, visitor: Visitor) -> None:
    sandbox.clavex.world.set_secret(sandbox.clavex.world.clients["products"], "another")
    failed = log_in(visitor, sandbox)
    assert (failed.cause, failed.texts["reason"]) == (
        "token-refused",
        "the token endpoint says invalid_client: invalid client secret",
    )
    assert SECRET not in failed.text


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (Fault(kind=Kind.HTML, path="/token"), "bad-answer"),
        (Fault(kind=Kind.CUT_BEFORE, path="/token"), "unreachable"),
        (Fault(kind=Kind.SERVER_ERROR, path="/userinfo"), "refused"),
        (Fault(kind=Kind.HTML, path="well-known/jwks"), "bad-answer"),
    ],
)
def test_an_answer_that_is_none(fault: Fault, cause: str, idp: Idp, sandbox: Sandbox, visitor: Visitor) -> None:
    page = start(visitor, sandbox)
    sandbox.clavex.faults.add(fault)
    failed = visitor.send(page, email=EMAIL, password=PASSWORD)
    assert (failed.status, failed.cause) == (502, cause)


def test_an_issuer_that_is_not_there(idp: Idp, sandbox: Sandbox, visitor: Visitor) -> None:
    idp.issuer_url = f"{sandbox.clavex.url}/nowhere"
    failed = start(visitor, sandbox)
    assert (failed.cause, "organization not found" in failed.texts["reason"]) == ("refused", True)


def test_a_state_of_another_browser(idp: Idp, sandbox: Sandbox, visitor: Visitor) -> None:
    page = start(visitor, sandbox)
    given = page.fields | {"email": EMAIL, "password": PASSWORD}
    back = visitor.client.post(f"{sandbox.clavex.url}/acme/authorize", data=given).headers["location"]
    with httpx.Client(trust_env=False) as stranger:
        assert Visitor(stranger).open(back).cause == "unknown-state"
    assert visitor.open(back).cause == "unknown-state"  # and it is used up


def test_cancelling_at_clavex(idp: Idp, sandbox: Sandbox, visitor: Visitor) -> None:
    failed = visitor.press(start(visitor, sandbox), "cancel")
    assert failed.cause == "provider-refused"
    assert "The user cancelled authentication" in failed.texts["reason"]


def test_a_provider_removed_meanwhile(idp: Idp, sandbox: Sandbox, visitor: Visitor) -> None:
    page = start(visitor, sandbox)
    sandbox.confluence.world.idps.clear()
    assert visitor.send(page, email=EMAIL, password=PASSWORD).cause == "no-provider"


def test_a_token_endpoint_that_gives_no_id_token(
    provider: dict[str, Any], sandbox: Sandbox, visitor: Visitor
) -> None:
    provider["Application Configuration"]["SCOPE"] = ""
    failed = log_in(visitor, sandbox)
    assert (failed.cause, failed.texts["reason"]) == ("bad-token", "the token endpoint gave no ID token")


def test_a_userinfo_of_somebody_else(bob: str, sandbox: Sandbox, clavex: httpx.Client) -> None:
    callback = f"{sandbox.jira.url}/plugins/servlet/oidc/callback"
    asked = {"client_id": "products", "response_type": "code", "redirect_uri": callback, "scope": "openid"}
    clavex.get("/acme/authorize", params=asked)
    form = next(iter(sandbox.clavex.world.logins.forms))
    clavex.post("/acme/authorize", data={"login_session_id": form, "email": EMAIL, "password": PASSWORD})
    given = {"code": next(iter(sandbox.clavex.world.logins.codes)), "redirect_uri": callback, "client_id": "products"}
    given |= {"grant_type": "authorization_code", "client_secret": SECRET}
    tokens = Tokens("", clavex.post("/acme/token", data=given).json()["access_token"])
    endpoints = Endpoints("", "", f"{sandbox.clavex.url}/acme/userinfo")
    assert asyncio.run(read_userinfo(endpoints, tokens, bob))["sub"] == bob
    with pytest.raises(LoginError, match="somebody else"):
        asyncio.run(read_userinfo(endpoints, tokens, "another"))

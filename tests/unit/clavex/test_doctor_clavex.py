"""The checks of a Clavex where its answers are unusual."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from reconciler.core.check import Status, Stops
from reconciler.core.intent import ClaimsFrom, Client, Facts, Intent, SignOn, System
from reconciler.core.observed import Unreadable
from reconciler.errors import StatusError
from reconciler.ports import Credentials, Examination
from reconciler.providers.clavex.claims import mapper_address
from reconciler.providers.clavex.examination import examine
from reconciler.providers.clavex.way_back import lets_through
from reconciler.transport.answers import HttpAnswer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.core.check import Check

NOW = datetime(2025, 3, 4, 12, tzinfo=UTC)
URL = "https://id.acme.eu"
ORG = "/api/v1/organizations/17"
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
DISCOVERY = {"issuer": f"{URL}/acme"} | {name: f"{URL}/acme/{name}" for name in ENDPOINTS}
CLAVEX = System("clavex", "clavex", URL, "acme")
CLIENT = Client("atlassian", "clavex", "atlassian")
SIGN_ON = SignOn(
    "jira",
    System("jira", "jira", "https://jira.acme.eu"),
    "atlassian",
    CLIENT,
    CLAVEX,
    "Sign in",
    ("openid",),
    {"email": "email"},
    {},
    claims_from=ClaimsFrom.ID_TOKEN,
)


@dataclass
class Answers:
    """Implements as much of ports.Http as is asked: an answer by path, 404 for any other."""

    by_path: dict[str, Any]
    url: str = URL
    asked: list[str] = field(default_factory=list)

    def get(self, path: str, *, ok: Sequence[int] = (200,), **_: object) -> HttpAnswer:
        self.asked.append(path)
        where = f"GET {self.url}{path}"
        status = 200 if path in self.by_path else 404
        if status not in ok:
            raise StatusError(status, "Not Found", where)
        return HttpAnswer(status, {}, json.dumps(self.by_path.get(path, {"message": "Not Found"})).encode(), where)


def checks(answers: dict[str, Any], token: str = "clv_abcdefgh123", **given: Any) -> dict[str, Check]:
    sign_ons = given.pop("sign_ons", {})
    intent = Intent("acme", "default", {"clavex": CLAVEX}, {}, sign_ons)
    facts = given.pop("facts", Facts(values={"org_id": "17"}, assumed=False))
    http = Answers(
        {
            "/acme/.well-known/openid-configuration": DISCOVERY,
            "/acme/jwks_uri": {"keys": [{"kty": "RSA"}]},
            f"{ORG}/my-admin-permissions": ["clients:write"],
            **answers,
        }
    )
    examination = Examination(
        CLAVEX,
        given.pop("credentials", Credentials(SecretStr(token))),
        http,
        facts,
        intent,
        {},
        given.pop("observed", {}),
        NOW,
    )
    assert not given
    return {check.name: check for check in examine(examination)}


def jwt(**claims: object) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{body}.sig"


def test_all_is_well() -> None:
    assert {check.status for check in checks({}).values()} == {Status.OK}


@pytest.mark.parametrize(
    ("policy", "page", "target", "goes"),
    [
        ("", URL, "http://jira.acme.eu/cb", True),
        ("default-src 'self'", URL, "http://jira.acme.eu/cb", True),
        ("default-src 'self'; form-action 'self' https:", URL, "http://jira.acme.eu/cb", False),
        ("default-src 'self'; form-action 'self' https:", URL, "https://jira.acme.eu/cb", True),
        ("form-action 'self'", "http://acme.eu/id", "http://acme.eu/jira/cb", True),
        ("form-action 'self'", "http://acme.eu:1", "http://acme.eu:2", False),
        ("form-action http://jira.acme.eu", URL, "http://jira.acme.eu/cb", True),
        ("form-action *", URL, "http://jira.acme.eu/cb", True),
        ("form-action", URL, "https://jira.acme.eu/cb", False),
    ],
)
def test_where_a_form_may_lead(policy: str, page: str, target: str, goes: bool) -> None:
    assert lets_through(policy, page, target) is goes


def test_an_organisation_without_discovery() -> None:
    path = "/acme/.well-known/openid-configuration"
    http = Answers({})
    examination = Examination(CLAVEX, Credentials(), http, Facts(), Intent("a", "b", {}, {}, {}), {}, {}, NOW)
    (check,) = examine(examination)
    assert check.status is Status.FAILED
    assert "has no discovery document" in check.seen
    assert http.asked == [path]


@pytest.mark.parametrize("issuer", [None, 7, "\x1b[31m", f"{URL}/acme/"])
def test_an_issuer_that_is_none(issuer: object) -> None:
    check = checks({"/acme/.well-known/openid-configuration": DISCOVERY | {"issuer": issuer}})["issuer"]
    assert check.stops is Stops.LOGIN
    assert check.seen.isprintable()


@pytest.mark.parametrize(
    ("algorithms", "keys", "status"),
    [
        (["PS256", "ES256"], [{"kty": "RSA"}], Status.FAILED),
        (["PS256", "ES256"], [{"kty": "RSA"}, {"kty": "EC", "use": "sig"}], Status.OK),
        (None, [{"kty": "RSA"}], Status.OK),
        ([7], [{"kty": "RSA"}], Status.OK),
        (["PS256"], [{"no": "type"}], Status.UNKNOWN),
        (["PS256"], {"a": "b"}, Status.UNKNOWN),
    ],
)
def test_keys(algorithms: object, keys: object, status: Status) -> None:
    document = DISCOVERY | {"id_token_signing_alg_values_supported": algorithms}
    answers = {"/acme/.well-known/openid-configuration": document, "/acme/jwks_uri": {"keys": keys}}
    assert checks(answers)["keys"].status is status


def test_the_guides_server_says_nothing_of_the_token() -> None:
    check = checks({}, facts=Facts(values={"dialect": "guide"}, assumed=False))["token"]
    assert (check.status, check.stops) == (Status.UNKNOWN, Stops.NOTHING)


@pytest.mark.parametrize(
    ("token", "seen", "status"),
    [
        (jwt(exp=NOW.timestamp() + 7200), "it ends in 2 hours", Status.WARNING),
        (jwt(exp=NOW.timestamp() + 86_400 * 90), "it ends in 90 days", Status.OK),
        (jwt(exp=NOW.timestamp() - 1), "it has ended", Status.WARNING),
        (jwt(iat=1), "no end of it is known", Status.OK),
        (jwt(exp="soon"), "no end of it is known", Status.OK),
        ("a.!.c", "no end of it is known", Status.OK),
    ],
)
def test_a_login_says_when_it_ends(token: str, seen: str, status: Status) -> None:
    check = checks({}, token)["token"]
    assert (check.status, check.seen.endswith(seen)) == (status, True), check.seen


@pytest.mark.parametrize(
    ("listed", "seen"),
    [
        ([{"key_prefix": "abcdefgh", "expires_at": "2025-03-14T12:00:00Z"}], "it ends in 10 days"),
        ([{"key_prefix": "abcdefgh", "expires_at": "2025-03-14T12:00:00"}], "it ends in 10 days"),
        ([{"key_prefix": "abcdefgh", "expires_at": "one day"}], "no end of it is known"),
        ([{"key_prefix": "abcdefgh", "expires_at": "2025-03-14T12:00:00Z"}] * 2, "no end of it is known"),
        ([{"key_prefix": "another_", "expires_at": "2025-03-14T12:00:00Z"}], "no end of it is known"),
        ([{"key_prefix": "abcdefgh"}], "no end of it is known"),
    ],
)
def test_a_key_that_may_see_the_list_says_when_it_ends(listed: object, seen: str) -> None:
    for path in (f"{ORG}/api-keys", "/api/v1/superadmin/api-keys"):
        assert checks({path: listed})["token"].seen.endswith(seen)


def test_no_token_at_all() -> None:
    assert checks({}, credentials=Credentials())["token"].seen.endswith("no end of it is known")


def test_a_token_that_is_refused_is_unknown() -> None:
    facts = Facts(values={"org_id": "17"}, assumed=False)
    assert checks({f"{ORG}/my-admin-permissions": {"a": 1}}, facts=facts)["token"].stops is Stops.READING


def test_sign_ons_of_another_clavex_are_left_out() -> None:
    other = System("other", "clavex", "https://other.eu", "acme")
    sign_on = SignOn("wiki", SIGN_ON.product, "atlassian", CLIENT, other, "", (), {"email": "email"}, {})
    assert "claims" not in checks({}, sign_ons={"wiki": sign_on})


def test_a_mapper_that_could_not_be_read() -> None:
    observed = {mapper_address(CLIENT, "email"): Unreadable("500", "look")}
    check = checks({}, sign_ons={"jira": SIGN_ON}, observed=observed)["claims"]
    assert (check.seen, check.stops) == ("email: 500", Stops.READING)


def test_a_claim_that_nothing_brings() -> None:
    sign_on = SignOn(
        "jira",
        SIGN_ON.product,
        "atlassian",
        CLIENT,
        CLAVEX,
        "",
        ("openid",),
        {"username": "nickname"},
        {},
        claims_from=ClaimsFrom.ID_TOKEN,
    )
    assert checks({}, sign_ons={"jira": sign_on})["claims"].status is Status.FAILED


def test_near_ends_are_told_in_time() -> None:
    edge = (NOW + timedelta(days=14)).timestamp()
    assert checks({}, jwt(exp=edge))["token"].status is Status.OK
    assert checks({}, jwt(exp=edge - 2))["token"].status is Status.WARNING

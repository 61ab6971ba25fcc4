"""What the beginning of a login tells: every answer of Clavex has its finding."""

from __future__ import annotations

import json

import pytest

from reconciler.core.check import Source, Status
from reconciler.core.intent import Client, SignOn, System
from reconciler.core.login import asked_by, bare, compare_asked, judge_answer, judge_return

CALLBACK = "https://jira.test/plugins/servlet/oidc/callback"
SIGN_ON = SignOn(
    "jira",
    System("jira", "jira", "https://jira.test"),
    "atlassian",
    Client("atlassian", "clavex", "the-client"),
    System("clavex", "clavex", "https://id.test", "acme"),
    "Clavex",
    ("openid", "email"),
    {},
    {},
    callback=CALLBACK,
)
ASKED = {"client_id": "the-client", "redirect_uri": CALLBACK, "response_type": "code", "scope": "openid email"}
FORM = b'<html><input type="hidden" name="login_session_id" value="x"></html>'


def test_the_parameters_of_an_address() -> None:
    assert asked_by("https://x.test/?a=1&b=#error=c&state=d") == {"a": "1", "b": "", "error": "c", "state": "d"}


@pytest.mark.parametrize(
    "url", ["https://x.test/a?code=secret", "https://x.test/a#code=secret", "https://x.test/a;jsessionid=secret?b=c"]
)
def test_an_address_is_shown_without_codes(url: str) -> None:
    assert bare(url) == "https://x.test/a"


def test_an_address_cannot_write_to_the_terminal() -> None:
    assert bare("https://x.test/\x1b[31m\n").isprintable()
    assert len(bare("https://x.test/" + "a" * 1000)) == 256


def test_a_product_that_asks_as_the_spec_says() -> None:
    (check,) = compare_asked(SIGN_ON, ASKED, Source.DOCUMENTED)
    assert (check.status, check.source) == (Status.OK, Source.DOCUMENTED)


@pytest.mark.parametrize(
    ("changes", "status", "seen"),
    [
        ({"client_id": "other"}, Status.FAILED, "client_id other, not the-client"),
        ({"redirect_uri": "http://jira/cb"}, Status.FAILED, f"redirect_uri http://jira/cb, not {CALLBACK}"),
        ({"response_type": "token"}, Status.FAILED, "response_type token, not code"),
        ({"client_id": ""}, Status.FAILED, "client_id nothing, not the-client"),
        ({"scope": "openid"}, Status.WARNING, "does not ask for the scopes email"),
    ],
)
def test_a_product_that_asks_otherwise(changes: dict[str, str], status: Status, seen: str) -> None:
    (check,) = compare_asked(SIGN_ON, ASKED | changes, Source.PROVED)
    assert check.status is status
    assert seen in check.seen


@pytest.mark.parametrize(
    ("code", "body", "status", "seen", "remedy"),
    [
        (200, FORM, Status.OK, "shows its login form; asked so", ""),
        (200, b"<html>Welcome", Status.WARNING, "not Clavex's login form", "proxy"),
        (400, b"<!doctype html><html>", Status.FAILED, "400 and an HTML page", "proxy"),
        (502, b"", Status.FAILED, "502 and no JSON", "proxy"),
        (400, b"[1]", Status.FAILED, "400 and no JSON", "proxy"),
        (400, b'{"error": 1}', Status.FAILED, "400 and no JSON", "proxy"),
        (400, {"error_description": "redirect_uri not allowed"}, Status.FAILED, "not allowed", "apply adds it"),
        (400, {"error_description": "unknown or inactive client"}, Status.FAILED, "inactive", "active = true"),
        (400, {"error_description": "client does not belong to this organization"}, Status.FAILED, "belong", "org"),
        (404, {"error": "Not Found", "message": "organization not found"}, Status.FAILED, "not found", "the slug"),
        (500, {"error": "internal"}, Status.FAILED, "Clavex answers 500 internal", "log of Clavex"),
    ],
)
def test_every_answer_of_clavex(code: int, body: object, status: Status, seen: str, remedy: str) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    check = judge_answer(SIGN_ON, code, content, "so")
    assert (check.name, check.subject, check.status) == ("authorize", "sso.jira", status)
    assert seen in check.seen
    assert remedy in check.remedy


def test_the_browser_comes_straight_back() -> None:
    told = {"error": "unsupported_response_type", "error_description": "response_type is not registered"}
    check = judge_return(SIGN_ON, told, "so")
    assert "unsupported_response_type: response_type is not registered; asked so" in check.seen
    assert "response_types in [clients.atlassian]" in check.remedy
    assert "straight back to jira: no login form; asked so" in judge_return(SIGN_ON, {}, "so").seen

from __future__ import annotations

import pytest
from pydantic import TypeAdapter

from reconciler.errors import BadAnswerError
from reconciler.transport.answers import HttpAnswer, decode, refusal

WHERE = "GET https://x/y"


def answer(content: bytes, status: int = 200, content_type: str = "application/json") -> HttpAnswer:
    return HttpAnswer(status, {"content-type": content_type}, content, WHERE)


def refuse(content: bytes, content_type: str = "application/json") -> BadAnswerError:
    with pytest.raises(BadAnswerError) as caught:
        answer(content, content_type=content_type).json()
    assert caught.value.__context__ is None
    assert caught.value.where == WHERE
    return caught.value


@pytest.mark.parametrize(
    ("content", "content_type", "message", "remedy"),
    [
        (b"<!DOCTYPE html><title>Log in</title>", "text/html", "HTML page", "login page"),
        (b"  <html><body>Welcome", "", "HTML page", "browser"),
        (b"plain", "text/html; charset=utf-8", "HTML page", "browser"),
        (b"", "application/json", "empty", ""),
        (b'{"items": [', "application/json", "cut short", "run again"),
        (b"\xff\xfe\xff", "application/json", "not JSON", "URL"),
        (b"[" * 100_000, "application/json", "cut short", ""),
        (b"OK", "text/plain", "not JSON", "URL"),
    ],
)
def test_what_is_not_json_is_told_apart(content: bytes, content_type: str, message: str, remedy: str) -> None:
    error = refuse(content, content_type)
    assert message in error.message
    assert remedy in error.remedy


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"error": "Not Found", "message": "gone"}', "gone"),
        (b'{"error": "invalid_request", "error_description": "no"}', "no"),
        (b'{"errorMessages": ["one"], "errors": {}}', "one"),
        (b'{"error": "too many requests"}', "no message of a known shape"),
    ],
)
def test_success_with_an_error_inside_is_no_data(content: bytes, message: str) -> None:
    error = refuse(content)
    assert f"the answer is 200, yet it holds an error: {message}" in error.message


@pytest.mark.parametrize(
    "content", [b'{"error": "x", "id": 1}', b'{"message": "hi"}', b"[]", b"null", b'{"errors": {}}']
)
def test_data_passes(content: bytes) -> None:
    answer(content).json()


def test_an_error_body_of_an_error_is_read() -> None:
    assert answer(b'{"error": "invalid_grant"}', status=400).json() == {"error": "invalid_grant"}


def test_decode_gives_the_type() -> None:
    assert decode(answer(b"[1, 2]"), TypeAdapter(list[int]), WHERE) == [1, 2]


def test_decode_tells_where_the_form_differs_and_quotes_no_value() -> None:
    with pytest.raises(BadAnswerError) as caught:
        decode(answer(b'[{"a": "canary"}, 1]'), TypeAdapter(list[dict[str, int]]), WHERE)
    assert "0.a: Input should be a valid integer" in caught.value.message
    assert "canary" not in str(caught.value)
    assert caught.value.__context__ is None


def test_decode_names_the_whole_body() -> None:
    with pytest.raises(BadAnswerError, match="body: Input should be a valid"):
        decode(answer(b'"x"'), TypeAdapter(list[int]), WHERE)


def test_decode_tells_html_and_errors_apart() -> None:
    with pytest.raises(BadAnswerError, match="HTML page"):
        decode(answer(b"<html>"), TypeAdapter(list[int]), WHERE)
    with pytest.raises(BadAnswerError, match="holds an error: gone"):
        decode(answer(b'{"error": "x", "message": "gone"}'), TypeAdapter(list[int]), WHERE)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{}", "the answer is 202 Accepted, which is none to this request"),
        (b'{"message": "later"}', "the answer is 202 Accepted, which is none to this request: later"),
        (b"<html>", "the answer is an HTML page, not JSON"),
        (b"", "the answer is empty, JSON was expected"),
    ],
)
def test_a_success_that_nobody_asked_for_makes_no_sense(content: bytes, message: str) -> None:
    """It is no refusal: what was asked may have been done."""
    problem = refusal(answer(content, 202), ())
    assert isinstance(problem, BadAnswerError)
    assert problem.message == f"{WHERE}: {message}"


def test_a_redirect_to_no_url() -> None:
    problem = refusal(HttpAnswer(302, {"location": "https://[x\x1b/"}, b"", WHERE), ())
    assert isinstance(problem, BadAnswerError)
    assert problem.message == f"{WHERE}: the answer is a redirect (302) to the same host"


@pytest.mark.parametrize("status", [401, 403, 404, 407, 429, 500, 503, 599])
def test_a_refusal_says_what_to_do(status: int) -> None:
    assert refusal(answer(b"{}", status), ()).remedy

"""The browser without a person: where it goes, what it takes along, and where it stops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from http_stub import raw, reply, serve

from reconciler.core.hosts import is_below
from reconciler.core.intent import System
from reconciler.errors import RequestError
from reconciler.transport.browsing import MOST_STEPS, End, open_browser

if TYPE_CHECKING:
    from http_stub import Reply, Stub


def system(stub: Stub, name: str = "jira", path: str = "") -> System:
    return System(name, name, stub.url + path)


def to(target: str, **headers: str) -> Reply:
    return reply(302, location=target, **headers)


def test_redirects_are_followed_to_a_page() -> None:
    with serve(to("/b?x=1&y="), to("c"), reply(200, b"here")) as stub, open_browser([system(stub)]) as browser:
        walk = browser.walk(f"{stub.url}/a")
    assert walk.urls == (f"{stub.url}/a", f"{stub.url}/b?x=1&y=", f"{stub.url}/c")
    assert walk.end is End.PAGE
    assert walk.answer is not None
    assert walk.answer.content == b"here"
    assert [seen.line.split()[1] for seen in stub.seen] == ["/a", "/b?x=1&y=", "/c"]


def test_another_host_is_not_opened() -> None:
    with serve(to("http://evil.test/x")) as stub, open_browser([system(stub)]) as browser:
        walk = browser.walk(f"{stub.url}/a")
    assert (walk.end, walk.urls[-1]) == (End.ELSEWHERE, "http://evil.test/x")
    assert len(stub.seen) == 1


@pytest.mark.parametrize("target", ["http://[evil", "http://x:port/", "javascript:alert(1)", "//evil.test/"])
def test_an_address_that_is_none_is_not_opened(target: str) -> None:
    with serve(to(target)) as stub, open_browser([system(stub)]) as browser:
        assert browser.walk(f"{stub.url}/a").end is End.ELSEWHERE
    assert len(stub.seen) == 1


def test_a_circle_ends() -> None:
    with serve(to("/a")) as stub, open_browser([system(stub)]) as browser:
        walk = browser.walk(f"{stub.url}/a")
    assert walk.end is End.LOOP
    assert len(stub.seen) == MOST_STEPS


def test_the_stop_is_not_opened() -> None:
    with serve(to("/callback?code=1")) as stub, open_browser([system(stub)]) as browser:
        walk = browser.walk(f"{stub.url}/a", stop=f"{stub.url}/callback")
    assert (walk.end, walk.urls[-1]) == (End.STOPPED, f"{stub.url}/callback?code=1")
    assert len(stub.seen) == 1


def test_a_redirect_to_nowhere_is_a_page() -> None:
    with serve(reply(302)) as stub, open_browser([system(stub)]) as browser:
        assert browser.walk(f"{stub.url}/a").end is End.PAGE


def test_cookies_go_back_to_the_system_that_set_them() -> None:
    two = (
        b"Set-Cookie: a=1; Path=/; Expires=Wed, 01 Jan 2031 00:00:00 GMT\r\nSet-Cookie: b=2; Secure; Partitioned\r\n"
    )
    with serve(reply(200)) as other, serve(reply(200)) as stub:
        stub.script[:] = [
            raw(b"HTTP/1.1 302 X\r\nLocation: /b\r\nContent-Length: 0\r\nConnection: close\r\n" + two + b"\r\n"),
            to(f"{other.url}/c", set_cookie="=nameless"),
        ]
        with open_browser([system(stub), system(other, "clavex")]) as browser:
            assert browser.walk(f"{stub.url}/a").end is End.PAGE
    assert "cookie" not in stub.seen[0].headers
    assert stub.seen[1].headers["cookie"] == "a=1; b=2"
    assert "cookie" not in other.seen[0].headers
    assert all("authorization" not in seen.headers for seen in (*stub.seen, *other.seen))


@pytest.mark.parametrize("header", [b"", b"novalue", b"=x; Path=/", b"caf\xc3\xa9=1"])
def test_what_is_no_cookie_is_not_sent_back(header: bytes) -> None:
    odd = b"HTTP/1.1 302 X\r\nLocation: /b\r\nContent-Length: 0\r\nConnection: close\r\nSet-Cookie: " + header
    with serve(raw(odd + b"\r\n\r\n"), reply(200)) as stub, open_browser([system(stub)]) as browser:
        assert browser.walk(f"{stub.url}/a").end is End.PAGE
    assert "cookie" not in stub.seen[1].headers


def test_a_base_url_with_a_path() -> None:
    with serve(to("/jira"), to("/login")) as stub, open_browser([system(stub, path="/jira")]) as browser:
        walk = browser.walk(f"{stub.url}/jira/start")
    assert [seen.line.split()[1] for seen in stub.seen] == ["/jira/start", "/jira/"]
    assert (walk.end, walk.urls[-1]) == (End.ELSEWHERE, f"{stub.url}/login")


def test_no_answer_is_an_error() -> None:
    with serve(reply(200)) as stub, open_browser([system(stub)]) as browser:
        url = f"{stub.url}/a"
        stub.script[:] = [raw(b"HTTP/1.1 200 X\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc")]
        with pytest.raises(RequestError, match="broken"):
            browser.walk(url)


@pytest.mark.parametrize(
    ("url", "base", "below"),
    [
        ("https://x.test/a", "https://x.test", True),
        ("https://X.test:443/a?b", "https://x.test", True),
        ("https://x.test", "https://x.test", True),
        ("http://x.test/a", "https://x.test", False),
        ("https://x.test.evil.test/a", "https://x.test", False),
        ("https://x.test@evil.test/a", "https://x.test", False),
        ("https://x.test/jirax", "https://x.test/jira", False),
        ("https://x.test/jira?x", "https://x.test/jira", True),
        ("https://x.test:port/", "https://x.test", False),
    ],
)
def test_what_lies_below_a_base_url(url: str, base: str, below: bool) -> None:
    assert is_below(url, base) is below

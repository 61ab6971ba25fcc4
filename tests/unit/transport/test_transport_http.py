from __future__ import annotations

import base64
import gzip
import socket
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from http_stub import CERTIFICATE, Reply, Stub, cut, raw, reply, serve
from pydantic import SecretStr

from reconciler.core.intent import System
from reconciler.errors import (
    BadAnswerError,
    InDoubtError,
    ReconcilerError,
    RefusedError,
    RequestError,
    SecretError,
    StatusError,
    UnreachableError,
)
from reconciler.transport import bodies, bounds
from reconciler.transport import http as module
from reconciler.transport.http import PROOF, Access, open_http
from reconciler.transport.retry import ATTEMPTS, LONGEST_WAIT

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "t0ken-that-nobody-may-see"
HEADERS = {"Authorization": SecretStr(f"Bearer {TOKEN}")}


def system(url: str, **more: str) -> System:
    return System("clavex", "clavex", url, **more)


def fail(stub: Stub, method: str = "GET", **options: bool) -> RequestError:
    """The error of one request, which may show no secret whatever one looks at."""
    with open_http(system(stub.url), HEADERS) as http, pytest.raises(RequestError) as caught:
        http.get("/x") if method == "GET" else http.send(method, "/x", json={"a": 1}, **options)
    error = caught.value
    shown = "".join(traceback.format_exception(error)) + repr(error) + str(error.__dict__)
    assert TOKEN not in shown
    assert error.__cause__ is None
    assert error.__context__ is None
    return error


# --- what is sent and what comes back


def test_a_get_sends_credentials_and_gives_the_answer() -> None:
    with serve(reply(200, {"a": [1]}, x_request_id="7")) as stub, open_http(system(stub.url), HEADERS) as http:
        assert http.url == stub.url
        answer = http.get("/a/b", params={"limit": 200, "q": "x y"}, headers={"X-More": "1"})
    assert (answer.status, answer.json(), answer.headers["x-request-id"]) == (200, {"a": [1]}, "7")
    seen = stub.seen[0]
    assert seen.line == "GET /a/b?limit=200&q=x+y HTTP/1.1"
    assert seen.headers["authorization"] == f"Bearer {TOKEN}"
    assert seen.headers["x-more"] == "1"
    assert seen.headers["user-agent"].startswith("reconciler/")
    assert seen.headers["accept"] == "application/json"


def test_an_anonymous_request_sends_no_credential() -> None:
    with serve(reply(200, {})) as stub, open_http(system(stub.url), HEADERS) as http:
        http.get("/a", anonymous=True)
        http.send("POST", "/a", form={"x": "1 2"}, anonymous=True)
    assert all("authorization" not in seen.headers for seen in stub.seen)
    assert stub.seen[1].body == b"x=1+2"


def test_a_write_sends_json() -> None:
    with serve(reply(201, {})) as stub, open_http(system(stub.url), HEADERS) as http:
        assert http.send("PATCH", "/a", json={"name": "Ä"}, ok=(201,)).status == 201
    assert stub.seen[0].line.startswith("PATCH /a ")
    assert stub.seen[0].body == '{"name":"Ä"}'.encode()


def test_cookies_are_not_kept() -> None:
    with serve(reply(200, {}, set_cookie="JSESSIONID=1; Path=/")) as stub, open_http(system(stub.url), {}) as http:
        http.get("/a")
        http.get("/a")
    assert "cookie" not in stub.seen[1].headers


def test_each_thread_keeps_one_connection() -> None:
    barrier = threading.Barrier(3)

    def work(_: int) -> None:
        barrier.wait(5)
        for _ in range(5):
            http.get("/a")

    with serve(reply(200, {})) as stub, open_http(system(stub.url), {}) as http, ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    assert len(stub.seen) == 15
    assert stub.connections == 3


def test_an_answer_shows_no_body_in_its_repr() -> None:
    with serve(reply(200, {"client_secret": "canary"})) as stub, open_http(system(stub.url), HEADERS) as http:
        answer = http.get("/a")
        assert "canary" not in repr(answer)
        assert TOKEN not in repr(http)


def test_a_run_that_only_reads_refuses_every_other_method() -> None:
    with serve(reply(200, {})) as stub, open_http(system(stub.url), {}, access=Access.READ) as http:
        http.get("/a")
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            with pytest.raises(RefusedError, match=f"{method} .*only reads"):
                http.send(method, "/a")
    assert len(stub.seen) == 1


def test_a_run_that_may_prove_secrets_refuses_every_other_write() -> None:
    form = {**PROOF, "client_id": "a", "client_secret": "s", "redirect_uri": "https://a.test/cb"}
    with serve(reply(400, {})) as stub, open_http(system(stub.url), HEADERS, access=Access.PROVE) as http:
        http.send("POST", "/acme/token", form=form, anonymous=True, ok=(400,))
        others: list[tuple[str, str, dict[str, Any]]] = [
            ("PUT", "/acme/token", {"form": form, "anonymous": True}),
            ("POST", "/acme/clients", {"form": form, "anonymous": True}),
            ("POST", "/acme/token", {"form": form}),
            ("POST", "/acme/token", {"anonymous": True}),
            ("POST", "/acme/token", {"form": {**form, "code": "real"}, "anonymous": True}),
            ("POST", "/acme/token", {"form": {**form, "more": "x"}, "anonymous": True}),
            ("POST", "/acme/token", {"form": form, "anonymous": True, "headers": {"X": "y"}}),
            ("POST", "/acme/clients/a/secret", {}),
        ]
        for method, path, options in others:
            with pytest.raises(RefusedError, match="only reads"):
                http.send(method, path, **options)
    assert len(stub.seen) == 1


@pytest.mark.parametrize("value", ["with\nline", "uml\u00e4ut", "tab\t"])
def test_a_credential_that_no_header_can_carry_is_refused_unseen(value: str) -> None:
    with pytest.raises(SecretError) as caught, open_http(system("http://127.0.0.1:1"), {"X": SecretStr(value)}):
        pass
    assert value not in str(caught.value)
    assert "[systems.clavex]" in str(caught.value)


# --- statuses


def test_a_status_that_is_ok_is_an_answer() -> None:
    with (
        serve(reply(404, {"error": "Not Found", "message": "Not Found"})) as stub,
        open_http(system(stub.url), {}) as http,
    ):
        answer = http.get("/a", ok=(200, 404))
    assert answer.status == 404
    assert answer.json()["message"] == "Not Found"


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (404, {"error": "Not Found", "message": "organization not found"}, "404 organization not found"),
        (400, {"error": "invalid_client", "error_description": "unknown client"}, "400 unknown client"),
        (400, {"errorMessages": ["one", 2, "two"], "errors": {"x": "hidden"}}, "400 one; two"),
        (400, {"message": ["hidden"]}, "400 hidden"),
        (400, {"detail": "hidden"}, "400 Bad Request"),
        (400, {"message": {"deep": "hidden"}}, "400 Bad Request"),
        (400, ["hidden"], "400 Bad Request"),
        (500, b"<html>hidden</html>", "500 Internal Server Error"),
        (599, None, "599"),
    ],
)
def test_only_a_message_of_a_known_shape_is_quoted(status: int, body: object, expected: str) -> None:
    with serve(reply(status, body)) as stub:
        error = fail(stub)
    assert isinstance(error, StatusError)
    assert error.status == status
    assert error.message == f"GET {stub.url}/x: {expected}"


def test_a_message_is_cut_and_loses_control_characters() -> None:
    with serve(reply(400, {"message": "a\x1b[31m\u202eb\r\n" + "x" * 999})) as stub:
        error = fail(stub)
    text = error.message.partition(": ")[2].removeprefix("400 ")
    assert text.startswith("a [31m b xxx")
    assert len(text) == 256


def test_a_message_that_repeats_a_secret_is_masked() -> None:
    body = {"idp": [{"client-secret": "s3cret-value"}, {"name": "n"}], "n": None}
    with (
        serve(reply(400, {"message": f"{TOKEN} and s3cret-value"})) as stub,
        open_http(system(stub.url), HEADERS) as http,
    ):
        with pytest.raises(StatusError) as caught:
            http.send("POST", "/x", json=body)
        assert caught.value.message.endswith("400 *** and ***")
        with pytest.raises(StatusError) as caught:
            http.send("POST", "/x", form={"client_secret": "s3cret-value"})
        assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "headers", "body", "remedy"),
    [
        (401, {}, {}, "the token was refused: is it valid, has it expired?"),
        (401, {}, b"<status><status-code>401</status-code><message>WebSudo</message></status>", "WebSudo"),
        (403, {}, {}, "may not do this"),
        (403, {"x_authentication_denied_reason": "CAPTCHA_CHALLENGE; login-url=x"}, {}, "CAPTCHA"),
        (407, {}, {}, "proxy"),
        (500, {}, {}, "look into its log"),
        (422, {}, {}, ""),
    ],
)
def test_each_refusal_has_its_remedy(status: int, headers: dict[str, str], body: object, remedy: str) -> None:
    with serve(reply(status, body, **headers)) as stub:
        error = fail(stub)
    assert remedy in error.remedy
    assert bool(remedy) == bool(error.remedy)


@pytest.mark.parametrize(
    ("location", "host", "login"),
    [
        ("https://user:pw@sso.acme.eu/login?next=secret", "https://sso.acme.eu", True),
        ("/login.jsp", "the same host", True),
        ("https://jira.acme.eu/x", "https://jira.acme.eu", False),
        ("", "the same host", False),
    ],
)
def test_a_redirect_is_not_followed(location: str, host: str, login: bool) -> None:
    with serve(reply(302, None, location=location)) as stub:
        error = fail(stub)
    assert isinstance(error, BadAnswerError)
    assert error.message.endswith(f"the answer is a redirect (302) to {host}")
    assert ("login page" in error.remedy) is login
    assert "secret" not in str(error)
    assert len(stub.seen) == 1


# --- trying again


@pytest.mark.parametrize(
    "first",
    [reply(429), reply(502), reply(503), reply(504), cut, raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")],
)
@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_reads_and_repeatable_writes_are_tried_again(first: Reply, method: str, naps: list[float]) -> None:
    with serve(first, reply(200, {"a": 1})) as stub, open_http(system(stub.url), {}) as http:
        answer = http.get("/x") if method == "GET" else http.send(method, "/x", json={})
    assert answer.json() == {"a": 1}
    assert len(stub.seen) == 2
    assert len(naps) == 1


def test_attempts_are_bounded(naps: list[float]) -> None:
    with serve(reply(503, {"message": "starting"})) as stub:
        error = fail(stub)
    assert isinstance(error, StatusError)
    assert "503 starting" in error.message
    assert len(stub.seen) == ATTEMPTS
    assert len(naps) == ATTEMPTS - 1


def test_a_500_is_not_tried_again(naps: list[float]) -> None:
    with serve(reply(500, {})) as stub:
        fail(stub)
    assert len(stub.seen) == 1
    assert naps == []


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [("2", 2, 2.25), ("0", 0, 0.25), ("999", LONGEST_WAIT, LONGEST_WAIT + 0.25), ("soon", 0, 0.25), ("", 0, 0.25)],
)
def test_retry_after_is_obeyed_and_capped(header: str, least: float, most: float, naps: list[float]) -> None:
    with serve(reply(429, None, retry_after=header), reply(200, {})) as stub, open_http(system(stub.url), {}) as http:
        http.get("/x")
    assert least <= naps[0] <= most


def test_retry_after_may_be_a_date(naps: list[float]) -> None:
    date = formatdate(time.time() + 10, usegmt=True)
    with serve(reply(429, None, retry_after=date), reply(200, {})) as stub, open_http(system(stub.url), {}) as http:
        http.get("/x")
    assert 8 < naps[0] < 11


def test_a_retry_after_beyond_the_total_ends_the_attempts(monkeypatch: pytest.MonkeyPatch, naps: list[float]) -> None:
    monkeypatch.setattr("reconciler.transport.retry.TOTAL", 20)
    with serve(reply(429, None, retry_after="3600")) as stub:
        error = fail(stub)
    assert "run again later" in error.remedy
    assert len(stub.seen) == 1
    assert naps == []


def test_a_create_is_sent_again_after_429_only(naps: list[float]) -> None:
    with serve(reply(429), reply(201, {})) as stub, open_http(system(stub.url), {}) as http:
        assert http.send("POST", "/x", ok=(201,), repeatable=False).status == 201
    assert len(stub.seen) == 2


@pytest.mark.parametrize(
    "answer", [reply(502), reply(503), reply(504), cut, raw(b"HTTP/1.1 201 OK\r\nContent-Length: 9\r\n\r\n{")]
)
def test_a_create_that_may_have_arrived_is_in_doubt(answer: Reply, naps: list[float]) -> None:
    with serve(answer) as stub:
        error = fail(stub, "POST", repeatable=False)
    assert isinstance(error, InDoubtError)
    assert len(stub.seen) == 1
    assert naps == []


def test_a_repeatable_write_that_may_have_arrived_is_in_doubt_in_the_end(naps: list[float]) -> None:
    with serve(cut, reply(429)) as stub:
        error = fail(stub, "PATCH")
    assert isinstance(error, StatusError)  # the last word is a refusal
    with serve(cut) as stub:
        error = fail(stub, "PATCH")
    assert isinstance(error, InDoubtError)
    assert len(stub.seen) == ATTEMPTS
    with serve(cut) as stub:
        assert isinstance(fail(stub, "GET"), UnreachableError)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_connection_is_tried_again_even_for_a_create(method: str, naps: list[float]) -> None:
    with serve(reply(200, {})) as stub:
        pass
    error = fail(stub, method, **({} if method == "GET" else {"repeatable": False}))
    assert isinstance(error, UnreachableError)
    assert "connection refused" in error.message
    assert "url of [systems.clavex]" in error.remedy
    assert len(naps) == ATTEMPTS - 1


def test_a_host_that_does_not_exist(naps: list[float]) -> None:
    with open_http(system("http://nowhere.invalid"), {}) as http, pytest.raises(UnreachableError) as caught:
        http.get("/x")
    assert "GET http://nowhere.invalid/x: " in caught.value.message
    assert "url of [systems.clavex]" in caught.value.remedy


# --- bounds


def test_silence_is_no_answer(monkeypatch: pytest.MonkeyPatch, naps: list[float]) -> None:
    monkeypatch.setattr(module, "TIMEOUT", httpx.Timeout(0.1))
    with serve(lambda _: None) as stub:
        assert "no answer in time" in fail(stub).message
        assert isinstance(fail(stub, "POST", repeatable=False), InDoubtError)


def test_a_slow_body_is_given_up(monkeypatch: pytest.MonkeyPatch, naps: list[float]) -> None:
    monkeypatch.setattr(bounds, "LONGEST", 0.05)

    def drip(sock: socket.socket) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
        threading.Event().wait(0.1)
        sock.sendall(b"}")

    with serve(drip) as stub:
        assert "no answer in time" in fail(stub).message


def test_an_answer_beyond_all_measure_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "LARGEST", 1 << 20)
    bomb = gzip.compress(b" " * (1 << 21))
    with serve(reply(200, bomb, content_encoding="gzip")) as stub:
        error = fail(stub)
        assert isinstance(error, BadAnswerError)
        assert "larger than 1 MiB" in error.message
        assert isinstance(fail(stub, "POST"), InDoubtError)


def test_a_broken_compression() -> None:
    with serve(reply(200, b"no gzip", content_encoding="gzip")) as stub:
        error = fail(stub)
    assert isinstance(error, BadAnswerError)
    assert "compressed" in error.message
    assert len(stub.seen) == 1


def test_an_answer_that_is_no_http(naps: list[float]) -> None:
    with serve(raw(b"SSH-2.0-OpenSSH\r\n")) as stub:
        assert isinstance(fail(stub), UnreachableError)


def test_a_url_that_no_request_can_be_sent_to() -> None:
    with open_http(system("ftp://x"), {}) as http, pytest.raises(UnreachableError, match="cannot be sent"):
        http.get("/x")


# --- TLS and proxies


def tls_error(url: str, **more: str) -> ReconcilerError:
    with pytest.raises(ReconcilerError) as caught, open_http(system(url, **more), HEADERS) as http:
        http.get("/x")
    return caught.value


def test_a_certificate_of_an_unknown_ca_is_refused_at_once() -> None:
    with serve(reply(200, {}), tls=True) as stub:
        error = tls_error(f"https://localhost:{stub.port}")
    assert isinstance(error, UnreachableError)
    assert "certificate is not trusted: self" in error.message
    assert "ca_file of [systems.clavex]" in error.remedy
    assert stub.connections == 1


def test_a_ca_file_is_trusted() -> None:
    with (
        serve(reply(200, {"a": 1}), tls=True) as stub,
        open_http(system(f"https://localhost:{stub.port}", ca_file=str(CERTIFICATE)), {}) as http,
    ):
        assert http.get("/x").json() == {"a": 1}


def test_a_certificate_of_the_environment_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    from reconciler.transport.connections import _trust

    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    _trust.cache_clear()
    with serve(reply(200, {}), tls=True) as stub, open_http(system(f"https://localhost:{stub.port}"), {}) as http:
        assert http.get("/x").status == 200
    _trust.cache_clear()


@pytest.mark.parametrize(("content", "reason"), [(None, "No such file"), ("no pem", "not a PEM file")])
def test_a_ca_file_that_cannot_be_read(tmp_path: Path, content: str | None, reason: str) -> None:
    file = tmp_path / "ca.pem"
    if content:
        file.write_text(content)
    error = tls_error("https://localhost", ca_file=str(file))
    assert reason in error.message
    assert "ca_file of [systems.clavex]" in error.remedy


def test_a_port_that_speaks_no_tls() -> None:
    def greet(listener: socket.socket) -> None:
        sock, _ = listener.accept()
        with sock:
            sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=greet, args=(listener,))
        thread.start()
        error = tls_error(f"https://localhost:{listener.getsockname()[1]}")
        thread.join(5)
    assert "no TLS" in error.message
    assert "http" in error.remedy


def test_a_port_that_says_nothing(monkeypatch: pytest.MonkeyPatch, naps: list[float]) -> None:
    monkeypatch.setattr(module, "TIMEOUT", httpx.Timeout(5, connect=0.05))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        error = tls_error(f"https://localhost:{listener.getsockname()[1]}")
    assert isinstance(error, UnreachableError)
    assert "no connection in time" in error.message


def test_the_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(reply(200, {"a": 1})) as stub:
        monkeypatch.setenv("http_proxy", f"user:pw@127.0.0.1:{stub.port}")
        with open_http(system("http://clavex.invalid"), {}) as http:
            assert http.get("/x").json() == {"a": 1}
    assert stub.seen[0].line == "GET http://clavex.invalid/x HTTP/1.1"
    assert base64.b64decode(stub.seen[0].headers["proxy-authorization"].removeprefix("Basic ")) == b"user:pw"


def test_no_proxy_and_loopback_go_directly(monkeypatch: pytest.MonkeyPatch, naps: list[float]) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "nowhere.invalid")
    with serve(reply(200, {})) as stub, open_http(system(stub.url), {}) as http:
        assert http.get("/x").status == 200
    with open_http(system("http://nowhere.invalid"), {}) as http, pytest.raises(UnreachableError) as caught:
        http.get("/x")
    assert "refused" not in caught.value.message


@pytest.mark.parametrize("value", ["ftp://user:hidden@x", "socks5://user:hidden@x:1", "http://user:hidden@x:port"])
def test_a_proxy_that_cannot_be_used_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("https_proxy", value)
    with pytest.raises(ReconcilerError) as caught, open_http(system("https://clavex.invalid"), {}):
        pass
    assert "https_proxy" in caught.value.remedy
    assert "hidden" not in "".join(traceback.format_exception(caught.value))


def test_a_proxy_that_refuses(monkeypatch: pytest.MonkeyPatch, naps: list[float]) -> None:
    with serve(reply(403)) as stub:
        monkeypatch.setenv("https_proxy", stub.url)
        with (
            open_http(system("https://clavex.invalid"), HEADERS) as http,
            pytest.raises(UnreachableError, match="proxy refused"),
        ):
            http.get("/x")
    assert TOKEN not in repr(stub.seen)

"""TLS with real authorities: private CAs, client certificates, and a proxy that only passes on."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest
import trustme
from cryptography.hazmat.primitives import serialization as form
from http_stub import reply, serve

from reconciler.core.intent import System
from reconciler.errors import ReconcilerError, RefusedError, UnreachableError, UntrustedError
from reconciler.transport.budget import Retries
from reconciler.transport.connections import _trust, find_proxy
from reconciler.transport.http import open_http

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AUTHORITY, STRANGER = trustme.CA(), trustme.CA()
NO_MORE = Retries(0)


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    """No TLS context of another environment is left."""
    _trust.cache_clear()
    yield
    _trust.cache_clear()


@pytest.fixture
def ca_file(tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    AUTHORITY.cert_pem.write_to_path(path)
    return str(path)


def server(*, wants_certificate: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("localhost").configure_cert(context)
    if wants_certificate:
        context.verify_mode = ssl.CERT_REQUIRED
        AUTHORITY.configure_trust(context)
    return context


def client(tmp_path: Path, authority: trustme.CA, password: bytes = b"") -> dict[str, str]:
    """A certificate and its key, as the operator's configuration names them."""
    issued = authority.issue_cert("ci@acme.test")
    certificate, key = tmp_path / "client.pem", tmp_path / "client.key"
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    if password:
        private = form.load_pem_private_key(key.read_bytes(), None)
        encrypted = form.BestAvailableEncryption(password)
        key.write_bytes(private.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, encrypted))
    return {"client_certificate": str(certificate), "client_key": str(key)}


def ask(port: int, **more: str) -> int:
    with open_http(System("jira", "jira", f"https://localhost:{port}", **more), {}, retries=NO_MORE) as http:
        return http.get("/x").status


def test_a_private_ca_is_trusted_by_the_spec_and_by_nobody_else(ca_file: str) -> None:
    with serve(reply(200, {}), tls=server()) as stub:
        assert ask(stub.port, ca_file=ca_file) == 200
        with pytest.raises(UntrustedError, match="the certificate is not trusted"):
            ask(stub.port)


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_private_ca_is_trusted_by_the_usual_variables(
    ca_file: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, ca_file)
    with serve(reply(200, {}), tls=server()) as stub:
        assert ask(stub.port) == 200


def test_a_bundle_that_is_a_folder_is_taken_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))
    with serve(reply(200, {}), tls=server()) as stub, pytest.raises(UntrustedError):
        ask(stub.port)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none"))
    _trust.cache_clear()
    with pytest.raises(ReconcilerError, match="cannot be read: No such file"):
        ask(1)


def test_the_name_in_the_certificate_counts(ca_file: str) -> None:
    with (
        serve(reply(200, {}), tls=server()) as stub,
        open_http(System("j", "jira", f"https://127.0.0.1:{stub.port}", ca_file=ca_file), {}) as http,
        pytest.raises(UntrustedError, match=r"not valid for '127\.0\.0\.1'"),
    ):
        http.get("/x")


def test_no_variable_turns_the_proof_off(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYTHONHTTPSVERIFY", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, "0" if name == "PYTHONHTTPSVERIFY" else "")
    with serve(reply(200, {}), tls=server()) as stub, pytest.raises(UntrustedError):
        ask(stub.port)
    context = _trust("", "", "")
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


# --- client certificates ------------------------------------------------------------------------------------------


def test_a_client_certificate_is_shown_to_who_asks_for_it(ca_file: str, tmp_path: Path) -> None:
    with serve(reply(200, {}), tls=server(wants_certificate=True)) as stub:
        assert ask(stub.port, ca_file=ca_file, **client(tmp_path, AUTHORITY)) == 200
        for more in ({}, client(tmp_path, STRANGER)):
            _trust.cache_clear()
            with pytest.raises(UnreachableError):
                ask(stub.port, ca_file=ca_file, **more)
    assert len(stub.seen) == 1


@pytest.mark.parametrize("password", [b"", b"a password"])
def test_a_client_certificate_that_cannot_be_used_is_named(tmp_path: Path, password: bytes) -> None:
    """A key with a password is refused: OpenSSL would ask for it on the terminal."""
    named = client(tmp_path, AUTHORITY, password)
    if not password:
        (tmp_path / "client.key").write_text("no key")
    with pytest.raises(ReconcilerError) as caught:
        ask(1, **named)
    assert "the certificates for https://localhost:1 cannot be read" in caught.value.message
    assert "client_certificate and client_key of [hosts]" in caught.value.remedy
    assert "a password" not in str(caught.value)


# --- proxies ------------------------------------------------------------------------------------------------------


def pump(source: socket.socket, target: socket.socket) -> None:
    """Passes on what comes, until one of the two ends."""
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextmanager
def tunnel(port: int) -> Iterator[tuple[int, list[str]]]:
    """A proxy that connects to `port`, whatever it is asked for: its own port, and the heads that it was sent."""
    heads: list[str] = []

    def serve_one(sock: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += sock.recv(65536)
        heads.append(head.decode())
        with sock, socket.create_connection(("127.0.0.1", port)) as there:
            sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=pump, args=(there, sock), daemon=True)
            back.start()
            pump(sock, there)
            back.join(5)

    def accept() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve_one, args=(sock,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1], heads
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def test_a_proxy_of_the_spec_passes_on_what_it_cannot_read(ca_file: str) -> None:
    from pydantic import SecretStr

    headers = {"Authorization": SecretStr("Bearer t0ken-that-nobody-may-see")}
    with serve(reply(200, {}), tls=server()) as stub, tunnel(stub.port) as (port, heads):
        system = System("jira", "jira", "https://localhost", ca_file=ca_file, proxy=f"http://127.0.0.1:{port}")
        with open_http(system, headers) as http:
            assert http.get("/x").status == 200
    assert heads[0].startswith("CONNECT localhost:443 HTTP/1.1\r\n")
    assert "t0ken" not in "".join(heads)
    assert stub.seen[0].headers["authorization"] == "Bearer t0ken-that-nobody-may-see"


def test_a_proxy_that_is_asked_by_tls_must_be_trusted_too(ca_file: str) -> None:
    with serve(reply(200, {}), tls=server()) as stub:
        url = f"https://localhost:{stub.port}"
        system = System("jira", "jira", "http://jira.invalid", ca_file=ca_file, proxy=url)
        with open_http(system, {}) as http:
            assert http.get("/x").status == 200
        assert stub.seen[0].line == "GET http://jira.invalid/x HTTP/1.1"
        with (
            open_http(System("jira", "jira", "http://jira.invalid", proxy=url), {}, retries=NO_MORE) as http,
            pytest.raises(UnreachableError),
        ):
            http.get("/x")


def test_a_proxy_of_the_spec_goes_before_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://environment:1")
    found = find_proxy(System("j", "jira", "https://jira.invalid", proxy="http://spec:2"))
    assert found
    assert found.url.host == "spec"
    found = find_proxy(System("j", "jira", "https://jira.invalid"))
    assert found
    assert found.url.host == "environment"


@pytest.mark.parametrize("path", ["/rest/group/..", "/rest/./x", "/.."])
def test_a_name_in_a_path_makes_it_no_other_path(path: str) -> None:
    with open_http(System("j", "jira", "https://jira.invalid"), {}) as http:
        for use in (lambda: http.get(path), lambda: http.send("DELETE", path)):
            with pytest.raises(RefusedError, match="would make it another path"):
                use()


def test_a_path_without_a_slash_would_be_part_of_the_host() -> None:
    with open_http(System("j", "jira", "https://jira.invalid"), {}) as http, pytest.raises(ValueError, match="slash"):
        http.get(".evil.test/x")

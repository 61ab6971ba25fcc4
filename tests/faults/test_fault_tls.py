"""TLS that cannot be trusted: the reason, the table of the spec, and what to do; no credential is sent."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from cli.terminal import flat
from faults.strangers import says_no_secret

from reconciler.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cli.terminal import Terminal


@contextmanager
def listening(context: ssl.SSLContext | None) -> Iterator[tuple[int, list[bytes]]]:
    """A server on loopback that answers 404 to everything: its port, and what it was sent."""
    received: list[bytes] = []
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.1)
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                raw, _ = server.accept()
                raw.settimeout(5)
                with context.wrap_socket(raw, server_side=True) if context else raw as connection:
                    received.append(connection.recv(65536))
                    connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            except (OSError, ssl.SSLError):  # nobody came, or the other side did not trust us
                continue

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.getsockname()[1], received
    finally:
        over.set()
        thread.join()
        server.close()


def certificate(folder: Path, subject: str) -> tuple[ssl.SSLContext, Path]:
    """A certificate signed by itself: a server with it, and its file."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=test", "-addext", f"subjectAltName={subject}"]
    subprocess.run([*command, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context, cert


def own_ca(terminal: Terminal, cert: Path) -> str:
    """The certificate in the folder of the stack, as a spec names it."""
    (terminal.folder / "specs" / "acme" / "ca.pem").write_bytes(cert.read_bytes())
    return "ca.pem"


def reason(terminal: Terminal, port: int, **keys: str) -> str:
    """What a plan says of a Jira at that port; it was not read, and the others were."""
    terminal.write({"systems": {"jira": {"url": f"https://127.0.0.1:{port}", **keys}}})
    ran = terminal.run("plan").ended(ExitCode.INCOMPLETE)
    assert terminal.run("apply", "--auto-approve", "--allow", "locks-out").code == ExitCode.INCOMPLETE
    assert not terminal.writes
    assert "clavex/client/atlassian" in ran.out
    says_no_secret(terminal)
    return flat(ran.out)


def test_a_certificate_that_nobody_vouches_for(terminal: Terminal, tmp_path: Path) -> None:
    context, _ = certificate(tmp_path, "IP:127.0.0.1")
    with listening(context) as (port, received):
        said = reason(terminal, port)
    assert "the certificate is not trusted: self-signed certificate" in said
    assert "if the system has a CA of its own, name it in ca_file of [systems.jira] or in SSL_CERT_FILE" in said
    assert received == []


def test_a_ca_of_ones_own(terminal: Terminal, tmp_path: Path) -> None:
    context, cert = certificate(tmp_path, "IP:127.0.0.1")
    with listening(context) as (port, received):
        said = reason(terminal, port, ca_file=own_ca(terminal, cert))
    assert "404 Not Found" in said
    assert received


def test_a_certificate_for_another_host(terminal: Terminal, tmp_path: Path) -> None:
    context, cert = certificate(tmp_path, "DNS:jira.acme.eu")
    with listening(context) as (port, received):
        said = reason(terminal, port, ca_file=own_ca(terminal, cert))
    assert "IP address mismatch, certificate is not valid for '127.0.0.1'" in said
    assert received == []


def test_a_server_that_speaks_no_tls(terminal: Terminal) -> None:
    with listening(None) as (port, received):
        said = reason(terminal, port)
    assert "no TLS: " in said
    assert "does the url of [systems.jira] mean http, or another port?" in said
    assert not any(b"Bearer" in data for data in received)


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_a_ca_file_that_cannot_be_used(terminal: Terminal, content: str | None) -> None:
    if content:
        (terminal.folder / "specs" / "acme" / "ca.pem").write_text(content)
    terminal.write({"systems": {"jira": {"url": "https://127.0.0.1:9", "ca_file": "ca.pem"}}})
    ran = terminal.run("plan").ended(ExitCode.ERROR)
    assert "the certificates for https://127.0.0.1:9 cannot be read: " in flat(ran.err)
    assert "ca_file of [systems.jira]" in flat(ran.err)
    assert not ran.out

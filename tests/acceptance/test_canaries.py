"""No secret in anything that the commands say, log at debug level, or leave on the disk."""

from __future__ import annotations

import logging
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from pyrage import x25519

from reconciler.errors import ExitCode
from reconciler.transport.http import SystemHttp
from tests.conftest import SHORTEST, leaks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from acceptance.workplace import Workplace

COMMANDS = (
    ("validate",),
    ("plan", "--out", "saved.plan"),
    ("show", "saved.plan", "--json"),
    ("apply", "--auto-approve", "--allow=locks-out"),
    ("plan", "--json"),
    ("plan", "--format", "markdown"),
    ("drift", "--json"),
    ("doctor",),
    ("doctor", "--json"),
    ("verify", "--json"),
    ("state", "list", "--json"),
    ("state", "show", "clavex/client/atlassian"),
    ("state", "show", "jira/miniorange/jira", "--json"),
    ("forget", "clavex/client/atlassian"),
    ("import", "clavex/client/atlassian"),
    ("apply", "--auto-approve", "--allow=locks-out", "--allow=rotates", "--json"),
    ("apply", "--destroy", "--auto-approve", "--allow=deletes", "--allow=locks-out", "--allow=too-much"),
)


@contextmanager
def listening(place: Workplace) -> Iterator[None]:
    """Everything that any library logs, at debug level, goes into a file."""
    handler = logging.FileHandler(place.folder / "debug.log")
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
        handler.close()


def secrets_of(place: Workplace) -> set[str]:
    return {secret for secret in place.sandbox.issued_secrets if len(secret) >= SHORTEST}


@pytest.mark.parametrize("encrypted", [False, True])
def test_a_whole_life_at_debug_level(place: Workplace, monkeypatch: pytest.MonkeyPatch, *, encrypted: bool) -> None:
    identity = x25519.Identity.generate()
    place.environ["RECONCILER_AGE_IDENTITY"] = str(identity)
    overlay: dict[str, Any] = {"age": {"team": {"recipients": [str(identity.to_public())]}}}
    if encrypted:
        overlay["stack"] = {"secrets": "age:team", "encrypt": "age:team"}
    place.write(overlay)
    monkeypatch.chdir(place.folder)
    with listening(place):
        for command in COMMANDS:
            ran = place.run(*command)
            assert ran.code in {ExitCode.DONE, ExitCode.UNVERIFIED}, (command, ran.err)
    (place.folder / "said").write_text("\n".join(place.shown))
    canaries = secrets_of(place)
    if not encrypted:
        canaries |= set(place.stored_secrets().values())
    assert len(canaries) > 5
    assert "receive_response_headers" in (place.folder / "debug.log").read_text()
    assert leaks(place.folder, canaries | {str(identity)}) == []


def test_we_log_nothing_ourselves(place: Workplace) -> None:
    """There is no log of ours that a secret could get into; what is said is said on the two streams."""
    place.write()
    with listening(place):
        place.apply("locks-out").ended(ExitCode.DONE)
    assert not [name for name in logging.root.manager.loggerDict if name.startswith("reconciler")]


@pytest.mark.parametrize("command", [("plan",), ("apply", "--auto-approve"), ("drift", "--json"), ("doctor",)])
def test_a_mistake_of_ours_shows_no_secret(
    place: Workplace, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """The text of an exception that nobody foresaw is left out, and so is what its frames hold."""
    place.write()
    seen: list[str] = []

    def fail(self: SystemHttp, *_: object, **__: object) -> object:
        text = str(self._credentials["Authorization" if "Authorization" in self._credentials else "X-API-Key"])
        secret = place.sandbox.jira.token
        seen.append(text)
        raise RuntimeError(f"{secret} {place.sandbox.clavex.token}")

    monkeypatch.setattr(SystemHttp, "get", fail)
    ran = place.run(*command)
    assert seen
    assert ran.code == ExitCode.ERROR
    assert "an unexpected RuntimeError" in ran.err
    (place.folder / "said").write_text(ran.out + ran.err)
    assert leaks(place.folder, secrets_of(place)) == []
    assert not any(place.sandbox.jira.token in text for text in seen)


def test_an_error_holds_no_header(place: Workplace) -> None:
    """Not even the whole traceback of a request that failed, with the values of its exception, shows a credential."""
    from pydantic import SecretStr

    from reconciler.core.intent import System
    from reconciler.errors import RequestError
    from reconciler.transport.budget import Retries
    from reconciler.transport.http import open_http

    token = place.sandbox.jira.token
    headers = {"Authorization": SecretStr(f"Bearer {token}")}
    system = System("jira", "jira", "http://127.0.0.1:9")
    with open_http(system, headers, retries=Retries(0)) as http, pytest.raises(RequestError) as caught:
        http.get("/x")
    text = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=False).format())
    assert token not in text + repr(caught.value.__dict__)

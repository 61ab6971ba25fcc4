"""Each test runs twice: against its cassette with the network off, and against the emulated Clavex, compared."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cassettes.installation import MODES, Clavex, Mode, Server, Stack, live, real_server, slug_of, taped
from cassettes.scrubbing import Scrubber
from cassettes.taping import play

from reconciler.sandbox.clavex.world import ORG_SLUG
from reconciler.sandbox.serve import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reconciler.sandbox.clavex import ClavexWorld
    from reconciler.sandbox.serve import Served

CASSETTES = Path(__file__).parent / "clavex"
_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> object:
    report = yield
    if call.when == "call":
        item.stash[_FAILED] = call.excinfo is not None
    return report


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Any connection is an error, to this machine too, and fails the test; what was tried."""
    tried: list[str] = []

    def refuse(name: str) -> Callable[..., None]:
        def attempt(*arguments: object, **_: object) -> None:
            tried.append(f"{name} {arguments}")
            raise AssertionError(f"the network is off: {tried[-1]}")

        return attempt

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse(name))
    monkeypatch.setattr(socket, "getaddrinfo", refuse("getaddrinfo"))
    yield tried
    assert tried == []


@pytest.fixture(scope="session")
def emulated_clavex() -> Iterator[Served[ClavexWorld]]:
    with Sandbox() as sandbox:
        yield sandbox.clavex


@pytest.fixture(params=MODES, ids=str)
def mode(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Mode:
    """How this run goes. Requests come one after another, so that their order is always the same."""
    monkeypatch.setattr("reconciler.providers.clavex.organisation.WORKERS", 1)
    if request.param is Mode.REPLAYED:
        request.getfixturevalue("no_network")
    chosen: Mode = request.param
    return chosen


@pytest.fixture
def cassette(request: pytest.FixtureRequest) -> Path:
    """The cassette of the test: named like it."""
    name = request.node.originalname.removeprefix("test_").replace("_", "-")
    return CASSETTES / f"{name}.yaml"


@pytest.fixture
def clavex(mode: Mode, cassette: Path, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Clavex]:
    """A Clavex for this test. In the end all that was asked must be what the cassette holds."""
    slug = slug_of(cassette.stem)

    def failed() -> bool:
        result: bool = request.node.stash.get(_FAILED, True)
        return result

    match mode:
        case Mode.REPLAYED:
            yield from _replayed(cassette, slug, failed)
        case Mode.EMULATED:
            served: Served[ClavexWorld] = request.getfixturevalue("emulated_clavex")
            served.reset()
            yield from _emulated(Server(served.url, served.token, ORG_SLUG), cassette, tmp_path, slug, failed)
        case Mode.RECORDED:
            yield from _recorded(real_server(), cassette, slug, failed)


def _replayed(cassette: Path, slug: str, failed: Callable[[], bool]) -> Iterator[Clavex]:
    if not cassette.exists():
        pytest.fail(f"there is no {cassette.name} yet: README.md says how it is recorded")
    scrubber = Scrubber("http://nothing.invalid")
    with play(cassette, scrubber, record=False) as tape:
        yield taped(slug, scrubber, tape)
    if not failed():
        assert tape.problems() == []


def _recorded(server: Server, cassette: Path, slug: str, failed: Callable[[], bool]) -> Iterator[Clavex]:
    scrubber = Scrubber(server.url)
    with play(cassette, scrubber, record=True) as tape:
        with live(server, slug, scrubber, tape) as clavex:
            yield clavex
        if failed():
            tape.cassette.dirty = False  # nothing is written
    if not failed():
        text = cassette.read_text(encoding="utf-8")
        assert not [secret for secret in scrubber.secrets if secret in text]


def _emulated(
    server: Server, cassette: Path, folder: Path, slug: str, failed: Callable[[], bool]
) -> Iterator[Clavex]:
    if not cassette.exists():
        pytest.fail(f"there is no {cassette.name} yet: README.md says how it is recorded")
    scrubber = Scrubber(server.url)
    with play(folder / "emulated.yaml", scrubber, record=True) as tape, live(server, slug, scrubber, tape) as clavex:
        yield clavex
        emulated = tape.exchanges()  # before it is saved, which changes it
    if not failed():
        with play(cassette, scrubber, record=False) as tape:
            recorded = tape.exchanges()
        for number, (here, there) in enumerate(zip(emulated, recorded, strict=True), 1):
            assert (number, here) == (number, there)


@pytest.fixture
def stack(
    clavex: Clavex, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Stack:
    """A stack for this test, whose commands are given the super admin's key."""
    for name in ("RECONCILER_STACK", "RECONCILER_ENV", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLAVEX_TOKEN", clavex.super_key)
    return Stack(clavex, tmp_path, capsys)

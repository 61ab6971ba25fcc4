"""The cassettes hold no secret, and a replay notices whatever our product does otherwise than it was recorded."""

from __future__ import annotations

import re
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml
from cassettes.installation import NEEDED, RECORDING, Stack, real_server, slug_of, taped
from cassettes.scrubbing import API_KEY, FAKE, JWT, SECRET, URL, Scrubber, fake, fake_key, fake_uuid
from cassettes.taping import play
from cassettes.test_flows import PORTAL, REST
from vcr.errors import CannotOverwriteExistingCassetteException
from vcr.request import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
CASSETTES = sorted((HERE / "clavex").glob("*.yaml"))
REAL = {
    "key": "clv_" + "k3Y-" * 10 + "abc",
    "secret": "s3C_" * 10 + "xyz",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "uuid": "0f8fad5b-d9cb-469f-a165-70867728950e",
}

pytestmark = pytest.mark.skipif(RECORDING, reason="this is about cassettes that are there; they are being recorded")


# --- what is in them


def texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for key, item in value.items():
                yield from texts(key)
                yield from texts(item)
        case list():
            for item in value:
                yield from texts(item)


@pytest.mark.parametrize("path", CASSETTES, ids=lambda path: path.stem)
def test_a_cassette_holds_no_secret(path: Path) -> None:
    tape: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    for text in texts(tape):
        for pattern in (API_KEY, SECRET):
            found = [match[0] for match in pattern.finditer(text)]
            assert [each for each in found if not FAKE.fullmatch(each)] == []
        assert not JWT.search(text)
        assert all(FAKE.fullmatch(value) for value in re.findall(r'client_secret(?:=|":")([^"&]*)', text))
        assert not re.search(r"set-cookie|cookie|x-request-id", text, re.IGNORECASE)
        assert all(host == URL for host in re.findall(r"http://[\d.]+:\d+", text))
    for exchange in tape["interactions"]:
        assert exchange["request"]["uri"].startswith(URL + "/")


def test_each_cassette_is_that_of_a_test() -> None:
    tests = "".join((HERE / name).read_text(encoding="utf-8") for name in ("test_flows.py", "test_handlers.py"))
    names = {name.replace("_", "-") for name in re.findall(r"^def test_(\w+)\(", tests, re.MULTILINE)}
    assert {path.stem for path in CASSETTES} == names


# --- what a replay notices


@pytest.fixture
def replay(
    no_network: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[Stack], object]], list[str]]:
    """Runs against the cassette of the small stack; what is wrong in the end."""
    monkeypatch.setenv("CLAVEX_TOKEN", fake_key("super"))
    monkeypatch.setattr("reconciler.providers.clavex.organisation.WORKERS", 1)

    def run(act: Callable[[Stack], object]) -> list[str]:
        scrubber = Scrubber("http://nothing.invalid")
        with play(HERE / "clavex" / "a-small-stack.yaml", scrubber, record=False) as tape:
            stack = Stack(taped(slug_of("a-small-stack"), scrubber, tape), tmp_path, capsys)
            stack.write(PORTAL + REST)
            stack.plan()
            with suppress(CannotOverwriteExistingCassetteException, AssertionError):  # the command says so, and fails
                act(stack)
            return tape.problems()

    return run


def test_a_run_that_ends_early(replay: Callable[..., list[str]]) -> None:
    (problem,) = replay(lambda stack: None)
    assert problem.startswith("these did not come:\nGET ")


@pytest.mark.parametrize(
    ("asked", "old", "new"),
    [
        ("body", 'name = "Portal"', 'name = "Gate"'),
        ("path", '"cassetteportal"', '"cassettegate"'),
        ("headers", "clients.portal", "clients.gate"),
        ("body", "public = true", "public = false"),
    ],
)
def test_another_request(replay: Callable[..., list[str]], asked: str, old: str, new: str) -> None:
    def act(stack: Stack) -> None:
        stack.write((PORTAL + REST).replace(old, new))
        stack.run("apply", "--auto-approve")

    assert asked in " ".join(replay(act))


def test_another_query(replay: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    def act(stack: Stack) -> None:
        monkeypatch.setattr("reconciler.providers.clavex.client.PAGE_SIZE", 100)
        stack.plan()

    assert "limit=100" in " ".join(replay(act))


def test_another_credential(replay: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    def act(stack: Stack) -> None:
        monkeypatch.setenv("CLAVEX_TOKEN", "a-bearer-token")
        stack.plan()

    assert "'authorization': 'Bearer fake-token-" in " ".join(replay(act))


def test_another_order(replay: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    def act(stack: Stack) -> None:
        """The same requests, but somebody reads the groups before the clients."""
        from reconciler.engine import refresh

        monkeypatch.setattr(refresh, "sorted", lambda items: sorted(items, key=str, reverse=True), raising=False)
        stack.run("plan")

    (problem,) = replay(act)
    assert "and on the tape" in problem


def test_the_network_is_off(monkeypatch: pytest.MonkeyPatch, no_network: list[str]) -> None:
    with pytest.raises(AssertionError, match="the network is off"):
        httpx.get("http://127.0.0.1:9/", trust_env=False)
    with pytest.raises(AssertionError, match="the network is off"), socket.socket() as raw:
        raw.connect_ex(("127.0.0.1", 9))
    with pytest.raises(AssertionError, match="the network is off"):
        socket.getaddrinfo("example.com", 80)
    assert len(no_network) == 3
    no_network.clear()


# --- the scrubber


def test_a_request_is_scrubbed() -> None:
    scrubber = Scrubber("http://10.0.0.1:8080")
    scrubber.learn(REAL["key"], fake_key("super"))
    request = Request(
        "POST",
        f"http://10.0.0.1:8080/api/{REAL['uuid']}/x?token={REAL['secret']}",
        f"client_secret={REAL['secret']}&assertion={REAL['jwt']}".encode(),
        {"X-Api-Key": REAL["key"], "Authorization": "Bearer opaque", "Cookie": "a=b", "Host": "10.0.0.1"},
    )
    clean = scrubber.request(request)
    secret = fake("secret-2")
    assert clean.uri == f"{URL}/api/{fake_uuid(1)}/x?token={secret}"
    assert clean.body == f"client_secret={secret}&assertion=fake-jwt".encode()
    assert dict(clean.headers) == {"x-api-key": fake_key("super"), "authorization": f"Bearer {fake('token')}"}
    again = scrubber.request(clean)
    assert (again.uri, again.body, dict(again.headers)) == (clean.uri, clean.body, dict(clean.headers))


def test_an_answer_is_scrubbed() -> None:
    scrubber = Scrubber("http://10.0.0.1:8080")
    body = f'{{"client_secret":"{REAL["secret"]}","key":"{REAL["key"]}","at":"http://10.0.0.1:8080/acme"}}'
    headers = {"Set-Cookie": ["clavex_csrf=x"], "Content-Type": ["application/json"], "X-Request-Id": ["1"]}
    clean = scrubber.response({"status": {"code": 200}, "headers": headers, "body": {"string": body.encode()}})
    text = clean["body"]["string"].decode()
    assert clean["headers"] == {"content-type": ["application/json"]}
    assert f'"at":"{URL}/acme"' in text
    assert not any(real in text for real in REAL.values())
    assert scrubber.response(clean)["body"] == clean["body"]
    assert scrubber.secrets == {REAL["secret"], REAL["key"]}


def test_organisations_of_others_are_left_out() -> None:
    orgs = '[{"id":"1","slug":"acme","settings":{}},{"id":"2","slug":"cassette-x","settings":{}}]'
    clean = Scrubber("http://x").response({"status": {}, "headers": {}, "body": {"string": orgs.encode()}})
    assert clean["body"]["string"] == b'[{"id":"2","slug":"cassette-x","settings":{}}]\n'


@pytest.mark.parametrize("name", [fake("secret-1"), fake_key("super"), fake("secret-of-cassetteportal")])
def test_fakes_have_the_form_of_what_they_stand_for(name: str) -> None:
    assert FAKE.fullmatch(name)
    assert (API_KEY if name.startswith("clv_") else SECRET).fullmatch(name)


def test_recording_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NEEDED:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(NEEDED[0], "http://127.0.0.1:1")
    with pytest.raises(ValueError, match=f"{NEEDED[1]}, {NEEDED[2]} are not"):
        real_server()

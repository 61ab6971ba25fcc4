"""The Clavex that these tests drive our product against: replayed, recorded, or emulated."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from cassettes.scrubbing import SLUG, URL, Scrubber, fake, fake_key, fake_uuid
from cassettes.taping import SEND, Tape
from pydantic import SecretStr

from reconciler.cli.main import outcome
from reconciler.core.address import Address
from reconciler.core.intent import System
from reconciler.core.observed import Lookup, Observation, Owner, Present
from reconciler.ports import Connection, Credentials, Handler, RotatingHandler, Write
from reconciler.providers.clavex import provider
from reconciler.transport.http import open_http

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reconciler.core.resource import Attributes, Value

RECORDING = os.environ.get("RECONCILER_RECORD_CASSETTES", "") not in {"", "0"}
NEEDED = ("RECONCILER_TEST_CLAVEX_URL", "RECONCILER_TEST_CLAVEX_KEY", "RECONCILER_TEST_CLAVEX_ORG")


class Mode(StrEnum):
    """Where the answers come from."""

    REPLAYED = "replayed"
    RECORDED = "recorded"
    EMULATED = "emulated"


MODES = [Mode.RECORDED] if RECORDING else [Mode.REPLAYED, Mode.EMULATED]
"""How each test is run."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running Clavex: its URL, the API key of a super admin, and the slug of an organisation that it has."""

    url: str
    key: str = field(repr=False)
    org: str


def real_server() -> Server:
    """The server to record from. ValueError says what is missing in the environment."""
    if missing := [name for name in NEEDED if not os.environ.get(name)]:
        raise ValueError(f"RECONCILER_RECORD_CASSETTES is set, and {', '.join(missing)} are not: see README.md")
    url, key, org = (os.environ[name] for name in NEEDED)
    return Server(url.rstrip("/"), key, org)


class _Direct(httpx.HTTPTransport):
    """A connection that no cassette sees."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return SEND(self, request)


class Hand:
    """What is done to the server besides our product, by a super admin; in a replay it was done long ago."""

    def __init__(self, server: Server) -> None:
        self._base = f"{server.url}/api/v1/organizations"
        headers = {"X-API-Key": server.key}
        self._http = httpx.Client(headers=headers, transport=_Direct(), trust_env=False, timeout=60)

    def __call__(self, method: str, path: str, json: object = None, ok: Sequence[int] = (200, 201, 204)) -> Any:
        """The answer's JSON; None if it has none."""
        answer = self._http.request(method, self._base + path, json=json)
        assert answer.status_code in ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def find(self, slug: str) -> str | None:
        """The id of an organisation."""
        return next((org["id"] for org in self("GET", "") if org["slug"] == slug), None)

    def close(self) -> None:
        """Closes the connection."""
        self._http.close()


@dataclass(slots=True)
class Clavex:
    """A Clavex with an organisation that is the test's own, `slug`, and one that is not, `other`."""

    url: str
    slug: str
    org_id: str
    super_key: str = field(repr=False)
    tape: Tape
    scrubber: Scrubber
    hand: Hand | None
    other_id: str

    # --- by hand --------------------------------------------------------------------------------------------------

    def by_hand(self, method: str, path: str, json: object = None, *, org_id: str = "") -> None:
        """Somebody does this in the organisation."""
        if self.hand is not None:
            self.hand(method, f"/{org_id or self.org_id}{path}", json)

    def make_client(self, client_id: str, **fields: object) -> SecretStr:
        """Somebody makes a client; its secret."""
        stand_in = fake(f"secret-of-{client_id}")
        if self.hand is None:
            return SecretStr(stand_in)
        body = {"client_id": client_id, "name": client_id, "redirect_uris": ["https://hand.example/cb"], **fields}
        secret: str | None = self.hand("POST", f"/{self.org_id}/clients", body)["client_secret"]
        if secret:
            self.scrubber.learn(secret, stand_in)
        return SecretStr(secret or "")

    @contextmanager
    def foreign_client(self, client_id: str) -> Iterator[None]:
        """Meanwhile a client of this id belongs to the other organisation."""
        body = {"client_id": client_id, "name": client_id, "redirect_uris": ["https://hand.example/cb"]}
        self.by_hand("POST", "/clients", {**body, "is_public": True}, org_id=self.other_id)
        try:
            yield
        finally:
            self.by_hand("DELETE", f"/clients/{client_id}", org_id=self.other_id)

    def key(self, *permissions: str) -> str:
        """A new API key of the organisation."""
        stand_in = fake_key("-".join(text.partition(":")[0] for text in permissions))
        if self.hand is None:
            return stand_in
        body = {"name": "cassette", "scope": "read-write", "permissions": permissions}
        key: str = self.hand("POST", f"/{self.org_id}/api-keys", body)["key"]
        self.scrubber.learn(key, stand_in)
        return key

    # --- our product ----------------------------------------------------------------------------------------------

    @contextmanager
    def connected(self, key: str = "", *, endpoints: bool = False, **settings: str) -> Iterator[Connection]:
        """Our provider, connected; without settings nothing is asked for that but the `endpoints`."""
        settings = settings or {"dialect": "released", "org_id": self.org_id}
        system = System("clavex", "clavex", self.url, self.slug, settings=settings)
        headers = provider.authenticate(Credentials(SecretStr(key or self.super_key)))
        with open_http(system, headers) as http:
            yield provider.connect(system, http, {}, endpoints)

    def find(self, client_id: str) -> Present:
        """A client as our product sees it."""
        with self.connected() as connection:
            return present(connection.handlers["client"], lookup("client", client_id))

    def proves(self, client_id: str, secret: str) -> bool:
        """Whether our product finds the secret to be that of the client."""
        attributes = {"client_id": client_id}
        secrets = {"client_secret": SecretStr(secret)}
        with self.connected() as connection:
            handler = connection.handlers["client"]
            assert isinstance(handler, RotatingHandler)
            return handler.prove(write("client", attributes, remote_id=client_id, secrets=secrets))


def lookup(kind: str, name: str, remote_id: str | None = None, **attributes: Value) -> Lookup:
    """A question for one object; `name` is its key."""
    key = {"client_id": name} if kind == "client" else {"name": name}
    return Lookup(Address("clavex", kind, name), {**key, **attributes}, remote_id)


def read(handler: Handler, *wanted: Lookup) -> list[Observation]:
    """What the handler found, in the order of the questions."""
    found = handler.read(wanted)
    return [found[item.address] for item in wanted]


def present(handler: Handler, wanted: Lookup) -> Present:
    """What the handler found, and it is there."""
    (found,) = read(handler, wanted)
    assert isinstance(found, Present), found
    return found


def write(kind: str, attributes: Attributes, *changed: str, **more: Any) -> Write:
    """A write; without `changed`, of everything. The object bears our mark unless `owner` says otherwise."""
    name = str(attributes.get("client_id" if kind == "client" else "name"))
    owner = Owner("reconciler", f"cassette/default/clavex/{kind}/{name}")
    address = Address("clavex", kind, name)
    return Write(address, attributes, **{"changed": frozenset(changed or attributes), "owner": owner, **more})


@dataclass(slots=True)
class Stack:
    """A stack in a folder of its own, and the command line that works on it."""

    clavex: Clavex
    folder: Path
    capsys: pytest.CaptureFixture[str]
    printed: str = ""

    @property
    def home(self) -> Path:
        """Where its state and its secrets lie."""
        return self.folder / "state" / "cassette" / "default"

    def write(self, text: str, **system: str) -> None:
        """The spec is `text`, and the Clavex; `system` holds more keys of its table."""
        place = self.folder / "specs" / "cassette" / "stack.toml"
        place.parent.mkdir(parents=True, exist_ok=True)
        more = "\n".join(f'{name} = "{value}"' for name, value in system.items())
        table = f'[systems.clavex]\nprovider = "clavex"\nurl = "{self.clavex.url}"\norg = "{self.clavex.slug}"\n'
        place.write_text(f'{table}token = "env:CLAVEX_TOKEN"\n{more}\n{text}', encoding="utf-8")

    def run(self, *arguments: str) -> tuple[int, str]:
        """The exit code of a command, and all that it printed, however the lines were broken."""
        places = ("--specs", str(self.folder / "specs"), "--state-dir", str(self.folder / "state"))
        code = outcome([arguments[0], *places, "--parallelism", "1", *arguments[1:]])
        printed = self.capsys.readouterr()
        self.printed = printed.out
        return code, " ".join((printed.out + printed.err).split())

    def secret(self, name: str) -> str:
        """A secret of the stack's own store."""
        lines = (self.home / "cassette.secrets").read_text(encoding="utf-8").splitlines()
        values = {line["name"]: line["value"] for line in map(json.loads, lines)}
        value: str = values[name]
        return value

    def plan(self) -> dict[str, str]:
        """What a plan would do, by address."""
        changes = self.document(0, "plan", "--format", "json")["plan"]["changes"]
        return {change["address"]: change["action"] for change in changes}

    def apply(self, *arguments: str, code: int = 0) -> list[str]:
        """The steps of an apply that ended with `code`, in their order; how each ended, if not well."""
        results = self.document(code, "apply", "--auto-approve", "--json", *arguments)["results"]
        return [
            " ".join([each["step"], each["address"], *([each["status"]] if each["status"] != "done" else [])])
            for each in results
        ]

    def document(self, code: int, *arguments: str) -> Any:
        """The JSON that a command printed which ended with `code`."""
        self.must(code, *arguments)
        return json.loads(self.printed)

    def must(self, code: int, *arguments: str) -> str:
        """What a command printed that ended with `code`."""
        ended, text = self.run(*arguments)
        assert ended == code, text
        return text


@contextmanager
def organisation(server: Server, slug: str) -> Iterator[tuple[Hand, str]]:
    """An organisation of that slug, as new; gone at the end."""
    hand = Hand(server)
    try:
        if leftover := hand.find(slug):
            hand("DELETE", f"/{leftover}")
        org_id: str = hand("POST", "", {"name": slug, "slug": slug})["id"]
        try:
            yield hand, org_id
        finally:
            hand("DELETE", f"/{org_id}")
    finally:
        hand.close()


@contextmanager
def live(server: Server, slug: str, scrubber: Scrubber, tape: Tape) -> Iterator[Clavex]:
    """A running Clavex."""
    with organisation(server, slug) as (hand, org_id):
        scrubber.learn(server.key, fake_key("super"))
        scrubber.text(org_id)  # the first id that comes up
        other_id = hand.find(server.org)
        assert other_id, f"{server.url} has no organisation {server.org}"
        yield Clavex(server.url, slug, org_id, server.key, tape, scrubber, hand, other_id)


def taped(slug: str, scrubber: Scrubber, tape: Tape) -> Clavex:
    """The Clavex on a tape."""
    return Clavex(URL, slug, fake_uuid(1), fake_key("super"), tape, scrubber, None, "")


def slug_of(name: str) -> str:
    """The slug of the organisation that a test makes."""
    return (SLUG + name)[:60].rstrip("-")

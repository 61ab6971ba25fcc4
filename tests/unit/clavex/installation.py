"""An emulated Clavex as the handlers see it, and what they are asked, for the tests of the Clavex provider."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from reconciler.core.address import Address
from reconciler.core.intent import System
from reconciler.core.observed import Lookup, Observation, Owner, Present
from reconciler.ports import Connection, Credentials, Handler, Http, Write
from reconciler.providers.clavex import provider
from reconciler.providers.clavex.client import ClientHandler
from reconciler.sandbox.clavex import Client
from reconciler.transport.http import Access, open_http

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.core.resource import Attributes, Value
    from reconciler.sandbox.clavex import ClavexWorld
    from reconciler.sandbox.serve import Served

    Clavex = Served[ClavexWorld]

OWNER = Owner("reconciler", "acme/default/clavex/client/atlassian")
ATTRIBUTES: Attributes = {
    "client_id": "atlassian",
    "name": "Jira + Confluence",
    "redirect_uris": ("https://confluence.acme.eu/cb", "https://jira.acme.eu/cb"),
    "grant_types": ("authorization_code", "refresh_token"),
    "public": False,
    "client_secret": "file:acme#clients.atlassian.client_secret",
}


def system_of(served: Clavex, **settings: str) -> System:
    return System("clavex", "clavex", served.url, "acme", settings=settings)


@contextmanager
def opened(served: Clavex, key: str = "", *, access: Access = Access.WRITE, **settings: str) -> Iterator[Http]:
    headers = provider.authenticate(Credentials(SecretStr(key or served.token)))
    with open_http(system_of(served, **settings), headers, access=access) as http:
        yield http


@contextmanager
def connected(served: Clavex, key: str = "", **settings: str) -> Iterator[Connection]:
    """Connected without a question, unless the settings leave one open; no request is counted or spoilt yet."""
    settings = {"dialect": "released", "org_id": served.world.org_id, **settings}
    with opened(served, key, **settings) as http:
        yield provider.connect(system_of(served, **settings), http, {}, False)


@contextmanager
def client_handler(served: Clavex, key: str = "", **settings: str) -> Iterator[ClientHandler]:
    with connected(served, key, **settings) as connection:
        handler = connection.handlers["client"]
        assert isinstance(handler, ClientHandler)
        yield handler


def lookup(kind: str, name: str, remote_id: str | None = None, **attributes: Value) -> Lookup:
    key = {"client": "client_id", "group": "name"}.get(kind, "name")
    return Lookup(Address("clavex", kind, name), {key: name, **attributes}, remote_id)


def read(handler: Handler, *wanted: Lookup) -> list[Observation]:
    found = handler.read(wanted)
    return [found[item.address] for item in wanted]


def present(handler: Handler, wanted: Lookup) -> Present:
    (found,) = read(handler, wanted)
    assert isinstance(found, Present)
    return found


def write(attributes: Attributes = ATTRIBUTES, *changed: str, **more: Any) -> Write:
    """A write to the client `atlassian`; without `changed`, of everything."""
    address = Address("clavex", "client", "atlassian")
    return Write(address, attributes, frozenset(changed or attributes), **{"owner": OWNER, **more})


def add_clients(served: Clavex, count: int, name: str = "", org_id: str = "") -> list[str]:
    """That many clients; `name` is theirs, else each has one of its own."""
    ids = [f"c{number:04}" for number in range(count)]
    for client_id in ids:
        served.world.add_client(
            Client(client_id, org_id or served.world.org_id, name or client_id, [f"https://{client_id}/cb"])
        )
    return ids

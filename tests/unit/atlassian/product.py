"""Specs, systems and writes for the tests of the Atlassian side, after the guide's example."""

from __future__ import annotations

from contextlib import contextmanager
from json import dumps
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from reconciler.core.intent import Client, Facts, Intent, SignOn, System
from reconciler.core.observed import Lookup, Observation
from reconciler.core.secret import Handle
from reconciler.ports import (
    Answer,
    Connection,
    Credentials,
    Expansion,
    Fingerprinter,
    Handler,
    Http,
    PluginProvider,
    Write,
    Written,
)
from reconciler.providers.atlassian.credentials import authenticate
from reconciler.transport.answers import HttpAnswer
from reconciler.transport.http import open_http

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.core.address import Address
    from reconciler.core.desired import Desired
    from reconciler.sandbox.serve import Served

CLIENT_SECRET = "cs_canary_of_the_client"
CLAVEX = System("clavex", "clavex", "https://id.acme.eu", org="acme")
ISSUER = "https://id.acme.eu/acme"
ENDPOINTS = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "userinfo_endpoint": f"{ISSUER}/userinfo",
}
CLAVEX_FACTS = Facts("1.0", ENDPOINTS, assumed=False)
CLIENT = Client(
    "atlassian",
    "clavex",
    "atlassian",
    secret=Handle("file:acme", "clients.atlassian.client_secret"),
    display_name="J",
)
FINGERPRINTER = Fingerprinter(lambda secret: f"print of {len(secret.get_secret_value())}")


def system_of(served: Served[Any], name: str = "") -> System:
    kind = served.emulator.name
    return System(name or kind, kind, served.url, token=Handle("env", "TOKEN"))


@contextmanager
def opened(served: Served[Any]) -> Iterator[Http]:
    token = SecretStr(served.token) if served.token else None
    headers = authenticate(Credentials(token, served.username, SecretStr(served.password)))
    with open_http(system_of(served), headers) as http:
        yield http


def add_idp(served: Served[Any], number: int = 3, **fields: Any) -> Any:
    """An identity provider that somebody made by hand; fields by their names on the wire."""
    made = {"name": "Clavex", "sso-type": "OIDC", "enabled": True, "button-text": "By hand"}
    if fields.get("sso-type", "OIDC") == "OIDC":
        made |= {
            "issuer-url": ISSUER,
            "client-id": "atlassian",
            "client-secret": "of-hand",
            "discovery-enabled": True,
        }
    return served.world.store_idp({**made, **fields}, number)


def sign_on(product: System, plugin: str, **changes: Any) -> SignOn:
    made = SignOn(
        name="main",
        product=product,
        plugin=plugin,
        client=CLIENT,
        issuer_system=CLAVEX,
        display_name="Sign in with Clavex",
        scopes=("openid", "profile", "email", "groups"),
        attributes={
            "username": "preferred_username",
            "email": "email",
            "first_name": "given_name",
            "last_name": "family_name",
            "groups": "groups",
        },
        groups={"jira-administrators": "jira-administrators", "jira-software-users": "jira-software-users"},
        update_attributes_on_login=True,
    )
    return made._replace(**changes)


def wanted(expansion: Expansion, kind: str) -> Desired:
    (found,) = [item for item in expansion.resources if item.type.name == kind]
    return found


def intent(*sign_ons: SignOn, groups: tuple[Any, ...] = ()) -> Intent:
    systems = {item.product.name: item.product for item in sign_ons}
    return Intent("acme", "default", systems, {}, {item.name: item for item in sign_ons}, groups)


class Recorder:
    """An Http that keeps what it sends."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self.sent: list[tuple[str, str, Any]] = []

    @property
    def url(self) -> str:
        return self._http.url

    def get(self, path: str, **options: Any) -> Answer:
        return self._http.get(path, **options)

    def send(self, method: str, path: str, *, json: Any = None, **options: Any) -> Answer:
        self.sent.append((method, path, json))
        return self._http.send(method, path, json=json, **options)

    def first_message(self, path: str) -> str:
        return self._http.first_message(path)


class Script(Recorder):
    """An Http that gives these JSON answers to reads, one after another, and takes every write."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)
        self.sent = []

    @property
    def url(self) -> str:
        return "https://jira.acme.eu"

    def get(self, path: str, **options: Any) -> Answer:
        return HttpAnswer(200, {}, dumps(self._answers.pop(0)).encode(), f"GET {self.url}{path}")

    def send(self, method: str, path: str, *, json: Any = None, **options: Any) -> Answer:
        self.sent.append((method, path, json))
        return HttpAnswer(200, {}, b"{}", path)


class Side:
    """One resource of one product, and the handler for it."""

    def __init__(self, handler: Handler, desired: Desired) -> None:
        self.handler, self.desired = handler, desired

    @property
    def address(self) -> Address:
        return self.desired.address

    def read(self, remote_id: str | None = None, **changes: Any) -> Observation:
        lookup = Lookup(self.address, {**self.desired.attributes, **changes}, remote_id)
        return self.handler.read([lookup])[self.address]

    def create(self, **changes: Any) -> Written:
        attributes = {**self.desired.attributes, **changes}
        return self.handler.create(self._write(attributes, frozenset(attributes), ""))

    def update(self, remote_id: str, **changes: Any) -> Written:
        return self.handler.update(self._write({**self.desired.attributes, **changes}, frozenset(changes), remote_id))

    def delete(self, remote_id: str) -> None:
        self.handler.delete(self._write(self.desired.attributes, frozenset(), remote_id))

    def _write(self, attributes: dict[str, Any], changed: frozenset[str], remote_id: str) -> Write:
        secrets = {"client_secret": SecretStr(CLIENT_SECRET)} if "client_secret" in changed else {}
        return Write(self.address, attributes, changed, remote_id, secrets=secrets)


def side(plugin: PluginProvider, http: Http, made: SignOn, kind: str, product: Facts | None = None) -> Side:
    facts = product or Facts("10.3.24", assumed=False)
    handlers = plugin.handlers(http, made.product, [made], FINGERPRINTER)
    return Side(handlers[kind], wanted(plugin.expand(made, facts, CLAVEX_FACTS), kind))


def connection(provider: Any, served: Served[Any], http: Http) -> Connection:
    made: Connection = provider.connect(system_of(served), http, {}, False)
    return made

"""Clients: from their tables to their meaning. A spec may hold thousands, so every rule is a cheap one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from reconciler.core.intent import Client, System
from reconciler.core.secret import Handle
from reconciler.spec.model import CLAVEX
from reconciler.spec.rules import (
    check_client_id,
    check_logout_uri,
    check_redirect_uri,
    is_ordinary,
    parse_handle,
    shown,
)
from reconciler.spec.suggestion import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.spec.findings import Findings
    from reconciler.spec.model import ClientTable
    from reconciler.spec.validation import Spec

_EXTERNAL_KEYS: Final = frozenset({"system", "client_id", "redirect_uris", "secret", "external"})
_SECRET_KEYS: Final = frozenset({"secret", "rotate_after", "token_endpoint_auth_method"})
_LISTS: Final = {"redirect_uris", "post_logout_redirect_uris", "grant_types", "response_types", "scopes"}
_URI_RULES: Final = {"redirect_uris": check_redirect_uri, "post_logout_redirect_uris": check_logout_uri}
# Clavex keeps any text here (facts clavex 2.1): a slip of the pen would be stored, and do nothing.
_KNOWN_TYPES: Final = {
    "grant_types": frozenset(
        {
            "authorization_code",
            "refresh_token",
            "client_credentials",
            "implicit",
            "password",
            "urn:ietf:params:oauth:grant-type:device_code",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "urn:ietf:params:oauth:grant-type:token-exchange",
            "urn:openid:params:grant-type:ciba",
        }
    ),
    "response_types": frozenset(
        {"code", "token", "id_token", "code id_token", "code token", "code id_token token", "id_token token", "none"}
    ),
}


def compile_clients(spec: Spec, systems: Mapping[str, System], store: str, findings: Findings) -> dict[str, Client]:
    """The clients by table name, without those whose system is not known."""
    used = {sign_on.client for sign_on in spec.tables.sso.values()}
    declared = spec.declared.get("systems", ())
    clients: dict[str, Client] = {}
    taken = _Taken(systems)
    for name, table in spec.tables.clients.items():
        system = findings.resolve(table["system"], systems, declared, "clients", name, "system")
        if system is not None:
            client = _compile(name, table, _find_secret(name, table, store, findings))
            _check_kind(client, table, system, findings)
            _check_lists(name, table, findings)
            if not client.redirect_uris and not client.shared and name not in used:
                remedy = "let a sign-on use it, or list redirect_uris"
                findings.fail("Clavex takes no client without a redirect URI", remedy, "clients", name)
            taken.check_id(client, system, findings)
            taken.check_secret(client, findings)
            clients[name] = client
    return clients


def _compile(name: str, table: ClientTable, secret: Handle | None) -> Client:
    return Client(
        name=name,
        system=table["system"],
        client_id=table.get("client_id", name),
        display_name=table.get("name"),
        redirect_uris=table.get("redirect_uris", ()),
        post_logout_redirect_uris=table.get("post_logout_redirect_uris"),
        grant_types=table.get("grant_types"),
        response_types=table.get("response_types"),
        scopes=table.get("scopes"),
        token_endpoint_auth_method=table.get("token_endpoint_auth_method"),
        public=table.get("public", False),
        active=table.get("active"),
        access_token_ttl=table.get("access_token_ttl"),
        refresh_token_ttl=table.get("refresh_token_ttl"),
        claims=table.get("claims", {}),
        secret=secret,
        secret_days=int(table["rotate_after"].removesuffix("d")) if "rotate_after" in table else None,
        shared=table.get("external", False),
    )


def _find_secret(name: str, table: ClientTable, store: str, findings: Findings) -> Handle | None:
    if "secret" in table:
        return findings.attempt(parse_handle, table["secret"], "clients", name, "secret")
    return Handle(store, f"clients.{name}.client_secret") if not table.get("public") else None


def _check_kind(client: Client, table: ClientTable, system: System, findings: Findings) -> None:
    where = ("clients", client.name)
    if system.provider != CLAVEX:
        remedy = "name a system whose provider is clavex"
        findings.fail(f"clients live in a Clavex, and this is a {system.provider}", remedy, *where, "system")
    doubt = findings.attempt(check_client_id, client.client_id, *where, "client_id")
    if client.shared:
        for key in table.keys() - _EXTERNAL_KEYS:
            remedy = "take it out, or take `external` out to manage the whole client"
            findings.fail("an external client belongs to somebody else, who sets this", remedy, *where, key)
        return
    if doubt:
        findings.warn(doubt, "look up whether it exists", *where, "client_id")
    if client.public:
        for key in table.keys() & _SECRET_KEYS:
            findings.fail("a public client has no secret", "take it out, or take `public` out", *where, key)
    elif client.secret_days is not None and client.secret is not None and client.secret.store == "env":
        remedy = "keep the secret in a file or by a command, or take rotate_after out"
        findings.fail("the environment cannot keep a new secret", remedy, *where, "rotate_after")


def _check_lists(name: str, table: ClientTable, findings: Findings) -> None:
    lists = cast("Mapping[str, tuple[str, ...]]", table)  # only those in _LISTS are looked at
    for key in lists:
        if key in _LISTS and not _is_plain(key, lists[key]):
            _check_list(key, lists[key], ("clients", name, key), findings)


def _is_plain(key: str, values: tuple[str, ...]) -> bool:
    """Whether nothing can be wrong with a list: so it is with nearly all of thousands."""
    if len(values) > 1 and len(set(values)) < len(values):
        return False
    if key in _URI_RULES:
        return all(map(is_ordinary, values))
    return key not in _KNOWN_TYPES or _KNOWN_TYPES[key].issuperset(values)


def _check_list(key: str, values: tuple[str, ...], where: tuple[str, ...], findings: Findings) -> None:
    for at, value in enumerate(values):
        if value in values[:at]:
            findings.fail("this stands in the list twice", "keep one of them", *where, at)
            break
    for at, value in enumerate(values):
        if rule := _URI_RULES.get(key):
            findings.attempt(rule, value, *where, at)
        elif (known := _KNOWN_TYPES.get(key)) and value not in known:
            remedy = did_you_mean(value, known, "known ones are")
            findings.warn("Clavex keeps this, but nothing knows it", remedy, *where, at)


class _Taken:
    """What the clients so far have taken, each for itself alone: their ids, and the places of their secrets."""

    def __init__(self, systems: Mapping[str, System]) -> None:
        self._ids: dict[tuple[str, str], str] = {}
        self._secrets: dict[Handle, str] = {}
        self._credentials = {
            handle: name for name, system in systems.items() for handle in (system.token, system.password) if handle
        }

    def check_id(self, client: Client, system: System, findings: Findings) -> None:
        """Holds if no other table means this client. Ids are unique in a whole installation (facts clavex 7.2)."""
        if (other := self._ids.setdefault((system.url, client.client_id), client.name)) != client.name:
            findings.fail(
                f"clients.{other} has the id {shown(client.client_id)} already",
                "ids are unique in a whole Clavex: choose another, or drop one of the two tables",
                *("clients", client.name, "client_id"),
            )

    def check_secret(self, client: Client, findings: Findings) -> None:
        """Holds if the client has a secret of its own: Clavex makes each, and plugins are told it."""
        secret, where, remedy = (
            client.secret,
            ("clients", client.name, "secret"),
            "name another place, or leave this out",
        )
        if secret is None:
            return
        if (other := self._secrets.setdefault(secret, client.name)) != client.name:
            text = f"clients.{other} keeps its secret at this place, and one would overwrite the other"
            findings.fail(text, remedy, *where)
        if (system := self._credentials.get(secret)) is not None:
            text = f"this is the credential of systems.{system}, which would be sent to Clavex and to the products"
            findings.fail(text, remedy, *where)

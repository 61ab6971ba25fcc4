"""From a URL and a slug to an open organisation: its dialect, its UUID, its endpoints (facts clavex 1.5, 5.1)."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from reconciler.core.intent import Facts
from reconciler.errors import BadAnswerError, ReconcilerError, RequestError, StatusError
from reconciler.ports import Connection, Handler
from reconciler.providers.clavex.client import ClientHandler
from reconciler.providers.clavex.group import GroupHandler
from reconciler.providers.clavex.mapper import MapperHandler
from reconciler.providers.clavex.organisation import ORGANISATIONS, Organisation
from reconciler.providers.clavex.resources import CLIENT, GROUP, MAPPER
from reconciler.providers.clavex.wire import (
    DIALECTS,
    GUIDE,
    RELEASED,
    Connected,
    Discovery,
    Proof,
    WireOrganisation,
    adapter,
)
from reconciler.transport.answers import clean, decode, known_message

_URL = re.compile(r"https?://[^\s/]+/[!-~]*")
"""Plugins are told to go there, with the secret of the client."""

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reconciler.core.intent import System
    from reconciler.ports import Http

_REFUSALS = (HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN)


def connect(system: System, http: Http, known: Mapping[str, str], endpoints: bool) -> Connection:  # noqa: FBT001 - the port's shape
    """The organisation `system.org`. What is in the settings or already `known` is not asked.

    ReconcilerError if the organisation cannot be found, or if discovery names another issuer than `url/org`.
    """
    settled = {**known, **system.settings}
    super_admin: bool | None = None
    name = settled.get("dialect")
    if name is None:
        name, super_admin = _ask_dialect(system, http)
    dialect = DIALECTS[name]
    org_id, seen = settled.get("org_id", ""), dialect.by_slug
    if not org_id and not dialect.by_slug:
        org_id, seen = _find(system, http, super_admin=super_admin), True
    org = Organisation(http, system.org, org_id, dialect, seen)
    values = {"dialect": name, **({"org_id": org_id} if org_id else {})}
    if endpoints:
        values |= _discover(system, http)
    handlers: dict[str, Handler] = {
        CLIENT.name: ClientHandler(org),
        MAPPER.name: MapperHandler(org),
        GROUP.name: GroupHandler(org),
    }
    return Connection(Facts(values=values, assumed=False), handlers)


def _ask_dialect(system: System, http: Http) -> tuple[str, bool | None]:
    """The dialect, by one request with the slug; and whether the refusal was one that only super admins get."""
    path = f"{ORGANISATIONS}/{quote(system.org, safe='')}/clients"
    answer = http.get(path, params={"limit": 1}, ok=(200, 404, *_REFUSALS))
    if answer.status == HTTPStatus.OK:
        answer.json()
        return GUIDE, None
    text = known_message(answer.json())
    if answer.status == HTTPStatus.NOT_FOUND or "permission" in text:
        where = f"GET {http.url}{path}"
        remedy = "are url and org right?" if answer.status == HTTPStatus.NOT_FOUND else "the key needs clients:write"
        raise StatusError(answer.status, text, where, remedy)
    return RELEASED, answer.status == HTTPStatus.BAD_REQUEST


def _find(system: System, http: Http, *, super_admin: bool | None) -> str:
    """The UUID of an organisation, by the first way that answers."""
    for found in _ways(system, http, super_admin=super_admin):
        if found:
            return found
    raise ReconcilerError(
        f"the id of the organisation {system.org} could not be found out with this key",
        f"set org_id in [systems.{system.name}] (it was shown with the key, and at every login), or use the key of a "
        f"super admin, or change anything in the organisation and run again five minutes later",
    )


def _ways(system: System, http: Http, *, super_admin: bool | None) -> Iterator[str]:
    """The UUID by the list of a super admin, by the public audit proof, by the first event; empty for none."""
    if super_admin is not False:
        yield _by_list(system, http)
    yield _by_proof(system, http)
    yield _by_event(system, http)


def _by_list(system: System, http: Http) -> str:
    answer = http.get(ORGANISATIONS, ok=(200, 403))
    if answer.status == HTTPStatus.FORBIDDEN:
        return ""
    found = decode(answer, adapter(list[WireOrganisation]), f"GET {http.url}{ORGANISATIONS}")
    for organisation in found:
        if organisation["slug"] == system.org:
            return organisation["id"]
    raise _no_such(system)


def _by_proof(system: System, http: Http) -> str:
    """Needs no credential, but the audit log must have been sealed once."""
    path = f"{ORGANISATIONS}/by-slug/{quote(system.org, safe='')}/audit/proof/latest"
    answer = http.get(path, ok=(200, 404), anonymous=True)
    if answer.status == HTTPStatus.OK:
        proof = decode(answer, adapter(Proof), f"GET {http.url}{path}")
        return proof["org_id"] if proof["org_slug"] == system.org else ""
    if "organization not found" in known_message(answer.json()):
        raise _no_such(system)
    return ""


def _by_event(system: System, http: Http) -> str:
    """Any key of the organisation may listen; nothing else is told to it but the greeting."""
    try:
        message = http.first_message(f"/{quote(system.org, safe='')}/events")
        greeting = adapter(Connected).validate_python(json.loads(message))
    except (RequestError, ValueError):
        return ""
    return greeting["org_id"] if greeting["slug"] == system.org else ""


def _no_such(system: System) -> ReconcilerError:
    return ReconcilerError(
        f"{system.url} has no organisation {system.org}", f"correct org in [systems.{system.name}]; it is the slug"
    )


def _discover(system: System, http: Http) -> dict[str, str]:
    """Issuer and endpoints. BadAnswerError if people would be sent to another issuer than the spec names."""
    path = f"/{quote(system.org, safe='')}/.well-known/openid-configuration"
    where = f"GET {http.url}{path}"
    document = decode(http.get(path, anonymous=True), adapter(Discovery), where)
    issuer = f"{system.url}/{system.org}"
    if document["issuer"] != issuer:
        raise BadAnswerError(
            f"the issuer is {clean(document['issuer'])}, not {issuer}, as the spec has it: every login would fail",
            where,
            f"correct url in [systems.{system.name}], or auth.issuer_base of the server, or the headers of the proxy",
        )
    endpoints = cast("dict[str, str]", document)
    if wrong := sorted(name for name, url in endpoints.items() if not _URL.fullmatch(url)):
        raise BadAnswerError(f"{', '.join(wrong)} in it is no URL", where, "correct auth.issuer_base of the server")
    return endpoints

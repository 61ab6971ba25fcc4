"""What the beginning of a login tells: what a product asks of Clavex, and what Clavex answers (facts clavex 5.2)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from reconciler.core.check import Check, Source, broken, doubtful, fine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.core.intent import SignOn

START, AUTHORIZE = "start", "authorize"
_FORM = b"login_session_id"
"""The hidden field of Clavex's login form."""
_LONGEST = 256
_PARAMETER = re.compile(r";[^/]*")
"""Servers without a cookie yet may put the session there: `;jsessionid=…`."""
_APPLY = "reconciler apply sets it"


@dataclass(frozen=True, slots=True)
class Start:
    """Where a login begins in a product, and how far that is known."""

    url: str
    source: Source = Source.PROVED


def asked_by(url: str) -> dict[str, str]:
    """The parameters of an authorization request; also those that an answer brings back, in query or fragment."""
    parts = urlsplit(url)
    return dict(parse_qsl(parts.query, keep_blank_values=True)) | dict(parse_qsl(parts.fragment))


def bare(text: str) -> str:
    """An address without query, fragment and path parameters, where codes and sessions stand; fit to print."""
    return clean(_PARAMETER.sub("", text.partition("?")[0].partition("#")[0]))


def clean(text: str) -> str:
    """The text without what a terminal obeys, and cut."""
    return "".join(char if char.isprintable() else " " for char in text)[:_LONGEST]


def compare_asked(sign_on: SignOn, asked: dict[str, str], source: Source) -> Iterator[Check]:
    """Whether the product asks for what the spec says."""
    product = sign_on.product.name
    wanted = {
        "client_id": sign_on.client.client_id,
        "redirect_uri": sign_on.callback or "",
        "response_type": "code",
    }
    wrong = {name: asked.get(name, "") for name, value in wanted.items() if asked.get(name, "") != value}
    if wrong:
        differing = ", ".join(
            f"{name} {clean(found) or 'nothing'}, not {wanted[name]}" for name, found in wrong.items()
        )
        remedy = f"{_APPLY}; a wrong redirect_uri with a right plugin comes from the base URL of {product}"
        yield broken(START, sign_on.where, f"{product} sends the browser to Clavex with {differing}", remedy, source)
        return
    missing = sorted(set(sign_on.scopes) - set(asked.get("scope", "").split()))
    if missing:
        seen = f"{product} does not ask for the scopes {', '.join(missing)}, which the spec has"
        yield doubtful(START, sign_on.where, seen, _APPLY, source)
        return
    client_id, callback = wanted["client_id"], wanted["redirect_uri"]
    seen = f"{product} sends the browser to Clavex as client {client_id}, to come back to {callback}"
    yield fine(START, sign_on.where, seen, source)


def judge_answer(sign_on: SignOn, status: int, content: bytes, by: str) -> Check:
    """What Clavex's authorize endpoint answered to a request that `by` describes."""
    if status == HTTPStatus.OK and _FORM in content:
        seen = f"Clavex takes client, redirect URI and scopes, and shows its login form; asked {by}"
        return fine(AUTHORIZE, sign_on.where, seen)
    if status == HTTPStatus.OK:
        seen = f"a page came that is not Clavex's login form; asked {by}"
        return doubtful(
            AUTHORIZE, sign_on.where, seen, "open it in a browser: does a proxy in front answer for Clavex?"
        )
    said = _said(content)
    if not said:
        kind = "an HTML page" if b"<html" in content[:_LONGEST].lower() else "no JSON"
        remedy = "is the url right, and does a proxy in front answer for Clavex?"
        return broken(AUTHORIZE, sign_on.where, f"Clavex answers {status} and {kind}; asked {by}", remedy)
    return broken(AUTHORIZE, sign_on.where, f"Clavex answers {status} {said}; asked {by}", _remedy(sign_on, said))


def judge_return(sign_on: SignOn, told: dict[str, str], by: str) -> Check:
    """What Clavex told the product at once, before anybody could log in."""
    error = clean(f"{told.get('error', 'no login form')}: {told.get('error_description', '')}".rstrip(": "))
    seen = f"Clavex sends the browser straight back to {sign_on.product.name}: {error}; asked {by}"
    return broken(AUTHORIZE, sign_on.where, seen, _remedy(sign_on, error))


def _said(content: bytes) -> str:
    """The error in a body, of either form (facts clavex 9.1); empty if there is none."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    found = (
        (body.get("error_description") or body.get("message") or body.get("error")) if isinstance(body, dict) else ""
    )
    return clean(found) if isinstance(found, str) else ""


def _remedy(sign_on: SignOn, said: str) -> str:
    client = sign_on.client.name
    if "redirect_uri" in said:
        return f"the callback must be a redirect URI of the client: reconciler apply adds it ([clients.{client}])"
    if "unknown or inactive client" in said:
        return f"reconciler apply makes it; if it is switched off, say active = true in [clients.{client}]"
    if "does not belong" in said:
        return f"the client is of another organisation: correct org in [systems.{sign_on.issuer_system.name}]"
    if "response_type" in said:
        return f'add "code" to response_types in [clients.{client}] and apply'
    if "organization not found" in said:
        return f"correct org in [systems.{sign_on.issuer_system.name}]; it is the slug"
    return "look into the log of Clavex"

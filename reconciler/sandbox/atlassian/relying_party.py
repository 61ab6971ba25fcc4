"""What an OpenID Connect client does between browser and provider: endpoints, codes, tokens, claims.

It is a client of its own: nothing of the tool that the sandbox tests is in it. Endpoints come from discovery or
from the configuration, keys from the JWKS that discovery names. Assumed, since no vendor says: which algorithms the
plugins know, that a signature is not checked where no key is known (a token straight from the token endpoint may be
taken so, OpenID Connect Core 3.1.3.7), and a minute's tolerance for clocks.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from reconciler.sandbox.atlassian.people import LoginError

if TYPE_CHECKING:
    from collections.abc import Collection

    from reconciler.sandbox.atlassian.miniorange_document import JsonObject

TIMEOUT = 10
TOLERANCE = 60


@dataclass(frozen=True, slots=True)
class Provider:
    """An identity provider as a plugin has it configured.

    key: plugin and id, unique in a product.
    issuer: empty where the plugin stores none; then it is not checked.
    discovery: whether the endpoints come from the issuer's document.
    """

    key: str
    label: str
    callback: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str
    issuer: str
    discovery: bool
    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str
    secret_in: Literal["header", "body"]
    claims_from: Literal["id_token", "userinfo"]


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where to send browser and requests; `jwks` is empty where no key is known."""

    authorization: str
    token: str
    userinfo: str
    jwks: str = ""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a code was exchanged for."""

    id_token: str
    access_token: str


async def find_endpoints(provider: Provider) -> Endpoints:
    """The endpoints; LoginError if discovery cannot be read or is another issuer's."""
    if not provider.discovery:
        return Endpoints(provider.authorization_endpoint, provider.token_endpoint, provider.userinfo_endpoint)
    address = f"{provider.issuer}/.well-known/openid-configuration"
    async with _client() as client:
        found = await _ask(client.build_request("GET", address), client)
    if found.get("issuer") != provider.issuer:
        raise LoginError("bad-issuer", f"{address} is of issuer {found.get('issuer')}, not {provider.issuer}", 502)
    names = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
    return Endpoints(*(str(found.get(name, "")) for name in names))


async def exchange(provider: Provider, endpoints: Endpoints, code: str, redirect_uri: str) -> Tokens:
    """The tokens for a code; LoginError with the endpoint's own words if it refuses."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    headers = {}
    if provider.secret_in == "body":  # noqa: S105 - a place
        form |= {"client_id": provider.client_id, "client_secret": provider.client_secret}
    else:
        pair = f"{quote(provider.client_id, safe='')}:{quote(provider.client_secret, safe='')}"
        headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    async with _client() as client:
        request = client.build_request("POST", endpoints.token, data=form, headers=headers)
        answer = await _ask(request, client, accept_errors=True)
    if "error" in answer:
        told = f"{answer['error']}: {answer.get('error_description', '')}"
        raise LoginError("token-refused", f"the token endpoint says {told}", 502)
    return Tokens(str(answer.get("id_token", "")), str(answer.get("access_token", "")))


async def read_id_token(
    provider: Provider, endpoints: Endpoints, tokens: Tokens, nonce: str, algorithms: Collection[str]
) -> JsonObject:
    """The claims of a good ID token; LoginError says what is wrong with it."""
    if endpoints.jwks:
        async with _client() as client:
            keys = await _ask(client.build_request("GET", endpoints.jwks), client)
        claims = _verify(tokens.id_token, keys, algorithms)
    else:
        claims = _unpack(tokens.id_token)
    audience, now = claims.get("aud"), time.time()
    audiences = audience if isinstance(audience, list) else [audience]
    faults = {
        f"its issuer is {claims.get('iss')}": bool(provider.issuer) and claims.get("iss") != provider.issuer,
        f"its audience is {audience}": provider.client_id not in audiences,
        "it has expired": _moment(claims, "exp") < now - TOLERANCE,
        "it is not yet valid": max(_moment(claims, "nbf"), _moment(claims, "iat")) > now + TOLERANCE,
        "its nonce is of another login": claims.get("nonce") != nonce,
        "it belongs to another access token": claims.get("at_hash") not in {None, _hash(tokens.access_token)},
    }
    if found := [fault for fault, is_so in faults.items() if is_so]:
        raise LoginError("bad-token", f"the ID token is no good: {'; '.join(found)}", 502)
    return claims


async def read_userinfo(endpoints: Endpoints, tokens: Tokens, subject: object) -> JsonObject:
    """UserInfo's claims, which must be of the same person as the ID token."""
    async with _client() as client:
        headers = {"authorization": f"Bearer {tokens.access_token}"}
        claims = await _ask(client.build_request("GET", endpoints.userinfo, headers=headers), client)
    if claims.get("sub") != subject:
        raise LoginError("bad-userinfo", "UserInfo speaks of somebody else than the ID token", 502)
    return claims


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=TIMEOUT, trust_env=False, headers={"accept": "application/json"})


async def _ask(request: httpx.Request, client: httpx.AsyncClient, *, accept_errors: bool = False) -> JsonObject:
    """The JSON object that is answered with 200, or with an error status where that is looked at."""
    where = f"{request.method} {request.url}"
    try:
        answer = await client.send(request)
    except httpx.HTTPError as error:
        raise LoginError("unreachable", f"{where}: {type(error).__name__} {error}", 502) from error
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise LoginError("bad-answer", f"{where}: {answer.status_code} without a JSON object", 502)
    if not answer.is_success and not (accept_errors and "error" in body):
        told = body.get("message", body.get("error", ""))
        raise LoginError("refused", f"{where}: {answer.status_code} {told}", 502)
    return body


def _verify(token: str, keys: JsonObject, algorithms: Collection[str]) -> JsonObject:
    try:
        claims: JsonObject = jwt.decode(token, KeySet.import_key_set(keys), algorithms=algorithms).claims  # type: ignore[arg-type] # a JWKS from the wire; what is wrong in it raises
    except (JoseError, ValueError, KeyError) as error:
        raise LoginError("bad-token", f"the ID token cannot be verified: {error}", 502) from error
    return claims


def _unpack(token: str) -> JsonObject:
    try:
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    except (IndexError, ValueError) as error:
        raise LoginError("bad-token", "the token endpoint gave no ID token", 502) from error
    return claims if isinstance(claims, dict) else {}


def _moment(claims: JsonObject, name: str) -> float:
    value = claims.get(name)
    return float(value) if isinstance(value, int | float) else 0.0


def _hash(token: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()[:16]).rstrip(b"=").decode()

"""The token endpoint, UserInfo, introspection and revocation; facts clavex 5.3 and 5.4.

Recordings token-refusals, login, login-mappers, login-public, login-refresh, userinfo-refusals. Left out: grants of
other kinds than code, refresh token and client credentials; ways to authenticate other than a secret.
"""

from __future__ import annotations

import base64
import hashlib
import time
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus
from uuid import uuid4

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from reconciler.sandbox.clavex import claims, signing
from reconciler.sandbox.clavex.limits import count
from reconciler.sandbox.clavex.oidc import issuer_of, read_form
from reconciler.sandbox.clavex.world import digest

if TYPE_CHECKING:
    from joserfc.jwk import RSAKey
    from starlette.requests import Request

    from reconciler.sandbox.clavex.logins import Grant, Refresh
    from reconciler.sandbox.clavex.records import Client, User
    from reconciler.sandbox.clavex.routing import Routes
    from reconciler.sandbox.clavex.signing import Claims
    from reconciler.sandbox.clavex.world import ClavexWorld

LIFETIME = 3600
"""Seconds that a token is good for, unless the client says otherwise."""
GRANTS = {"authorization_code", "refresh_token", "client_credentials"}
BEARER = "Bearer"


class _RefusedError(Exception):
    """400 with an OAuth error and its description."""


def add_routes(routes: Routes) -> None:
    """The routes that a client's server calls."""
    world = routes.world
    routes.public("POST", "/{slug}/token", partial(_token, world))
    routes.public("POST", "/{slug}/introspect", partial(_introspect, world))
    routes.public("POST", "/{slug}/revoke", partial(_revoke, world))
    for method in ("GET", "POST"):
        routes.public(method, "/{slug}/userinfo", partial(_userinfo, world))


async def _token(world: ClavexWorld, request: Request) -> Response:
    form = await read_form(request)
    address = request.client.host if request.client else ""
    headers, refused = count(world, request.path_params["slug"], "token", form.get("client_id") or address)
    if refused is not None:
        return refused
    headers |= {"cache-control": "no-store", "pragma": "no-cache"}
    try:
        kind = form.get("grant_type", "")
        if kind not in GRANTS:
            raise _RefusedError("unsupported_grant_type", "grant_type not supported")  # noqa: TRY301 - the one place that answers refusals
        client = _authenticate(world, request, form)
        issuer = issuer_of(request, request.path_params["slug"])
        match kind:
            case "authorization_code":
                answer = _exchange(world, client, form, issuer)
            case "refresh_token":
                answer = _refresh(world, client, form.get("refresh_token", ""), issuer)
            case _:
                answer = _client_credentials(world, client, form.get("scope") or "api", issuer)
    except _RefusedError as error:
        code, description = error.args
        return JSONResponse({"error": code, "error_description": description}, 400, headers)
    world.issued_secrets.update(str(answer[key]) for key in answer if key.endswith("_token"))
    return JSONResponse(answer, headers=headers)


def _authenticate(world: ClavexWorld, request: Request, form: dict[str, str]) -> Client:
    """The client, by Basic or by the form, whatever is registered; the organisation in the path is not looked at."""
    client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        client_id, _, secret = map(unquote_plus, base64.b64decode(credentials).decode().partition(":"))
    if not client_id:
        raise _RefusedError("invalid_client", "client_id required")
    client = world.clients.get(client_id)
    if client is None or not client.is_active:
        raise _RefusedError("invalid_client", "unknown client")
    if client.secret_digest not in {None, digest(secret)}:
        raise _RefusedError("invalid_client", "invalid client secret")
    return client


def _exchange(world: ClavexWorld, client: Client, form: dict[str, str], issuer: str) -> dict[str, object]:
    """Tokens for a code, which is used up whatever comes of it."""
    grant, until = world.logins.codes.pop(form.get("code", ""), (None, 0.0))
    if grant is None:
        raise _RefusedError("invalid_grant", "authorization code not found or already used")
    if grant.asked.client_id != client.client_id:
        raise _RefusedError("invalid_grant", "code was not issued to this client")
    if grant.asked.redirect_uri != form.get("redirect_uri"):
        raise _RefusedError("invalid_grant", "redirect_uri mismatch")
    if until < time.monotonic():
        raise _RefusedError("invalid_grant", "authorization code expired")
    _check_verifier(grant.asked.challenge, form.get("code_verifier", ""))
    user = _active(world, grant)
    groups, roles = world.groups_of(user.id), world.roles_of(user.id)
    mapped = claims.mapped_claims(world, client.client_id, user, groups, roles)
    answer = _answer(
        world, client, grant, issuer, claims.access_claims(user, grant.asked.scope, groups, roles) | mapped
    )
    if "openid" in grant.asked.scope:
        made = claims.token_claims(issuer, user.id, client.client_id, LIFETIME)
        made |= {"auth_time": grant.since, "at_hash": signing.hash_of(str(answer["access_token"]))}
        made |= {"nonce": grant.asked.nonce} if grant.asked.nonce else {}
        answer["id_token"] = _id_token(world, made | mapped)
    answer["refresh_token"] = world.logins.issue_refresh(grant)
    return answer


def _refresh(world: ClavexWorld, client: Client, token: str, issuer: str) -> dict[str, object]:
    """New tokens, without an ID token and without groups; facts clavex 3.3, 5.3."""
    current = _current(world, token)
    if current.grant.asked.client_id != client.client_id:
        raise _RefusedError("invalid_grant", "token was not issued to this client")
    current.revoked = True
    user = _active(world, current.grant)
    roles = world.roles_of(user.id)
    mapped = claims.mapped_claims(world, client.client_id, user, None, roles)
    had = claims.access_claims(user, current.grant.asked.scope, [], roles)
    answer = _answer(world, client, current.grant, issuer, had | mapped)
    current.successor = world.logins.issue_refresh(current.grant, current.family)
    return answer | {"refresh_token": current.successor}


def _current(world: ClavexWorld, token: str) -> Refresh:
    """The refresh token, or the one that replaced it if that is unused: its answer may have been lost."""
    refreshes = world.logins.refreshes
    found = refreshes.get(token)
    if found is None:
        raise _RefusedError("invalid_grant", "refresh token not found")
    current = refreshes.get(found.successor or "") if found.revoked else found
    if current is None or current.revoked:
        world.logins.revoke_family(found.family)
        raise _RefusedError("invalid_grant", "refresh token already used")
    return current


def _client_credentials(world: ClavexWorld, client: Client, scope: str, issuer: str) -> dict[str, object]:
    made = claims.token_claims(issuer, client.client_id, client.client_id, client.access_token_ttl or LIFETIME)
    token = signing.sign(made | {"client_id": client.client_id, "scope": scope}, _key(world))
    return _described(client, scope, token)


def _answer(world: ClavexWorld, client: Client, grant: Grant, issuer: str, had: Claims) -> dict[str, object]:
    made = claims.token_claims(issuer, grant.user_id, client.client_id, client.access_token_ttl or LIFETIME)
    return _described(client, grant.asked.scope, signing.sign(made | had, _key(world)))


def _described(client: Client, scope: str, token: str) -> dict[str, object]:
    lifetime = client.access_token_ttl or LIFETIME
    return {"access_token": token, "token_type": BEARER, "expires_in": lifetime, "scope": scope}


def _id_token(world: ClavexWorld, made: Claims) -> str:
    fault = world.switches.id_token
    return signing.sign(made, _key(world)) if fault == "good" else signing.sign_badly(made, _key(world), fault)


def _key(world: ClavexWorld) -> RSAKey:
    return signing.signing_key() if world.switches.key_backend == "file" else signing.organisation_key()


def _check_verifier(challenge: str, verifier: str) -> None:
    if not challenge:
        return
    if not verifier:
        raise _RefusedError("invalid_grant", "code_verifier is required")
    made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    if made != challenge:
        raise _RefusedError("invalid_grant", "code_verifier does not match code_challenge")


def _active(world: ClavexWorld, grant: Grant) -> User:
    user = world.users.get(grant.user_id)
    if user is None or not user.is_active:
        raise _RefusedError("invalid_grant", "user not found or inactive")
    return user


async def _userinfo(world: ClavexWorld, request: Request) -> Response:
    """Who the token is about. With key backend `db` it refuses what it issued itself; facts clavex 5.4."""
    interaction = {"x-fapi-interaction-id": request.headers.get("x-fapi-interaction-id") or str(uuid4())}
    try:
        return JSONResponse(await _described_user(world, request), headers=interaction)
    except HTTPException as error:
        return JSONResponse({"error": "Unauthorized", "message": error.detail}, 401, interaction)


async def _described_user(world: ClavexWorld, request: Request) -> dict[str, object]:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token if scheme.lower() == "bearer" else ""
    if not token:
        token = (await read_form(request)).get("access_token", "")
    if not token:
        raise HTTPException(401, "missing bearer token")
    read = signing.read(token, signing.signing_key())
    if read is None:
        raise HTTPException(401, "invalid token")
    if read["jti"] in world.logins.revoked:
        raise HTTPException(401, "token revoked")
    user = world.users.get(str(read["sub"]))
    if user is None or not user.is_active:
        raise HTTPException(401, "user not found")
    return claims.userinfo(world, user, str(read.get("scope", "")))


async def _introspect(world: ClavexWorld, request: Request) -> Response:
    form = await read_form(request)
    try:
        _authenticate(world, request, form)
    except _RefusedError as error:
        code, description = error.args
        described = f"code=401, message={description}"
        return JSONResponse({"error": code, "error_description": described}, 400)
    read = signing.read(form.get("token", ""), signing.signing_key())
    if read is None or read["jti"] in world.logins.revoked:
        return JSONResponse({"active": False})
    user = world.users.get(str(read["sub"]))
    shown = {key: read[key] for key in ("jti", "iss", "sub", "aud", "exp", "iat", "scope")}
    shown |= {"active": True, "nbf": read["iat"], "token_type": BEARER, "client_id": _audience(read)}
    return JSONResponse(shown | ({"username": user.email, "org_id": user.org_id} if user else {}))


def _audience(read: Claims) -> object:
    match read["aud"]:
        case [client_id]:
            return client_id
    return None


async def _revoke(world: ClavexWorld, request: Request) -> Response:
    """200 whatever it is; nobody has to authenticate."""
    token = (await read_form(request)).get("token", "")
    read = signing.read(token, signing.signing_key())
    if read is not None:
        world.logins.revoked.add(str(read["jti"]))
    elif token in world.logins.refreshes:
        world.logins.refreshes[token].revoked = True
    return Response(status_code=200)

"""The authorize endpoint with its login form, and logout; facts clavex 5.2 and 5.5.

Recordings authorize, login, login-form, login-session, logout. Of response types and modes only `code` in the query
is emulated to the end; request objects, pushed requests and other ways to log in are left out.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from base64 import urlsafe_b64encode
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from reconciler.sandbox.clavex.auth import has_password
from reconciler.sandbox.clavex.limits import count
from reconciler.sandbox.clavex.logins import SESSION_SECONDS, Asked, Session
from reconciler.sandbox.clavex.oidc import find_org, issuer_of, read_form
from reconciler.sandbox.clavex.pages import login_page
from reconciler.sandbox.clavex.routing import refusal

if TYPE_CHECKING:
    from starlette.requests import Request

    from reconciler.sandbox.clavex.records import Client
    from reconciler.sandbox.clavex.routing import Routes
    from reconciler.sandbox.clavex.world import ClavexWorld

RESPONSE_TYPES = {"code", "code id_token", "code token", "code id_token token"}
MODES = {"query", "fragment", "form_post", "query.jwt", "fragment.jwt"}
SESSION, BROWSER = "clavex_sso", "clavex_bs"
"""Cookies: the session, and the same for scripts of the session check."""


class _BackError(Exception):
    """The client is told of an error at its redirect URI."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(code)
        self.code = code
        self.description = description


def add_routes(routes: Routes) -> None:
    """The routes that a browser visits."""
    world = routes.world
    routes.public("GET", "/{slug}/authorize", partial(_authorize, world))
    routes.public("POST", "/{slug}/authorize", partial(_post, world))
    routes.public("GET", "/{slug}/authorize/cancel", partial(_cancel, world))
    for method in ("GET", "POST"):
        routes.public(method, "/{slug}/logout", partial(_log_out, world))


async def _post(world: ClavexWorld, request: Request) -> Response:
    """The form comes back, or a client asks by POST; both count against the limit."""
    address = request.client.host if request.client else ""
    headers, answer = count(world, request.path_params["slug"], "login", address)
    if answer is None:
        form = await read_form(request)
        try:
            answer = await (
                _submit(world, request, form) if "login_session_id" in form else _authorize(world, request)
            )
        except HTTPException as error:
            answer = refusal(error)
    answer.headers.update(headers)
    return answer


async def _authorize(world: ClavexWorld, request: Request) -> Response:
    org = find_org(world, request.path_params["slug"])
    given = await read_form(request) | {key: request.query_params.getlist(key)[0] for key in request.query_params}
    client = world.clients.get(given.get("client_id", ""))
    if given.get("request") and client:
        fault = "client has no JWKS configured (set jwks or jwks_uri at registration)"
        raise HTTPException(400, f"invalid request object: invalid_request_object: {fault}")
    if not given.get("client_id"):
        return _refuse("invalid_request", "client_id is required")
    if client is None or not client.is_active:
        return _refuse("invalid_request", "invalid client_id: unknown or inactive client")
    if client.org_id != org.id:
        return _refuse("unauthorized_client", "client does not belong to this organization")
    uri = given.get("redirect_uri", "")
    if not any(_allows(registered, uri) for registered in client.redirect_uris):
        return _refuse("invalid_request", "redirect_uri not allowed")
    mode = given.get("response_mode") or ("fragment" if "token" in given.get("response_type", "") else "query")
    try:
        asked = _check(org.slug, client, given, mode)
        session = world.logins.session(request.cookies.get(SESSION, ""), org.slug)
        return _continue(world, request, asked, session)
    except _BackError as error:
        told = {"error": error.code, "error_description": error.description, "state": given.get("state", "")}
        return _redirect(uri, told, fragment=mode == "fragment")


def _check(slug: str, client: Client, given: dict[str, str], mode: str) -> Asked:
    """What is asked, in the server's order of checks; from here on the client hears of errors."""
    kind, scope = given.get("response_type", ""), given.get("scope", "")
    challenge = given.get("code_challenge", "")
    if kind not in client.response_types:
        raise _BackError("unsupported_response_type", "response_type is not registered for this client")
    if kind not in RESPONSE_TYPES:
        raise _BackError("unsupported_response_type", "only response_type=code is supported")
    if scope and "openid" not in scope:
        raise _BackError("invalid_scope", "scope must include openid")
    if not challenge and client.token_endpoint_auth_method == "none":  # noqa: S105 - the name of a method
        raise _BackError("invalid_request", "PKCE code_challenge required for public clients")
    if challenge and given.get("code_challenge_method") != "S256":
        raise _BackError("invalid_request", "only code_challenge_method=S256 is supported")
    if mode not in MODES:
        raise _BackError("invalid_request", f"unsupported response_mode: {mode}")
    age = given.get("max_age", "")
    return Asked(
        slug,
        client.org_id,
        client.client_id,
        given["redirect_uri"],
        " ".join(name for name in scope.split() if name in client.scopes),  # the others are dropped silently
        given.get("state", ""),
        given.get("nonce", ""),
        challenge,
        given.get("prompt", ""),
        int(age) if age.isdecimal() else 0,
        mode,
        given.get("login_hint", ""),
    )


def _continue(world: ClavexWorld, request: Request, asked: Asked, session: Session | None) -> Response:
    """A code at once for a browser that is logged in, else the form."""
    if session and asked.prompt != "login" and not (asked.max_age and session.is_older(asked.max_age)):
        return _grant(world, request, asked, session)
    if asked.prompt == "none":
        raise _BackError("login_required", "user authentication required")
    return login_page(asked.slug, world.logins.show_form(asked), asked.hint)


async def _submit(world: ClavexWorld, request: Request, given: dict[str, str]) -> Response:
    form = given["login_session_id"]
    asked = world.logins.form(form)
    if asked is None:
        raise HTTPException(400, "login session expired — please try again")
    email = given.get("email", "")
    user = world.user_by_email(asked.org_id, email)
    if user is None or not has_password(user, given.get("password", "")):
        return login_page(asked.slug, form, email, "Invalid email or password.")
    del world.logins.forms[form]
    session = world.logins.open_session(asked.slug, user.id)
    answer = _grant(world, request, asked, session)
    answer.set_cookie(SESSION, session.id, max_age=SESSION_SECONDS, httponly=True, samesite="lax")
    answer.set_cookie(BROWSER, session.id, max_age=SESSION_SECONDS, secure=True, samesite="none")
    return answer


def _grant(world: ClavexWorld, request: Request, asked: Asked, session: Session) -> Response:
    """The browser goes back with a code; the issuer stands at the end, not escaped."""
    if asked.mode != "query":
        raise HTTPException(501, f"the sandbox does not emulate response_mode={asked.mode}")
    code = world.logins.issue_code(asked, session)
    world.issued_secrets.add(code)
    salt = secrets.token_urlsafe(16)
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(asked.redirect_uri))
    state = hashlib.sha256(f"{asked.client_id} {origin} {session.id} {salt}".encode()).digest()
    shown = f"{urlsafe_b64encode(state).rstrip(b'=').decode()}.{salt}"
    answer = _redirect(asked.redirect_uri, {"code": code, "session_state": shown, "state": asked.state})
    answer.headers["location"] += f"&iss={issuer_of(request, asked.slug)}"
    return answer


async def _cancel(world: ClavexWorld, request: Request) -> Response:
    form = request.query_params.get("login_session_id", "")
    asked = world.logins.form(form)
    if asked is None:
        raise HTTPException(400, "login session expired")
    del world.logins.forms[form]
    told = {"error": "access_denied", "error_description": "The user cancelled authentication", "state": asked.state}
    return _redirect(asked.redirect_uri, told)


async def _log_out(world: ClavexWorld, request: Request) -> Response:
    """The session ends; the browser goes on to a login callback of any active client, and to no other address."""
    given = await read_form(request) | dict(request.query_params)
    target = given.get("post_logout_redirect_uri", "")
    org = world.org_by_slug(request.path_params["slug"])
    allowed = org and any(
        target in client.redirect_uris
        for client in world.clients.values()
        if client.org_id == org.id and client.is_active
    )
    answer: Response = JSONResponse({"message": "logged out"})
    if allowed:
        state = f"?{urlencode({'state': given['state']})}" if given.get("state") else ""
        answer = Response(status_code=302, headers={"location": target + state})
    if session := request.cookies.get(SESSION):
        world.logins.sessions.pop(session, None)
        answer.headers.append("set-cookie", f"{SESSION}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax")
    answer.headers.append("set-cookie", f"{BROWSER}=; Path=/; Max-Age=0; Secure; SameSite=None")
    return answer


def _allows(registered: str, uri: str) -> bool:
    """The same text, or one label for the first `*`; facts clavex 2.4."""
    if registered == uri:
        return uri != ""
    head, star, tail = registered.partition("*")
    return bool(star) and re.fullmatch(f"{re.escape(head)}[^./:?#@]+{re.escape(tail)}", uri) is not None


def _refuse(code: str, description: str) -> Response:
    return JSONResponse({"error": code, "error_description": description}, 400)


def _redirect(uri: str, told: dict[str, str], *, fragment: bool = False) -> Response:
    """302 with what is told joined to the redirect URI's own query, in alphabetical order as Go writes it."""
    parts = urlsplit(uri)
    query = dict(parse_qsl(parts.query, keep_blank_values=True)) | {key: text for key, text in told.items() if text}
    text = urlencode(sorted(query.items()))
    target = parts._replace(fragment=text) if fragment else parts._replace(query=text)
    return Response(status_code=302, headers={"location": urlunsplit(target)})

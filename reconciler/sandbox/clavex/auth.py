"""Who may do what at the admin API: API keys, admin JWTs, organisations, permissions; facts clavex 1.

The login cookie as a credential is left out: the product never uses it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from reconciler.sandbox.clavex.binding import bind
from reconciler.sandbox.clavex.world import digest

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection, Request

    from reconciler.sandbox.clavex.records import ApiKey, User
    from reconciler.sandbox.clavex.world import ClavexWorld

RESOURCES = ["users", "roles", "groups", "clients", "identity_providers", "security", "audit", "sessions"]
RESOURCES += ["branding", "smtp", "sms", "webhooks", "compliance", "delegated_admins"]
ALL_PERMISSIONS = [f"{resource}:{action}" for resource in RESOURCES for action in ("read", "write")]
SUPER_ADMIN = "super_admin"
ADMINS = {"admin", SUPER_ADMIN}
"""Roles whose names let a user administer."""
LIFETIME = 28_800
"""Seconds that an admin JWT is good for."""


@dataclass
class LoginRequest:
    """The body of a login; no validation tag checks it."""

    org_slug: str = ""
    email: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `org_id` None: a super admin; `permissions` None: unrestricted; `user_id` None: an API key."""

    org_id: str | None
    permissions: list[str] | None
    user_id: str | None

    def held(self) -> list[str]:
        """The permissions as they were granted, or all there are."""
        return ALL_PERMISSIONS if self.permissions is None else self.permissions

    def may(self, permission: str) -> bool:
        """Whether the permission is held; write implies read."""
        held = self.held()
        return permission in held or permission.replace(":read", ":write") in held


def authenticate(connection: HTTPConnection, world: ClavexWorld) -> Caller:
    """The caller of an admin request; 401 for none. A wrong `clv_` key is not saved by a good JWT."""
    key = connection.headers.get("x-api-key", "")
    if key.startswith("clv_"):
        return _by_key(key, world)
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    claims = _verified(token, world.jwt_key) if scheme.lower() == "bearer" else None
    if claims is None:
        raise HTTPException(401)
    org_id = None if claims["is_super_admin"] else str(claims["org_id"])
    return Caller(org_id, None, str(claims["sub"]))


def _by_key(key: str, world: ClavexWorld) -> Caller:
    meta = world.keys.get(digest(key))
    if meta is None or not meta.is_active or _expired(meta):
        raise HTTPException(401)
    meta.last_used_at = world.now()
    return Caller(meta.org_id, meta.permissions, None)


def _expired(meta: ApiKey) -> bool:
    return meta.expires_at is not None and datetime.fromisoformat(meta.expires_at) <= datetime.now(UTC)


def check_org(caller: Caller, path_text: str) -> None:
    """403 unless the caller's organisation is the path's text, letter by letter; a super admin passes."""
    if caller.org_id not in {None, path_text}:
        raise HTTPException(403, "access to this organization is not allowed")


def check_permission(caller: Caller, permission: str) -> None:
    """403 unless the caller holds the permission; `superadmin` is held by super admins alone."""
    if permission == "superadmin":
        if caller.org_id is not None:
            raise HTTPException(403, "superadmin access required")
    elif permission and not caller.may(permission):
        raise HTTPException(403, f"insufficient permissions: {permission} required")


def uuid_of(text: str, fault: str) -> str:
    """The UUID in lower case with dashes; 400 with `fault` if it is none."""
    try:
        return str(UUID(text))
    except ValueError:
        raise HTTPException(400, fault) from None


async def log_in(world: ClavexWorld, request: Request) -> Response:
    """`POST /api/v1/auth/login`: the JWT comes in a cookie and nowhere else; facts clavex 1.2."""
    try:
        body = await bind(request, LoginRequest)
    except HTTPException:
        raise HTTPException(400, "invalid request body") from None
    user = _known(world, body)
    if user is None:
        raise HTTPException(401, "invalid credentials")
    roles = world.roles_of(user.id)
    if not ADMINS & set(roles):
        raise HTTPException(403, "admin role required")
    now = int(time.time())
    identity = {"org_id": user.org_id, "org_slug": body.org_slug, "is_super_admin": SUPER_ADMIN in roles}
    claims = {"sub": user.id, "email": user.email, "is_admin": True, "jti": str(uuid4()), "iat": now}
    token = _signed(identity | claims | {"exp": now + LIFETIME}, world.jwt_key)
    world.issued_secrets.add(token)
    answer = JSONResponse({"expires_in": LIFETIME, "permissions": None} | identity)
    answer.set_cookie("clavex_admin", token, max_age=LIFETIME, httponly=True, samesite="lax")
    return answer


def _known(world: ClavexWorld, body: LoginRequest) -> User | None:
    """Who logs in, if the password is right."""
    org = world.org_by_slug(body.org_slug)
    user = world.user_by_email(org.id, body.email) if org else None
    return user if user and has_password(user, body.password) else None


def has_password(user: User, password: str) -> bool:
    """Whether an active user has that password."""
    return user.is_active and user.password_digest == digest(password)


async def log_out(_: Request) -> Response:
    """`POST /api/v1/auth/logout`: both cookies are void; the JWT goes on working."""
    answer = Response(status_code=204)
    for name in ("clavex_admin", "clavex_csrf"):
        answer.headers.append("set-cookie", f"{name}=; Path=/; Max-Age=0")
    return answer


def _signed(claims: dict[str, object], key: bytes) -> str:
    parts = ({"alg": "HS256", "typ": "JWT"}, claims)
    text = ".".join(_base64(json.dumps(part).encode()) for part in parts)
    return f"{text}.{_base64(hmac.digest(key, text.encode(), hashlib.sha256))}"


def _verified(token: str, key: bytes) -> dict[str, object] | None:
    """The claims, if the token is ours and has not run out."""
    text, _, signature = token.rpartition(".")
    wanted = _base64(hmac.digest(key, text.encode(), hashlib.sha256))
    if not hmac.compare_digest(signature.encode(), wanted.encode()):
        return None
    claims: dict[str, object] = json.loads(base64.urlsafe_b64decode(text.partition(".")[2] + "=="))
    return claims if int(str(claims["exp"])) > time.time() else None


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

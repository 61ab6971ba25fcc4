"""Organisations, their API keys, and the public proof that tells a slug's UUID; facts clavex 1.3 to 1.5."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING
from uuid import uuid4

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from reconciler.sandbox.clavex.auth import ALL_PERMISSIONS, uuid_of
from reconciler.sandbox.clavex.binding import bind, tag
from reconciler.sandbox.clavex.records import Organisation
from reconciler.sandbox.clavex.routing import ORG, done, or_404

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from reconciler.sandbox.clavex.records import ApiKey
    from reconciler.sandbox.clavex.routing import Call, Routes

BATCH = 100
"""Audit events that `seal` puts under one signature."""
UNSEALED = (
    "no Merkle checkpoints found — the audit log has not been sealed yet; "
    "use POST /audit/proof/seal to trigger sealing"
)
SCOPES = {"read-only", "read-write", "provision-only"}
UNRESTRICTED = "permissions must be a non-empty array; unrestricted keys are superadmin-only"


@dataclass
class CreateOrgRequest:
    """The body of a create."""

    name: str = field(default="", metadata=tag("required,min=1,max=120"))
    slug: str = field(default="", metadata=tag("required,min=2,max=63,slug"))


@dataclass
class ApiKeyRequest:
    """The body of a mint, which no validation tag checks."""

    name: str = ""
    scope: str = ""
    org_id: str | None = None
    permissions: list[str] | None = None
    expires_at: str | None = None


def add_routes(routes: Routes) -> None:
    """The routes of organisations and API keys."""

    async def latest_proof(request: Request) -> Response:
        org = routes.world.org_by_slug(request.path_params["slug"])
        if org is None or not org.proof:
            raise HTTPException(404, UNSEALED if org else "organization not found")
        bundle = {"_clavex": "audit-proof-bundle/v1", "org_id": org.id, "org_slug": org.slug}
        return JSONResponse(bundle)

    routes.public("GET", "/api/v1/organizations/by-slug/{slug}/audit/proof/latest", latest_proof)
    routes.admin("POST", "/organizations", "superadmin", create)
    routes.admin("GET", "/organizations", "superadmin", show_all)
    routes.admin("GET", ORG, "superadmin", show)
    routes.admin("DELETE", ORG, "superadmin", delete)
    routes.admin("POST", f"{ORG}/audit/proof/seal", "audit", seal)
    routes.admin("GET", f"{ORG}/my-admin-permissions", "", show_permissions)
    routes.admin("POST", f"{ORG}/api-keys", "security", create_key)
    routes.admin("GET", f"{ORG}/api-keys", "security", show_keys)
    routes.admin("DELETE", f"{ORG}/api-keys/{{kid}}", "security", revoke_key)
    routes.admin("POST", "/superadmin/api-keys", "superadmin", create_any_key)
    routes.admin("GET", "/superadmin/api-keys", "superadmin", show_keys)
    routes.admin("DELETE", "/superadmin/api-keys/{kid}", "superadmin", revoke_key)


async def create(call: Call) -> Response:
    """201; 409 for a slug that is taken."""
    body = await bind(call.request, CreateOrgRequest)
    if call.world.org_by_slug(body.slug):
        raise HTTPException(409, "organization slug already taken")
    org = Organisation(str(uuid4()), body.name, body.slug, call.world.now())
    call.world.orgs[org.id] = org
    return JSONResponse(_shown(org), 201)


async def show_all(call: Call) -> Response:
    """A bare array by name."""
    return JSONResponse([_shown(org) for org in sorted(call.world.orgs.values(), key=attrgetter("name"))])


async def show(call: Call) -> Response:
    """One organisation."""
    return JSONResponse(_shown(or_404(call.world.orgs.get(call.org_id))))


async def delete(call: Call) -> Response:
    """204, for an organisation that is gone or never was too."""
    call.world.remove_org(call.org_id)
    return done()


async def seal(call: Call) -> Response:
    """The number of full batches sealed; the server's five-minute clock, which seals the rest too, is left out."""
    org = or_404(call.world.orgs.get(call.org_id))
    batches, org.unsealed = divmod(org.unsealed, BATCH)
    org.proof = org.proof or batches > 0
    return JSONResponse({"sealed": batches})


async def show_permissions(call: Call) -> Response:
    """What the caller may do; needs no permission."""
    return JSONResponse(call.caller.held())


async def create_key(call: Call) -> Response:
    """201 with the key, shown only here; for one organisation, with no more than the caller's permissions."""
    body = await _key_body(call)
    if not body.name.strip():
        raise HTTPException(400, "name is required")
    if body.scope not in SCOPES:
        raise HTTPException(400, "invalid scope")
    if not body.permissions:
        raise HTTPException(400, UNRESTRICTED)
    if unknown := [each for each in body.permissions if each not in ALL_PERMISSIONS]:
        raise HTTPException(400, f"code=400, message=unknown permission token: {unknown[0]}")
    if beyond := [each for each in body.permissions if not call.caller.may(each)]:
        raise HTTPException(403, f"cannot grant permissions you do not hold: {', '.join(beyond)}")
    return _issue(call, body, call.org_id)


async def create_any_key(call: Call) -> Response:
    """201 with the key; nothing is checked but what breaks a rule of the database (500)."""
    body = await _key_body(call)
    org_id = uuid_of(body.org_id, "invalid org_id") if body.org_id else None
    if not body.name or body.scope not in SCOPES or (org_id and org_id not in call.world.orgs):
        raise HTTPException(500)
    return _issue(call, body, org_id)


async def show_keys(call: Call) -> Response:
    """A bare array, newest first, revoked ones included; without an organisation, all of the installation."""
    keys = [key for key in call.world.keys.values() if call.org_id in {"", key.org_id}]
    return JSONResponse([_key_shown(key) for key in reversed(keys)])


async def revoke_key(call: Call) -> Response:
    """204, the second time too; 404 for another organisation's key."""
    key_id = uuid_of(call.path("kid"), "Bad Request")
    for key in call.world.keys.values():
        if key.id == key_id and call.org_id in {"", key.org_id}:
            key.is_active = False
            return done()
    raise HTTPException(404)


async def _key_body(call: Call) -> ApiKeyRequest:
    try:
        body = await bind(call.request, ApiKeyRequest)
    except HTTPException:
        raise HTTPException(400) from None
    body.scope = body.scope or "read-write"
    return body


def _issue(call: Call, body: ApiKeyRequest, org_id: str | None) -> Response:
    try:
        datetime.fromisoformat(body.expires_at or "2000-01-01")
    except ValueError:  # read by the database alone
        raise HTTPException(500) from None
    key, meta = call.world.add_key(
        body.name,
        org_id=org_id,
        permissions=body.permissions,
        scope=body.scope,
        created_by=call.caller.user_id,
        expires_at=body.expires_at,
    )
    return JSONResponse({"key": key, "meta": _key_shown(meta)}, 201)


def _key_shown(key: ApiKey) -> dict[str, object]:
    return {name: value for name, value in asdict(key).items() if value is not None}


def _shown(org: Organisation) -> dict[str, object]:
    absent = ("auto_enroll_domains", "email_blocklist", "email_allowlist", "agent_token_allowed_audiences")
    return dict.fromkeys(absent) | {
        "id": org.id,
        "name": org.name,
        "slug": org.slug,
        "settings": {},
        "is_active": True,
        "mfa_required": False,
        "conformance_mode": False,
        "created_at": org.created_at,
        "updated_at": org.created_at,
    }

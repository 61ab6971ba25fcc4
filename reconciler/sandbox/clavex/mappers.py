"""Protocol mappers of clients; facts clavex 4.1, recording mappers."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING
from uuid import uuid4

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from reconciler.sandbox.clavex.auth import uuid_of
from reconciler.sandbox.clavex.binding import bind, tag
from reconciler.sandbox.clavex.clients import CLIENT
from reconciler.sandbox.clavex.records import Mapper
from reconciler.sandbox.clavex.routing import ORG, done, or_404

if TYPE_CHECKING:
    from starlette.responses import Response

    from reconciler.sandbox.clavex.routing import Call, Routes
    from reconciler.sandbox.clavex.world import ClavexWorld

TYPES = "user_property user_attribute hardcoded role_list group_membership"


@dataclass
class CreateMapperRequest:
    """The body of a create; absent flags are false."""

    name: str = field(default="", metadata=tag("required,min=1,max=128"))
    mapper_type: str = field(default="", metadata=tag(f"required,oneof={TYPES}"))
    claim_name: str = field(default="", metadata=tag("required,min=1,max=128"))
    claim_value: str | None = None
    attribute_name: str | None = None
    add_to_access_token: bool = False
    add_to_id_token: bool = False
    add_to_userinfo: bool = False


@dataclass
class UpdateMapperRequest:
    """The body of a PATCH, which replaces everything but the type."""

    name: str = field(default="", metadata=tag("required,min=1,max=128"))
    claim_name: str = field(default="", metadata=tag("required,min=1,max=128"))
    claim_value: str | None = None
    attribute_name: str | None = None
    add_to_access_token: bool = False
    add_to_id_token: bool = False
    add_to_userinfo: bool = False


def add_routes(routes: Routes) -> None:
    """The routes of mappers, and the one of client scopes that needs no record of them."""
    routes.admin("POST", f"{CLIENT}/mappers", "clients", create)
    routes.admin("GET", f"{CLIENT}/mappers", "clients", show_all)
    routes.admin("PATCH", f"{CLIENT}/mappers/{{mid}}", "clients", update)
    routes.admin("DELETE", f"{CLIENT}/mappers/{{mid}}", "clients", delete)
    # Client scopes have no effect (facts clavex 4.2), so there never are any here.
    routes.admin("GET", f"{CLIENT}/scopes", "clients", no_scopes)
    routes.admin("GET", f"{ORG}/client-scopes", "clients", no_scopes)


async def create(call: Call) -> Response:
    """201; 404 for an unknown client comes before the body is read; 409 for a name that is taken."""
    client = or_404(call.world.client_of(call.org_id, call.path("cid")))
    body = await bind(call.request, CreateMapperRequest)
    if body.name in {mapper.name for mapper in _mappers(call.world, client.client_id)}:
        raise HTTPException(409, "mapper name already exists for this client")
    mapper = Mapper(str(uuid4()), call.org_id, client.client_id, **asdict(body), created_at=call.world.now())
    call.world.mappers[mapper.id] = mapper
    return JSONResponse(_shown(mapper), 201)


async def show_all(call: Call) -> Response:
    """A bare array by name."""
    client = or_404(call.world.client_of(call.org_id, call.path("cid")))
    rows = sorted(_mappers(call.world, client.client_id), key=attrgetter("name"))
    return JSONResponse([_shown(row) for row in rows])


async def update(call: Call) -> Response:
    """200; a name that another mapper of the client has is 404. The client in the path is not looked at."""
    mapper = _mapper(call)
    body = await bind(call.request, UpdateMapperRequest)
    if any(other.name == body.name and other is not mapper for other in _mappers(call.world, mapper.client_id)):
        raise HTTPException(404)
    for name, value in asdict(body).items():
        setattr(mapper, name, value)
    return JSONResponse(_shown(mapper))


async def delete(call: Call) -> Response:
    """204; 404 the second time. The client in the path is not looked at."""
    del call.world.mappers[_mapper(call).id]
    return done()


async def no_scopes(_: Call) -> Response:
    """An empty array, for a client that does not exist too."""
    return JSONResponse([])


def _mapper(call: Call) -> Mapper:
    mapper = or_404(call.world.mappers.get(uuid_of(call.path("mid"), "invalid mapper id")))
    return or_404(mapper if mapper.org_id == call.org_id else None)


def _mappers(world: ClavexWorld, client_id: str) -> list[Mapper]:
    return [mapper for mapper in world.mappers.values() if mapper.client_id == client_id]


def _shown(mapper: Mapper) -> dict[str, object]:
    return {name: value for name, value in asdict(mapper).items() if value is not None}

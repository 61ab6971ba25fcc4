"""What every product serves about itself and its plugins: the manifest, the plugin manager, miniOrange's servlet.

Documented (facts atlassian 4.2, 9): the plugin manager's path, media type, fields, 404 and need of an administrator;
the twin of the servlet in the vendor's SAML plugin. Seen in public code: the manifest, readable by anybody, JSON or
XML by Accept (7.1); the servlet's path and methods (4.2). Assumed: 406 for another Accept at the plugin manager, XML
where Accept names no JSON, where a redirecting POST leads, 400 with the cause for a wrong document.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from reconciler.sandbox.atlassian.access import Door, base_url
from reconciler.sandbox.atlassian.world import ProductWorld

if TYPE_CHECKING:
    from starlette.requests import Request

_UPM = "/rest/plugins/1.0"
_UPM_TYPE = "application/vnd.atl.plugins.plugin+json"
_SERVLET = "/plugins/servlet/oauth/configureplugin"


def make_routes(world: ProductWorld) -> list[Route]:
    """The manifest, `/rest/plugins/1.0/{key}-key`, and the servlet."""
    common = _Plugins(world, Door(world))
    return [
        Route("/rest/applinks/1.0/manifest", common.get_manifest, methods=["GET"]),
        Route(f"{_UPM}/{{key}}-key", common.get_plugin, methods=["GET"]),
        Route(_SERVLET, common.get_miniorange, methods=["GET"]),
        Route(_SERVLET, common.post_miniorange, methods=["POST"]),
    ]


@dataclass(frozen=True, slots=True)
class _Plugins:
    world: ProductWorld
    door: Door

    async def get_manifest(self, request: Request) -> Response:
        self.door.identify(request)
        name = self.world.product
        fields = {"typeId": name, "version": self.world.version, "url": base_url(request, self.world)}
        if "json" in request.headers.get("accept", ""):
            return JSONResponse(fields)
        members = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in fields.items())
        return Response(f"<manifest>{members}</manifest>", media_type="application/xml")

    async def get_plugin(self, request: Request) -> Response:
        self.door.admit_administrator(request)
        accept = request.headers.get("accept", "*/*")
        if _UPM_TYPE not in accept and "*/*" not in accept:
            raise self.door.refuse(406, "Not Acceptable")
        plugin = self.world.plugins.get(request.path_params["key"])
        if plugin is None:
            raise self.door.refuse(404, "The plugin is not installed.")
        fields = {
            "key": plugin.key,
            "name": plugin.name,
            "version": plugin.version,
            "enabled": plugin.enabled,
            "userInstalled": plugin.user_installed,
            "links": {"self": f"{self.world.switches.context_path}{_UPM}/{plugin.key}-key"},
        }
        return JSONResponse(fields, media_type=_UPM_TYPE)

    async def get_miniorange(self, request: Request) -> Response:
        self._admit_to_servlet(request)
        return JSONResponse(self.world.show_miniorange())

    async def post_miniorange(self, request: Request) -> Response:
        self._admit_to_servlet(request)
        try:
            self.world.import_(await self.door.read_object(request))
        except ValueError as error:
            raise self.door.refuse(400, str(error)) from None
        match self.world.switches.miniorange_post:
            case "json":
                return JSONResponse({"message": "The configuration was imported."})
            case "html":
                return HTMLResponse("<html><body>The configuration was imported.</body></html>")
        return RedirectResponse(f"{base_url(request, self.world)}/plugins/servlet/oauth/auth", 302)

    def _admit_to_servlet(self, request: Request) -> None:
        if self.world.plugin(self.world.miniorange_key) is None:
            raise self.door.refuse(404, "Not Found")
        bearer = request.headers.get("authorization", "").lower().startswith("bearer ")
        if bearer and self.world.switches.miniorange_tokens == "unknown":
            raise self.door.turn_away(request)
        self.door.admit_administrator(request)

"""The built-in "SSO for Atlassian Data Center" app at `/rest/authconfig/1.0`, alike in both products.

Documented (facts atlassian 3.1 to 3.4): methods, success codes (POST 200, DELETE 200 with the entity), partial PATCH,
pages, no secret in an answer, login options readable by anybody and of enabled providers only; from app version 4.2.0
on. Assumed: 404 for an app that is missing or older; null means not given; an OIDC provider needs a secret when it is
created; endpoints found by discovery are issuer + `/authorize` and so on (nothing is fetched); the login link.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse
from starlette.routing import Route

from reconciler.sandbox.atlassian.access import Door, base_url
from reconciler.sandbox.atlassian.idp import Idp, SsoConfig
from reconciler.sandbox.atlassian.world import SSO_APP, ProductWorld, parse_version

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from starlette.requests import Request
    from starlette.responses import Response

    from reconciler.sandbox.atlassian.miniorange_document import JsonObject

_ROOT = "/rest/authconfig/1.0"
_ENDPOINTS = {"authorization-endpoint": "authorize", "token-endpoint": "token", "userinfo-endpoint": "userinfo"}
_BUTTON_KEYS = {"buttonText", "button-text"}


def make_routes(world: ProductWorld) -> list[Route]:
    """The paths of the app."""
    app = _SsoApp(world, Door(world))
    return [
        Route(f"{_ROOT}/idps", app.list_idps, methods=["GET"]),
        Route(f"{_ROOT}/idps", app.create_idp, methods=["POST"]),
        Route(f"{_ROOT}/idps/{{id}}", app.get_idp, methods=["GET"]),
        Route(f"{_ROOT}/idps/{{id}}", app.patch_idp, methods=["PATCH"]),
        Route(f"{_ROOT}/idps/{{id}}", app.delete_idp, methods=["DELETE"]),
        Route(f"{_ROOT}/sso", app.get_sso, methods=["GET"]),
        Route(f"{_ROOT}/sso", app.patch_sso, methods=["PATCH"]),
        Route(f"{_ROOT}/login-options", app.list_login_options, methods=["GET"]),
    ]


def describe_invalid(error: ValidationError) -> JsonObject:
    """The app's error body for values that the model refuses, without the values."""
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return {"message": f"{where}: {first['msg']}".removeprefix(": ")}


@dataclass(frozen=True, slots=True)
class _SsoApp:
    world: ProductWorld
    door: Door

    async def list_idps(self, request: Request) -> Response:
        self._admit(request)
        return self._page(request, [self._show(idp) for idp in self.world.idps.values()])

    async def create_idp(self, request: Request) -> Response:
        self._admit(request)
        given = self._read(await self.door.read_object(request), Idp)
        if "id" in given:
            raise self.door.refuse(400, "id must be absent or null")
        if given.get("sso-type") == "OIDC" and "client-secret" not in given:
            raise self.door.refuse(400, "client-secret is required")
        return self._store(given)

    async def get_idp(self, request: Request) -> Response:
        self._admit(request)
        return JSONResponse(self._show(self._find(request)))

    async def patch_idp(self, request: Request) -> Response:
        self._admit(request)
        idp = self._find(request)
        given = self._read(await self.door.read_object(request), Idp)
        if given.pop("id", idp.id) != idp.id:
            raise self.door.refuse(400, "id must be null or equal to the one in the path")
        before = idp.model_dump(by_alias=True, exclude_none=True)
        if idp.client_secret:
            before["client-secret"] = idp.client_secret.get_secret_value()
        match given.get("jit-configuration"):
            case dict() as jit if self.world.switches.nested_patch == "merges":
                given["jit-configuration"] = before["jit-configuration"] | jit
        return self._store(before | given, idp.id)

    async def delete_idp(self, request: Request) -> Response:
        self._admit(request)
        idp = self._find(request)
        del self.world.idps[idp.id]
        return JSONResponse(self._show(idp))

    async def get_sso(self, request: Request) -> Response:
        self._admit(request)
        return JSONResponse(self.world.sso.model_dump(by_alias=True))

    async def patch_sso(self, request: Request) -> Response:
        self._admit(request)
        given = self._read(await self.door.read_object(request), SsoConfig)
        before = self.world.sso.model_dump(by_alias=True)
        self.world.sso = SsoConfig.model_validate(before | given | {"last-updated": self.world.stamp()})
        return JSONResponse(self.world.sso.model_dump(by_alias=True))

    async def list_login_options(self, request: Request) -> Response:
        self._require_app()
        self.door.identify(request)
        link = f"{base_url(request, self.world)}/plugins/servlet/external-login"
        options: list[JsonObject] = [
            {"id": idp.id, "type": "IDP", "buttonText": idp.button_text, "loginLink": f"{link}/{idp.id}"}
            for idp in self.world.idps.values()
            if idp.enabled
        ]
        if self.world.sso.show_login_form:
            options.append({"type": "LOGIN_FORM"})
        return self._page(request, options)

    def _require_app(self) -> None:
        app = self.world.plugin(SSO_APP)
        if app is None or parse_version(app.version) < (4, 2, 0):
            raise self.door.refuse(404, "Not Found")

    def _admit(self, request: Request) -> None:
        self._require_app()
        self.door.admit_administrator(request)

    def _find(self, request: Request) -> Idp:
        number = request.path_params["id"]
        idp = self.world.idps.get(int(number)) if number.isdecimal() else None
        if idp is None:
            raise self.door.refuse(self.world.switches.unknown_idp, f"There is no identity provider {number}.")
        return idp

    def _page(self, request: Request, items: list[JsonObject]) -> Response:
        start = self.door.read_number(request, "start", 0)
        limit = self.door.read_number(request, "limit", 50)
        end = len(items) if limit < 0 else start + limit
        page = items[start:end]
        last = end >= len(items)
        return JSONResponse({"size": len(page), "start": start, "limit": limit, "isLastPage": last, "results": page})

    def _read(self, body: JsonObject, model: type[BaseModel]) -> JsonObject:
        """What a write gives: nulls left out, and the button text under the name that the model has."""
        switches = self.world.switches
        buttons = _BUTTON_KEYS if switches.other_button_key == "accepted" else {self.world.button_key()}
        known = {field.alias for field in model.model_fields.values()} - _BUTTON_KEYS | buttons
        given = {key: value for key, value in body.items() if value is not None}
        others = [key for key in given if key not in known]
        if others and switches.other_fields == "refused":
            raise self.door.refuse(400, f"Unrecognized field {others[0]!r}")
        names = {key: "button-text" if key in _BUTTON_KEYS else key for key in given if key in known}
        return {name: given[key] for key, name in names.items()}

    def _store(self, fields: JsonObject, number: int | None = None) -> Response:
        same = [idp for idp in self.world.idps.values() if idp.name == fields.get("name") and idp.id != number]
        if same and self.world.switches.duplicate_idp_names == "refused":
            raise self.door.refuse(400, "An identity provider of this name exists.")
        return JSONResponse(self._show(self.world.store_idp(fields, number)))

    def _show(self, idp: Idp) -> JsonObject:
        shown: JsonObject = idp.model_dump(by_alias=True, exclude_none=True)
        shown[self.world.button_key()] = shown.pop("button-text")
        if idp.sso_type != "OIDC":
            return shown
        never_sent: JsonObject = {"discovery-enabled": False, "username-claim": "", "additional-scopes": []}
        shown = never_sent | shown
        if idp.discovery_enabled:
            found = {key: f"{idp.issuer_url}/{path}" for key, path in _ENDPOINTS.items()}
            shown = {key: value for key, value in shown.items() if key not in found}
            if self.world.switches.discovered_endpoints == "shown":
                shown |= found
        if self.world.switches.emptied_lists == "absent" and not idp.additional_scopes:
            del shown["additional-scopes"]
        return shown

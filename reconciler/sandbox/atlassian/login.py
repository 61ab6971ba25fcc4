"""How a person logs in to a product: the login page, the way to the identity provider and back, the home page.

Documented (facts atlassian 3.3, 3.4): the local form beside the buttons, `?auth_fallback`. Seen in public code (3.5,
4.1, 4.2): start and callback paths. Assumed: a login page with one provider and without a form goes there by itself,
miniOrange's auto redirect goes to its first provider without a delay and its emergency address is `?oauth_sso=false`
where none is set; the pages' addresses; that a login through an identity provider needs application access (Jira) or
the permission to use Confluence, and that the local form asks for nothing more than the password.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from reconciler.sandbox.atlassian import pages, providers
from reconciler.sandbox.atlassian.access import base_url
from reconciler.sandbox.atlassian.miniorange_document import is_on, section
from reconciler.sandbox.atlassian.people import LoginError, Pending
from reconciler.sandbox.atlassian.provisioning import admit_by_idp, admit_by_miniorange
from reconciler.sandbox.atlassian.relying_party import exchange, find_endpoints, read_id_token, read_userinfo
from reconciler.sandbox.atlassian.world import SSO_APP, ProductWorld

if TYPE_CHECKING:
    from starlette.requests import Request

    from reconciler.sandbox.atlassian.miniorange_document import JsonObject
    from reconciler.sandbox.atlassian.people import Person
    from reconciler.sandbox.atlassian.relying_party import Provider


def make_routes(world: ProductWorld) -> list[Route]:
    """The pages of a login."""
    door = _FrontDoor(world)
    return [
        Route("/", door.go_home, methods=["GET"]),
        Route(world.home_path, door.show_home, methods=["GET"]),
        Route(world.login_path, door.show_login, methods=["GET"]),
        Route(world.login_path, door.log_in, methods=["POST"]),
        Route(world.logout_path, door.log_out, methods=["GET"]),
        Route(providers.SSO_APP_START, door.start_idp, methods=["GET"]),
        Route(f"{providers.SSO_APP_START}/{{id}}", door.start_idp, methods=["GET"]),
        Route(providers.MINIORANGE_START, door.start_miniorange, methods=["GET"]),
        Route(providers.SSO_APP_CALLBACK, door.come_back, methods=["GET"]),
        Route(providers.MINIORANGE_CALLBACK, door.come_back, methods=["GET"]),
    ]


@dataclass(frozen=True, slots=True)
class _FrontDoor:
    world: ProductWorld

    async def go_home(self, request: Request) -> Response:
        return self._go(request, self.world.home_path)

    async def show_home(self, request: Request) -> Response:
        person = self.world.find_user(self.world.who(request.cookies) or "")
        if person is None:
            return self._go(request, self.world.login_path)
        log_out = f"{base_url(request, self.world)}{self.world.logout_path}"
        return pages.home_page(self.world.product, person, self.world.groups_of(person.name), log_out)

    async def show_login(self, request: Request) -> Response:
        return self._login_page(request)

    async def log_in(self, request: Request) -> Response:
        """The local form; the sandbox's one account is the only one with a password."""
        form = parse_qs((await request.body()).decode())
        given = form.get("os_username", [""])[0], form.get("os_password", [""])[0]
        if not self._shows_form(request):
            return self._login_page(request, "Logging in with a password is switched off.")
        if given != (self.world.username, self.world.password):
            return self._login_page(request, "Sorry, your username and password are incorrect - please try again.")
        return self._welcome(request, self.world.username)

    async def log_out(self, request: Request) -> Response:
        self.world.sessions.pop(request.cookies.get(self.world.cookie, ""), None)
        return self._go(request, self.world.login_path)

    async def start_idp(self, request: Request) -> Response:
        """To the provider of the path, or to the only one there is."""
        number = request.path_params.get("id")
        found = [idp for idp in providers.idps(self.world) if number in {None, str(idp.id)}]
        if len(found) != 1:
            return self._fail(request, LoginError("no-provider", "there is no such enabled identity provider", 404))
        return await self._start(request, providers.of_idp(self.world, found[0]))

    async def start_miniorange(self, request: Request) -> Response:
        """To the provider that `id` names, or to the first."""
        asked = request.query_params.get("id")
        found = [one for one in providers.miniorange_providers(self.world) if asked in {None, one["ID"]}]
        if not found:
            return self._fail(request, LoginError("no-provider", "there is no such identity provider", 404))
        return await self._start(request, providers.of_miniorange(self.world, found[0]))

    async def come_back(self, request: Request) -> Response:
        """The browser brings a code, or the provider's error."""
        try:
            person = await self._admit(request)
        except LoginError as error:
            return self._fail(request, error)
        return self._welcome(request, person.name)

    async def _start(self, request: Request, provider: Provider) -> Response:
        try:
            endpoints = await find_endpoints(provider)
        except LoginError as error:
            return self._fail(request, error)
        browser = request.cookies.get(self.world.cookie) or secrets.token_hex(16)
        state, nonce = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
        target = f"{base_url(request, self.world)}{provider.callback}"
        self.world.pending[state] = Pending(provider.key, nonce, target, browser)
        asked = {
            "response_type": "code",
            "client_id": provider.client_id,
            "redirect_uri": target,
            "scope": provider.scope,
            "state": state,
            "nonce": nonce,
        }
        joint = "&" if "?" in endpoints.authorization else "?"
        return self._keep(RedirectResponse(f"{endpoints.authorization}{joint}{urlencode(asked)}", 302), browser)

    async def _admit(self, request: Request) -> Person:
        query = request.query_params
        pending = self.world.pending.pop(query.get("state", ""), None)
        if pending is None or pending.browser != request.cookies.get(self.world.cookie):
            raise LoginError("unknown-state", "the state is of no login that this browser began", 400)
        if "error" in query:
            told = f"{query['error']}: {query.get('error_description', '')}"
            raise LoginError("provider-refused", f"the identity provider says {told}")
        idp = providers.find_idp(self.world, pending.provider)
        stored = providers.find_miniorange(self.world, pending.provider)
        if idp is not None:
            claims = await self._claims(providers.of_idp(self.world, idp), pending, query.get("code", ""))
            person = admit_by_idp(self.world, idp, claims)
        elif stored is not None:
            claims = await self._claims(providers.of_miniorange(self.world, stored), pending, query.get("code", ""))
            person = admit_by_miniorange(self.world, stored, claims)
        else:
            raise LoginError("no-provider", "the identity provider was removed or disabled meanwhile", 404)
        if not self.world.may_use(person.name):
            raise LoginError("no-access", f"{person.name} has no access: {self.world.access_rule}")
        return person

    async def _claims(self, provider: Provider, pending: Pending, code: str) -> JsonObject:
        endpoints = await find_endpoints(provider)
        tokens = await exchange(provider, endpoints, code, pending.redirect_uri)
        self.world.issued_secrets |= {tokens.access_token, tokens.id_token} - {""}
        algorithms = self.world.switches.id_token_algorithms
        claims = await read_id_token(provider, endpoints, tokens, pending.nonce, algorithms)
        if provider.claims_from == "id_token":
            return claims
        return await read_userinfo(endpoints, tokens, claims.get("sub"))

    def _login_page(self, request: Request, fault: str = "") -> Response:
        """The ways in; at once to the only one, if no local form is there."""
        base = base_url(request, self.world)
        buttons = [
            (f"sso-idp-{idp.id}", idp.button_text, f"{base}{providers.SSO_APP_START}/{idp.id}")
            for idp in providers.idps(self.world)
        ]
        buttons += [
            (
                f"sso-miniorange-{place}",
                providers.of_miniorange(self.world, one).label,
                _miniorange_link(base, one),
            )
            for place, one in enumerate(providers.miniorange_providers(self.world), start=1)
        ]
        form = self._shows_form(request)
        if not fault and not self._is_emergency(request):
            if self._redirects() and (found := providers.miniorange_providers(self.world)):
                return RedirectResponse(_miniorange_link(base, found[0]), 302)
            if not form and len(buttons) == 1:
                return RedirectResponse(buttons[0][2], 302)
        # The form comes back to this address with its query, so that the emergency way stays open.
        query = f"?{request.url.query}" if request.url.query else ""
        return pages.login_page(
            self.world.product, buttons, f"{base}{self.world.login_path}{query}" if form else None, fault
        )

    def _shows_form(self, request: Request) -> bool:
        """Whether both plugins let the local form be seen."""
        world = self.world
        fallback = "auth_fallback" in request.query_params and world.sso.enable_authentication_fallback
        if world.plugin(SSO_APP) and not (world.sso.show_login_form or fallback):
            return False
        hidden = is_on(section(world.miniorange, "Sign In Settings").get("DISABLE_DEFAULT_LOGIN"))
        return not hidden or not providers.miniorange_providers(world) or self._is_emergency(request)

    def _is_emergency(self, request: Request) -> bool:
        """Whether miniOrange's emergency address is used, and works."""
        settings = section(self.world.miniorange, "Sign In Settings")
        key, value = str(settings.get("BACKDOOR_KEY") or "oauth_sso"), str(settings.get("BACKDOOR_VALUE") or "false")
        return is_on(settings.get("ENABLE_BACKDOOR")) and request.query_params.get(key) == value

    def _redirects(self) -> bool:
        return is_on(section(self.world.miniorange, "Sign In Settings").get("ENABLE_AUTO_REDIRECT_DELAY"))

    def _welcome(self, request: Request, name: str) -> Response:
        """A new session, so that nobody can have planted it."""
        session = secrets.token_hex(16)
        self.world.sessions[session] = name
        self.world.issued_secrets.add(session)
        return self._keep(self._go(request, self.world.home_path), session)

    def _keep(self, answer: Response, session: str) -> Response:
        path = self.world.switches.context_path or "/"
        answer.set_cookie(self.world.cookie, session, path=path, httponly=True, samesite="lax")
        return answer

    def _go(self, request: Request, path: str) -> Response:
        return RedirectResponse(f"{base_url(request, self.world)}{path}", 302)

    def _fail(self, request: Request, error: LoginError) -> Response:
        return pages.error_page(self.world.product, error, f"{base_url(request, self.world)}{self.world.login_path}")


def _miniorange_link(base: str, stored: JsonObject) -> str:
    return f"{base}{providers.MINIORANGE_START}?{urlencode({'id': str(stored['ID'])})}"

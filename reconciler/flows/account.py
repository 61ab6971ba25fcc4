"""One login with a test account, up to the code, which we exchange ourselves: what arrives, and who lands where."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import quote

from pydantic import JsonValue, SecretStr, TypeAdapter

from reconciler.core.check import Check, Landing, broken, doubtful, fine, unread
from reconciler.core.hosts import is_below
from reconciler.core.intent import ClaimsFrom, SignOn
from reconciler.core.login import asked_by, bare, clean, judge_answer
from reconciler.flows.id_token import Expected, verify_token
from reconciler.transport.answers import decode
from reconciler.transport.budget import Retries
from reconciler.transport.http import open_http

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reconciler.ports import Http

LOGIN, ID_TOKEN, ARRIVED = "login", "id-token", "claims-arrived"
_OBJECT: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])
_REFUSALS = (400, 401, 403, 404)
_DONE = (302, 303)
TOO_MANY = 429
_ABSENT = "if the check claims is ok, the account itself has none in Clavex; else see there"


@dataclass(frozen=True, slots=True)
class Account:
    """Who logs in."""

    user: str
    password: SecretStr

    def fill_in(self, number: str) -> dict[str, str]:
        """Clavex's login form, filled in (facts clavex 5.2)."""
        return {"login_session_id": number, "email": self.user, "password": self.password.get_secret_value()}


@dataclass(slots=True)
class Login:
    """A login by one sign-on. `landing` is known once it is through."""

    sign_on: SignOn
    account: Account
    client_secret: SecretStr
    retries: Retries
    landing: Landing | None = None
    _state: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    _nonce: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    def run(self) -> Iterator[Check]:
        """The checks. RequestError if Clavex does not answer; nothing but the form gets the password."""
        with open_http(self.sign_on.issuer_system, {}, retries=self.retries) as http:
            code = self._code(http)
            if isinstance(code, Check):
                yield code
                return
            tokens = self._tokens(http, code)
            if isinstance(tokens, Check):
                yield tokens
                return
            yield fine(
                LOGIN, self.sign_on.where, f"{self.account.user} logged in, and we exchanged the code ourselves"
            )
            claims, check = self._id_token(http, tokens)
            yield check
            if claims:
                yield from self._compare(http, claims, str(tokens.get("access_token", "")))

    def _path(self, name: str) -> str:
        return f"/{quote(self.sign_on.issuer_system.org, safe='')}/{name}"

    def _code(self, http: Http) -> str | Check:
        """The code that Clavex sends to the callback, which is not opened."""
        sign_on, callback = self.sign_on, self.sign_on.callback or ""
        asked = {
            "response_type": "code",
            "client_id": sign_on.client.client_id,
            "redirect_uri": callback,
            "scope": " ".join(dict.fromkeys(("openid", *sign_on.scopes))),
            "state": self._state,
            "nonce": self._nonce,
        }
        path = self._path("authorize")
        page = http.get(path, params=asked, ok=(200, *_DONE, *_REFUSALS), anonymous=True, pages=True)
        number = form_number(page.content)
        if not number:
            return judge_answer(sign_on, page.status, page.content, "for the test account")
        form, ok = self.account.fill_in(number), (200, *_DONE, *_REFUSALS, TOO_MANY)
        answer = http.send("POST", path, form=form, ok=ok, repeatable=False, anonymous=True, pages=True)
        if answer.status == TOO_MANY:
            return limited(LOGIN, sign_on.where)
        target = answer.headers.get("location", "")
        if answer.status not in _DONE:
            seen = f"Clavex answers {answer.status} and lets {self.account.user} not in"
            remedy = "is the password right, is the user active, and does Clavex want a second factor?"
            return broken(LOGIN, sign_on.where, seen, remedy)
        told = asked_by(target)
        if not is_below(target, callback) or told.get("state") != self._state or not told.get("code"):
            error = clean(f"{told.get('error', '')} {told.get('error_description', '')}".strip())
            seen = f"Clavex sends the browser to {bare(target)}, without a code for us{f': {error}' if error else ''}"
            return broken(LOGIN, sign_on.where, seen, "look into the log of Clavex")
        return told["code"]

    def _tokens(self, http: Http, code: str) -> Mapping[str, JsonValue] | Check:
        path, client = self._path("token"), self.sign_on.client
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.sign_on.callback or "",
            "client_id": client.client_id,
            "client_secret": self.client_secret.get_secret_value(),
        }
        answer = http.send("POST", path, form=form, ok=(200, 400, 401), repeatable=False, anonymous=True)
        found = decode(answer, _OBJECT, f"POST {http.url}{path}")
        if "error" in found:
            told = clean(f"{found['error']}: {found.get('error_description', '')}")
            seen = f"the token endpoint gives nothing for the code: {told}"
            return broken(LOGIN, self.sign_on.where, seen, "see the check client-secret")
        return found

    def _id_token(self, http: Http, tokens: Mapping[str, JsonValue]) -> tuple[Mapping[str, JsonValue], Check]:
        system, client, where = self.sign_on.issuer_system, self.sign_on.client, self.sign_on.where
        path = self._path(".well-known/jwks.json")
        keys = decode(http.get(path, anonymous=True), _OBJECT, f"GET {http.url}{path}")
        # Only a client that registered itself can have another algorithm (facts clavex 5.6).
        algorithms = ("PS256", "RS256") if client.shared else ("PS256",)
        expected = Expected(f"{system.url}/{system.org}", client.client_id, self._nonce, algorithms)
        claims, faults = verify_token(str(tokens.get("id_token", "")), keys, expected)
        if faults:
            remedy = "plugins refuse such a token: look at keys, clock and auth.issuer_base of Clavex"
            return {}, broken(ID_TOKEN, where, f"the ID token is no good: {'; '.join(faults)}", remedy)
        seen = (
            f"signed with {' or '.join(algorithms)} by a key of the JWKS; issuer, audience, nonce and times are right"
        )
        return claims, fine(ID_TOKEN, where, seen)

    def _compare(self, http: Http, claims: Mapping[str, JsonValue], token: str) -> Iterator[Check]:
        """What arrived, against what the sign-on reads."""
        sign_on, place = self.sign_on, "the ID token"
        if sign_on.claims_from is ClaimsFrom.USERINFO:
            place, path = "UserInfo", self._path("userinfo")
            headers = {"Authorization": f"Bearer {token}"}
            answer = http.get(path, ok=(200, 401), headers=headers, anonymous=True)
            found = decode(answer, _OBJECT, f"GET {http.url}{path}")
            if answer.status in _REFUSALS or found.get("sub") != claims.get("sub"):
                seen = f"UserInfo answers {answer.status}, and not with the claims of {self.account.user}"
                remedy = "with auth.key_backend db UserInfo refuses every token: let the plugin read the ID token"
                yield broken(ARRIVED, sign_on.where, seen, remedy)
                return
            claims = found
        missing = sorted(name for name, claim in sign_on.attributes.items() if not _has(claims, claim, name))
        named = ", ".join(f"{name} ({sign_on.attributes[name]})" for name in missing)
        if "username" in missing:
            seen = f"{place} of {self.account.user} has no {named}: nobody can be logged in without a user name"
            yield broken(ARRIVED, sign_on.where, seen, _ABSENT)
        elif missing:
            yield doubtful(ARRIVED, sign_on.where, f"{place} of {self.account.user} has no {named}", _ABSENT)
        else:
            arrived = ", ".join(sorted(set(sign_on.attributes.values())))
            yield fine(ARRIVED, sign_on.where, f"{place} of {self.account.user} has {arrived}")
        brought = claims.get(sign_on.attributes.get("groups", "groups"))
        groups = sorted(item for item in brought if isinstance(item, str)) if isinstance(brought, list) else []
        name = claims.get(sign_on.attributes.get("username", "sub"))
        self.landing = Landing(
            sign_on.where,
            self.account.user,
            str(name or ""),
            tuple((group, sign_on.groups.get(group, "")) for group in groups),
        )


def _has(claims: Mapping[str, JsonValue], claim: str, attribute: str) -> bool:
    """Whether a claim came; a person may be in no group."""
    return isinstance(claims.get(claim), list) if attribute == "groups" else bool(claims.get(claim))


def limited(name: str, where: str) -> Check:
    """Clavex takes no more logins now. It counts those that it refuses, so none is tried again (facts clavex 6.1)."""
    seen = "not tried: Clavex takes no more logins from this address for a minute (429)"
    return unread(name, where, seen, "run again in a minute; login_per_ip_per_min of the organisation is the limit")


def form_number(content: bytes) -> str:
    """The hidden field of Clavex's login form (facts clavex 5.2); empty if the page has no such form."""
    form = _Form()
    form.feed(content.decode(errors="replace"))
    return form.number


class _Form(HTMLParser):
    """Finds the hidden field."""

    number = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Looks at one element."""
        given = dict(attrs)
        if tag == "input" and given.get("name") == "login_session_id":
            self.number = given.get("value") or ""

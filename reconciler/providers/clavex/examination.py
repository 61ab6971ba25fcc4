"""The checks of one Clavex: its issuer, its keys, its token, and the claims that sign-ons read (facts clavex 5)."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Required
from urllib.parse import quote, urlsplit

from pydantic import JsonValue
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from reconciler.core.check import Check, Source, broken, doubtful, examined, fine, hidden, unread
from reconciler.core.clocks import span
from reconciler.core.desired import Desired
from reconciler.core.intent import ClaimsFrom
from reconciler.core.observed import Absent, Present, Unreadable
from reconciler.diagnostic import Severity
from reconciler.providers.clavex.claims import find_sources, mapper_address, review
from reconciler.providers.clavex.organisation import ORGANISATIONS
from reconciler.providers.clavex.resources import GROUP
from reconciler.providers.clavex.way_back import examine_way_back
from reconciler.providers.clavex.wire import GUIDE, RELEASED, adapter
from reconciler.transport.answers import clean, decode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reconciler.core.intent import SignOn
    from reconciler.ports import Credentials, Examination

ISSUER, ENDPOINTS, KEYS, TOKEN, CLAIMS = "issuer", "endpoints", "keys", "token", "claims"
_SIGNED_WITH = "PS256"
"""What ID tokens of every client that an administrator made are signed with (facts clavex 5.3)."""
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
_KEY_TYPE = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
_SOON = timedelta(days=14)
_PARTS = 3
_PREFIX = slice(4, 12)
"""The characters of an API key that the server shows of it (facts clavex 1.3)."""


class _Key(TypedDict, total=False):
    """A key of the JWKS, as far as it matters."""

    kty: Required[str]
    use: str


class _Keys(TypedDict):
    """The JWKS."""

    keys: list[_Key]


class _Meta(TypedDict, total=False):
    """An API key as the server lists it."""

    key_prefix: Required[str]
    expires_at: str | None


def examine(examination: Examination) -> Iterator[Check]:
    """Issuer and keys as anybody may read them; the token and the claims where the connection stands."""
    name = examination.system.name
    yield from examined(ISSUER, name, lambda: _discovered(examination))
    yield from examine_way_back(examination)
    if not examination.facts.assumed:
        yield from examined(TOKEN, name, lambda: _token(examination))
        yield from _claims(examination)


# --- what everybody may read --------------------------------------------------------------------------------------


def _discovered(examination: Examination) -> Iterator[Check]:
    system, http = examination.system, examination.http
    issuer = f"{system.url}/{system.org}"
    table = f"[systems.{system.name}]"
    path = f"/{quote(system.org, safe='')}/.well-known/openid-configuration"
    answer = http.get(path, ok=(200, 404), anonymous=True)
    if answer.status == HTTPStatus.NOT_FOUND:
        yield broken(ISSUER, system.name, f"{issuer} has no discovery document", f"correct url and org in {table}")
        return
    document = decode(answer, adapter(dict[str, JsonValue]), f"GET {http.url}{path}")
    found = _text(document.get("issuer"))
    if found == issuer:
        yield fine(ISSUER, system.name, f"{issuer}, as in the spec")
    else:
        yield broken(
            ISSUER,
            system.name,
            f"discovery at {issuer} says that the issuer is {clean(found) or 'nothing'}: plugins refuse every token",
            f"correct url in {table}, or auth.issuer_base of the server, or the headers of the proxy",
        )
    yield _endpoints(examination, document)
    yield from examined(KEYS, system.name, lambda: _keys(examination, document))


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else ""


def _endpoints(examination: Examination, document: Mapping[str, JsonValue]) -> Check:
    system = examination.system
    missing = [name for name in _ENDPOINTS if not _text(document.get(name))]
    elsewhere = [name for name in _ENDPOINTS if name not in missing and not _is_below(document[name], system.url)]
    if missing or elsewhere:
        parts = [f"{', '.join(missing)} missing"] if missing else []
        parts += [f"{name} is {clean(_text(document[name]))}" for name in elsewhere]
        remedy = (
            f"set auth.issuer_base of the server, or the headers of the proxy, so that they are below {system.url}"
        )
        return broken(ENDPOINTS, system.name, "; ".join(parts), remedy)
    return fine(ENDPOINTS, system.name, f"all on {urlsplit(system.url).netloc}")


def _is_below(uri: JsonValue, url: str) -> bool:
    return _text(uri).startswith(f"{url}/")


def _keys(examination: Examination, document: Mapping[str, JsonValue]) -> Iterator[Check]:
    system, http = examination.system, examination.http
    uri = _text(document.get("jwks_uri"))
    if not _is_below(uri, system.url):
        yield unread(KEYS, system.name, "not asked for: they are said to lie elsewhere", "see the check endpoints")
        return
    path = uri.removeprefix(system.url)
    found = decode(http.get(path, anonymous=True), adapter(_Keys), f"GET {uri}")["keys"]
    usable = {key["kty"] for key in found if key.get("use", "sig") == "sig"}
    offered = document.get("id_token_signing_alg_values_supported")
    algorithms = [_text(item) for item in offered] if isinstance(offered, list) else []
    lacking = sorted({name for name in {*algorithms, _SIGNED_WITH} if _KEY_TYPE.get(name[:2], "RSA") not in usable})
    if lacking:
        yield broken(
            KEYS,
            system.name,
            f"{clean(uri)} has {f'{len(found)} keys, and' if found else 'no keys, so'} none that verifies "
            f"{clean(', '.join(lacking))}: plugins refuse every token",
            "look at the signing keys of the server: auth.key_backend, and the file or table that it names",
        )
        return
    yield fine(KEYS, system.name, f"{len(found)} for {clean(', '.join(algorithms) or _SIGNED_WITH)}")


# --- our token ----------------------------------------------------------------------------------------------------


def _token(examination: Examination) -> Iterator[Check]:
    path = _path(examination, "my-admin-permissions")
    answer = examination.http.get(path, ok=(200, 404))
    subject = examination.system.name
    if answer.status == HTTPStatus.NOT_FOUND:  # of the guide's server only what the guide prints is known
        yield hidden(
            TOKEN,
            subject,
            "this Clavex does not say what the token may do",
            "look whether it may write clients and groups",
            Source.ASSUMED,
        )
        return
    held = set(decode(answer, adapter(list[str]), f"GET {examination.http.url}{path}"))
    groups = any(address.system == subject and address.type == GROUP.name for address in examination.desired)
    needed = ["clients:write", *(["groups:write"] if groups else [])]
    lacking = [permission for permission in needed if permission not in held]
    seen, soon = _lifetime(examination)
    if lacking:
        yield doubtful(
            TOKEN,
            subject,
            f"may not {' and '.join(lacking)}: apply would be refused; {seen}",
            "make an API key with these permissions: clients:write, groups:write",
        )
    elif soon:
        remedy = "make a new one, and put it where the spec says that the token lies"
        yield doubtful(TOKEN, subject, f"may {' and '.join(needed)}; {seen}", remedy)
    else:
        yield fine(TOKEN, subject, f"may {' and '.join(needed)}; {seen}")


def _path(examination: Examination, *parts: str) -> str:
    facts = examination.facts.values
    named = examination.system.org if facts.get("dialect") == GUIDE else facts.get("org_id", "")
    return "/".join((ORGANISATIONS, quote(named, safe=""), *parts))


def _lifetime(examination: Examination) -> tuple[str, bool]:
    """Until when the token holds, in words; and whether that is soon."""
    ends = _expiry_of_login(examination.credentials) or _expiry_of_key(examination)
    if ends is None:
        return "no end of it is known", False
    if ends <= examination.now:
        return "it has ended", True
    left = ends - examination.now
    return f"it ends in {span(left)}", left < _SOON


def _expiry_of_login(credentials: Credentials) -> datetime | None:
    """The `exp` of a token that came from a login (facts clavex 1.2); None for any other."""
    text = credentials.token.get_secret_value() if credentials.token else ""
    parts = text.split(".")
    if len(parts) != _PARTS:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=="))
        return datetime.fromtimestamp(claims["exp"], UTC)
    except (ValueError, KeyError, TypeError, OverflowError):
        return None


def _expiry_of_key(examination: Examination) -> datetime | None:
    """The end of an API key, where the key may look at the list that it is in (facts clavex 1.3)."""
    token = examination.credentials.token
    shown = token.get_secret_value()[_PREFIX] if token else ""
    for path in (_path(examination, "api-keys"), "/api/v1/superadmin/api-keys"):
        answer = examination.http.get(path, ok=(200, 403, 404))
        if answer.status != HTTPStatus.OK:
            continue
        listed = decode(answer, adapter(list[_Meta]), f"GET {examination.http.url}{path}")
        ends = [key.get("expires_at") for key in listed if key["key_prefix"] == shown]
        if len(ends) == 1 and ends[0]:  # of two keys that begin alike nobody knows which is ours
            return _moment(ends[0])
    return None


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


# --- the claims ---------------------------------------------------------------------------------------------------


def _claims(examination: Examination) -> Iterator[Check]:
    name, dialect = examination.system.name, examination.facts.values.get("dialect", RELEASED)
    users = sorted(examination.intent.sign_ons.items())
    for _, sign_on in users:
        if sign_on.issuer_system.name != name:
            continue
        alike = [other for _, other in users if other.client.name == sign_on.client.name]
        sources = find_sources(sign_on.client, alike, dialect)
        faults = [*_stated(sign_on, sources, dialect), *_missing(sign_on, sources, examination)]
        yield from faults or [_arrive(sign_on)]


def _arrive(sign_on: SignOn) -> Check:
    where = "UserInfo" if sign_on.claims_from is ClaimsFrom.USERINFO else "the ID token"
    source = Source.ASSUMED if sign_on.claims_assumed else Source.PROVED
    claims = ", ".join(sorted(set(sign_on.attributes.values())))
    return fine(CLAIMS, sign_on.where, f"{claims} arrive in {where}, where the plugin reads them", source)


def _stated(sign_on: SignOn, sources: Mapping[str, str], dialect: str) -> Iterator[Check]:
    """What the spec alone says of the claims."""
    source = Source.ASSUMED if sign_on.claims_assumed or dialect == GUIDE else Source.PROVED
    for item in review(sign_on, sources, dialect):
        if item.severity is Severity.ERROR:
            yield broken(CLAIMS, sign_on.where, item.message, item.remedy, source)
        elif item.severity is Severity.WARNING:
            yield doubtful(CLAIMS, sign_on.where, item.message, item.remedy, source)


def _missing(sign_on: SignOn, sources: Mapping[str, str], examination: Examination) -> Iterator[Check]:
    """Claims that a mapper should bring into the ID token, and does not as Clavex stands now."""
    claims = sorted(set(sign_on.attributes.values()) & sources.keys())
    if sign_on.claims_from is not ClaimsFrom.ID_TOKEN or examination.facts.values.get("dialect") == GUIDE:
        return
    found = {claim: examination.observed.get(mapper_address(sign_on.client, claim)) for claim in claims}
    if lacking := [claim for claim, mapper in found.items() if isinstance(mapper, Absent)]:
        seen = f"not in the ID token, where the plugin reads them, for want of a mapper: {', '.join(lacking)}"
        yield broken(CLAIMS, sign_on.where, seen, "reconciler apply makes the mappers")
    for claim, mapper in found.items():
        match mapper, examination.desired.get(mapper_address(sign_on.client, claim)):
            case Unreadable(reason=reason, remedy=remedy), _:
                yield unread(CLAIMS, sign_on.where, f"{claim}: {reason}", remedy)
            case Present(attributes=stands), Desired(attributes=wanted):
                differing = [name for name, value in wanted.items() if stands.get(name, value) != value]
                if differing:
                    seen = f"{claim} is not what the plugin expects: its mapper differs in {', '.join(differing)}"
                    yield broken(CLAIMS, sign_on.where, seen, "reconciler apply mends the mapper")

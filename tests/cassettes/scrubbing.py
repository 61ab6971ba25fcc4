"""What may go into a cassette: one name for the server, ids by their order, fakes for everything that is secret."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from vcr.request import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

URL = "http://127.0.0.1:18080"
"""What every server is called in a cassette."""
SLUG = "cassette-"
"""How the slug of every organisation begins that these tests make."""

FAKE = re.compile(r"(clv_)?(?=.{43}$)fake-[a-z0-9-]+-x+")
API_KEY = re.compile(r"clv_[\w-]{20,}", re.ASCII)
JWT = re.compile(r"eyJ[\w-]{5,}\.[\w-]+(\.[\w-]*)?", re.ASCII)
SECRET = re.compile(r"(?<![\w-])[\w-]{43}(?![\w-])", re.ASCII)
_UUID = re.compile(r"(?<![\w-])[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![\w-])", re.ASCII)
_STABLE = "00000000-"
_SENT = frozenset(
    {
        "authorization",
        "content-type",
        "upgrade",
        "x-api-key",
        "x-clavex-managed-by",
        "x-clavex-managed-ref",
        "x-clavex-managed-release",
    }
)
_GOT = frozenset({"content-type", "location", "retry-after", "sec-websocket-accept", "upgrade", "www-authenticate"})


def fake(name: str) -> str:
    """The secret that stands in a cassette for the one of that name; of the form that the server gives out."""
    return f"fake-{name}-".ljust(43, "x")


def fake_key(name: str) -> str:
    """The API key that stands in a cassette for the one of that name."""
    return "clv_" + fake(f"key-{name}")


def fake_uuid(number: int) -> str:
    """The id that stands in a cassette for the one that came up as the `number`th."""
    return f"{_STABLE}0000-4000-8000-{number:012}"


class Scrubber:
    """Turns what goes over the wire into what may be kept, the same way each time; what is clean stays as it is.

    `url` is the server's own address.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._secrets: dict[str, str] = {}
        self._uuids: dict[str, str] = {}

    @property
    def secrets(self) -> frozenset[str]:
        """Every secret that was ever replaced."""
        return frozenset(self._secrets)

    def learn(self, secret: str, stand_in: str) -> None:
        """From now on `secret` is replaced by `stand_in`."""
        self._secrets[secret] = stand_in

    def text(self, text: str) -> str:
        """`text` without anything that must not be kept."""
        for secret, stand_in in self._secrets.items():
            text = text.replace(secret, stand_in)
        text = JWT.sub("fake-jwt", text)
        text = API_KEY.sub(lambda found: self._stand_in(found[0], fake_key("unknown")), text)
        text = SECRET.sub(lambda found: self._stand_in(found[0], fake(f"secret-{len(self._secrets) + 1}")), text)
        return _UUID.sub(lambda found: self._uuid(found[0]), text.replace(self._url, URL))

    def request(self, request: Request) -> Request:
        """A request as it may be kept, and as it is compared."""
        headers = {
            name.lower(): self.text(_credential(value) if name.lower() in {"x-api-key", "authorization"} else value)
            for name, value in sorted(request.headers.items())
            if name.lower() in _SENT
        }
        body = self.text(request.body.decode()).encode() if request.body else None
        return Request(request.method, self.text(request.uri), body, headers)

    def response(self, response: dict[str, Any]) -> dict[str, Any]:
        """An answer as it may be kept: no cookies, no request ids, no organisations of others."""
        headers = {
            name.lower(): [self.text(value) for value in values]
            for name, values in sorted(response["headers"].items())
            if name.lower() in _GOT
        }
        body = self.text(_without_others(response["body"]["string"].decode()))
        return {"status": response["status"], "headers": headers, "body": {"string": body.encode()}}

    def _stand_in(self, secret: str, stand_in: str) -> str:
        if FAKE.fullmatch(secret):
            return secret
        return self._secrets.setdefault(secret, stand_in)

    def _uuid(self, uuid: str) -> str:
        if uuid.startswith(_STABLE):
            return uuid
        return self._uuids.setdefault(uuid, fake_uuid(len(self._uuids) + 1))


def _credential(value: str) -> str:
    """A credential of which no more shows than its kind, unless it is an API key, which is replaced by its name."""
    if API_KEY.fullmatch(value):
        return value
    scheme, _, rest = value.partition(" ")
    return f"{scheme} {fake('token')}" if rest else fake("token")


def _without_others(body: str) -> str:
    """The list of organisations without those that are none of ours; any other body as it is."""
    try:
        items = json.loads(body)
    except ValueError:
        return body
    if not isinstance(items, list) or not items or not all(_is_organisation(item) for item in items):
        return body
    ours = [item for item in items if item["slug"].startswith(SLUG)]
    return json.dumps(ours, separators=(",", ":")) + "\n"


def _is_organisation(item: Mapping[str, object] | object) -> bool:
    return isinstance(item, dict) and item.keys() >= {"id", "slug", "settings"}

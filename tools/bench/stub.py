"""A Clavex of a few lines: just enough HTTP to list and to create clients, so that it costs next to nothing itself.

    python stub.py [LATENCY_MS]

Prints its port, then serves until it is ended. It keeps what was created; every answer waits for the latency.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from functools import cache, partial
from urllib.parse import parse_qs, urlsplit

ORG_ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
ORGANISATIONS = "/api/v1/organizations"
CLIENTS = f"{ORGANISATIONS}/{ORG_ID}/clients"
REASONS = {200: "OK", 201: "Created", 400: "Bad Request", 404: "Not Found"}


class Clavex:
    """The clients that were created, and the answers to requests."""

    def __init__(self) -> None:
        self._items: dict[str, str] = {}
        self._page = cache(self._make_page)

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> bytes:
        """The whole answer to one request."""
        url = urlsplit(target)
        match method, url.path:
            case "POST", path if path == CLIENTS:
                return self._create(json.loads(body), headers)
            case "GET", path if path == CLIENTS:
                query = parse_qs(url.query)
                return self._page(int(query["limit"][0]), int(query["offset"][0]))
            case "GET", path if path == ORGANISATIONS:
                return encode(200, json.dumps([{"id": ORG_ID, "slug": "acme"}]))
            case "GET", path if path.endswith("/acme/clients"):
                return encode(400, '{"error":"Bad Request","message":"org_id must be a valid UUID"}')
            case _:
                return encode(404, '{"error":"Not Found","message":"Not Found"}')

    def _create(self, wanted: dict[str, object], headers: dict[str, str]) -> bytes:
        client = {
            "client_id": wanted["client_id"],
            "org_id": ORG_ID,
            "name": wanted["name"],
            "redirect_uris": wanted["redirect_uris"],
            "post_logout_redirect_uris": [],
            "grant_types": wanted.get("grant_types", ["authorization_code"]),
            "response_types": ["code"],
            "scopes": ["openid", "profile", "email"],
            "allowed_audiences": None,
            "token_endpoint_auth_method": "client_secret_basic",
            "is_active": True,
            "mfa_required": False,
            "keycloak_compat": False,
            "metadata": {},
            "request_object_signing_alg": "none",
            "enabled_login_providers": None,
            "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-01T00:00:00Z",
            "managed_by": headers.get("x-clavex-managed-by"),
            "managed_ref": headers.get("x-clavex-managed-ref"),
        }
        text = json.dumps(client, separators=(",", ":"))
        self._items[str(wanted["client_id"])] = text
        self._page.cache_clear()
        return encode(201, f'{{"client":{text},"client_secret":"{len(self._items):064x}"}}')

    def _make_page(self, limit: int, offset: int) -> bytes:
        names = sorted(self._items)
        shown = names[offset : offset + limit]
        more = offset + len(shown) < len(names)
        total = f',"total":{len(names)}' if names else ""
        items = ",".join(self._items[name] for name in shown)
        return encode(200, f'{{"items":[{items}]{total},"has_more":{json.dumps(more)}}}')


def encode(status: int, body: str) -> bytes:
    """An answer with that body."""
    content = body.encode()
    head = f"HTTP/1.1 {status} {REASONS[status]}\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(content)}\r\n\r\n".encode() + content


class Connection(asyncio.Protocol):
    """One connection, kept alive; a request at a time."""

    def __init__(self, clavex: Clavex, latency: float) -> None:
        self._clavex = clavex
        self._latency = latency
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Without Nagle's delay: it would cost 40 ms an answer."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - tells mypy so
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._write = transport.write

    def data_received(self, data: bytes) -> None:
        """Answers each request that is whole."""
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            line, *lines = self._received[:end].decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (each.partition(": ") for each in lines)}
            after = end + 4 + int(headers.get("content-length", 0))
            if len(self._received) < after:
                return
            body, self._received = self._received[end + 4 : after], self._received[after:]
            method, target, _ = line.split(" ")
            answer = self._clavex.answer(method, target, headers, body)
            if self._latency:
                asyncio.get_running_loop().call_later(self._latency, self._write, answer)
            else:
                self._write(answer)


async def serve(latency: float) -> None:
    """Serves for ever."""
    server = await asyncio.get_running_loop().create_server(partial(Connection, Clavex(), latency), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]) / 1000 if len(sys.argv) > 1 else 0.0))

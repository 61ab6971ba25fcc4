"""The least that a plan must do: the same imports, the same spec parsed, the same pages fetched and validated.

    python bare_plan.py SPEC_FILE PATH

The floor for `reconciler plan`, written as one would for speed: one connection, one pass for each page.
"""

from __future__ import annotations

import ssl
import sys
from pathlib import Path

import click  # noqa: F401 - the program imports it too
import httpx
import tomli
from pydantic import TypeAdapter
from typing_extensions import TypedDict

PAGE = 200


class Client(TypedDict):
    """The fields of a client that the spec can ask for, and its mark."""

    client_id: str
    name: str
    redirect_uris: list[str]
    post_logout_redirect_uris: list[str]
    grant_types: list[str]
    response_types: list[str]
    scopes: list[str]
    token_endpoint_auth_method: str
    is_active: bool
    managed_by: str | None
    managed_ref: str | None


class Page(TypedDict):
    """A part of the list."""

    items: list[Client]
    total: int
    has_more: bool


def main() -> None:
    """Fails if the spec and the list are not alike in number."""
    spec = tomli.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    pages = TypeAdapter(Page)
    found: dict[str, Client] = {}
    # A TLS context costs 30 ms, and this server has no TLS: httpx is given one that trusts nobody.
    with httpx.Client(
        base_url=spec["systems"]["clavex"]["url"], verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ) as http:
        more = True
        while more:
            answer = http.get(sys.argv[2], params={"limit": PAGE, "offset": len(found)}).raise_for_status()
            page = pages.validate_json(answer.content)
            found |= {client["client_id"]: client for client in page["items"]}
            more = page["has_more"]
    if len(found) != len(spec["clients"]):
        sys.exit(f"{len(found)} clients were found, {len(spec['clients'])} are in the spec")


if __name__ == "__main__":
    main()

"""The least that an apply must do: the same imports, the same spec parsed, and one request for each client.

    python bare_apply.py SPEC_FILE PATH THREADS

The floor for `reconciler apply`: one httpx client, one connection for each thread, which is the fast way. It keeps
no journal, no state and no secret, looks at nothing before and reads no answer.
"""

from __future__ import annotations

import ssl
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click  # noqa: F401 - the program imports it too
import httpx
import pydantic  # noqa: F401 - as above
import tomli


class PerThread(httpx.BaseTransport):
    """A connection for each thread: httpx's own pool is slower."""

    def __init__(self) -> None:
        self._own = threading.local()
        self._trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer, over this thread's connection."""
        if not hasattr(self._own, "transport"):
            self._own.transport = httpx.HTTPTransport(verify=self._trust)
        answer: httpx.Response = self._own.transport.handle_request(request)
        return answer


def main() -> None:
    """Fails if a client was not created."""
    spec = tomli.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    with (
        httpx.Client(transport=PerThread(), base_url=spec["systems"]["clavex"]["url"], trust_env=False) as http,
        ThreadPoolExecutor(int(sys.argv[3])) as pool,
    ):

        def create(item: tuple[str, dict[str, object]]) -> int:
            name, table = item
            body = {
                "client_id": name,
                "name": table["name"],
                "redirect_uris": table["redirect_uris"],
                "grant_types": table["grant_types"],
            }
            return http.post(sys.argv[2], json=body).status_code

        statuses = set(pool.map(create, spec["clients"].items()))
    if statuses != {httpx.codes.CREATED}:
        sys.exit(f"the answers were {statuses}")


if __name__ == "__main__":
    main()

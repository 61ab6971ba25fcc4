"""The emulators on loopback: one thread, one event loop, a port for each."""

from __future__ import annotations

import asyncio
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import uvicorn

from reconciler.errors import ReconcilerError
from reconciler.sandbox import atlassian
from reconciler.sandbox.atlassian.crowd import CONTEXT as CROWD_CONTEXT
from reconciler.sandbox.clavex import ORG_SLUG
from reconciler.sandbox.clavex import clavex as emulated_clavex
from reconciler.sandbox.emulator import Emulator, World
from reconciler.sandbox.faults import Faults

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from reconciler.sandbox.atlassian import ConfluenceWorld, CrowdWorld, JiraWorld
    from reconciler.sandbox.clavex import ClavexWorld

HOST = "127.0.0.1"
KEEP_ALIVE = 75
"""Seconds that an idle connection stays open."""
W = TypeVar("W", bound=World)


@dataclass(frozen=True, slots=True)
class Served(Generic[W]):
    """An emulator that is being served at `url`."""

    emulator: Emulator[W]
    faults: Faults
    url: str

    @property
    def world(self) -> W:
        """What the emulator remembers; may be read and changed."""
        return self.emulator.world

    @property
    def token(self) -> str:
        """API key of Clavex, personal access token of the others."""
        return self.emulator.token

    @property
    def username(self) -> str:
        """Of the one account; an address of mail for Clavex."""
        return self.emulator.username

    @property
    def password(self) -> str:
        """Of the same."""
        return self.emulator.password

    @property
    def issued_secrets(self) -> set[str]:
        """Every secret that the emulator ever gave out or accepted, its own credentials included."""
        return self.emulator.issued_secrets

    def reset(self) -> None:
        """As new: the world, the counts, no fault armed."""
        self.emulator.world.reset()
        self.faults.clear()
        self.faults.reset_counts()

    def describe(self) -> dict[str, str]:
        """Provider, address and credentials."""
        return {
            "provider": self.emulator.name,
            "url": self.url,
            "token": self.token,
            "username": self.username,
            "password": self.password,
        }


class Sandbox:
    """Emulated Clavex, Jira and Confluence, served on loopback between `__enter__` and `__exit__`.

    clavex, jira, confluence: emulators with versions and switches of one's own.
    crowd: a Crowd beside them; None: there is none.
    clavex_url: address of a real Clavex, in place of an emulated one.
    port: Clavex gets this one, Jira the next, Confluence the one after, then Crowd; None takes free ones.

    Raises on entry: ReconcilerError if a port is taken.
    """

    jira: Served[JiraWorld]
    confluence: Served[ConfluenceWorld]

    def __init__(
        self,
        *,
        clavex: Emulator[ClavexWorld] | None = None,
        jira: Emulator[JiraWorld] | None = None,
        confluence: Emulator[ConfluenceWorld] | None = None,
        crowd: Emulator[CrowdWorld] | None = None,
        clavex_url: str | None = None,
        port: int | None = None,
    ) -> None:
        self.clavex_url = clavex_url
        self._emulators = clavex, jira or atlassian.jira(), confluence or atlassian.confluence()
        self._clavex: Served[ClavexWorld] | None = None
        self._emulated_crowd = crowd
        self._crowd: Served[CrowdWorld] | None = None
        self._port = port
        self._servers: list[tuple[uvicorn.Server, socket.socket]] = []
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sandbox", daemon=True)

    def __enter__(self) -> Self:
        clavex, jira, confluence = self._emulators
        try:
            if self.clavex_url is None:
                self._clavex = self._prepare(clavex or emulated_clavex(), 0)
            self.jira = self._prepare(jira, 1, jira.world.switches.context_path)
            self.confluence = self._prepare(confluence, 2, confluence.world.switches.context_path)
            if self._emulated_crowd is not None:
                self._crowd = self._prepare(self._emulated_crowd, 3, CROWD_CONTEXT)
        except ReconcilerError:
            for _, listener in self._servers:
                listener.close()
            raise
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server, _ in self._servers:
            server.should_exit = server.force_exit = True
        self._thread.join()

    @property
    def clavex(self) -> Served[ClavexWorld]:
        """The emulated Clavex; ReconcilerError if a real one is in its place."""
        if self._clavex is None:
            raise ReconcilerError(f"no Clavex is emulated here: the real one is at {self.clavex_url}")
        return self._clavex

    @property
    def crowd(self) -> Served[CrowdWorld]:
        """The emulated Crowd; ReconcilerError if there is none."""
        if self._crowd is None:
            raise ReconcilerError("no Crowd is emulated here")
        return self._crowd

    @property
    def served(
        self,
    ) -> tuple[Served[ClavexWorld] | Served[JiraWorld] | Served[ConfluenceWorld] | Served[CrowdWorld], ...]:
        """All that is emulated."""
        return (
            *([self._clavex] if self._clavex else []),
            self.jira,
            self.confluence,
            *([self._crowd] if self._crowd else []),
        )

    @property
    def issued_secrets(self) -> set[str]:
        """Every secret that any of the emulators ever gave out or accepted."""
        return set().union(*(one.issued_secrets for one in self.served))

    def reset(self) -> None:
        """All as new, at the same addresses, with the same credentials; no request may be under way."""
        for one in self.served:
            one.reset()

    def describe(self) -> dict[str, dict[str, str]]:
        """Each system's provider, address and credentials; of a real Clavex only the address."""
        if self._clavex is None:
            clavex = {"provider": "clavex", "url": self.clavex_url or ""}
        else:
            clavex = self._clavex.describe() | {"org": ORG_SLUG, "org_id": self._clavex.world.org_id}
        products = {"clavex": clavex, "jira": self.jira.describe(), "confluence": self.confluence.describe()}
        return products | ({"crowd": self._crowd.describe()} if self._crowd else {})

    def _prepare(self, emulator: Emulator[W], place: int, path: str = "") -> Served[W]:
        """A listening socket and a server for it, not yet started."""
        # asyncio turns Nagle's delay (40 ms an answer) off only where the protocol is named.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, 0 if self._port is None else self._port + place))
            listener.listen()  # two that only bind, at the same time, would both have the port
        except OSError as error:
            listener.close()
            raise ReconcilerError(
                f"the sandbox cannot serve {emulator.name} on {HOST}:{(self._port or 0) + place}: {error.strerror}",
                "Choose another --port, or none: then free ones are taken.",
            ) from error
        faults = Faults(emulator.app)
        config = uvicorn.Config(
            faults,
            lifespan="off",
            ws="wsproto",
            log_config=None,
            log_level="error",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE,
        )
        self._servers.append((uvicorn.Server(config), listener))
        return Served(emulator, faults, f"http://{HOST}:{listener.getsockname()[1]}{path}")

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            self._ready.set()  # also if it never got ready: the error is the thread's, the wait must end

    async def _serve(self) -> None:
        serving = asyncio.gather(*(server.serve([listener]) for server, listener in self._servers))
        while not (all(server.started for server, _ in self._servers) or serving.done()):  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.001)
        self._ready.set()
        await serving

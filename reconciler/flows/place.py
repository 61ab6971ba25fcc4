"""Where a command works: which stack and environment, and where its spec, state and secrets lie."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from reconciler.backends.opening import Surroundings, open_backend
from reconciler.engine.performing import utc_now
from reconciler.engine.statestore import StateStore
from reconciler.flows.registry import PLUGIN_RECORDS, PROVIDER_RECORDS, Models
from reconciler.ports import LockInfo
from reconciler.secrets.operator import read_commands
from reconciler.secrets.stores import StoredSecrets, open_store
from reconciler.spec.backends import LocalTable
from reconciler.spec.load import Kinds, SpecRead, read_backend, read_spec

if TYPE_CHECKING:
    from pydantic import SecretStr

    from reconciler.core.secret import Handle
    from reconciler.core.state import State
    from reconciler.spec.backends import BackendTable

DEFAULT_ENVIRONMENT = "default"


@dataclass(frozen=True, slots=True)
class Place:
    """One stack in one environment.

    `parallelism` is the number of requests in flight, all systems together. `now` tells the time.
    """

    stack: str
    environment: str | None = None
    specs: Path = Path("specs")
    states: Path = Path("state")
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    parallelism: int = 20
    now: Callable[[], datetime] = utc_now

    @property
    def home(self) -> Path:
        """The folder of this stack's state and file secrets."""
        return self.states / self.stack / (self.environment or DEFAULT_ENVIRONMENT)

    def read_spec(self) -> SpecRead:
        """The spec. SpecError with every problem in it."""
        kinds = Kinds(Models(PROVIDER_RECORDS), Models(PLUGIN_RECORDS))
        return read_spec(self.specs / self.stack, self.environment, kinds)

    def state_store(self, spec: SpecRead | None = None) -> StateStore:
        """The state of this stack and environment, where the spec says that it lies.

        Without a `spec` that was read, only what it says of the backend is; a stack whose spec is gone has a local
        state.
        """
        return self.state_store_in(self._read_backend() if spec is None else spec.backend)

    def state_store_in(self, table: BackendTable) -> StateStore:
        """The state of this stack and environment in some backend."""
        environment = self.environment or DEFAULT_ENVIRONMENT
        around = Surroundings(self.stack, environment, self.home, self.specs / self.stack, self._value)
        return StateStore(open_backend(table, around), self.stack, environment)

    def _read_backend(self) -> BackendTable:
        folder = self.specs / self.stack
        if not folder.is_dir():
            return LocalTable()
        overlaid = self.environment and (folder / "env" / f"{self.environment}.toml").exists()
        return read_backend(folder, self.environment if overlaid else None)

    def _value(self, handle: Handle) -> SecretStr | None:
        """What a credential of the backend is; before there is a state, so that no fingerprint is made of it."""
        store = open_store(handle.store, home=self.home, environ=self.environ, commands=read_commands(self.environ))
        return store.get(handle.name)

    def secrets(self, spec: SpecRead, state: State) -> StoredSecrets:
        """Every secret store that the spec names."""
        return StoredSecrets(
            default=spec.secrets,
            home=self.home,
            environ=self.environ,
            commands=read_commands(self.environ),
            lineage=state.lineage,
            key_store=state.key_store,
        )


def lock_info(operation: str) -> LockInfo:
    """Who we are, for who finds the lock held."""
    since = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        who = getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user that has no name
        who = f"user {os.getuid()}"
    return LockInfo(str(uuid4()), who, socket.gethostname(), os.getpid(), operation, since)

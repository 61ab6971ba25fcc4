"""Where a command works: which stack and environment, and where its spec, state and secrets lie."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from reconciler.backends import opening
from reconciler.engine.sealed import SealedCodec
from reconciler.engine.statestore import StateStore
from reconciler.errors import SpecError
from reconciler.flows.guard import HOSTS_VARIABLE, guard_address, guard_backend, routed, with_host
from reconciler.flows.registry import PLUGIN_RECORDS, PROVIDER_RECORDS, Models
from reconciler.secrets.operator import Configuration, Host, read_configuration
from reconciler.secrets.sealing import AgeSealing
from reconciler.secrets.stores import StoredSecrets, Surroundings, open_store
from reconciler.spec.backends import LocalTable
from reconciler.spec.load import Kinds, SpecRead, Whereabouts, read_backend, read_spec
from reconciler.storage import LockInfo
from reconciler.transport.budget import Retries

if TYPE_CHECKING:
    from pydantic import SecretStr

    from reconciler.core.intent import System
    from reconciler.core.secret import AgeFile, Handle
    from reconciler.core.state import State
    from reconciler.spec.backends import BackendTable
    from reconciler.storage import Backend

DEFAULT_ENVIRONMENT = "default"


@dataclass(frozen=True, slots=True)
class Place:
    """One stack in one environment.

    `parallelism` is how many requests a system gets at once, `retries` the budget of those sent again, all systems
    together.
    `now` tells the time.
    """

    stack: str
    environment: str | None = None
    specs: Path = Path("specs")
    states: Path = Path("state")
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    parallelism: int = 20
    retries: Retries = field(default_factory=Retries)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def home(self) -> Path:
        """The folder of this stack's state and file secrets."""
        return self.states / self.stack / (self.environment or DEFAULT_ENVIRONMENT)

    @property
    def folder(self) -> Path:
        """The folder of the stack."""
        return self.specs / self.stack

    @property
    def configuration(self) -> Configuration:
        """The operator's own. SecretError if it cannot be used."""
        return read_configuration(self.environ)

    @property
    def named_hosts(self) -> tuple[Host, ...]:
        """The hosts that the operator named; if there are any, nothing else may be asked."""
        return self.configuration.hosts_in(self.environ.get(HOSTS_VARIABLE, ""))

    def read_spec(self) -> SpecRead:
        """The spec. SpecError with every problem in it."""
        kinds = Kinds(Models(PROVIDER_RECORDS), Models(PLUGIN_RECORDS))
        spec = read_spec(self.folder, self.environment, kinds)
        return replace(spec, intent=routed(spec.intent, self.configuration, self.folder))

    def state_store(self, spec: SpecRead | None = None) -> StateStore:
        """The state of this stack and environment, where the spec says that it lies.

        Without a `spec` that was read, only what it says of the backend and of encryption is; a stack whose spec is
        gone has a local state.
        """
        return self.state_store_in(self._find_state() if spec is None else spec.whereabouts, spec)

    def state_store_in(self, whereabouts: Whereabouts, spec: SpecRead | None = None) -> StateStore:
        """The state of this stack and environment in some backend."""
        guard_backend(whereabouts.table, self.named_hosts, self.folder)
        environment = self.environment or DEFAULT_ENVIRONMENT
        value, way = partial(self._value, whereabouts.age), partial(self._routed, whereabouts.table)
        around = opening.Surroundings(self.stack, environment, self.home, self.folder, value, way)
        backend = opening.open_backend(whereabouts.table, around)
        return StateStore(backend, self.stack, environment, self.codec(spec or self._whole_spec()))

    def codec(self, spec: SpecRead | None = None) -> SealedCodec:
        """How states and plans are written: by the spec. Without one they can be read."""
        return codec_of(self.environ, spec)

    def _whole_spec(self) -> SpecRead | None:
        """The spec, if nothing is wrong with it: it says whom a state is encrypted for."""
        try:
            return self.read_spec()
        except SpecError:
            return None

    def _find_state(self) -> Whereabouts:
        if not self.folder.is_dir():
            return Whereabouts()
        overlaid = self.environment and (self.folder / "env" / f"{self.environment}.toml").exists()
        return read_backend(self.folder, self.environment if overlaid else None)

    def _value(self, age: Mapping[str, AgeFile], handle: Handle) -> SecretStr | None:
        """What a credential of the backend is; before there is a state, so that no fingerprint is made of it."""
        around = Surroundings(self.home, self.folder, self.environ, self.configuration, age)
        return open_store(handle.store, around).get(handle.name)

    def _routed(self, table: BackendTable, system: System) -> System:
        """The system by which a backend is asked, by the operator's way. RefusedError if it may not be asked so."""
        guard_address(table, system.url, self.named_hosts)
        return with_host(system, self.configuration.hosts, self.folder)

    def secrets(self, spec: SpecRead, state: State, backend: Backend) -> StoredSecrets:
        """Every secret store that the spec names. `backend` is the one that the state was read from."""
        beside = None if isinstance(spec.backend, LocalTable) else backend
        around = Surroundings(self.home, self.folder, self.environ, self.configuration, spec.age, beside)
        return StoredSecrets(default=spec.secrets, around=around, lineage=state.lineage, key_store=state.key_store)


def codec_of(environ: Mapping[str, str], spec: SpecRead | None = None) -> SealedCodec:
    """The codec for what the spec says of encryption, if there is one, and for the operator's identities."""
    named = spec.encryption if spec else None
    recipients = spec.age[named].recipients if spec and named else ()
    return SealedCodec(AgeSealing(recipients, named == "", environ))


def lock_info(operation: str) -> LockInfo:
    """Who we are, for who finds the lock held."""
    since = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        who = getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user that has no name
        who = f"user {os.getuid()}"
    return LockInfo(str(uuid4()), who, socket.gethostname(), os.getpid(), operation, since)

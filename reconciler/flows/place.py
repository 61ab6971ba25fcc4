"""Where a command works: which stack and environment, and where its spec, state and secrets lie."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from reconciler.backends.local import LocalBackend
from reconciler.engine.sealed import SealedCodec
from reconciler.engine.statestore import StateStore
from reconciler.flows.guard import routed
from reconciler.flows.registry import PLUGIN_RECORDS, PROVIDER_RECORDS, Models
from reconciler.ports import LockInfo
from reconciler.secrets.operator import Configuration, read_configuration
from reconciler.secrets.sealing import AgeSealing
from reconciler.secrets.stores import StoredSecrets, Surroundings
from reconciler.spec.load import Kinds, SpecRead, read_spec
from reconciler.transport.budget import Retries

if TYPE_CHECKING:
    from reconciler.core.state import State

DEFAULT_ENVIRONMENT = "default"


@dataclass(frozen=True, slots=True)
class Place:
    """One stack in one environment.

    `parallelism` is the number of requests in flight, `retries` the budget of those sent again, all systems together.
    """

    stack: str
    environment: str | None = None
    specs: Path = Path("specs")
    states: Path = Path("state")
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    parallelism: int = 20
    retries: Retries = field(default_factory=Retries)

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

    def read_spec(self) -> SpecRead:
        """The spec. SpecError with every problem in it."""
        kinds = Kinds(Models(PROVIDER_RECORDS), Models(PLUGIN_RECORDS))
        spec = read_spec(self.folder, self.environment, kinds)
        return replace(spec, intent=routed(spec.intent, self.configuration, self.folder))

    def state_store(self, spec: SpecRead | None = None) -> StateStore:
        """The state of this stack and environment. To write one that is encrypted, it takes the spec."""
        backend, environment = LocalBackend(self.home), self.environment or DEFAULT_ENVIRONMENT
        return StateStore(backend, self.stack, environment, self.codec(spec))

    def codec(self, spec: SpecRead | None = None) -> SealedCodec:
        """How states and plans are written: by the spec. Without one they can be read."""
        return codec_of(self.environ, spec)

    def secrets(self, spec: SpecRead, state: State) -> StoredSecrets:
        """Every secret store that the spec names."""
        around = Surroundings(self.home, self.folder, self.environ, self.configuration, spec.age)
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

"""Everything that one look at the systems gives: connections, resources, and the situation to plan from."""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple

from reconciler.core.intent import ClaimsFrom, Facts, Intent, SignOn, System
from reconciler.core.observed import Unreadable
from reconciler.core.planner import Situation
from reconciler.core.removal import LEFT_SPEC, TAKEN_DOWN
from reconciler.core.rotation import find_due, review_ages
from reconciler.core.state import State, SystemRecord
from reconciler.diagnostic import Diagnostic, Severity, error
from reconciler.engine.refresh import Handlers, observe, secret_statuses
from reconciler.errors import ReconcilerError, SpecError
from reconciler.flows.credentials import all_credentials
from reconciler.flows.guard import guard, route_of
from reconciler.flows.registry import PLUGIN_RECORDS, PROVIDER_RECORDS
from reconciler.ports import Connection, Credentials, Fingerprinter, Http
from reconciler.transport.http import Access, open_http
from reconciler.transport.workers import side_by_side

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from reconciler.core.address import Address
    from reconciler.core.desired import Desired
    from reconciler.core.plan import Hazard
    from reconciler.core.resource import ResourceType
    from reconciler.flows.place import Place
    from reconciler.spec.load import SpecRead
    from reconciler.storage import Backend, Secrets

_LAST: deque[object] = deque(maxlen=1)
"""What the last look gave, credentials too. A program that ends after it need not give thousands of resources back
one by one."""


class World(NamedTuple):
    """The systems, read. `systems` are the records that an apply leaves in the state; `moved` was permitted."""

    intent: Intent
    situation: Situation
    handlers: Handlers
    secrets: Secrets
    diagnostics: tuple[Diagnostic, ...]
    systems: Mapping[str, SystemRecord]
    moved: tuple[Hazard, ...]


class Systems(NamedTuple):
    """The systems of an intent: their HTTP, the connections that could be made, and why the others could not."""

    https: Mapping[str, Http]
    connections: Mapping[str, Connection]
    failures: Mapping[str, ReconcilerError]

    @property
    def facts(self) -> Mapping[str, Facts]:
        """What was found out about each connected system."""
        return {name: connection.facts for name, connection in self.connections.items()}

    @property
    def unreadable(self) -> Mapping[str, Unreadable]:
        """What the failures say of every address."""
        return {name: Unreadable(problem.message, problem.remedy) for name, problem in self.failures.items()}


@contextmanager
def look(
    place: Place,
    spec: SpecRead,
    state: State,
    backend: Backend,
    access: Access,
    *,
    allowed: frozenset[str] = frozenset(),
) -> Iterator[World]:
    """The world as it is now; connections stay open until the context ends. `backend` is where the state is from.

    No request can leave that `access` does not cover; secrets are proved if it covers that.
    """
    intent = completed(spec.intent)
    moved = guard(place, spec, intent, state, allowed)
    secrets = place.secrets(spec, state, backend)
    with ExitStack() as stack:
        credentials = all_credentials(intent, secrets, spec.locate)
        systems = connect(place, intent, state, credentials, stack, access=access)
        desired, found = expand(intent, systems.facts)
        diagnostics = tuple(spec.locate(item) for item in (*spec.diagnostics, *found))
        if errors := [item for item in diagnostics if item.severity is Severity.ERROR]:
            raise SpecError(errors)
        handlers, types = make_handlers(intent, state, systems, secrets)
        observed = observe(desired, state, handlers, systems.unreadable, place.parallelism)
        statuses = secret_statuses(desired, observed, state, secrets, handlers if access >= Access.PROVE else {})
        now, cause = place.now(), TAKEN_DOWN if intent.taken_down else LEFT_SPEC
        situation = Situation(desired, observed, state, types, statuses, cause, find_due(desired, state, now))
        diagnostics += tuple(review_ages(desired, state, now))
        records = {**state.systems, **_records(intent, systems.facts)}
        world = World(intent, situation, handlers, secrets, diagnostics, records, moved)
        _LAST.append((spec, world))
        yield world


def completed(intent: Intent) -> Intent:
    """The intent with each sign-on's callback and source of claims filled in from its plugin."""
    sign_ons: dict[str, SignOn] = {}
    for name, sign_on in intent.sign_ons.items():
        plugin = PLUGIN_RECORDS[sign_on.plugin]
        assumed = sign_on.claims_from is None
        sign_ons[name] = sign_on._replace(
            callback=sign_on.callback or plugin.callback(sign_on),
            claims_from=sign_on.claims_from or ClaimsFrom(plugin.claims_from),
            claims_assumed=assumed,
        )
    return intent._replace(sign_ons=sign_ons)


def emptied(intent: Intent) -> Intent:
    """The intent that asks for nothing of the same systems; of their settings only what identifies them is left."""
    systems = {
        name: system._replace(
            settings={
                key: system.settings[key]
                for key in PROVIDER_RECORDS[system.provider].remembers
                if key in system.settings
            },
        )
        for name, system in intent.systems.items()
    }
    return intent._replace(systems=systems, clients={}, sign_ons={}, groups=(), taken_down=True)


def expand(intent: Intent, facts: Mapping[str, Facts]) -> tuple[dict[Address, Desired], tuple[Diagnostic, ...]]:
    """The resources that the intent asks for; for systems without facts, by what their provider assumes."""
    desired: dict[Address, Desired] = {}
    diagnostics: list[Diagnostic] = []
    known = {name: facts.get(name) or _assumed(system) for name, system in intent.systems.items()}
    parts = [
        PROVIDER_RECORDS[system.provider].expand(intent, system, known[name])
        for name, system in sorted(intent.systems.items())
    ]
    for _, sign_on in sorted(intent.sign_ons.items()):
        plugin = PLUGIN_RECORDS[sign_on.plugin]
        parts.append(plugin.expand(sign_on, known[sign_on.product.name], known[sign_on.issuer_system.name]))
    for part in parts:
        diagnostics += part.diagnostics
        for wanted in part.resources:
            if (other := desired.get(wanted.address)) is not None and other != wanted:
                text = f"{wanted.address} is wanted twice, with different values: by {other.where} too"
                diagnostics.append(error(text, wanted.where, "say it in one place"))
            desired[wanted.address] = wanted
    return desired, tuple(diagnostics)


def _assumed(system: System) -> Facts:
    """What holds of a system that was not asked: its provider's assumptions, and what the spec says itself."""
    provider = PROVIDER_RECORDS[system.provider]
    said = {key: system.settings[key] for key in provider.remembers if key in system.settings}
    return provider.assumed._replace(values={**provider.assumed.values, **said})


def connect(
    place: Place,
    intent: Intent,
    state: State,
    credentials: Mapping[str, Credentials],
    stack: ExitStack,
    *,
    access: Access,
) -> Systems:
    """Every system that there are credentials for, connected side by side until `stack` ends."""
    headers = {
        name: PROVIDER_RECORDS[intent.systems[name].provider].authenticate(own) for name, own in credentials.items()
    }
    https = {
        name: stack.enter_context(
            open_http(intent.systems[name], own, access=access, retries=place.retries, most=place.parallelism)
        )
        for name, own in headers.items()
    }
    endpoints = {
        sign_on.issuer_system.name
        for sign_on in intent.sign_ons.values()
        if PLUGIN_RECORDS[sign_on.plugin].needs_endpoints(sign_on)
    }

    def ask(name: str) -> Connection | ReconcilerError:
        system, record = intent.systems[name], state.systems.get(name)
        known = record.facts if record and (record.url, record.org) == (system.url, system.org) else {}
        try:
            return PROVIDER_RECORDS[system.provider].connect(system, https[name], known, name in endpoints)
        except ReconcilerError as problem:
            return problem

    results = dict(zip(https, side_by_side(ask, [*https], place.parallelism), strict=True))
    connections = {name: result for name, result in results.items() if isinstance(result, Connection)}
    return Systems(
        https, connections, {name: result for name, result in results.items() if isinstance(result, ReconcilerError)}
    )


def make_handlers(
    intent: Intent, state: State, systems: Systems, secrets: Secrets
) -> tuple[Handlers, dict[tuple[str, str], ResourceType]]:
    """The handlers of all connected systems, and the types of all systems."""
    handlers: Handlers = {}
    types: dict[tuple[str, str], ResourceType] = {}
    for name, system in intent.systems.items():
        types |= {(name, kind.name): kind for kind in PROVIDER_RECORDS[system.provider].types}
        if name in systems.connections:
            handlers |= {(name, kind): handler for kind, handler in systems.connections[name].handlers.items()}
    for name, system in intent.systems.items():
        sign_ons = [item for item in intent.sign_ons.values() if item.product.name == name]
        recorded = {address.type for address in state.entries if address.system == name}
        used = {item.plugin for item in sign_ons}
        missing = {kind for kind in recorded if (name, kind) not in types}
        for plugin_name in sorted(used if not missing else {*used, *PLUGIN_RECORDS}):
            plugin = PLUGIN_RECORDS[plugin_name]
            types |= {(name, kind.name): kind for kind in plugin.types}
            if name in systems.connections:
                own: Sequence[SignOn] = [item for item in sign_ons if item.plugin == plugin_name]
                made = plugin.handlers(systems.https[name], system, own, Fingerprinter(secrets.fingerprint))
                handlers |= {(name, kind): handler for kind, handler in made.items()}
    return handlers, types


def _records(intent: Intent, facts: Mapping[str, Facts]) -> dict[str, SystemRecord]:
    records: dict[str, SystemRecord] = {}
    for name, found in facts.items():
        system = intent.systems[name]
        kept = PROVIDER_RECORDS[system.provider].remembers
        values = {key: found.values[key] for key in kept if key in found.values}
        records[name] = SystemRecord(
            system.provider,
            system.url,
            system.org,
            values,
            str(system.token or system.password or ""),
            route_of(system),
        )
    return records

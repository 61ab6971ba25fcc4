"""One look at everything, for the commands that only examine: what could be read, and why the rest could not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reconciler.core.intent import Facts, Intent
from reconciler.core.observed import Unreadable
from reconciler.core.plan import Plan
from reconciler.core.planner import Situation, make_plan
from reconciler.diagnostic import Diagnostic
from reconciler.engine.refresh import observe, secret_statuses
from reconciler.errors import ReconcilerError, SecretError, UnreachableError
from reconciler.flows.credentials import find_credentials
from reconciler.flows.registry import PROVIDER_RECORDS
from reconciler.flows.world import connect, expand, make_handlers
from reconciler.ports import Credentials, Examination, Http
from reconciler.storage import Secrets
from reconciler.transport.budget import Retries
from reconciler.transport.http import Access, open_http

if TYPE_CHECKING:
    from contextlib import ExitStack

    from reconciler.core.state import State
    from reconciler.flows.place import Place


@dataclass(frozen=True, slots=True)
class Survey:
    """What there is to see. `failures`: the systems without a connection, and why."""

    intent: Intent
    secrets: Secrets
    credentials: Mapping[str, Credentials]
    https: Mapping[str, Http]
    facts: Mapping[str, Facts]
    failures: Mapping[str, ReconcilerError]
    situation: Situation
    diagnostics: Sequence[Diagnostic]
    plan: Plan | None
    retries: Retries

    def examine(self, name: str) -> Examination | None:
        """What a provider or plugin may look at; None for a system that nothing can be asked of."""
        if name not in self.https or isinstance(self.failures.get(name), UnreachableError):
            return None
        system = self.intent.systems[name]
        facts = self.facts.get(name) or PROVIDER_RECORDS[system.provider].assumed._replace(assumed=True)
        return Examination(
            system,
            self.credentials[name],
            self.https[name],
            facts,
            self.intent,
            self.situation.desired,
            self.situation.observed,
            datetime.now(UTC),
        )


def survey(place: Place, intent: Intent, state: State, secrets: Secrets, stack: ExitStack) -> Survey:
    """One look at everything, by requests that only read; connections stay open until `stack` ends."""
    credentials, failures = _credentials(intent, secrets)
    systems = connect(place, intent, state, credentials, stack, access=Access.READ)
    failures |= systems.failures
    closed = {name: Unreadable(problem.message, problem.remedy) for name, problem in failures.items()}
    desired, found = expand(intent, systems.facts)
    handlers, types = make_handlers(intent, state, systems, secrets)
    observed = observe(desired, state, handlers, closed, place.parallelism)
    situation = Situation(desired, observed, state, types, {})
    try:
        statuses = secret_statuses(desired, observed, state, secrets, {})
        plan = make_plan(situation._replace(secrets=statuses))
    except SecretError:  # the check of the store says it
        plan = None
    https, facts = systems.https, systems.facts
    return Survey(intent, secrets, credentials, https, facts, failures, situation, found, plan, place.retries)


def _credentials(intent: Intent, secrets: Secrets) -> tuple[dict[str, Credentials], dict[str, ReconcilerError]]:
    """The credentials that a request can carry, and why the others cannot be used. Nothing is sent."""
    credentials: dict[str, Credentials] = {}
    failures: dict[str, ReconcilerError] = {}
    for name, system in intent.systems.items():
        try:
            found = find_credentials(system, secrets)
            with open_http(system, PROVIDER_RECORDS[system.provider].authenticate(found), access=Access.READ):
                credentials[name] = found
        except ReconcilerError as problem:
            failures[name] = problem
    return credentials, failures

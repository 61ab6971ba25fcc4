"""`doctor`: reads everything, changes nothing, and says what would stop a login and what to do about it."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from reconciler.core.check import Check, Diagnosis, broken, doubtful, examined, fine, unreachable
from reconciler.core.clocks import compare_clocks
from reconciler.core.fit import examine_fit
from reconciler.core.hosts import is_loopback
from reconciler.core.secret import parse_handle
from reconciler.diagnostic import Severity
from reconciler.errors import SecretError, StateError, UntrustedError
from reconciler.flows.guard import guard
from reconciler.flows.registry import PLUGIN_RECORDS, PROVIDER_RECORDS
from reconciler.flows.survey import Survey, survey
from reconciler.flows.world import completed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reconciler.core.intent import Intent, SignOn, System
    from reconciler.core.state import State
    from reconciler.engine.statestore import StateStore
    from reconciler.flows.place import Place
    from reconciler.ports import Examination, Http
    from reconciler.spec.load import SpecRead

_ANSWERS = tuple(range(200, 500))
"""Any answer has a Date; those of a gateway are not the system's own."""
_THIS_SIDE = "this side"
_MOST_NAMES = 5


def doctor(place: Place) -> Diagnosis:
    """Every check of the stack. RefusedError if a system moved: no credential is sent to another host.

    SpecError if the spec cannot be understood at all.
    """
    spec = place.read_spec()
    subjects = [_THIS_SIDE, *sorted(spec.intent.systems), *(sign_on.where for sign_on in _by_name(spec.intent))]
    places = {subject: place for place, subject in enumerate(subjects)}
    checks = sorted(dict.fromkeys(_examine(place, spec)), key=lambda check: places.get(check.subject, len(places)))
    return Diagnosis(spec.intent.stack, spec.intent.environment, tuple(checks))


def _by_name(intent: Intent) -> Sequence[SignOn]:
    return [sign_on for _, sign_on in sorted(intent.sign_ons.items())]


def _examine(place: Place, spec: SpecRead) -> Iterator[Check]:
    store = place.state_store(spec)
    try:
        state = store.read()
        yield _state(store, state)
    except StateError as problem:  # without it nobody knows whether a system moved: no credential may be sent
        yield unreachable("state", _THIS_SIDE, f"{problem.message}; so nothing else was looked at", problem.remedy)
        return
    intent = completed(spec.intent)
    guard(place, spec, intent, state)
    with ExitStack() as stack:
        look = survey(place, intent, state, place.secrets(spec, state, store.backend), stack)
        yield from _spec(look, spec)
        yield from _stores(look)
        names = sorted(intent.systems)
        with ThreadPoolExecutor(max_workers=max(1, min(place.parallelism, len(names)))) as pool:
            yield from chain.from_iterable(pool.map(lambda name: [*_system(look, name)], names))


def _state(store: StateStore, state: State) -> Check:
    where = store.backend.where
    if (holder := store.holder()) is not None:
        seen = f"{where}: {holder.who} on {holder.host} runs {holder.operation} since {holder.since}"
        return doubtful("state", _THIS_SIDE, seen, "look again when that is done: it changes what is seen here")
    count = len(state.entries)
    return fine("state", _THIS_SIDE, f"{where}: serial {state.serial}, {count} resource{'' if count == 1 else 's'}")


# --- this side ----------------------------------------------------------------------------------------------------


def _spec(look: Survey, spec: SpecRead) -> Iterator[Check]:
    """Errors that only show once the systems are known: plan and apply stop at them."""
    for item in look.diagnostics:
        if item.severity is Severity.ERROR:
            place = spec.locate(item)
            line = f" ({place.file}:{place.line})" if place.file else ""
            yield broken("spec", _THIS_SIDE, f"{item.where}: {item.message}{line}", item.remedy)


def _stores(look: Survey) -> Iterator[Check]:
    """Every secret store: whether it can be read, and seems to take what will be made."""
    handles: dict[str, set[str]] = defaultdict(set)
    for wanted in look.situation.desired.values():
        for handle in wanted.handles:
            handles[parse_handle(handle).store].add(handle)
    for store in sorted(handles):
        yield from examined("secret-store", _THIS_SIDE, partial(_store, look, store, sorted(handles[store])))


def _store(look: Survey, store: str, handles: Sequence[str]) -> Iterator[Check]:
    name = "secret-store"
    try:
        statuses = {handle: look.secrets.status(handle) for handle in handles}
    except SecretError as problem:
        yield unreachable(name, _THIS_SIDE, f"{store}: {problem.message}", problem.remedy)
        return
    missing = [parse_handle(handle).name for handle, status in statuses.items() if status.fingerprint is None]
    writable = all(status.writable for status in statuses.values())
    if missing and not writable:
        seen = f"{store} has no {', '.join(missing)}, and takes no new values"
        yield doubtful(name, _THIS_SIDE, seen, "put it there, or name a store that can be written")
        return
    kept = len(handles) - len(missing)
    yield fine(name, _THIS_SIDE, f"{store}: keeps {kept} of {len(handles)}{', takes new ones' if writable else ''}")


# --- a system and its sign-ons ------------------------------------------------------------------------------------


def _system(look: Survey, name: str) -> Iterator[Check]:
    system = look.intent.systems[name]
    yield _reach(look, system)
    examination = look.examine(name)
    if examination is None:
        yield from _sign_ons(look, system, None)
        return
    if name not in look.failures:
        yield _transport(system)
    yield from examined("clock", name, lambda: [_clock(name, examination.http)])
    yield from examined(system.provider, name, lambda: PROVIDER_RECORDS[system.provider].examine(examination))
    if name not in look.failures:
        yield from _as_specified(look, name)
    yield from _sign_ons(look, system, None if name in look.failures else examination)


def _reach(look: Survey, system: System) -> Check:
    match look.failures.get(system.name):
        case None:
            version = look.facts[system.name].version
            seen = f"{system.url} answers{f', version {version}' if version else ''}"
            return fine("reach", system.name, seen)
        case SecretError() as problem:
            return unreachable("credential", system.name, problem.message, problem.remedy)
        case UntrustedError() as problem:
            return unreachable("tls", system.name, problem.message, problem.remedy)
        case problem:
            return unreachable("reach", system.name, problem.message, problem.remedy)


def _transport(system: System) -> Check:
    if system.url.startswith("https:"):
        return fine("tls", system.name, "the certificate is trusted here")
    remedy = "put TLS before it, and write https"
    host = urlsplit(system.url).hostname or ""
    if is_loopback(host):
        return fine("tls", system.name, "none is needed: it is on this machine")
    return doubtful("tls", system.name, "none: credentials and tokens travel in clear", remedy)


def _clock(name: str, http: Http) -> Check:
    before = datetime.now(UTC)
    answer = http.get("/", ok=_ANSWERS, headers={"Cache-Control": "no-cache"}, anonymous=True)
    return compare_clocks(name, answer.headers, before, datetime.now(UTC))


def _as_specified(look: Survey, name: str) -> Iterator[Check]:
    """Whether everything in the system is as the spec has it."""
    if look.plan is None:
        return
    changes = [change.address for change in look.plan.changes if change.address.system == name]
    count = sum(address.system == name for address in look.situation.desired)
    if changes:
        more = f" and {len(changes) - _MOST_NAMES} more" if len(changes) > _MOST_NAMES else ""
        seen = f"apply would change {', '.join(map(str, changes[:_MOST_NAMES]))}{more}"
        yield doubtful("as-specified", name, seen, "reconciler plan shows what differs")
    elif not any(item.address.system == name for item in look.plan.unread):
        text = "its one resource is" if count == 1 else f"all {count} resources are"
        yield fine("as-specified", name, f"{text} as the spec wants")


def _sign_ons(look: Survey, system: System, examination: Examination | None) -> Iterator[Check]:
    """For each sign-on of the product whether both ends fit, and what its plugin says of it."""
    for sign_on in _by_name(look.intent):
        if sign_on.product.name != system.name:
            continue
        yield from examine_fit(sign_on, look.situation.observed, look.failures.keys())
        if examination is not None:
            examine = partial(PLUGIN_RECORDS[sign_on.plugin].examine, sign_on, examination)
            yield from examined(sign_on.plugin, sign_on.where, examine)

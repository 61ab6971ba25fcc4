"""`verify`: proof of the login as far as it goes without a password; only a login itself proves the rest.

Every request is a read without a credential or by a connection that only reads, but for one: the stored client secret
is shown to Clavex's token endpoint, over a connection that has no other credential.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from reconciler.core.check import (
    PRODUCT_LOGIN,
    Check,
    Diagnosis,
    Status,
    Stops,
    broken,
    doubtful,
    examined,
    fine,
    hidden,
    unread,
)
from reconciler.core.fit import examine_fit
from reconciler.core.intent import Intent, SignOn
from reconciler.core.login import START, Start
from reconciler.core.observed import Absent, Present, Unreadable
from reconciler.errors import ReconcilerError, SecretError
from reconciler.flows.account import LOGIN, Account, Login
from reconciler.flows.guard import guard
from reconciler.flows.place import Place
from reconciler.flows.product_login import ProductLogin
from reconciler.flows.registry import PROVIDER_RECORDS
from reconciler.flows.survey import Survey, survey
from reconciler.flows.way import Measure, find_start, follow
from reconciler.flows.world import completed
from reconciler.ports import RotatingHandler, Write
from reconciler.transport.http import Access, open_http

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from reconciler.core.check import Landing, Person
    from reconciler.core.secret import Handle
    from reconciler.core.state import State
    from reconciler.storage import Secrets

SECRET = "client-secret"  # noqa: S105 - the name of a check
_NOT_PROVED = "the plugin's own copy can be written and not read: only a login through {} proves it"


class Logins(NamedTuple):
    """What the logins of an account by one sign-on showed, and who it landed as where that is known."""

    checks: tuple[Check, ...]
    landing: Landing | None


def log_in_twice(look: Survey, sign_on: SignOn, account: Account) -> Logins:
    """We take the code of one login, the product that of the other."""
    landing, checks = _exchange(look, sign_on, account)
    person, more = _pass_through(look, sign_on, account, landing)
    return Logins((*checks, *more), replace(landing, person=person) if landing else None)


def log_in_once(look: Survey, sign_on: SignOn, account: Account) -> Logins:
    """The product takes the code; we do where that cannot be tried. Clavex counts logins (facts clavex 6.1)."""
    _, checks = _pass_through(look, sign_on, account, None)
    if any(check.status is Status.UNKNOWN and check.stops is Stops.NOTHING for check in checks):
        landing, more = _exchange(look, sign_on, account)
        return Logins((*checks, *more), landing)
    return Logins(checks, None)


def _exchange(look: Survey, sign_on: SignOn, account: Account) -> tuple[Landing | None, tuple[Check, ...]]:
    value = None
    with suppress(SecretError):  # the check client-secret says it
        value = look.secrets.value(str(sign_on.client.secret)) if sign_on.client.secret else None
    if value is None:
        seen = "not tried: there is no client secret to exchange a code with"
        return None, (hidden(LOGIN, sign_on.where, seen, "see the check client-secret"),)
    login = Login(sign_on, account, value, look.retries)
    checks = tuple(examined(LOGIN, sign_on.where, login.run))
    return login.landing, checks


def _pass_through(
    look: Survey, sign_on: SignOn, account: Account, landing: Landing | None
) -> tuple[Person | None, tuple[Check, ...]]:
    try:
        start = find_start(look, sign_on)
    except ReconcilerError as problem:
        return None, (unread(PRODUCT_LOGIN, sign_on.where, problem.message, problem.remedy),)
    if not isinstance(start, Start):
        seen, remedy = f"not tried: {start.seen}", start.remedy or "see the check start"
        return None, (hidden(PRODUCT_LOGIN, sign_on.where, seen, remedy, start.source),)
    login = ProductLogin(sign_on, account, start, look.retries, landing)
    checks = tuple(examined(PRODUCT_LOGIN, sign_on.where, login.run))
    return login.person, checks


@dataclass(frozen=True, slots=True)
class Proof:
    """What is proved: the sign-ons of an intent, by one measure; and by `log_in` if there is an account."""

    place: Place
    intent: Intent
    account: Account | None = None
    measure: Measure = Measure.SPEC
    log_in: Callable[[Survey, SignOn, Account], Logins] = log_in_twice

    def run(self, state: State, stores: Secrets) -> Diagnosis:
        """Every proof, sign-on by sign-on."""
        landings: list[Landing] = []
        with ExitStack() as stack:
            look = survey(self.place, self.intent, state, stores, stack)
            issuers = {item.issuer_system.name for item in _by_name(look)}
            seen = {name: tuple(_examined(look, name)) for name in sorted(issuers)}
            checks = [*_systems(look, seen)]
            for sign_on in _by_name(look):
                checks += _sign_on(look, sign_on, seen[sign_on.issuer_system.name], self.measure)
                if self.account and sign_on.enabled:
                    logins = self.log_in(look, sign_on, self.account)
                    checks += logins.checks
                    landings += [logins.landing] if logins.landing else []
        return Diagnosis(self.intent.stack, self.intent.environment, tuple(dict.fromkeys(checks)), tuple(landings))


def verify(place: Place, user: str = "", password: Handle | None = None) -> Diagnosis:
    """Every proof of the stack, sign-on by sign-on. ReconcilerError if spec or state cannot be read.

    With a `user`, whose password lies at `password`, two logins by every sign-on too.

    RefusedError if a system moved: no credential is sent to another host.
    """
    spec = place.read_spec()
    store = place.state_store(spec)
    state = store.read()
    intent = completed(spec.intent)
    guard(place, spec, intent, state)
    stores = place.secrets(spec, state, store.backend)
    return Proof(place, intent, find_account(stores, user, password)).run(state, stores)


def find_account(stores: Secrets, user: str, password: Handle | None) -> Account | None:
    """The test account; None if none is named. SecretError if its password is missing."""
    if password is None:
        return None
    value = stores.value(str(password))
    if value is None:
        raise SecretError(f"the password {password} is missing", "put it there, or name another place")
    return Account(user, value)


def _by_name(look: Survey) -> list[SignOn]:
    return [sign_on for _, sign_on in sorted(look.intent.sign_ons.items())]


def _systems(look: Survey, seen: Mapping[str, Sequence[Check]]) -> Iterator[Check]:
    """What cannot be read, and what each Clavex has wrong for all of its logins."""
    for name, problem in sorted(look.failures.items()):
        check = "credential" if isinstance(problem, SecretError) else "reach"
        yield unread(check, name, problem.message, problem.remedy)
    for name, found in seen.items():
        yield from (check for check in found if check.subject == name and check.stops is not Stops.NOTHING)


def _examined(look: Survey, name: str) -> Iterable[Check]:
    examination = look.examine(name)
    if examination is None:
        return ()
    provider = PROVIDER_RECORDS[examination.system.provider]
    return examined(provider.name, name, lambda: provider.examine(examination))


def _sign_on(look: Survey, sign_on: SignOn, seen: Sequence[Check], measure: Measure) -> Iterator[Check]:
    """The way to Clavex, the secret, the claims (`seen` at Clavex); and what reading shows to be wrong."""
    if not sign_on.enabled:
        text = "it is switched off in the spec: nobody logs in by it, so nothing was tried"
        yield hidden(START, sign_on.where, text, f"say enabled = true in [{sign_on.where}] and apply")
        return
    yield from examined(START, sign_on.where, lambda: follow(look, sign_on, measure))
    yield from examined(SECRET, sign_on.where, lambda: [_secret(look, sign_on)])
    yield from (check for check in seen if check.subject == sign_on.where)
    for check in examine_fit(sign_on, look.situation.observed, look.failures.keys()):
        if check.status is not Status.OK:
            yield check


# --- the secret ---------------------------------------------------------------------------------------------------


def _secret(look: Survey, sign_on: SignOn) -> Check:
    """Whether Clavex takes the secret that the store holds."""
    client, where = sign_on.client, sign_on.where
    observation = look.situation.observed.get(client.address)
    if not isinstance(observation, Present):
        return _no_client(sign_on, observation)
    if observation.attributes.get("active") is False:
        seen = f"{client.address} is switched off, and of such a client Clavex tries no secret"
        return hidden(SECRET, where, seen, "switch it on, and run again")
    value = look.secrets.value(str(client.secret)) if client.secret else None
    if value is None:
        seen = f"{client.secret} is empty, so there is nothing to prove"
        return doubtful(SECRET, where, seen, "reconciler plan says how a value gets there")
    system, facts = sign_on.issuer_system, look.facts[sign_on.issuer_system.name]
    with open_http(system, {}, access=Access.PROVE, retries=look.retries) as http:
        connection = PROVIDER_RECORDS[system.provider].connect(system, http, facts.values, False)
        handler = connection.handlers[client.address.type]
        if not isinstance(handler, RotatingHandler):
            raise ReconcilerError(f"{system.provider} does not say whether a secret is right")
        write = Write(
            client.address, observation.attributes, remote_id=observation.remote_id, secrets={"client_secret": value}
        )
        taken = handler.prove(write)
    if taken:
        return fine(SECRET, where, f"Clavex takes {client.secret}; {_NOT_PROVED.format(sign_on.product.name)}")
    seen = f"Clavex refuses {client.secret}: it is not the secret of {client.address}"
    return broken(SECRET, where, seen, "reconciler plan offers to make a new one (rotates)")


def _no_client(sign_on: SignOn, observation: Absent | Unreadable | None) -> Check:
    address = sign_on.client.address
    if isinstance(observation, Absent):
        return broken(SECRET, sign_on.where, f"{address} does not exist in Clavex", "reconciler apply makes it")
    return unread(SECRET, sign_on.where, f"{address} is not known, so its secret was not tried")

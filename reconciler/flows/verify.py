"""`verify`: proof of the login as far as it goes without a password; only a login itself proves the rest.

Every request is a read without a credential or by a connection that only reads, but for one: the stored client secret
is shown to Clavex's token endpoint, over a connection that has no other credential.
"""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from reconciler.core.check import (
    Check,
    Diagnosis,
    Source,
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
from reconciler.core.hosts import is_below
from reconciler.core.intent import SignOn
from reconciler.core.login import (
    AUTHORIZE,
    START,
    Start,
    asked_by,
    bare,
    compare_asked,
    judge_answer,
    judge_return,
)
from reconciler.core.observed import Absent, Present, Unreadable
from reconciler.errors import ReconcilerError, SecretError
from reconciler.flows.account import LOGIN, Account, Login
from reconciler.flows.guard import guard
from reconciler.flows.registry import PLUGIN_RECORDS, PROVIDER_RECORDS
from reconciler.flows.survey import Survey, survey
from reconciler.flows.world import completed
from reconciler.ports import RotatingHandler, Write
from reconciler.transport.browsing import Browser, End, Walk, open_browser
from reconciler.transport.http import Access, open_http

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pydantic import SecretStr

    from reconciler.core.check import Landing
    from reconciler.core.secret import Handle
    from reconciler.flows.place import Place
    from reconciler.ports import Secrets

SECRET = "client-secret"  # noqa: S105 - the name of a check
_NOT_PROVED = "the plugin's own copy can be written and not read: only a login through {} proves it"


def verify(place: Place, user: str = "", password: Handle | None = None) -> Diagnosis:
    """Every proof of the stack, sign-on by sign-on. ReconcilerError if spec or state cannot be read.

    With a `user`, whose password lies at `password`, one login by every sign-on too.

    RefusedError if a system moved: no credential is sent to another host.
    """
    spec = place.read_spec()
    state = place.state_store().read()
    intent = completed(spec.intent)
    guard(place, intent, state)
    landings: list[Landing] = []
    with ExitStack() as stack:
        stores = place.secrets(spec, state)
        account = Account(user, _password(stores, password)) if password else None
        look = survey(place, intent, state, stores, stack)
        issuers = {item.issuer_system.name for item in _by_name(look)}
        seen = {name: tuple(_examined(look, name)) for name in sorted(issuers)}
        checks = [*_systems(look, seen)]
        for sign_on in _by_name(look):
            checks += _sign_on(look, sign_on, seen[sign_on.issuer_system.name])
            if account and sign_on.enabled:
                checks += _log_in(look, sign_on, account, landings)
    return Diagnosis(intent.stack, intent.environment, tuple(dict.fromkeys(checks)), tuple(landings))


def _password(stores: Secrets, handle: Handle) -> SecretStr:
    value = stores.value(str(handle))
    if value is None:
        raise SecretError(f"the password {handle} is missing", "put it there, or name another place")
    return value


def _log_in(look: Survey, sign_on: SignOn, account: Account, landings: list[Landing]) -> Iterator[Check]:
    """One login with the account; who it lands as is added to `landings`."""
    value = look.secrets.value(str(sign_on.client.secret)) if sign_on.client.secret else None
    if value is None:
        yield hidden(
            LOGIN, sign_on.where, "not tried: there is no client secret to exchange a code with", "see above"
        )
        return
    login = Login(sign_on, account, value, look.retries)
    yield from examined(LOGIN, sign_on.where, login.run)
    if login.landing is not None:
        landings.append(login.landing)


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


def _sign_on(look: Survey, sign_on: SignOn, seen: Sequence[Check]) -> Iterator[Check]:
    """The way to Clavex, the secret, the claims (`seen` at Clavex); and what reading shows to be wrong."""
    if not sign_on.enabled:
        text = "it is switched off in the spec: nobody logs in by it, so nothing was tried"
        yield hidden(START, sign_on.where, text, f"say enabled = true in [{sign_on.where}] and apply")
        return
    yield from examined(START, sign_on.where, lambda: _way(look, sign_on))
    yield from examined(SECRET, sign_on.where, lambda: [_secret(look, sign_on)])
    yield from (check for check in seen if check.subject == sign_on.where)
    for check in examine_fit(sign_on, look.situation.observed, look.failures.keys()):
        if check.status is not Status.OK:
            yield check


# --- the way to the login form ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Way:
    """What one way from a product to Clavex is made of."""

    sign_on: SignOn
    browser: Browser

    @property
    def endpoint(self) -> str:
        """Clavex's authorize endpoint (facts clavex 5.1)."""
        system = self.sign_on.issuer_system
        return f"{system.url}/{quote(system.org, safe='')}/authorize"

    def walk(self, url: str) -> Walk:
        """The way from `url`, up to where the browser would come back to the plugin."""
        return self.browser.walk(url, stop=self.sign_on.callback or "")


def _way(look: Survey, sign_on: SignOn) -> Iterator[Check]:
    """The way from the product; where that does not lead to Clavex, what Clavex says to what the spec has."""
    with open_browser([sign_on.product, sign_on.issuer_system], look.retries) as browser:
        way = _Way(sign_on, browser)
        found = list(examined(START, sign_on.where, lambda: _from_product(look, way)))
        yield from found
        if not any(check.name == AUTHORIZE for check in found):
            yield from examined(AUTHORIZE, sign_on.where, lambda: [_directly(way)])


def _from_product(look: Survey, way: _Way) -> Iterator[Check]:
    sign_on, product = way.sign_on, way.sign_on.product
    examination = look.examine(product.name)
    if examination is None:
        yield unread(START, sign_on.where, f"not known while {product.name} cannot be read")
        return
    start = PLUGIN_RECORDS[sign_on.plugin].start(sign_on, examination)
    if not isinstance(start, Start):
        yield start
        return
    walk = way.walk(start.url)
    arrived = next((url for url in walk.urls if is_below(url, way.endpoint)), None)
    if arrived is None:
        yield _astray(way, start, walk)
        return
    yield from compare_asked(sign_on, asked_by(arrived), start.source)
    yield _judge(way, walk, f"by {product.name} itself")


def _astray(way: _Way, start: Start, walk: Walk) -> Check:
    """The way from the product did not lead to Clavex."""
    sign_on, product = way.sign_on, way.sign_on.product.name
    reached, begin = bare(walk.urls[-1]), bare(start.url)
    remedy = f"open {begin} in a browser, and look into the log of {product}"
    match walk.end:
        case End.LOOP:
            seen = f"{begin} leads round in a circle: {len(walk.urls)} redirects, the last to {reached}"
            remedy = f"does a proxy in front of {product} send http to https and back, or is its base URL wrong?"
        case End.ELSEWHERE:
            seen = f"{begin} leads to {reached}, not to Clavex at {way.endpoint}; it was not opened"
            remedy = (
                f"if that is Clavex too, correct url in [systems.{sign_on.issuer_system.name}], and apply; "
                f"does a proxy in front of {product} want a login of its own?"
            )
        case _:
            status = walk.answer.status if walk.answer else 0
            seen = f"{begin} leads to {reached}, which answers {status}, and not to Clavex"
    if start.source is Source.ASSUMED and walk.answer is not None and walk.answer.status == _MISSING:
        return hidden(START, sign_on.where, f"{seen}; that a login begins there is assumed", remedy, start.source)
    return broken(START, sign_on.where, seen, remedy, start.source)


_MISSING = 404


def _directly(way: _Way) -> Check:
    """Clavex, asked as the plugin would have to ask it."""
    sign_on = way.sign_on
    asked = {
        "response_type": "code",
        "client_id": sign_on.client.client_id,
        "redirect_uri": sign_on.callback or "",
        "scope": " ".join(dict.fromkeys(("openid", *sign_on.scopes))),
        "state": secrets.token_urlsafe(16),
        "nonce": secrets.token_urlsafe(16),
    }
    walk = way.walk(f"{way.endpoint}?{urlencode(asked)}")
    return _judge(
        way, walk, f"by us with the values of the spec, which does not prove what {sign_on.product.name} asks"
    )


def _judge(way: _Way, walk: Walk, by: str) -> Check:
    """What Clavex made of a request that reached its authorize endpoint."""
    sign_on, last = way.sign_on, walk.urls[-1]
    if walk.end is End.PAGE and walk.answer is not None:
        return judge_answer(sign_on, walk.answer.status, walk.answer.content, by)
    if walk.end is End.STOPPED:
        return judge_return(sign_on, asked_by(last), by)
    kind = "in a circle, the last time" if walk.end is End.LOOP else "on"
    seen = f"Clavex sends the browser {kind} to {bare(last)}; asked {by}"
    return broken(AUTHORIZE, sign_on.where, seen, "does a proxy in front of Clavex want a login of its own?")


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

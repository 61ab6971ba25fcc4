"""The way of a login from the product to Clavex's form, and what Clavex makes of it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from reconciler.core.check import Check, Source, broken, examined, fine, hidden, unread
from reconciler.core.hosts import is_below
from reconciler.core.intent import SignOn
from reconciler.core.login import AUTHORIZE, START, Start, asked_by, bare, compare_asked, judge_answer, judge_return
from reconciler.flows.registry import PLUGIN_RECORDS
from reconciler.transport.browsing import Browser, End, Walk, open_browser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.flows.survey import Survey

_MISSING = 404


class Measure(Enum):
    """What a product may ask of Clavex: what the spec says, or whatever lets people in."""

    SPEC = auto()
    LOGIN = auto()


@dataclass(frozen=True, slots=True)
class Way:
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


def follow(look: Survey, sign_on: SignOn, measure: Measure = Measure.SPEC) -> Iterator[Check]:
    """The way from the product; where that does not lead to Clavex, what Clavex says to what the spec has."""
    with open_browser([sign_on.product, sign_on.issuer_system], look.retries) as browser:
        way = Way(sign_on, browser)
        found = list(examined(START, sign_on.where, lambda: _from_product(look, way, measure)))
        yield from found
        if not any(check.name == AUTHORIZE for check in found):
            yield from examined(AUTHORIZE, sign_on.where, lambda: [_directly(way)])


def find_start(look: Survey, sign_on: SignOn) -> Start | Check:
    """Where a login begins in the product, or why nobody knows. ReconcilerError if a read fails."""
    examination = look.examine(sign_on.product.name)
    if examination is None:
        return unread(START, sign_on.where, f"not known while {sign_on.product.name} cannot be read")
    start = PLUGIN_RECORDS[sign_on.plugin].start
    if start is None:
        seen = f"at which address of {sign_on.product.name} a login begins nobody has written down"
        return hidden(START, sign_on.where, seen, "log in once with a browser")
    return start(sign_on, examination)


def _from_product(look: Survey, way: Way, measure: Measure) -> Iterator[Check]:
    sign_on, product = way.sign_on, way.sign_on.product.name
    start = find_start(look, sign_on)
    if not isinstance(start, Start):
        yield start
        return
    walk = way.walk(start.url)
    arrived = next((url for url in walk.urls if is_below(url, way.endpoint)), None)
    if arrived is None:
        yield _astray(way, start, walk)
        return
    if measure is Measure.SPEC:
        yield from compare_asked(sign_on, asked_by(arrived), start.source)
    else:
        yield fine(START, sign_on.where, f"{product} sends the browser to Clavex", start.source)
    yield _judge(way, walk, f"by {product} itself")


def _astray(way: Way, start: Start, walk: Walk) -> Check:
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


def _directly(way: Way) -> Check:
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


def _judge(way: Way, walk: Walk, by: str) -> Check:
    """What Clavex made of a request that reached its authorize endpoint."""
    sign_on, last = way.sign_on, walk.urls[-1]
    if walk.end is End.PAGE and walk.answer is not None:
        return judge_answer(sign_on, walk.answer.status, walk.answer.content, by)
    if walk.end is End.STOPPED:
        return judge_return(sign_on, asked_by(last), by)
    kind = "in a circle, the last time" if walk.end is End.LOOP else "on"
    seen = f"Clavex sends the browser {kind} to {bare(last)}; asked {by}"
    return broken(AUTHORIZE, sign_on.where, seen, "does a proxy in front of Clavex want a login of its own?")

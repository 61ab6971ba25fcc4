"""The way from Clavex's login form back to the product, which a browser goes only where the page's policy lets it.

A real server (commit 044ce5c) sends `form-action 'self' https:`, and a Chromium that was sent on to plain http stayed
at the form. By then Clavex knows the browser: the next login shows no form, and leads through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from reconciler.core.check import Check, doubtful, examined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.ports import Examination

WAY_BACK = "way-back"


def examine_way_back(examination: Examination) -> Iterator[Check]:
    """What is wrong, for each sign-on whose callback is plain http; an https one every policy seen lets through."""
    name = examination.system.name
    plain = {
        sign_on.where: sign_on.callback
        for _, sign_on in sorted(examination.intent.sign_ons.items())
        if sign_on.issuer_system.name == name and sign_on.callback and sign_on.callback.startswith("http:")
    }
    if plain:
        yield from examined(WAY_BACK, name, lambda: _judge(examination, plain))


def _judge(examination: Examination, callbacks: dict[str, str]) -> Iterator[Check]:
    system = examination.system
    path = f"/{quote(system.org, safe='')}/authorize"
    answer = examination.http.get(path, ok=(400, 404), anonymous=True)  # it asks for nothing, so it is refused
    policy = answer.headers.get("content-security-policy", "")
    for where, callback in callbacks.items():
        if not lets_through(policy, system.url, callback):
            yield doubtful(
                WAY_BACK,
                where,
                f"Clavex's login page leads to https only, and {callback} is plain http: after the password a "
                f"browser stays at the form",
                "serve the product over https; until then, open it again and press the button a second time",
            )


def lets_through(policy: str, page: str, target: str) -> bool:
    """Whether a form on `page` may lead to `target` under this Content-Security-Policy."""
    directives = [part.split() for part in policy.split(";")]
    allowed = next((words[1:] for words in directives if words[:1] == ["form-action"]), ["*"])
    own, asked = (f"{parts.scheme}://{parts.netloc}" for parts in (urlsplit(page), urlsplit(target)))
    fitting = {"*", asked, f"{urlsplit(target).scheme}:", *(["'self'"] if own == asked else [])}
    return not fitting.isdisjoint(allowed)

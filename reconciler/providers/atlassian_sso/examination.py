"""The checks of a sign-on by the built-in app (facts atlassian 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urljoin

from reconciler.core.check import Check, Source, broken, doubtful, examined, fine
from reconciler.core.login import START, Start
from reconciler.providers.atlassian.apps import BUILT_IN, PluginManager
from reconciler.providers.atlassian.examination import (
    APP,
    GROUPS,
    SETUP,
    VERSION,
    check_app,
    check_group_claim,
    check_updates,
    look_at,
    number_of,
)
from reconciler.providers.atlassian.sign_ons import title
from reconciler.providers.atlassian.versions import is_below
from reconciler.providers.atlassian_sso.expansion import GUIDE_SINCE, SINCE
from reconciler.providers.atlassian_sso.types import IDP
from reconciler.providers.atlassian_sso.wire import IdpApi

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.core.intent import SignOn
    from reconciler.ports import Examination

_NAME = "SSO for Atlassian Data Center"
_LEAST = "4.2.0"
"""The first version with the REST that we use (facts atlassian 1.1)."""


def examine(sign_on: SignOn, examination: Examination) -> Iterator[Check]:
    """Version, app, and what the identity provider holds."""
    yield _version(sign_on, examination)
    find = PluginManager(examination.http).find
    yield from examined(APP, sign_on.where, lambda: [check_app(sign_on, find([BUILT_IN]), _NAME, _LEAST)])
    found = look_at(sign_on, IDP, examination)
    if isinstance(found, Check):
        yield found
        return
    if sign_on.enabled and found.get("enabled") is False:
        yield broken(SETUP, sign_on.where, "the identity provider is switched off", "reconciler apply enables it")
    if sign_on.groups and found.get("jit_enabled") is False:
        seen = "just-in-time provisioning is off: no group of Clavex arrives"
        yield doubtful(GROUPS, sign_on.where, seen, "reconciler apply turns it on", Source.DOCUMENTED)
    elif sign_on.groups:
        yield check_group_claim(sign_on, found.get("jit_groups"), Source.DOCUMENTED)
    screen = "just-in-time provisioning in the app's settings, which moves groups too"
    yield check_updates(sign_on, found.get("jit_enabled"), screen, Source.DOCUMENTED)


def _version(sign_on: SignOn, examination: Examination) -> Check:
    kind, version = sign_on.product.provider, examination.facts.version
    named, first, guide = f"{title(sign_on)} {version}", SINCE.get(kind, ""), GUIDE_SINCE.get(kind, "")
    if is_below(version, first):
        seen = f"{named} has no built-in OpenID Connect: it came with {first}"
        remedy = f'upgrade {title(sign_on)}, or say plugin = "miniorange"'
        return broken(VERSION, sign_on.where, seen, remedy, Source.DOCUMENTED)
    if is_below(version, guide):
        seen = f"{named} has the built-in OpenID Connect, and the guide wants {guide} or later for it"
        remedy = f"upgrade {title(sign_on)} if a login fails"
        return doubtful(VERSION, sign_on.where, seen, remedy, Source.DOCUMENTED)
    return fine(VERSION, sign_on.where, f"{named} has the built-in OpenID Connect, since {first}", Source.DOCUMENTED)


def start(sign_on: SignOn, examination: Examination) -> Start | Check:
    """The link that the login page offers (facts atlassian 3.4)."""
    found = look_at(sign_on, IDP, examination)
    if isinstance(found, Check):
        return found
    number = number_of(sign_on, IDP, examination)
    for option in IdpApi(examination.http).login_options():
        link = option.get("loginLink")
        if option.get("type") == "IDP" and str(option.get("id")) == number and isinstance(link, str):
            return Start(urljoin(f"{examination.http.url}/", link), Source.DOCUMENTED)
    seen = f"{title(sign_on)} does not offer {sign_on.display_name} on its login page"
    return broken(START, sign_on.where, seen, "is the identity provider enabled? reconciler plan shows it")

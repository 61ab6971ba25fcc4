"""miniOrange OAuth/OIDC SSO: one JSON document, as a file or over an unverified REST (facts atlassian 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.intent import ClaimsFrom, Plugin
from reconciler.ports import PluginProvider
from reconciler.providers.atlassian.sign_ons import TITLES
from reconciler.providers.miniorange.documents import Documents
from reconciler.providers.miniorange.expansion import Options, callback, expand
from reconciler.providers.miniorange.handlers import ProviderHandler, SignInHandler
from reconciler.providers.miniorange.types import MINIORANGE, SIGN_IN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from reconciler.core.check import Check
    from reconciler.core.intent import SignOn, System
    from reconciler.core.login import Start
    from reconciler.ports import Examination, Fingerprinter, Handler, Http


def make_handlers(
    http: Http,
    system: System,
    sign_ons: Sequence[SignOn],  # noqa: ARG001 - each resource carries its own route
    fingerprinter: Fingerprinter,
) -> Mapping[str, Handler]:
    """The handlers of one product: both write the same document."""
    documents = Documents(http, TITLES.get(system.provider, system.provider))
    return {
        MINIORANGE.name: ProviderHandler(documents, fingerprinter),
        SIGN_IN.name: SignInHandler(documents),
    }


def examine(sign_on: SignOn, examination: Examination) -> Iterable[Check]:
    """The checks of `doctor` for one sign-on."""
    from reconciler.providers.miniorange import examination as checks  # noqa: PLC0415 - only `doctor` needs it

    return checks.examine(sign_on, examination)


def start(sign_on: SignOn, examination: Examination) -> Start | Check:
    """Where a login begins."""
    from reconciler.providers.miniorange import examination as checks  # noqa: PLC0415 - only `verify` needs it

    return checks.start(sign_on, examination)


plugin = PluginProvider(
    name=Plugin.MINIORANGE,
    title="miniOrange OAuth/OIDC SSO",
    options=Options,
    types=(MINIORANGE, SIGN_IN),
    callback=callback,
    claims_from=ClaimsFrom.USERINFO,
    expand=expand,
    handlers=make_handlers,
    needs_endpoints=lambda _sign_on: True,
    examine=examine,
    start=start,
)

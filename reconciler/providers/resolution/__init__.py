"""SAML SSO by resolution, used for OpenID Connect: it has no API, so a person types (facts atlassian 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.intent import ClaimsFrom, Plugin
from reconciler.ports import PluginProvider
from reconciler.providers.atlassian.apps import PluginManager
from reconciler.providers.resolution.expansion import Options, callback, expand
from reconciler.providers.resolution.handlers import ResolutionHandler
from reconciler.providers.resolution.types import RESOLUTION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from reconciler.core.check import Check
    from reconciler.core.intent import SignOn, System
    from reconciler.ports import Examination, Fingerprinter, Handler, Http


def make_handlers(
    http: Http,
    system: System,
    sign_ons: Sequence[SignOn],  # noqa: ARG001 - each resource carries what is needed
    fingerprinter: Fingerprinter,
) -> Mapping[str, Handler]:
    """The handlers of one product."""
    return {RESOLUTION.name: ResolutionHandler(PluginManager(http), system.provider, fingerprinter)}


def examine(sign_on: SignOn, examination: Examination) -> Iterable[Check]:
    """The checks of `doctor` for one sign-on."""
    from reconciler.providers.resolution import examination as checks  # noqa: PLC0415 - only `doctor` needs it

    return checks.examine(sign_on, examination)


plugin = PluginProvider(
    name=Plugin.RESOLUTION,
    title="SAML SSO by resolution",
    options=Options,
    types=(RESOLUTION,),
    callback=callback,
    # With mappers for the ID token the claims are there whichever of the two the app reads.
    claims_from=ClaimsFrom.ID_TOKEN,
    expand=expand,
    handlers=make_handlers,
    needs_endpoints=lambda _sign_on: True,
    examine=examine,
)

"""Atlassian's built-in app "SSO for Atlassian Data Center", alike in Jira and Confluence (facts atlassian 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.intent import ClaimsFrom, Plugin
from reconciler.ports import PluginProvider
from reconciler.providers.atlassian_sso.expansion import Options, callback, expand, needs_endpoints
from reconciler.providers.atlassian_sso.idps import IdpHandler
from reconciler.providers.atlassian_sso.settings import SettingsHandler
from reconciler.providers.atlassian_sso.types import IDP, SSO_SETTINGS
from reconciler.providers.atlassian_sso.wire import IdpApi

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from reconciler.core.check import Check
    from reconciler.core.intent import SignOn, System
    from reconciler.core.login import Start
    from reconciler.ports import Examination, Fingerprinter, Handler, Http


def make_handlers(
    http: Http,
    system: System,  # noqa: ARG001 - the port's shape
    sign_ons: Sequence[SignOn],  # noqa: ARG001 - every plugin is given it
    fingerprinter: Fingerprinter,  # noqa: ARG001 - no secret can be read here
) -> Mapping[str, Handler]:
    """The handlers of one product."""
    return {IDP.name: IdpHandler(IdpApi(http)), SSO_SETTINGS.name: SettingsHandler(http)}


def examine(sign_on: SignOn, examination: Examination) -> Iterable[Check]:
    """The checks of `doctor` for one sign-on."""
    from reconciler.providers.atlassian_sso import examination as checks  # noqa: PLC0415 - only `doctor` needs it

    return checks.examine(sign_on, examination)


def start(sign_on: SignOn, examination: Examination) -> Start | Check:
    """Where a login begins."""
    from reconciler.providers.atlassian_sso import examination as checks  # noqa: PLC0415 - only `verify` needs it

    return checks.start(sign_on, examination)


plugin = PluginProvider(
    name=Plugin.ATLASSIAN,
    title="SSO for Atlassian Data Center",
    options=Options,
    types=(IDP, SSO_SETTINGS),
    callback=callback,
    claims_from=ClaimsFrom.ID_TOKEN,
    expand=expand,
    handlers=make_handlers,
    examine=examine,
    needs_endpoints=needs_endpoints,
    start=start,
)

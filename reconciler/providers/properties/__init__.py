"""The keys of the guide's Step 4 in jira-config.properties. Unverified: only the guide knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.intent import ClaimsFrom, Plugin
from reconciler.ports import PluginProvider
from reconciler.providers.properties.expansion import Options, callback, expand
from reconciler.providers.properties.handlers import PropertiesHandler
from reconciler.providers.properties.types import PROPERTIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from reconciler.core.check import Check
    from reconciler.core.intent import SignOn, System
    from reconciler.ports import Examination, Fingerprinter, Handler, Http


def make_handlers(
    http: Http,  # noqa: ARG001 - a file needs none
    system: System,  # noqa: ARG001 - every plugin is given it
    sign_ons: Sequence[SignOn],  # noqa: ARG001 - each resource carries its own file
    fingerprinter: Fingerprinter,
) -> Mapping[str, Handler]:
    """The handlers of one product."""
    return {PROPERTIES.name: PropertiesHandler(fingerprinter)}


def examine(sign_on: SignOn, examination: Examination) -> Iterable[Check]:
    """The checks of `doctor` for one sign-on."""
    from reconciler.providers.properties import examination as checks  # noqa: PLC0415 - only `doctor` needs it

    return checks.examine(sign_on, examination)


plugin = PluginProvider(
    name=Plugin.PROPERTIES,
    title="jira-config.properties",
    options=Options,
    types=(PROPERTIES,),
    callback=callback,
    claims_from=ClaimsFrom.ID_TOKEN,
    expand=expand,
    handlers=make_handlers,
    examine=examine,
)

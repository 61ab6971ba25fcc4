"""Clavex: clients with their mappers, and groups, in one organisation of an OpenID Connect server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.intent import Facts
from reconciler.ports import Provider
from reconciler.providers.clavex.access import ClavexSettings, authenticate
from reconciler.providers.clavex.connection import connect
from reconciler.providers.clavex.expansion import expand
from reconciler.providers.clavex.resources import CLIENT, GROUP, MAPPER
from reconciler.providers.clavex.wire import RELEASED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reconciler.core.check import Check
    from reconciler.ports import Examination


def examine(examination: Examination) -> Iterable[Check]:
    """The checks of `doctor`."""
    from reconciler.providers.clavex import examination as checks  # noqa: PLC0415 - only `doctor` needs it

    return checks.examine(examination)


provider = Provider(
    name="clavex",
    settings=ClavexSettings,
    types=(CLIENT, MAPPER, GROUP),
    authenticate=authenticate,
    expand=expand,
    connect=connect,
    assumed=Facts(values={"dialect": RELEASED}),
    remembers=("dialect", "org_id"),
    examine=examine,
)

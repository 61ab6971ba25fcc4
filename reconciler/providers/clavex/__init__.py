"""Clavex: clients with their mappers, and groups, in one organisation of an OpenID Connect server."""

from __future__ import annotations

from reconciler.core.intent import Facts
from reconciler.ports import Provider
from reconciler.providers.clavex.access import ClavexSettings, authenticate
from reconciler.providers.clavex.connection import connect
from reconciler.providers.clavex.examination import examine
from reconciler.providers.clavex.expansion import expand
from reconciler.providers.clavex.resources import CLIENT, GROUP, MAPPER
from reconciler.providers.clavex.wire import RELEASED

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

"""Every resource type of Clavex does, in both dialects, what every handler owes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import pytest
from contract.suite import DUTIES, Case
from unit.clavex.installation import ATTRIBUTES, OWNER, add_clients, connected

from reconciler.core.address import Address
from reconciler.core.observed import Owner
from reconciler.providers.clavex import provider
from reconciler.sandbox.faults import Fault, Kind
from reconciler.sandbox.serve import Sandbox

if TYPE_CHECKING:
    from unit.clavex.installation import Clavex

    from reconciler.core.resource import Attributes
    from reconciler.ports import Handler

Make = Callable[["Clavex", "Handler"], Case]


@pytest.fixture(scope="module")
def shared_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def case(clavex: Clavex, handler: Handler, kind: str, attributes: Attributes, **parts: Any) -> Case:
    name = str(attributes["name"])
    whole: dict[str, Any] = {
        "type": next(item for item in provider.types if item.name == kind),
        "handler": handler,
        "address": Address("clavex", kind, name),
        "attributes": attributes,
        "changes": {},
        "dump": lambda: repr((clavex.world.clients, clavex.world.mappers, clavex.world.groups)),
        "requests": lambda: clavex.faults.requests,
        "fail": lambda: clavex.faults.add(Fault(kind=Kind.SERVER_ERROR, status=500, times=None)),
    }
    return Case(**{**whole, **parts})


def client(clavex: Clavex, handler: Handler) -> Case:
    add_clients(clavex, 2)
    world = clavex.world

    def rest() -> object:
        ours = world.clients.get("atlassian")
        kept = [ours.enabled_login_providers, ours.response_types, ours.post_logout_redirect_uris] if ours else []
        return kept, [asdict(item) for item in world.clients.values() if item is not ours]

    return case(
        clavex,
        handler,
        "client",
        ATTRIBUTES,
        changes={"name": "New", "redirect_uris": ("https://jira.acme.eu/new",)},
        stranger={**ATTRIBUTES, "client_id": "stranger"},
        count=lambda: list(world.clients).count("atlassian"),
        rest=rest,
        owner=OWNER,
    )


def mapper(clavex: Clavex, handler: Handler) -> Case:
    add_clients(clavex, 2)
    world = clavex.world
    attributes = {
        "client_id": "c0000",
        "name": "email",
        "mapper_type": "user_property",
        "claim_name": "email",
        "attribute_name": "email",
        "in_tokens": True,
    }
    return case(
        clavex,
        handler,
        "mapper",
        attributes,
        changes={"claim_name": "mail", "attribute_name": "sub", "in_tokens": False},
        stranger={**attributes, "client_id": "c0001"},
        count=lambda: sum(item.name == "email" for item in world.mappers.values()),
        rest=lambda: [asdict(item) for item in world.clients.values()],
    )


def group(clavex: Clavex, handler: Handler) -> Case:
    clavex.world.add_group("others")
    world = clavex.world
    return case(
        clavex,
        handler,
        "group",
        {"name": "Ärzte & Co", "description": "d"},
        stranger={"name": "ärzte & co"},
        count=lambda: sum(item.name == "Ärzte & Co" for item in world.groups.values()),
        rest=lambda: [asdict(item) for item in world.groups.values() if item.name != "Ärzte & Co"],
        owner=Owner("reconciler", "acme/default/clavex/group/Ärzte & Co"),
    )


@pytest.mark.parametrize("duty", DUTIES, ids=lambda duty: duty.__name__)
@pytest.mark.parametrize("dialect", ["released", "guide"])
@pytest.mark.parametrize("make", [client, mapper, group], ids=lambda make: make.__name__)
def test_duty(make: Make, dialect: str, duty: Callable[[Case], None], shared_sandbox: Sandbox) -> None:
    shared_sandbox.reset()
    clavex = shared_sandbox.clavex
    clavex.world.switches = replace(clavex.world.switches, guide_dialect=dialect == "guide")
    with ExitStack() as stack:
        connection = stack.enter_context(connected(clavex, dialect=dialect))
        duty(make(clavex, connection.handlers[make.__name__]))

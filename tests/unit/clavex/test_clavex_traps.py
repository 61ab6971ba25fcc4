"""Traps that sank other tools, where handler and planner have to hold together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from unit.clavex.installation import connected, system_of

from reconciler.core.intent import Client, Facts, Intent
from reconciler.core.observed import Lookup
from reconciler.core.ownership import owner_of
from reconciler.core.plan import Action, HazardName
from reconciler.core.planner import Situation, make_plan
from reconciler.core.policy import judge
from reconciler.core.secret import Handle, SecretStatus
from reconciler.core.state import Entry, Origin, State
from reconciler.errors import InDoubtError
from reconciler.ports import Connection, Write
from reconciler.providers.clavex import provider
from reconciler.sandbox import clavex as sandbox
from reconciler.sandbox.faults import Fault, Kind

if TYPE_CHECKING:
    from unit.clavex.installation import Clavex

    from reconciler.core.address import Address
    from reconciler.core.desired import Desired
    from reconciler.core.plan import Plan

SECRET = Handle("file:acme", "clients.atlassian.client_secret")
CLIENT = Client(
    "atlassian",
    "clavex",
    "atlassian",
    display_name="J",
    redirect_uris=("https://b", "https://a"),
    post_logout_redirect_uris=(),
    grant_types=("refresh_token", "authorization_code"),
    scopes=("openid", "groups"),
    token_endpoint_auth_method="client_secret_post",
    access_token_ttl=300,
    refresh_token_ttl=0,
    claims={"team": "value:red", "preferred_username": "email"},
    secret=SECRET,
)
EMPTY = State("acme", "default", "L")


def wanted(clavex: Clavex, facts: Facts, client: Client = CLIENT) -> dict[Address, Desired]:
    system = system_of(clavex)
    found = provider.expand(Intent("acme", "default", {"clavex": system}, {client.name: client}, {}), system, facts)
    return {item.address: item for item in found.resources}


def planned(connection: Connection, desired: dict[Address, Desired], state: State = EMPTY) -> Plan:
    attributes = {address: entry.applied for address, entry in state.entries.items()}
    attributes |= {address: item.attributes for address, item in desired.items()}
    observed = {}
    for address, found in attributes.items():
        entry = state.entries.get(address)
        lookup = Lookup(address, found, entry.remote_id if entry else None)
        observed |= connection.handlers[address.type].read([lookup])
    types = {("clavex", kind.name): kind for kind in provider.types}
    situation = Situation(desired, observed, state, types, {str(SECRET): SecretStatus("print", writable=True)})
    plan = make_plan(situation)
    return replace(plan, hazards=judge(plan, situation))


def applied(connection: Connection, desired: dict[Address, Desired]) -> State:
    """Everything is created, and recorded."""
    entries = {}
    for address, item in desired.items():
        owner = owner_of(EMPTY, address, Origin.CREATED)
        write = Write(address, item.attributes, frozenset(item.attributes), owner=owner)
        made = connection.handlers[address.type].create(write)
        prints = {"client_secret": "print"} if made.secret else {}
        entries[address] = Entry(made.remote_id, Origin.CREATED, item.attributes, prints, item.depends_on)
    return replace(EMPTY, entries=entries)


@pytest.mark.parametrize("dialect", ["released", "guide"])
def test_a_perpetual_change(clavex: Clavex, dialect: str) -> None:
    """All that the spec may ask for, kept by the server or not: after it was applied, nothing is left to do."""
    clavex.world.switches = replace(clavex.world.switches, guide_dialect=dialect == "guide")
    with connected(clavex, dialect=dialect) as connection:
        desired = wanted(clavex, connection.facts)
        assert {item.action for item in planned(connection, desired).changes} == {Action.CREATE}
        plan = planned(connection, desired, applied(connection, desired))
    assert plan.changes == ()
    assert plan.drift == ()
    assert plan.unchanged == len(desired) == 3


def test_an_emptied_list_leaves_nothing_to_do(clavex: Clavex) -> None:
    """What was set before stays on the server, so that the plan must not wait for it to go."""
    with connected(clavex) as connection:
        desired = wanted(clavex, connection.facts)
        state = applied(connection, desired)
        clavex.world.clients["atlassian"].post_logout_redirect_uris = ["https://out"]
        assert planned(connection, desired, state).changes == ()


def test_a_foreign_client_taken_over_and_later_deleted(clavex: Clavex) -> None:
    world = clavex.world
    made = sandbox.Client("atlassian", world.org_id, "By hand", ["https://hand"], managed_by="k8s-operator")
    world.add_client(made, "secret-of-hand")
    with connected(clavex) as connection:
        (desired,) = [item for item in wanted(clavex, connection.facts).values() if item.type.name == "client"]
        address = desired.address
        plan = planned(connection, {address: desired})
        assert [change.action for change in plan.changes] == [Action.ADOPT]
        texts = [hazard.message for hazard in plan.hazards if hazard.name is HazardName.TAKES_OVER]
        assert any("the mark of k8s-operator" in text for text in texts)
        assert any("https://hand is removed" in text for text in texts)
        owner = owner_of(EMPTY, address, Origin.ADOPTED)
        connection.handlers["client"].update(
            Write(
                address,
                desired.attributes,
                frozenset(desired.attributes) - {"client_id", "public"},
                "atlassian",
                owner,
            )
        )
        state = replace(EMPTY, entries={address: Entry("atlassian", Origin.ADOPTED, desired.attributes)})
        assert planned(connection, {address: desired}, state).drift == ()
        gone = planned(connection, {}, state)
    assert [change.action for change in gone.changes] == [Action.FORGET]


def test_a_lost_secret_that_is_reported_ready(clavex: Clavex) -> None:
    """The create arrived and its answer did not: that is no success, and what was made is known again by its mark."""
    clavex.faults.add(Fault(kind=Kind.CUT_AFTER, method="POST"))
    with connected(clavex) as connection:
        desired = wanted(clavex, connection.facts)
        address = next(address for address in desired if address.type == "client")
        write = Write(
            address,
            desired[address].attributes,
            frozenset(desired[address].attributes),
            owner=owner_of(EMPTY, address, Origin.CREATED),
        )
        with pytest.raises(InDoubtError):
            connection.handlers["client"].create(write)
        plan = planned(connection, {address: desired[address]})
    (change,) = plan.changes
    assert change.origin is Origin.CREATED
    assert change.action is Action.ADOPT

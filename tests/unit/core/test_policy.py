"""The hazards."""

from __future__ import annotations

from dataclasses import replace

import pytest
from toys import (
    CLIENT_AT,
    GROUP,
    GROUP_AT,
    IDP_AT,
    OURS,
    SETTINGS_AT,
    THEIRS,
    TYPES,
    client,
    entry,
    group,
    idp,
    planned,
    seen,
    settings,
    situation,
)

from reconciler.core.address import Address
from reconciler.core.desired import Desired
from reconciler.core.observed import Absent, Unreadable
from reconciler.core.plan import Hazard, HazardName
from reconciler.core.planner import make_plan
from reconciler.core.policy import judge, refused
from reconciler.core.resource import Kind, Mark, OnRemove, ResourceType
from reconciler.core.state import Origin


def names(plan):
    return sorted({str(hazard.name) for hazard in plan.hazards})


def text(plan, name):
    return [hazard.message for hazard in plan.hazards if hazard.name == name]


def test_a_delete_is_a_hazard_and_a_used_client_locks_out():
    plan = planned([], {CLIENT_AT: seen(client, OURS)}, {CLIENT_AT: entry(client)})
    assert names(plan) == ["deletes"]
    used = planned(
        [],
        {CLIENT_AT: seen(client, OURS), IDP_AT: seen(idp)},
        {CLIENT_AT: entry(client), IDP_AT: entry(idp, Origin.ADOPTED)},
    )
    assert f"{IDP_AT} still uses it" in text(used, "locks-out")


def test_what_goes_along_with_a_client_does_not_use_it():
    at = Address("clavex", "mapper", "a.mail")
    part = Desired(at, ResourceType("mapper", ("name",), {"name": Mark.PLAIN}, inside="client"), {"name": "mail"})
    part = part._replace(depends_on=(CLIENT_AT,))
    world = situation(
        [],
        {CLIENT_AT: seen(client, OURS), at: seen(part)},
        {CLIENT_AT: entry(client), at: entry(part, Origin.ADOPTED)},
    )
    world = world._replace(types={**TYPES, ("clavex", "mapper"): part.type})
    assert {hazard.name for hazard in judge(make_plan(world), world)} == {HazardName.DELETES}


def test_deleting_client_and_consumer_together_asks_once_each():
    plan = planned(
        [], {CLIENT_AT: seen(client, OURS), IDP_AT: seen(idp)}, {CLIENT_AT: entry(client), IDP_AT: entry(idp)}
    )
    assert [(hazard.name, hazard.subject) for hazard in plan.hazards] == [
        ("deletes", str(CLIENT_AT)),
        ("deletes", str(IDP_AT)),
        ("locks-out", str(IDP_AT)),
    ]


def test_a_replacement_says_that_an_adopted_object_goes():
    moved = client._replace(attributes={**client.attributes, "public": True})
    plan = planned([moved], {CLIENT_AT: seen(client, OURS)}, {CLIENT_AT: entry(client, Origin.ADOPTED)})
    assert "adopted" in text(plan, "replaces")[0]
    plan = planned([moved], {CLIENT_AT: seen(client, OURS)}, {CLIENT_AT: entry(client)})
    assert "adopted" not in text(plan, "replaces")[0]


def test_a_foreign_client_is_taken_over_only_with_permission():
    plan = planned([client], {CLIENT_AT: seen(client, name="Z")})
    assert text(plan, "takes-over") == ["somebody else made it, and these would change: name"]
    marked = planned([client], {CLIENT_AT: seen(client, THEIRS)})
    assert "k8s-operator (Client/ns/a)" in text(marked, "takes-over")[0]
    known = planned([client], {CLIENT_AT: seen(client, THEIRS)}, {CLIENT_AT: entry(client)})
    assert "takes-over" in names(known)


def test_a_uri_of_somebody_else_is_named_before_it_goes():
    there = seen(client, OURS, uris=("theirs", "u1"))
    plan = planned([client], {CLIENT_AT: there}, {CLIENT_AT: entry(client)})
    assert text(plan, "takes-over") == ["uris: theirs is removed, which we did not add"]
    ours = entry(client, applied={**client.attributes, "uris": ("theirs", "u1")})
    assert names(planned([client], {CLIENT_AT: there}, {CLIENT_AT: ours})) == []


def test_a_callback_in_use_is_not_removed_unasked():
    less = client._replace(attributes={**client.attributes, "uris": ("u9",)})
    world = {CLIENT_AT: seen(client, OURS, uris=("u1", "u9")), IDP_AT: seen(idp)}
    entries = {
        CLIENT_AT: entry(client, applied={**client.attributes, "uris": ("u1", "u9")}),
        IDP_AT: entry(idp),
    }
    plan = planned([less, idp], world, entries)
    assert text(plan, "locks-out") == [f"u1 is removed, and {IDP_AT} still sends people there"]
    moved = idp._replace(attributes={**idp.attributes, "callback": "u9", "button": "C"})
    assert names(planned([less, moved], world, entries)) == []
    other = idp._replace(attributes={**idp.attributes, "callback": "u9"})
    assert names(planned([less], world, {**entries, IDP_AT: entry(other, Origin.ADOPTED)})) == []


def test_who_could_not_be_read_still_uses_what_it_used():
    world = {CLIENT_AT: seen(client, OURS, uris=("u1", "u9")), IDP_AT: Unreadable("502")}
    entries = {
        CLIENT_AT: entry(client, applied={**client.attributes, "uris": ("u1", "u9")}),
        IDP_AT: entry(idp),
    }
    less = client._replace(attributes={**client.attributes, "uris": ("u9",)})
    moved = idp._replace(attributes={**idp.attributes, "callback": "u9"})
    said = f"u1 is removed, and {IDP_AT} still sends people there"
    assert text(planned([less, moved], world, entries), "locks-out") == [said]
    anew = client._replace(attributes={**client.attributes, "client_id": "b"})
    assert text(planned([anew, moved], world, entries), "locks-out") == [f"{IDP_AT} still uses it"]
    gone = world | {IDP_AT: Absent()}
    assert names(planned([less, moved], gone, entries)) == []


def test_the_type_says_what_locks_out():
    plan = planned([settings._replace(attributes={"form": False})], {SETTINGS_AT: seen(settings)})
    assert text(plan, "locks-out") == ["the form goes off"]
    gone = planned([], {IDP_AT: seen(idp)}, {IDP_AT: entry(idp)})
    assert "the button is gone" in text(gone, "locks-out")


def many(count):
    items = [
        Desired(Address("jira", "group", f"g{index}"), GROUP, {"name": f"g{index}"}, on_remove=OnRemove.DELETE)
        for index in range(count)
    ]
    return items, {item.address: entry(item) for item in items}, {item.address: seen(item) for item in items}


def test_too_much_at_once_asks_first_and_small_systems_are_not_counted():
    items, entries, observed = many(10)
    assert text(planned(items[4:], observed, entries), "too-much")[0].startswith("4 of 10 resources (40 %)")
    assert "too-much" not in names(planned(items[3:], observed, entries))
    items, entries, observed = many(9)
    assert "too-much" not in names(planned([], observed, entries))
    items, entries, observed = many(10)
    changed = {item.address: seen(item, name="x") for item in items}
    assert "too-much" in names(planned(items, changed, entries))


def test_an_incomplete_plan_is_a_hazard_for_each_system():
    plan = planned([group, settings], {GROUP_AT: Unreadable("502"), SETTINGS_AT: Unreadable("x")})
    assert [(hazard.name, hazard.subject) for hazard in plan.hazards] == [("incomplete", "jira")]
    assert text(plan, "incomplete") == ["2 addresses of jira could not be read, so the plan is not whole"]
    assert text(planned([group], {GROUP_AT: Unreadable("502")}), "incomplete")[0].startswith("1 address of")


def test_permission_is_by_name_or_by_name_and_subject():
    hazard = Hazard(HazardName.DELETES, "a/b/c", "it is deleted")
    assert refused((hazard,), frozenset()) == (hazard,)
    assert refused((hazard,), frozenset({"deletes"})) == ()
    assert refused((hazard,), frozenset({"deletes=a/b/c"})) == ()
    assert refused((hazard,), frozenset({"deletes=a/b/d"})) == (hazard,)


def test_a_create_has_no_hazard():
    assert names(planned([group], {GROUP_AT: Absent()})) == []


def test_what_is_created_again_has_no_hazard_though_it_is_in_the_state():
    moved = client._replace(attributes={**client.attributes, "client_id": "b"})
    assert names(planned([moved], {CLIENT_AT: Absent()}, {CLIENT_AT: entry(client)})) == []


MAPPING = ResourceType(
    "settings",
    (),
    {"claim": Mark.PLAIN, "on": Mark.PLAIN, "form": Mark.PLAIN},
    kind=Kind.SETTINGS,
    locks_out=lambda before, after: [name for name in ("claim", "on", "form") if before.get(name) != after.get(name)],
    mends=("claim", "on"),
)
mapping = Desired(SETTINGS_AT, MAPPING, {"claim": "groups", "on": True, "form": False})


@pytest.mark.parametrize(
    ("there", "applied", "asked"),
    [
        ({"claim": "roles", "on": False}, {}, []),
        ({"form": True, "on": False}, {}, ["form"]),
        ({"claim": "roles", "on": False}, {"claim": "roles"}, ["claim", "on"]),
        ({"claim": "roles", "on": False}, None, ["claim", "on"]),
    ],
    ids=["back to what was applied", "a door asks all the same", "another value comes along", "never applied"],
)
def test_a_repair_of_what_brings_groups_asks_nobody(there, applied, asked):
    known = {} if applied is None else {SETTINGS_AT: entry(mapping, applied={**mapping.attributes, **applied})}
    assert text(planned([mapping], {SETTINGS_AT: seen(mapping, **there)}, known), "locks-out") == asked


def test_values_kept_in_the_state_only_count_for_lockouts():
    asks = replace(
        idp.type,
        locks_out=lambda before, after: [f"{before.get('callback')} to {after.get('callback')}"],
    )
    was, now = idp._replace(type=asks), idp._replace(type=asks, attributes={**idp.attributes, "callback": "u2"})
    world = {CLIENT_AT: seen(client, OURS), IDP_AT: seen(was)}
    plan = planned([client, now], world, {CLIENT_AT: entry(client), IDP_AT: entry(was)})
    assert text(plan, "locks-out") == ["u1 to u2"]


def test_a_gone_sign_on_sends_nobody_anywhere():
    less = client._replace(attributes={**client.attributes, "uris": ("u9",)})
    plan = planned(
        [less],
        {CLIENT_AT: seen(client, OURS, uris=("u1", "u9")), IDP_AT: Absent()},
        {CLIENT_AT: entry(client, applied={**client.attributes, "uris": ("u1", "u9")}), IDP_AT: entry(idp)},
    )
    assert names(plan) == []


SHARED = ResourceType(
    "settings",
    (),
    {"groups": Mark.UNORDERED, "others": Mark.UNORDERED},
    kind=Kind.SETTINGS,
    locks_out=lambda before, after: sorted(set(before["groups"]) - set(after["groups"])),
)
role = Desired(SETTINGS_AT, SHARED, {"groups": ("a", "b"), "others": ("a",)}, shared=("groups", "others"))


def of_role(wanted, there, entries):
    made = situation(wanted, {SETTINGS_AT: there}, entries)._replace(types={("jira", "settings"): SHARED})
    plan = make_plan(made)
    return replace(plan, hazards=judge(plan, made))


def test_what_is_taken_out_of_a_shared_set_may_lock_out():
    known = {SETTINGS_AT: entry(role, Origin.ADOPTED, found={"groups": ("a",), "others": ("a",)})}
    plan = of_role([], seen(role, groups=("a", "b", "c")), known)
    assert text(plan, HazardName.LOCKS_OUT) == ["b"]


def test_settings_remember_every_shared_set_that_they_were_found_with():
    """Else a member of others in a set that needed no change would count as ours, and go with us."""
    (change,) = of_role([role], seen(role, groups=("a",)), {}).changes
    assert change.observed == {"groups": ("a",), "others": ("a",)}

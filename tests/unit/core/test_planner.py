"""The decision table, row by row."""

from __future__ import annotations

import pytest
from toys import (
    CLIENT_AT,
    GROUP_AT,
    HANDLE,
    IDP_AT,
    OURS,
    SETTINGS_AT,
    STORED,
    THEIRS,
    client,
    entry,
    group,
    idp,
    planned,
    seen,
    settings,
)

from reconciler.core.observed import Absent, Owner, Unreadable
from reconciler.core.plan import Action, Cause, DriftKind, Phase, StepKind
from reconciler.core.resource import OnRemove
from reconciler.core.secret import SecretStatus
from reconciler.core.state import Origin
from reconciler.diagnostic import Severity


def actions(plan):
    return {change.address: change.action for change in plan.changes}


def kinds(plan, address):
    return [step.kind for change in plan.changes if change.address == address for step in change.steps]


def test_wanted_and_absent_is_created_whatever_the_state_says():
    assert actions(planned([group], {GROUP_AT: Absent()})) == {GROUP_AT: Action.CREATE}
    plan = planned([group], {GROUP_AT: Absent()}, {GROUP_AT: entry(group)})
    assert actions(plan) == {GROUP_AT: Action.CREATE}
    assert "gone" in plan.changes[0].reason
    assert plan.drift[0].kind is DriftKind.GONE


def test_wanted_equal_and_known_is_nothing():
    plan = planned(
        [client, idp],
        {CLIENT_AT: seen(client, OURS), IDP_AT: seen(idp)},
        {CLIENT_AT: entry(client), IDP_AT: entry(idp)},
    )
    assert (plan.changes, plan.drift, plan.hazards, plan.unchanged) == ((), (), (), 2)


def test_wanted_equal_and_unknown_is_adopted_without_a_hazard():
    plan = planned([group], {GROUP_AT: seen(group)})
    assert actions(plan) == {GROUP_AT: Action.ADOPT}
    assert kinds(plan, GROUP_AT) == [StepKind.RECORD]
    assert plan.changes[0].origin is Origin.ADOPTED
    assert plan.hazards == ()


def test_adopting_a_marked_object_only_sets_the_mark():
    plan = planned([client], {CLIENT_AT: seen(client)})
    assert kinds(plan, CLIENT_AT) == [StepKind.MARK]
    assert plan.hazards == ()


def test_an_object_with_our_mark_is_known_again_when_the_state_is_lost():
    plan = planned([client], {CLIENT_AT: seen(client, OURS)})
    assert (plan.changes[0].action, plan.changes[0].origin) == (Action.ADOPT, Origin.CREATED)
    assert kinds(plan, CLIENT_AT) == [StepKind.RECORD]
    assert "bears our mark" in plan.changes[0].reason
    adopted = Owner("reconciler", f"acme/default/{CLIENT_AT}+adopted")
    assert planned([client], {CLIENT_AT: seen(client, adopted)}).changes[0].origin is Origin.ADOPTED
    changed = planned([client], {CLIENT_AT: seen(client, OURS, name="Z")})
    assert changed.hazards == ()
    assert kinds(changed, CLIENT_AT) == [StepKind.UPDATE]


def test_a_difference_is_updated_with_its_cause():
    plan = planned([group], {GROUP_AT: seen(group, name="Users")}, {GROUP_AT: entry(group)})
    change = plan.changes[0]
    assert (change.action, change.attributes[0].cause) == (Action.UPDATE, Cause.DRIFT)
    assert (change.attributes[0].before, change.attributes[0].after) == ("Users", "users")
    assert plan.drift[0].kind is DriftKind.CHANGED
    known = entry(group, applied={"name": "old"})
    plan = planned([group], {GROUP_AT: seen(group, name="old")}, {GROUP_AT: known})
    assert plan.changes[0].attributes[0].cause is Cause.SPEC
    assert plan.drift == ()


def test_changed_by_spec_and_by_hand_at_once_is_shown_as_both():
    plan = planned([group], {GROUP_AT: seen(group, name="hand")}, {GROUP_AT: entry(group, applied={"name": "old"})})
    assert plan.changes[0].attributes[0].cause is Cause.SPEC
    assert plan.drift[0].attributes[0].before == "old"


def test_changed_by_hand_to_what_the_spec_says_now_is_only_recorded():
    plan = planned([group], {GROUP_AT: seen(group)}, {GROUP_AT: entry(group, applied={"name": "old"})})
    assert (actions(plan), kinds(plan, GROUP_AT)) == ({GROUP_AT: Action.ADOPT}, [StepKind.RECORD])
    assert len(plan.drift) == 1


def test_an_attribute_the_server_does_not_show_is_compared_with_what_was_applied():
    hidden = seen(idp)._replace(attributes={"name": "a"})
    assert (
        planned(
            [client, idp],
            {CLIENT_AT: seen(client, OURS), IDP_AT: hidden},
            {CLIENT_AT: entry(client), IDP_AT: entry(idp)},
        ).changes
        == ()
    )
    plan = planned([client, idp], {CLIENT_AT: seen(client, OURS), IDP_AT: hidden}, {CLIENT_AT: entry(client)})
    assert [item.name for item in plan.changes[0].attributes] == ["button", "secret"]


def test_a_wider_and_narrower_set_takes_two_steps():
    moved = client._replace(attributes={**client.attributes, "uris": ("u2",)})
    plan = planned([moved], {CLIENT_AT: seen(client, OURS)}, {CLIENT_AT: entry(client)})
    steps = plan.changes[0].steps
    assert [(step.kind, step.phase, step.attributes["uris"]) for step in steps] == [
        (StepKind.EXPAND, Phase.EARLY, ("u1", "u2")),
        (StepKind.CONTRACT, Phase.LATE, ("u2",)),
    ]
    only_less = planned(
        [moved],
        {CLIENT_AT: seen(client, OURS, uris=("u1", "u2"))},
        {CLIENT_AT: entry(client, applied={**client.attributes, "uris": ("u1", "u2")})},
    )
    assert kinds(only_less, CLIENT_AT) == [StepKind.CONTRACT]
    with_name = moved._replace(attributes={**moved.attributes, "name": "N"})
    both = planned([with_name], {CLIENT_AT: seen(client, OURS)}, {CLIENT_AT: entry(client)})
    assert kinds(both, CLIENT_AT) == [StepKind.UPDATE, StepKind.CONTRACT]


def test_a_new_key_makes_the_new_object_first():
    moved = client._replace(attributes={**client.attributes, "client_id": "b"})
    plan = planned([moved], {CLIENT_AT: seen(client, OURS)}, {CLIENT_AT: entry(client)})
    assert plan.changes[0].action is Action.REPLACE
    assert [(step.kind, step.phase) for step in plan.changes[0].steps] == [
        (StepKind.CREATE, Phase.EARLY),
        (StepKind.DELETE, Phase.LATE),
    ]


def test_the_same_key_lets_the_old_object_go_first():
    moved = client._replace(attributes={**client.attributes, "public": True})
    plan = planned([moved], {CLIENT_AT: seen(client, OURS)}, {CLIENT_AT: entry(client)})
    assert kinds(plan, CLIENT_AT) == [StepKind.DELETE, StepKind.CREATE]
    assert "public cannot be changed" in plan.changes[0].reason


def test_an_object_left_behind_by_a_replacement_is_deleted_later():
    plan = planned([client], {CLIENT_AT: seen(client, OURS)}, {CLIENT_AT: entry(client, deposed=("old",))})
    assert kinds(plan, CLIENT_AT) == [StepKind.DELETE]
    assert "left the old object behind" in plan.changes[0].reason


@pytest.mark.parametrize(
    ("known", "there", "action", "step"),
    [
        (entry(client), seen(client, OURS), Action.DELETE, StepKind.DELETE),
        (entry(client, Origin.ADOPTED), seen(client, OURS), Action.FORGET, StepKind.RELEASE),
        (entry(client, Origin.ADOPTED), seen(client), Action.FORGET, StepKind.RECORD),
        (entry(client, on_remove=OnRemove.FORGET), seen(client, OURS), Action.FORGET, StepKind.RELEASE),
        (entry(client), seen(client, THEIRS), Action.FORGET, StepKind.RECORD),
        (entry(client), seen(client, remote_id="other"), Action.FORGET, StepKind.RECORD),
        (entry(client), Absent(), Action.FORGET, StepKind.RECORD),
    ],
)
def test_what_left_the_spec(known, there, action, step):
    plan = planned([], {CLIENT_AT: there}, {CLIENT_AT: known})
    assert actions(plan) == {CLIENT_AT: action}
    assert kinds(plan, CLIENT_AT) == [step]


def test_settings_that_left_the_spec_are_forgotten_and_stay():
    plan = planned([], {SETTINGS_AT: seen(settings)}, {SETTINGS_AT: entry(settings)})
    assert (actions(plan), kinds(plan, SETTINGS_AT)) == ({SETTINGS_AT: Action.FORGET}, [StepKind.RECORD])


def test_settings_are_updated_at_first_sight_without_a_hazard():
    plan = planned([settings], {SETTINGS_AT: seen(settings, form=False)})
    assert (actions(plan), plan.hazards) == ({SETTINGS_AT: Action.UPDATE}, ())
    assert planned([settings], {SETTINGS_AT: seen(settings)}).changes[0].action is Action.ADOPT
    assert planned([settings], {SETTINGS_AT: Absent()}).unread[0].address == SETTINGS_AT


def test_neither_wanted_nor_known_is_not_ours():
    assert planned([], {CLIENT_AT: seen(client)}).changes == ()


def test_unreadable_blocks_what_rests_on_it():
    plan = planned(
        [client, idp, group],
        {CLIENT_AT: Unreadable("500"), IDP_AT: Absent(), GROUP_AT: Absent()},
    )
    assert actions(plan) == {GROUP_AT: Action.CREATE}
    assert {item.address: item.reason for item in plan.unread} == {
        CLIENT_AT: "500",
        IDP_AT: f"it is tied to {CLIENT_AT}, which could not be read",
    }


def test_an_unreadable_consumer_keeps_its_client():
    plan = planned(
        [], {CLIENT_AT: seen(client, OURS), IDP_AT: Unreadable("500")}, {CLIENT_AT: entry(client), IDP_AT: entry(idp)}
    )
    assert plan.changes == ()
    assert {item.address for item in plan.unread} == {CLIENT_AT, IDP_AT}


def test_a_system_that_left_the_spec_is_unreadable():
    plan = planned([], {}, {CLIENT_AT: entry(client)})
    assert "no longer in the spec" in plan.unread[0].reason


def test_a_shared_set_keeps_the_members_of_others():
    shared = client._replace(attributes={"client_id": "a", "uris": ("u2",)}, shared=("uris",))
    plan = planned([shared], {CLIENT_AT: seen(client, THEIRS)})
    assert plan.changes[0].attributes[0].after == ("u1", "u2")
    assert (kinds(plan, CLIENT_AT), plan.hazards) == ([StepKind.UPDATE], ())
    known = entry(shared)
    there = seen(client, THEIRS, uris=("u1", "u2"))
    assert planned([shared], {CLIENT_AT: there}, {CLIENT_AT: known}).changes == ()
    lost = planned([shared], {CLIENT_AT: seen(client, THEIRS)}, {CLIENT_AT: known})
    assert lost.drift[0].attributes[0].name == "uris"
    moved = shared._replace(attributes={"client_id": "a", "uris": ("u3",)})
    assert planned([moved], {CLIENT_AT: there}, {CLIENT_AT: known}).changes[0].attributes[0].after == ("u1", "u3")


def test_a_shared_set_that_left_the_spec_gives_back_only_ours():
    shared = client._replace(attributes={"client_id": "a", "uris": ("u2",)}, shared=("uris",))
    plan = planned([], {CLIENT_AT: seen(client, THEIRS, uris=("u1", "u2"))}, {CLIENT_AT: entry(shared)})
    assert (actions(plan), kinds(plan, CLIENT_AT)) == (
        {CLIENT_AT: Action.FORGET},
        [StepKind.CONTRACT, StepKind.RECORD],
    )
    assert plan.changes[0].steps[0].attributes == {"uris": ("u1",)}
    plan = planned([], {CLIENT_AT: seen(client, THEIRS)}, {CLIENT_AT: entry(shared)})
    assert kinds(plan, CLIENT_AT) == [StepKind.RECORD]


def test_a_shared_client_that_does_not_exist_is_not_made():
    shared = client._replace(shared=("uris",))
    assert "somebody else makes it" in planned([shared], {CLIENT_AT: Absent()}).unread[0].reason


def both(idp_seen=None, entries=None, status=STORED, doubt=None, owner=OURS):
    observed = {CLIENT_AT: seen(client, owner), IDP_AT: idp_seen or seen(idp)}
    return planned([client, idp], observed, entries or {}, status, doubt)


def test_a_lost_secret_is_rotated_and_reaches_its_consumer():
    entries = {CLIENT_AT: entry(client), IDP_AT: entry(idp)}
    plan = both(entries=entries, status=SecretStatus(None, writable=True))
    assert kinds(plan, CLIENT_AT) == [StepKind.ROTATE]
    assert [item.name for change in plan.changes for item in change.attributes] == ["secret", "secret"]
    assert {(hazard.name, hazard.subject) for hazard in plan.hazards} == {("rotates", str(CLIENT_AT))}


def test_a_secret_that_never_reached_its_store_is_rotated_without_a_hazard():
    entries = {CLIENT_AT: entry(client, fingerprints={})}
    lost = SecretStatus(None, writable=True)
    assert both(entries=entries, status=lost).hazards == ()
    begun = {CLIENT_AT: entry(client, remote_id="", fingerprints={})}
    in_doubt = both(entries=begun, status=lost, doubt={CLIENT_AT: StepKind.CREATE})
    assert "rotates" not in {hazard.name for hazard in in_doubt.hazards}
    assert kinds(in_doubt, CLIENT_AT) == [StepKind.ROTATE]


def test_a_secret_that_is_wrong_is_rotated_and_one_that_is_right_is_kept():
    wrong = both(status=SecretStatus("f2", writable=True, proved=False), owner=None)
    assert StepKind.ROTATE in kinds(wrong, CLIENT_AT)
    right = both(status=SecretStatus("f2", writable=True, proved=True), owner=None)
    assert StepKind.ROTATE not in kinds(right, CLIENT_AT)


def test_an_unknown_secret_that_nobody_needs_is_neither_drift_nor_change():
    plan = planned(
        [client], {CLIENT_AT: seen(client, OURS)}, {CLIENT_AT: entry(client, fingerprints={})}, SecretStatus()
    )
    assert (plan.changes, plan.drift) == ((), ())


def test_a_secret_that_somebody_exchanged_at_the_server_is_drift_and_made_anew():
    entries = {CLIENT_AT: entry(client), IDP_AT: entry(idp)}
    plan = both(entries=entries, status=STORED._replace(proved=False))
    assert [(item.address, item.attributes[0].name) for item in plan.drift] == [(CLIENT_AT, "secret")]
    assert kinds(plan, CLIENT_AT) == [StepKind.ROTATE]
    assert {hazard.name for hazard in plan.hazards} == {"rotates"}
    other = both(entries=entries, status=SecretStatus("f2", writable=True, proved=False))
    assert other.drift == ()  # what is refused is not what we had from the server


def test_a_secret_of_which_the_server_does_not_say_whether_it_is_right_is_told_and_kept():
    entries = {CLIENT_AT: entry(client), IDP_AT: entry(idp)}
    plan = both(entries=entries, status=STORED._replace(doubt="no answer"))
    assert (plan.changes, [item.message for item in plan.diagnostics]) == ((), ["no answer"])


def alone(status, **known):
    return planned([client], {CLIENT_AT: seen(client, OURS)}, {CLIENT_AT: entry(client, **known)}, status)


def test_a_lost_secret_of_our_own_client_is_made_anew_though_nobody_in_the_spec_needs_it():
    lost = alone(SecretStatus(None, writable=True))
    assert kinds(lost, CLIENT_AT) == [StepKind.ROTATE]
    assert {hazard.name for hazard in lost.hazards} == {"rotates"}
    never = alone(SecretStatus(None, writable=True), fingerprints={})
    assert (kinds(never, CLIENT_AT), never.hazards) == ([StepKind.ROTATE], ())
    wrong = alone(SecretStatus("f2", writable=True, proved=False))
    assert kinds(wrong, CLIENT_AT) == [StepKind.ROTATE]


def test_a_lost_secret_that_is_not_made_anew_is_warned_of():
    for plan in (
        alone(SecretStatus()),
        alone(SecretStatus(None, writable=True), origin=Origin.ADOPTED),
        alone(SecretStatus("f2", writable=True, proved=False), origin=Origin.ADOPTED, fingerprints={}),
    ):
        assert plan.changes == ()
        assert [(item.severity, item.where) for item in plan.diagnostics] == [(Severity.WARNING, str(CLIENT_AT))]
    unknown = alone(SecretStatus(None, writable=True), origin=Origin.ADOPTED, fingerprints={})
    assert (unknown.changes, unknown.diagnostics) == ((), ())


def test_a_new_secret_in_the_store_reaches_the_consumer():
    entries = {CLIENT_AT: entry(client), IDP_AT: entry(idp)}
    plan = both(entries=entries, status=SecretStatus("f9", writable=True, proved=True))
    assert {change.address: change.action for change in plan.changes} == {
        CLIENT_AT: Action.ADOPT,
        IDP_AT: Action.UPDATE,
    }


def test_a_secret_that_reads_back_differently_is_drift():
    entries = {CLIENT_AT: entry(client), IDP_AT: entry(idp)}
    plan = both(seen(idp)._replace(fingerprints={"secret": "f7"}), entries)
    assert plan.changes[0].attributes[0].cause is Cause.DRIFT
    assert plan.drift[0].attributes[0].sensitive
    assert both(seen(idp)._replace(fingerprints={"secret": "f1"}), entries).changes == ()
    fresh = both(seen(idp)._replace(fingerprints={"secret": "f7"}), {CLIENT_AT: entry(client)})
    assert fresh.changes[0].attributes[0].cause is Cause.SECRET


def test_a_secret_without_a_place_is_an_error():
    plan = planned([client, idp], {CLIENT_AT: Absent(), IDP_AT: Absent()}, status=SecretStatus())
    assert [item.severity for item in plan.diagnostics] == [Severity.ERROR]
    assert HANDLE in plan.diagnostics[0].message
    alone = planned([idp], {IDP_AT: Absent()}, status=SecretStatus(None, writable=True))
    assert "no such value" in alone.diagnostics[0].message


def test_a_public_client_has_no_secret():
    public = client._replace(attributes={key: value for key, value in client.attributes.items() if key != "secret"})
    assert planned([public], {CLIENT_AT: seen(public, OURS)}, {CLIENT_AT: entry(public)}).changes == ()


def test_what_a_person_has_carried_out_is_settled():
    manual = idp._replace(manual=True)
    entries = {CLIENT_AT: entry(client), IDP_AT: entry(idp, awaiting=True)}
    observed = {CLIENT_AT: seen(client, OURS), IDP_AT: seen(idp)}
    plan = planned([client, manual], observed, entries)
    assert plan.changes[0].reason == "a person has carried it out"
    assert not plan.changes[0].manual
    waiting = planned([client, manual], {**observed, IDP_AT: seen(idp, button="X")}, entries)
    assert waiting.changes[0].manual
    assert waiting.drift == ()


def test_what_a_person_has_not_carried_out_is_not_blamed_on_anybody():
    manual = idp._replace(manual=True)
    entries = {CLIENT_AT: entry(client), IDP_AT: entry(idp, awaiting=True)}

    def waiting(there, wanted=manual):
        plan = planned([client, wanted], {CLIENT_AT: seen(client, OURS), IDP_AT: there}, entries)
        assert plan.drift == ()
        return plan.changes[0]

    texts = {waiting(there).reason for there in (Absent(), seen(idp, button="X"))}
    assert texts == {"a person has not carried it out yet"}
    assert waiting(seen(idp, button="X")).attributes[0].cause is Cause.SPEC
    masked = waiting(seen(idp)._replace(fingerprints={"secret": "f7"}))
    assert (masked.attributes[0].cause, masked.reason) == (Cause.SECRET, "a person has not carried it out yet")
    other = manual._replace(attributes={**idp.attributes, "button": "Y"})
    assert waiting(seen(idp, button="X"), other).reason == "the spec says otherwise"


def test_the_plan_is_the_same_in_any_order():
    wanted = [client, idp, group, settings]
    observed = {CLIENT_AT: Absent(), IDP_AT: Absent(), GROUP_AT: seen(group), SETTINGS_AT: seen(settings, form=False)}
    first = planned(wanted, observed)
    second = planned(list(reversed(wanted)), dict(reversed(observed.items())))
    assert first == second


def test_a_create_whose_end_nobody_knows_is_found_by_its_mark_or_adopted():
    begun = {GROUP_AT: entry(group, remote_id="")}
    plan = planned([group], {GROUP_AT: seen(group, name="Users")}, begun, doubt={GROUP_AT: "create"})
    assert (plan.changes[0].origin, plan.hazards) == (Origin.ADOPTED, ())
    assert planned([group], {GROUP_AT: Absent()}, begun).changes[0].reason == "it does not exist yet"
    begun = {CLIENT_AT: entry(client, remote_id="", fingerprints={})}
    ours = planned([client], {CLIENT_AT: seen(client, OURS)}, begun)
    assert (ours.changes[0].origin, ours.hazards, ours.drift) == (Origin.CREATED, (), ())
    theirs = planned([client], {CLIENT_AT: seen(client, name="Z")}, begun, doubt={CLIENT_AT: "create"})
    assert {str(hazard.name) for hazard in theirs.hazards} == {"takes-over"}


def test_a_create_whose_end_nobody_knows_is_taken_down_when_it_leaves_the_spec():
    begun = {CLIENT_AT: entry(client, remote_id="", fingerprints={})}
    plan = planned([], {CLIENT_AT: seen(client, OURS)}, begun, doubt={CLIENT_AT: "create"})
    assert (plan.changes[0].action, plan.changes[0].remote_id) == (Action.DELETE, "a")
    assert planned([], {CLIENT_AT: seen(client)}, begun).changes[0].action is Action.FORGET
    assert planned([], {CLIENT_AT: Absent()}, begun).changes[0].action is Action.FORGET


def test_a_group_with_a_mark_of_others_is_known_all_the_same():
    theirs = seen(group, THEIRS)
    first = planned([group], {GROUP_AT: theirs})
    assert {str(hazard.name) for hazard in first.hazards} == {"takes-over"}
    assert planned([group], {GROUP_AT: theirs}, {GROUP_AT: entry(group, Origin.ADOPTED)}).changes == ()


def test_settings_that_left_say_what_they_were_before_us():
    known = entry(settings, found={"form": False})
    plan = planned([], {SETTINGS_AT: seen(settings)}, {SETTINGS_AT: known})
    assert plan.changes[0].reason.endswith("before us they were form = false")


def test_an_object_of_somebody_else_that_cannot_become_ours_is_left_alone():
    plan = planned([client, idp], {CLIENT_AT: seen(client, public=True), IDP_AT: Absent()})
    assert plan.changes == ()
    assert "public cannot be changed" in plan.unread[0].reason
    assert "choose another client_id" in plan.unread[0].remedy
    ours = planned([client], {CLIENT_AT: seen(client, OURS, public=True)})
    assert ours.changes[0].action is Action.REPLACE

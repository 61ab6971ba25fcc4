"""Who may lose access: groups that leave what lets their members in."""

from __future__ import annotations

from reconciler.core.address import Address
from reconciler.core.desired import Desired
from reconciler.core.losses import losses
from reconciler.core.observed import Absent, Present
from reconciler.core.plan import Plan
from reconciler.core.planner import Situation, make_plan
from reconciler.core.resource import Attributes, Kind, Mark, OnRemove, ResourceType
from reconciler.core.state import Entry, Origin, State

ROLE = ResourceType("role", (), {"groups": Mark.UNORDERED}, kind=Kind.SETTINGS, admits="groups")
IDP = ResourceType("idp", ("name",), {"name": Mark.PLAIN, "mapped": Mark.LOCAL}, admits="mapped")
GROUP = ResourceType("group", ("name",), {"name": Mark.PLAIN}, admits="name")
PLAIN = ResourceType("plain", ("name",), {"name": Mark.PLAIN})
TYPES = {("jira", kind.name): kind for kind in (ROLE, IDP, GROUP, PLAIN)}


def found(wanted: dict[str, Attributes], known: dict[str, Attributes]) -> list[tuple[str, str]]:
    """The losses of going from what is known to what is wanted, by the names `type/name`."""
    kinds = {name: TYPES["jira", name.partition("/")[0]] for name in wanted.keys() | known.keys()}
    at = {name: Address("jira", *name.split("/")) for name in kinds}
    desired = {
        at[name]: Desired(at[name], kinds[name], values) for name, values in wanted.items() if values is not None
    }
    entries = {
        at[name]: Entry(name, Origin.CREATED, values, on_remove=OnRemove.DELETE) for name, values in known.items()
    }
    state = State("acme", "default", "L", entries=entries)
    shown = {
        at[name]: Present(name, {key: value for key, value in known[name].items() if key in kinds[name].shown})
        if name in known
        else Absent()
        for name in kinds
    }
    situation = Situation(desired, shown, state, TYPES, {})
    plan: Plan = make_plan(situation)
    return [(str(loss.address), loss.group) for loss in losses(plan, situation)]


def test_a_role_lets_a_group_in_no_longer() -> None:
    before, after = {"groups": ("a", "b")}, {"groups": ("B", "c")}
    assert found({"role/a": after}, {"role/a": before}) == [("jira/role/a", "a")]
    assert found({"role/a": after, "role/b": {"groups": ("a",)}}, {"role/a": before}) == [("jira/role/a", "a")]
    assert found({"role/a": before}, {"role/a": before}) == []


def test_a_mapping_goes_unless_another_sign_on_has_it() -> None:
    before, after = {"name": "x", "mapped": ("a", "b")}, {"name": "x", "mapped": ()}
    assert found({"idp/x": after}, {"idp/x": before}) == [("jira/idp/x", "a"), ("jira/idp/x", "b")]
    assert found({}, {"idp/x": before}) == [("jira/idp/x", "a"), ("jira/idp/x", "b")]
    other = {"name": "y", "mapped": ("A",)}
    assert found({"idp/x": after, "idp/y": other}, {"idp/x": before}) == [("jira/idp/x", "b")]
    assert found({"idp/x": after, "role/a": {"groups": ("a",)}}, {"idp/x": before})[0] == ("jira/idp/x", "a")
    assert found({"idp/x": {"name": "new"}}, {"idp/x": before}) == []  # what is mapped is not said


def test_a_group_is_deleted() -> None:
    assert found({}, {"group/a": {"name": "a"}, "plain/a": {"name": "a"}}) == [("jira/group/a", "a")]
    assert found({"group/a": {"name": "a"}}, {}) == []

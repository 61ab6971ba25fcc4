"""Permissions of Confluence (facts atlassian 7.3): a grant only adds, and a revoke takes what is ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from unit.atlassian.product import Recorder

from reconciler.core.address import Address
from reconciler.core.observed import Lookup, Observation, Present, Unreadable
from reconciler.errors import ReconcilerError, StatusError
from reconciler.ports import Write
from reconciler.providers.confluence.permissions import GLOBAL, SPACE, SPACE_PAIRS, PermissionHandler
from reconciler.sandbox.faults import Fault, Kind

if TYPE_CHECKING:
    from reconciler.ports import Http
    from reconciler.sandbox.serve import Sandbox

USE = Address("confluence", "global_permission", "use")
DOCS = Address("confluence", "space_permissions", "DOCS")


def read(handler: PermissionHandler, address: Address, **wanted: Any) -> Observation:
    return handler.read([Lookup(address, wanted)])[address]


def update(handler: PermissionHandler, address: Address, **wanted: Any) -> None:
    handler.update(Write(address, wanted, frozenset(wanted), address.name))


def test_every_word_is_a_pair_of_its_own() -> None:
    assert len(set(SPACE_PAIRS.values())) == len(SPACE_PAIRS) == 14
    assert SPACE_PAIRS["delete_own"] == ("space", "delete_own")
    assert SPACE_PAIRS["delete_attachment"] == ("attachment", "delete")


def test_users_and_other_permissions_are_not_shown(sandbox: Sandbox, confluence: Http) -> None:
    found = read(PermissionHandler(confluence, GLOBAL), USE, groups=("CONFLUENCE-users",))
    assert found == Present("use", {"groups": ("CONFLUENCE-users", "confluence-administrators")})
    sandbox.confluence.world.spaces["DOCS"]["confluence-users"] = {("of a later", "version")}
    found = read(PermissionHandler(confluence, SPACE), DOCS)
    granted = ("confluence-administrators: administer", "confluence-administrators: read")
    assert found == Present("DOCS", {"granted": granted})


def test_what_others_do_after_the_read_stays(sandbox: Sandbox, confluence: Http) -> None:
    world = sandbox.confluence.world
    world.groups |= {name: [] for name in ("ours", "theirs", "old")}
    world.permissions |= {"old": {("application", "use")}}
    http = Recorder(confluence)
    handler = PermissionHandler(http, GLOBAL)
    read(handler, USE)
    world.permissions["theirs"] = {("application", "use")}
    update(handler, USE, groups=("confluence-administrators", "Confluence-Users", "ours"))
    assert [path for _, path, _ in http.sent] == [
        "/rest/api/permissions/group/ours/grant",
        "/rest/api/permissions/group/old/revoke",
    ]
    assert "old" not in world.permissions
    assert world.permissions["theirs"] == world.permissions["ours"] == {("application", "use")}


def test_all_of_a_group_goes_in_one_request(sandbox: Sandbox, confluence: Http) -> None:
    sandbox.confluence.world.groups["a team: of two"] = []
    http = Recorder(confluence)
    handler = PermissionHandler(http, SPACE)
    administrators = ("confluence-administrators: administer", "confluence-administrators: read")
    granted = (*administrators, "a team: of two: create_page", "a team: of two: read")
    update(handler, DOCS, granted=granted)
    body = [
        {"targetType": "page", "operationKey": "create"},
        {"targetType": "space", "operationKey": "read"},
    ]
    assert http.sent == [("PUT", "/rest/api/space/DOCS/permissions/group/a%20team%3A%20of%20two/grant", body)]
    found = read(handler, DOCS)
    assert isinstance(found, Present)
    assert found.attributes["granted"] == tuple(sorted(granted))


def test_nothing_is_granted_where_a_revoke_would_take_too_much(sandbox: Sandbox, confluence: Http) -> None:
    sandbox.confluence.world.groups["ours"] = []
    with pytest.raises(ReconcilerError, match=r"confluence-users holds other .* \(personal_space create\)") as caught:
        update(PermissionHandler(confluence, GLOBAL), USE, groups=("confluence-administrators", "ours"))
    assert "by hand in General configuration > Global permissions" in caught.value.remedy
    assert sandbox.confluence.faults.writes == 0


def test_a_group_that_is_gone_is_an_error(sandbox: Sandbox, confluence: Http) -> None:
    with pytest.raises(StatusError, match="404"):
        update(
            PermissionHandler(confluence, GLOBAL), USE, groups=("confluence-administrators", "x", "confluence-users")
        )


def test_each_list_fails_by_itself(sandbox: Sandbox, confluence: Http) -> None:
    sandbox.confluence.faults.add(Fault(kind=Kind.SERVER_ERROR, status=403, path="/space/A/"))
    addresses = [Address("confluence", "space_permissions", name) for name in ("A", "DOCS", "Z")]
    found = PermissionHandler(confluence, SPACE).read([Lookup(address, {}) for address in addresses])
    first, second, third = (found[address] for address in addresses)
    assert isinstance(first, Unreadable)
    assert "403" in first.reason
    assert isinstance(second, Present)
    assert third == Unreadable("this Confluence has no space Z", "correct the key; a space is made by hand")


def test_without_the_rest_there_is_no_answer(sandbox: Sandbox, confluence: Http) -> None:
    sandbox.confluence.world.version = "9.2.3"
    found = read(PermissionHandler(confluence, GLOBAL), USE)
    assert isinstance(found, Unreadable)
    assert found.reason == "this Confluence has no REST for global permissions"

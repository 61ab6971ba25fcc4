from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from unit.clavex.installation import add_clients, connected, lookup, present, read

from reconciler.core.address import Address
from reconciler.core.observed import Absent, Lookup, Owner, Present, Unreadable
from reconciler.errors import InDoubtError, ReconcilerError, StatusError
from reconciler.ports import Write
from reconciler.sandbox.faults import Fault, Kind

if TYPE_CHECKING:
    from unit.clavex.installation import Clavex

    from reconciler.core.resource import Attributes

EMAIL: Attributes = {
    "client_id": "c0000",
    "name": "email",
    "mapper_type": "user_property",
    "claim_name": "email",
    "attribute_name": "email",
    "in_tokens": True,
}
FIXED: Attributes = {
    "client_id": "c0000",
    "name": "team",
    "mapper_type": "hardcoded",
    "claim_name": "team",
    "claim_value": "red",
    "in_tokens": True,
}


def mapper(attributes: Attributes = EMAIL, remote_id: str | None = None) -> Lookup:
    address = Address("clavex", "mapper", f"{attributes['client_id']}.{attributes['claim_name']}")
    return Lookup(address, attributes, remote_id)


def write(attributes: Attributes = EMAIL, *changed: str, **more: Any) -> Write:
    return Write(mapper(attributes).address, attributes, frozenset(changed or attributes), **more)


# --- mappers


@pytest.mark.parametrize("attributes", [EMAIL, FIXED])
def test_a_mapper_reads_back_as_it_was_written(clavex: Clavex, attributes: Attributes) -> None:
    add_clients(clavex, 1)
    with connected(clavex) as connection:
        handler = connection.handlers["mapper"]
        made = handler.create(write(attributes))
        found = present(handler, mapper(attributes))
    assert found.remote_id == made.remote_id
    assert attributes.items() <= found.attributes.items()


def test_one_request_for_each_client(clavex: Clavex) -> None:
    ids = add_clients(clavex, 30)
    with connected(clavex) as connection:
        handler = connection.handlers["mapper"]
        wanted = [mapper({**each, "client_id": client_id}) for client_id in ids for each in (EMAIL, FIXED)]
        assert read(handler, *wanted) == [Absent()] * 60
    assert len(clavex.faults.requests) == 30


def test_mappers_of_a_client_that_there_is_not(clavex: Clavex) -> None:
    with connected(clavex) as connection:
        assert read(connection.handlers["mapper"], mapper()) == [Absent()]


def test_mappers_that_are_not_found_of_a_client_that_there_is(clavex: Clavex) -> None:
    add_clients(clavex, 1)
    clavex.faults.add(Fault(kind=Kind.SERVER_ERROR, status=404, path="/mappers$"))
    with connected(clavex) as connection:
        (found,) = read(connection.handlers["mapper"], mapper())
    assert isinstance(found, Unreadable)
    assert "the client c0000 is there, and no list of its mappers" in found.reason


def test_mappers_in_an_organisation_that_there_is_not(clavex: Clavex) -> None:
    with connected(clavex, org_id=str(uuid4())) as connection:
        (found,) = read(connection.handlers["mapper"], mapper())
    assert isinstance(found, Unreadable)
    assert "has no organisation acme" in found.reason


def test_a_failed_read_of_mappers_is_not_none(clavex: Clavex) -> None:
    add_clients(clavex, 2)
    clavex.faults.add(Fault(kind=Kind.HTML, path="c0000"))
    with connected(clavex) as connection:
        other = mapper({**EMAIL, "client_id": "c0001"})
        found = read(connection.handlers["mapper"], mapper(), mapper(FIXED), other)
    assert [type(item) for item in found] == [Unreadable, Unreadable, Absent]


def test_a_patch_that_forgets_what_it_does_not_hold(clavex: Clavex) -> None:
    add_clients(clavex, 1)
    with connected(clavex) as connection:
        handler = connection.handlers["mapper"]
        made = handler.create(write())
        stored = clavex.world.mappers[made.remote_id]
        stored.add_to_userinfo, stored.claim_value = True, "kept"
        handler.update(write({**EMAIL, "attribute_name": "sub"}, "attribute_name", remote_id=made.remote_id))
    assert (stored.attribute_name, stored.claim_value) == ("sub", "kept")
    assert (stored.add_to_access_token, stored.add_to_id_token, stored.add_to_userinfo) == (True, True, True)


def test_a_mapper_whose_flag_was_taken_off_is_drift(clavex: Clavex) -> None:
    add_clients(clavex, 1)
    with connected(clavex) as connection:
        handler = connection.handlers["mapper"]
        made = handler.create(write())
        clavex.world.mappers[made.remote_id].add_to_access_token = False
        assert present(handler, mapper()).attributes["in_tokens"] is False
        handler.update(write(EMAIL, "in_tokens", remote_id=made.remote_id))
        assert present(handler, mapper()).attributes["in_tokens"] is True


def test_a_mapper_is_known_by_id_then_name_then_claim(clavex: Clavex) -> None:
    add_clients(clavex, 1)
    with connected(clavex) as connection:
        handler = connection.handlers["mapper"]
        first = handler.create(write({**EMAIL, "name": "mail of hand"})).remote_id
        assert present(handler, mapper()).remote_id == first  # by the claim
        second = handler.create(write({**EMAIL, "claim_name": "mail"})).remote_id
        assert present(handler, mapper()).remote_id == second  # by the name
        assert present(handler, mapper(EMAIL, first)).remote_id == first


def test_several_mappers_that_make_the_claim(clavex: Clavex) -> None:
    add_clients(clavex, 1)
    with connected(clavex) as connection:
        handler = connection.handlers["mapper"]
        for name in ("b", "a"):
            handler.create(write({**EMAIL, "name": name}))
        (found,) = read(handler, mapper())
    assert isinstance(found, Unreadable)
    assert "several mappers of client c0000 make the claim email: a, b" in found.reason


def test_a_mapper_that_exists_already(clavex: Clavex) -> None:
    add_clients(clavex, 1)
    with connected(clavex) as connection:
        handler = connection.handlers["mapper"]
        handler.create(write())
        with pytest.raises(StatusError, match="a mapper named email exists"):
            handler.create(write())


def test_what_cannot_be_changed_on_a_mapper(clavex: Clavex) -> None:
    with connected(clavex) as connection, pytest.raises(ReconcilerError, match="mapper_type cannot be changed"):
        connection.handlers["mapper"].update(write(EMAIL, "mapper_type", remote_id="x"))


def test_a_mapper_that_went_away_meanwhile(clavex: Clavex) -> None:
    add_clients(clavex, 1)
    with connected(clavex) as connection, pytest.raises(ReconcilerError, match="is gone"):
        connection.handlers["mapper"].update(write(EMAIL, "name", remote_id="x"))


def test_deleting_a_mapper_twice(clavex: Clavex) -> None:
    add_clients(clavex, 1)
    with connected(clavex) as connection:
        handler = connection.handlers["mapper"]
        made = handler.create(write())
        for _ in range(2):
            handler.delete(write(remote_id=made.remote_id))
    assert clavex.world.mappers == {}


# --- groups


def group(name: str = "users", **attributes: Any) -> Write:
    owner = Owner("reconciler", f"acme/default/clavex/group/{name}")
    return Write(Address("clavex", "group", name), {"name": name, **attributes}, frozenset(("name",)), owner=owner)


@pytest.mark.parametrize("name", ["jira-users", "Ärzte & Co/1 ", "100 %"])
def test_a_group_reads_back_with_its_mark(clavex: Clavex, name: str) -> None:
    with connected(clavex) as connection:
        handler = connection.handlers["group"]
        made = handler.create(group(name, description="d"))
        found = present(handler, lookup("group", name))
    assert found == Present(made.remote_id, {"name": name, "description": "d"}, group(name).owner)


def test_a_group_without_description_or_mark(clavex: Clavex) -> None:
    clavex.world.add_group("users")
    with connected(clavex) as connection:
        found = present(connection.handlers["group"], lookup("group", "users"))
        other = connection.handlers["group"].create(Write(Address("clavex", "group", "o"), {"name": "o"}))
    assert (found.attributes["description"], found.owner) == ("", None)
    assert clavex.world.groups[other.remote_id].managed_by is None


def test_groups_come_by_pages_and_their_case_counts(clavex: Clavex) -> None:
    ids = {f"g{number:03}": clavex.world.add_group(f"g{number:03}").id for number in range(401)}
    with connected(clavex) as connection:
        handler = connection.handlers["group"]
        names = ["g000", "g200", "g400", "G000"]
        found = read(handler, *(lookup("group", name) for name in names), lookup("group", "new", ids["g007"]))
    assert [item.remote_id for item in found if isinstance(item, Present)] == [
        *(ids[name] for name in names[:3]),
        ids["g007"],
    ]
    assert found[3] == Absent()
    assert len(clavex.faults.requests) == 3


def test_a_cursor_that_is_deleted_between_pages(clavex: Clavex) -> None:
    for number in range(201):
        clavex.world.add_group(f"g{number:03}")
    clavex.faults.add(Fault(kind=Kind.SERVER_ERROR, status=500, path="/groups", skip=1))
    with connected(clavex) as connection:
        handler = connection.handlers["group"]
        assert isinstance(present(handler, lookup("group", "g200")), Present)
        assert len(clavex.faults.requests) == 4
        clavex.faults.clear()
        clavex.faults.add(*(Fault(kind=Kind.SERVER_ERROR, status=500, path="/groups", skip=n) for n in (1, 2, 3)))
        (found,) = read(handler, lookup("group", "g200"))
    assert isinstance(found, Unreadable)
    assert "changes while it is read" in found.reason


def test_a_failed_read_of_groups_is_not_none(clavex: Clavex) -> None:
    clavex.world.add_group("users")
    clavex.faults.add(Fault(kind=Kind.SERVER_ERROR, status=500, path="/groups"))
    with connected(clavex) as connection:
        (found,) = read(connection.handlers["group"], lookup("group", "users"))
    assert isinstance(found, Unreadable)


def test_no_groups_of_an_organisation_that_there_is_not(clavex: Clavex) -> None:
    with connected(clavex, org_id="00000000-0000-0000-0000-000000000001") as connection:
        (found,) = read(connection.handlers["group"], lookup("group", "users"))
    assert isinstance(found, Unreadable)


def test_a_500_that_means_duplicate_group(clavex: Clavex) -> None:
    clavex.world.add_group("users")
    with connected(clavex) as connection:
        handler = connection.handlers["group"]
        with pytest.raises(ReconcilerError, match="the group users exists already"):
            handler.create(group())
        clavex.faults.add(Fault(kind=Kind.SERVER_ERROR, status=500, method="POST"))
        with pytest.raises(StatusError, match="500"):
            handler.create(group("new"))
        clavex.faults.add(Fault(kind=Kind.SERVER_ERROR, status=403, method="POST"))
        with pytest.raises(StatusError, match="403"):
            handler.create(group("new"))


def test_a_group_cannot_be_changed(clavex: Clavex) -> None:
    with connected(clavex) as connection:
        handler = connection.handlers["group"]
        with pytest.raises(ReconcilerError, match="no way to change the name of a group"):
            handler.update(group())
        nothing = Write(Address("clavex", "group", "users"), {"name": "users"}, remote_id="7")
        assert handler.update(nothing).remote_id == "7"
    assert clavex.faults.requests == []


def test_deleting_a_group_twice(clavex: Clavex) -> None:
    made = clavex.world.add_group("users")
    with connected(clavex) as connection:
        handler = connection.handlers["group"]
        write = Write(Address("clavex", "group", "users"), {"name": "users"}, remote_id=made.id)
        clavex.faults.add(Fault(kind=Kind.SERVER_ERROR, status=404, method="DELETE"))
        with pytest.raises(StatusError, match="group of the system"):
            handler.delete(write)
        handler.delete(write)
        handler.delete(write)
    assert clavex.world.groups == {}


@pytest.mark.parametrize("kind", ["mapper", "group"])
def test_a_create_whose_answer_is_lost_is_in_doubt(clavex: Clavex, kind: str) -> None:
    add_clients(clavex, 1)
    clavex.faults.add(Fault(kind=Kind.CUT_AFTER, method="POST"))
    with connected(clavex) as connection, pytest.raises(InDoubtError):
        connection.handlers[kind].create(write() if kind == "mapper" else group())


@pytest.mark.parametrize("kind", ["mapper", "group"])
def test_a_create_whose_answer_is_garbled(clavex: Clavex, kind: str) -> None:
    add_clients(clavex, 1)
    clavex.faults.add(Fault(kind=Kind.TRUNCATED_JSON, method="POST"))
    with connected(clavex) as connection, pytest.raises(InDoubtError):
        connection.handlers[kind].create(write() if kind == "mapper" else group())

"""Clients, with each trap of Clavex by its name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from unit.clavex.installation import (
    ATTRIBUTES,
    OWNER,
    add_clients,
    client_handler,
    lookup,
    present,
    read,
    write,
)

from reconciler.core.observed import Absent, Owner, Present, Unreadable
from reconciler.errors import BadAnswerError, InDoubtError, ReconcilerError, StatusError
from reconciler.sandbox.clavex import Client
from reconciler.sandbox.faults import Fault, Kind

if TYPE_CHECKING:
    from unit.clavex.installation import Clavex


# --- reading


def test_what_is_read_is_canonical(clavex: Clavex) -> None:
    world = clavex.world
    client = Client(
        "atlassian", world.org_id, "J", ["https://b", "https://a", "https://b"], managed_by="k8s-operator"
    )
    world.add_client(replace(client, access_token_ttl=300, token_endpoint_auth_method="none"))
    with client_handler(clavex) as handler:
        found = present(handler, lookup("client", "atlassian"))
    assert found == Present(
        "atlassian",
        {
            "client_id": "atlassian",
            "name": "J",
            "redirect_uris": ("https://a", "https://b"),
            "post_logout_redirect_uris": (),
            "grant_types": ("authorization_code",),
            "response_types": ("code",),
            "active": True,
            "public": True,
            "access_token_ttl": 300,
            "refresh_token_ttl": 0,
        },
        Owner("k8s-operator", ""),
    )


def test_a_list_cut_at_50(clavex: Clavex) -> None:
    ids = add_clients(clavex, 451)
    with client_handler(clavex) as handler:
        found = read(handler, *(lookup("client", client_id) for client_id in ids))
    assert all(isinstance(item, Present) for item in found)
    assert len(clavex.faults.requests) == 3  # pages of 200


def test_pages_that_repeat_or_skip(clavex: Clavex) -> None:
    ids = add_clients(clavex, 401, name="all alike")
    clavex.world.switches = replace(clavex.world.switches, unstable_lists=True)
    with client_handler(clavex) as handler:
        found = read(handler, *(lookup("client", client_id) for client_id in ids), lookup("client", "nobody"))
    assert all(isinstance(item, Present) for item in found[:-1])
    assert found[-1] == Absent()
    assert len(clavex.faults.requests) > 4  # those that no page had were asked for by themselves


def test_a_client_that_a_page_skipped_and_that_cannot_be_asked_for(clavex: Clavex) -> None:
    ids = add_clients(clavex, 401, name="all alike")
    clavex.world.switches = replace(clavex.world.switches, unstable_lists=True)
    clavex.faults.add(Fault(kind=Kind.SERVER_ERROR, status=500, path="/clients/", times=None))
    with client_handler(clavex) as handler:
        found = read(handler, *(lookup("client", client_id) for client_id in ids))
    assert {type(item) for item in found} == {Present, Unreadable}


def test_a_page_that_brings_nothing_new_ends_the_list(clavex: Clavex, monkeypatch: pytest.MonkeyPatch) -> None:
    add_clients(clavex, 201)
    first = clavex.world.clients_by_name(clavex.world.org_id)[:200]
    rows = [*first, *first, *first]
    monkeypatch.setattr(clavex.world, "clients_by_name", lambda _: rows)
    with client_handler(clavex) as handler:
        found = read(handler, lookup("client", "c0000"), lookup("client", "c0200"))
    assert all(isinstance(item, Present) for item in found)  # the second one was asked for by itself


def test_a_failed_read_is_not_none(clavex: Clavex) -> None:
    add_clients(clavex, 3)
    faults = [
        Fault(kind=Kind.SERVER_ERROR, status=500),
        Fault(kind=Kind.EXPIRED_TOKEN),
        Fault(kind=Kind.HTML),
        Fault(kind=Kind.TRUNCATED_JSON),
        Fault(kind=Kind.ERROR_IN_200),
        Fault(kind=Kind.LOGIN_REDIRECT),
    ]
    with client_handler(clavex) as handler:
        for fault in faults:
            for wanted in (["c0000"], ["c0000", "nobody"]):
                clavex.faults.clear()
                clavex.faults.add(fault)
                found = read(handler, *(lookup("client", client_id) for client_id in wanted))
                assert [type(item) for item in found] == [Unreadable] * len(wanted), fault
                assert isinstance(found[0], Unreadable)
                assert found[0].reason


def test_an_organisation_that_there_is_not_is_not_an_empty_one(clavex: Clavex) -> None:
    unknown = "00000000-0000-0000-0000-000000000001"
    for wanted in (["atlassian"], ["atlassian", "other"]):
        with client_handler(clavex, org_id=unknown) as handler:
            found = read(handler, *(lookup("client", client_id) for client_id in wanted))
        assert all(isinstance(item, Unreadable) and "no organisation acme" in item.reason for item in found)


def test_another_organisation_than_that_of_the_slug(clavex: Clavex) -> None:
    clavex.world.orgs["0" * 8 + "-0000-0000-0000-000000000002"] = replace(
        clavex.world.orgs[clavex.world.org_id], id="0" * 8 + "-0000-0000-0000-000000000002", slug="other"
    )
    with client_handler(clavex, org_id="0" * 8 + "-0000-0000-0000-000000000002") as handler:
        (found,) = read(handler, lookup("client", "atlassian"))
    assert isinstance(found, Unreadable)


def test_an_empty_organisation_is_looked_at_once(clavex: Clavex) -> None:
    with client_handler(clavex) as handler:
        for _ in range(2):
            assert read(handler, lookup("client", "a"), lookup("client", "b")) == [Absent(), Absent()]
    assert len(clavex.faults.requests) == 3


def test_a_key_of_one_organisation_asks_the_public(clavex: Clavex) -> None:
    key, _ = clavex.world.add_key("org", org_id=clavex.world.org_id, permissions=["clients:read"])
    with client_handler(clavex, key) as handler:
        assert read(handler, lookup("client", "a"), lookup("client", "b")) == [Absent(), Absent()]
    assert clavex.faults.requests[-1] == ("GET", "/acme/.well-known/openid-configuration")
    clavex.faults.add(Fault(kind=Kind.SERVER_ERROR, status=404, path="well-known"))
    with client_handler(clavex, key) as handler:
        (found,) = read(handler, lookup("client", "a"))
    assert isinstance(found, Unreadable)


def test_a_client_is_found_by_its_id_in_the_state_first(clavex: Clavex) -> None:
    add_clients(clavex, 3)
    with client_handler(clavex) as handler:
        moved = lookup("client", "c0001", "c0002")
        gone = lookup("client", "c0000", "nobody")
        for wanted in ([moved], [gone], [moved, gone]):
            ids = [item.remote_id for item in read(handler, *wanted) if isinstance(item, Present)]
            assert ids == [{"c0001": "c0002", "c0000": "c0000"}[item.address.name] for item in wanted]


# --- creating


def test_a_secret_that_is_shown_once(clavex: Clavex) -> None:
    with client_handler(clavex) as handler:
        written = handler.create(write())
        found = present(handler, lookup("client", "atlassian"))
    assert written.secret is not None
    assert written.secret.get_secret_value() in clavex.issued_secrets
    assert written.secret.get_secret_value() not in repr((written, found))
    assert found.owner == OWNER


def test_a_500_that_means_duplicate(clavex: Clavex) -> None:
    add_clients(clavex, 1)
    with client_handler(clavex) as handler, pytest.raises(StatusError) as caught:
        handler.create(write({**ATTRIBUTES, "client_id": "c0000"}))
    assert "the client c0000 exists already" in caught.value.message
    assert caught.value.status == 500


def test_a_client_id_that_lives_in_another_organisation(clavex: Clavex) -> None:
    add_clients(clavex, 1, org_id="another")
    with client_handler(clavex) as handler, pytest.raises(StatusError) as caught:
        handler.create(write({**ATTRIBUTES, "client_id": "c0000"}))
    assert "taken in another organisation" in caught.value.message
    assert "choose another client_id" in caught.value.remedy


def test_a_create_that_is_refused_for_another_reason(clavex: Clavex) -> None:
    with client_handler(clavex) as handler, pytest.raises(StatusError) as caught:
        handler.create(write({**ATTRIBUTES, "client_id": "with-hyphen"}))
    assert caught.value.status == 422
    assert "alphanumunicode" in caught.value.message


def test_lifetimes_that_a_create_ignores(clavex: Clavex) -> None:
    attributes = {**ATTRIBUTES, "access_token_ttl": 300, "refresh_token_ttl": 0}
    with client_handler(clavex) as handler:
        assert handler.create(write(attributes)).secret
        found = present(handler, lookup("client", "atlassian"))
    assert (found.attributes["access_token_ttl"], found.attributes["refresh_token_ttl"]) == (300, 0)
    assert found.owner == OWNER


def test_a_client_that_was_made_and_not_completed_is_in_doubt(clavex: Clavex) -> None:
    """The secret was shown, and is lost: the engine reads the client back and has a new one made."""
    clavex.faults.add(Fault(kind=Kind.SERVER_ERROR, status=500, method="PATCH"))
    with client_handler(clavex) as handler, pytest.raises(InDoubtError, match="made, but not all of it"):
        handler.create(write({**ATTRIBUTES, "access_token_ttl": 300}))


def test_a_client_without_a_name_or_a_mark(clavex: Clavex) -> None:
    bare = {"client_id": "atlassian", "redirect_uris": ("https://a",), "public": True}
    with client_handler(clavex) as handler:
        assert handler.create(write(bare, owner=None)).secret is None
        found = present(handler, lookup("client", "atlassian"))
    assert (found.attributes["name"], found.attributes["public"], found.owner) == ("atlassian", True, None)


@pytest.mark.parametrize("fault", [Kind.CUT_AFTER, Kind.TRUNCATED_JSON])
def test_a_secret_that_got_lost_is_never_reported_ready(clavex: Clavex, fault: Kind) -> None:
    clavex.faults.add(Fault(kind=fault, method="POST", path="/clients"))
    with client_handler(clavex) as handler:
        with pytest.raises(InDoubtError) as caught:
            handler.create(write())
        assert not clavex.issued_secrets & set(str(caught.value).split())
        assert isinstance(present(handler, lookup("client", "atlassian")), Present)  # it exists
    assert clavex.faults.writes == 1


def test_an_answer_without_the_secret_is_in_doubt(clavex: Clavex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.sandbox.clavex.clients.secrets.token_urlsafe", lambda _: "")
    with client_handler(clavex) as handler, pytest.raises(InDoubtError, match="no secret"):
        handler.create(write())


# --- changing


def test_fields_silently_dropped(clavex: Clavex) -> None:
    """What this Clavex would ignore is not sent, so nothing waits for it to change."""
    attributes = {**ATTRIBUTES, "scopes": ("groups", "openid"), "token_endpoint_auth_method": "client_secret_post"}
    with client_handler(clavex) as handler:
        handler.create(write(attributes))
        handler.update(write(attributes, "scopes", "token_endpoint_auth_method", "name", remote_id="atlassian"))
        found = present(handler, lookup("client", "atlassian"))
    assert not found.attributes.keys() & {"scopes", "token_endpoint_auth_method"}


def test_an_update_keeps_everything_else(clavex: Clavex) -> None:
    with client_handler(clavex) as handler:
        handler.create(write())
        clavex.world.clients["atlassian"].enabled_login_providers = ["google"]
        before = present(handler, lookup("client", "atlassian"))
        changed = {**ATTRIBUTES, "name": "New", "grant_types": ("ignored",)}
        handler.update(write(changed, "name", remote_id="atlassian"))
        after = present(handler, lookup("client", "atlassian"))
    assert after.attributes == {**before.attributes, "name": "New"}
    assert clavex.world.clients["atlassian"].enabled_login_providers == ["google"]
    assert after.owner == OWNER


def test_redirect_uris_can_be_emptied(clavex: Clavex) -> None:
    with client_handler(clavex) as handler:
        handler.create(write())
        handler.update(write({**ATTRIBUTES, "redirect_uris": ()}, "redirect_uris", remote_id="atlassian"))
        assert present(handler, lookup("client", "atlassian")).attributes["redirect_uris"] == ()


def test_the_mark_is_put_kept_and_taken_off(clavex: Clavex) -> None:
    nothing = frozenset[str]()
    with client_handler(clavex) as handler:
        handler.create(write(owner=None))
        mark = write(remote_id="atlassian")._replace(changed=nothing)
        handler.update(mark)
        assert present(handler, lookup("client", "atlassian")).owner == OWNER
        handler.update(write(ATTRIBUTES, "name", remote_id="atlassian", owner=None))  # a client of somebody else
        assert present(handler, lookup("client", "atlassian")).owner == OWNER
        handler.update(mark._replace(owner=None))
        assert present(handler, lookup("client", "atlassian")).owner is None


def test_what_cannot_be_changed_is_refused(clavex: Clavex) -> None:
    with client_handler(clavex) as handler, pytest.raises(ReconcilerError, match="client_id, public cannot be"):
        handler.update(write(ATTRIBUTES, "client_id", "public", "name", remote_id="atlassian"))
    assert clavex.faults.requests == []


def test_deleting_what_is_gone_succeeds(clavex: Clavex) -> None:
    with client_handler(clavex) as handler:
        handler.create(write())
        handler.delete(write(remote_id="atlassian"))
        handler.delete(write(remote_id="atlassian"))
        assert read(handler, lookup("client", "atlassian")) == [Absent()]


def test_a_404_that_hides_a_failed_delete(clavex: Clavex) -> None:
    with client_handler(clavex) as handler:
        handler.create(write())
        clavex.faults.add(Fault(kind=Kind.SERVER_ERROR, status=404, method="DELETE"))
        with pytest.raises(StatusError, match="was not deleted"):
            handler.delete(write(remote_id="atlassian"))


# --- the secret


def test_a_secret_is_proved_and_rotated(clavex: Clavex) -> None:
    with client_handler(clavex) as handler:
        first = handler.create(write()).secret
        second = handler.rotate(write(remote_id="atlassian")).secret
        assert first
        assert second
        for value, right in ((first, False), (second, True)):
            assert handler.prove(write(remote_id="atlassian", secrets={"client_secret": value})) is right
        bare = write({"client_id": "atlassian"}, remote_id="atlassian", secrets={"client_secret": second})
        assert handler.prove(bare)


def test_a_proof_that_proves_nothing(clavex: Clavex) -> None:
    asked = write(remote_id="nobody", secrets={"client_secret": SecretStr("canary-of-the-test")})
    with client_handler(clavex) as handler, pytest.raises(BadAnswerError) as caught:
        handler.prove(asked)
    assert "neither taken nor refused, but: invalid_client: unknown client" in caught.value.message
    assert "canary" not in str(caught.value)


def test_a_rotation_without_an_answer_is_in_doubt(clavex: Clavex, naps: list[float]) -> None:
    with client_handler(clavex) as handler:
        handler.create(write())
        clavex.faults.add(Fault(kind=Kind.CUT_AFTER, method="POST"))
        assert handler.rotate(write(remote_id="atlassian")).secret  # asked again: the last one holds
        clavex.faults.add(Fault(kind=Kind.CUT_AFTER, method="POST", times=None))
        with pytest.raises(InDoubtError):
            handler.rotate(write(remote_id="atlassian"))

"""Single handlers, and the way to the organisation, against what a real Clavex answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cassettes.installation import MODES, Mode, lookup, present, read, write
from cassettes.scrubbing import fake

from reconciler.core.observed import Absent, Lookup, Present, Unreadable
from reconciler.errors import BadAnswerError, ReconcilerError, StatusError
from reconciler.ports import RotatingHandler

if TYPE_CHECKING:
    from cassettes.installation import Clavex

    from reconciler.core.resource import Attributes

PORTAL: Attributes = {
    "client_id": "cassetteportal",
    "name": "Portal",
    "redirect_uris": ("https://portal.example/cb",),
    "client_secret": "file:cassette#portal",
}
NOWHERE = "00000000-0000-0000-0000-000000000001"


# --- the organisation ---------------------------------------------------------------------------------------------


def test_the_organisation_by_list(clavex: Clavex) -> None:
    with clavex.connected(dialect="released") as connection:
        assert connection.facts.values == {"dialect": "released", "org_id": clavex.org_id}
        assert read(connection.handlers["client"], lookup("client", "nobody")) == [Absent()]


def test_the_organisation_by_its_first_event(clavex: Clavex) -> None:
    with clavex.connected(clavex.key("groups:read"), dialect="released") as connection:
        assert connection.facts.values["org_id"] == clavex.org_id
        assert read(connection.handlers["group"], lookup("group", "nobody")) == [Absent()]
    assert "upgrade" in clavex.tape.asked[-2]


def test_the_organisation_by_audit_proof(clavex: Clavex) -> None:
    for number in range(100):
        clavex.by_hand("POST", "/groups", {"name": f"g{number:02}"})
    clavex.by_hand("POST", "/audit/proof/seal")
    with clavex.connected(clavex.key("clients:read"), dialect="released") as connection:
        assert connection.facts.values["org_id"] == clavex.org_id
    assert "audit/proof" in clavex.tape.asked[-1]
    assert "x-api-key" not in clavex.tape.asked[-1]


def test_an_organisation_that_there_is_not(clavex: Clavex) -> None:
    slug, clavex.slug = clavex.slug, "cassette-nobody"
    for key in (clavex.super_key, clavex.key("clients:read")):
        with pytest.raises(ReconcilerError, match="has no organisation cassette-nobody"), clavex.connected(key, x=""):
            pass
    clavex.slug = slug
    with clavex.connected(dialect="released", org_id=NOWHERE) as connection:
        for kind in ("client", "group"):
            (found,) = read(connection.handlers[kind], lookup(kind, "nobody"))
            assert isinstance(found, Unreadable)
            assert "has no organisation" in found.reason


def test_an_organisation_of_another_key(clavex: Clavex) -> None:
    with clavex.connected(
        clavex.key("clients:read", "groups:read"), dialect="released", org_id=NOWHERE
    ) as connection:
        for kind in ("client", "group"):
            (found,) = read(connection.handlers[kind], lookup(kind, "nobody"))
            assert isinstance(found, Unreadable)
            assert "403 access to this organization is not allowed" in found.reason


def test_the_endpoints_of_discovery(clavex: Clavex) -> None:
    with clavex.connected(endpoints=True) as connection:
        values = connection.facts.values
    issuer = f"{clavex.url}/{clavex.slug}"
    assert values["issuer"] == issuer
    assert values["userinfo_endpoint"] == f"{issuer}/userinfo"


# --- clients ------------------------------------------------------------------------------------------------------


def test_a_client_reads_back_as_it_was_written(clavex: Clavex) -> None:
    attributes: Attributes = {
        **PORTAL,
        "redirect_uris": ("https://*.portal.example/cb", "https://portal.example/cb"),
        "post_logout_redirect_uris": ("https://portal.example/",),
        "grant_types": ("authorization_code", "refresh_token"),
        "response_types": ("code",),
        "active": False,
        "public": False,
        "access_token_ttl": 300,
        "refresh_token_ttl": 0,
    }
    with clavex.connected() as connection:
        handler = connection.handlers["client"]
        written = handler.create(write("client", attributes))
        assert written.secret is not None
        shown = {name: value for name, value in attributes.items() if name != "client_secret"}
        found = present(handler, lookup("client", "cassetteportal"))
        assert (found.attributes, found.owner) == (shown, write("client", attributes).owner)

        changed: Attributes = {**attributes, "name": "P", "redirect_uris": (), "active": True, "access_token_ttl": 0}
        fields = ("name", "redirect_uris", "active", "access_token_ttl")
        handler.update(write("client", changed, *fields, remote_id="cassetteportal"))
        found = present(handler, lookup("client", "cassetteportal"))
        assert found.attributes == {name: value for name, value in changed.items() if name != "client_secret"}

        handler.update(write("client", changed, remote_id="cassetteportal", owner=None, changed=frozenset()))
        assert present(handler, lookup("client", "cassetteportal")).owner is None
        for _ in range(2):
            handler.delete(write("client", changed, remote_id="cassetteportal"))
        assert read(handler, lookup("client", "cassetteportal")) == [Absent()]
        with pytest.raises(StatusError, match="404"):
            handler.update(write("client", changed, "name", remote_id="cassetteportal"))


def test_a_client_id_that_is_taken(clavex: Clavex) -> None:
    clavex.make_client("cassetteportal")
    with clavex.connected() as connection:
        with pytest.raises(StatusError, match="500 the client cassetteportal exists already"):
            connection.handlers["client"].create(write("client", PORTAL))
        with clavex.foreign_client("cassetteforeign"):
            foreign: Attributes = {**PORTAL, "client_id": "cassetteforeign"}
            assert read(connection.handlers["client"], lookup("client", "cassetteforeign")) == [Absent()]
            with pytest.raises(StatusError, match="500 the client id cassetteforeign is taken in another"):
                connection.handlers["client"].create(write("client", foreign))


def test_what_a_client_must_not_be(clavex: Clavex) -> None:
    wrong: dict[str, Attributes] = {
        "ClientID": {"client_id": "with-hyphen"},
        "Name": {"name": "n" * 121},
        "RedirectURIs": {"redirect_uris": ("/cb",)},
    }
    with clavex.connected() as connection:
        for field, value in wrong.items():
            with pytest.raises(StatusError, match=f"422 .*{field}"):
                connection.handlers["client"].create(write("client", {**PORTAL, **value}))


def test_a_list_by_pages(clavex: Clavex) -> None:
    for number in range(205):
        clavex.make_client(f"tiny{number:03}", is_public=True)
    wanted = [lookup("client", name) for name in ("tiny000", "tiny199", "tiny200", "tiny204", "nobody")]
    with clavex.connected() as connection:
        found = read(connection.handlers["client"], *wanted)
    assert [item.remote_id for item in found if isinstance(item, Present)] == [
        "tiny000",
        "tiny199",
        "tiny200",
        "tiny204",
    ]
    assert found[4] == Absent()  # known from the list alone, which is whole
    assert [request.split()[1].partition("?")[2] for request in clavex.tape.asked] == [
        "limit=200&offset=0",
        "limit=200&offset=200",
    ]


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode is not Mode.EMULATED], indirect=True)
def test_a_list_whose_pages_repeat_and_skip(clavex: Clavex) -> None:
    """Among equal names PostgreSQL orders each page as it likes, which the emulator does not copy."""
    names = [f"t{number:03}" for number in range(410)]
    for name in names:
        clavex.make_client(name, name="same", is_public=True)
    for name in names[::50]:
        clavex.by_hand("PATCH", f"/clients/{name}", {"name": "same"})
    with clavex.connected() as connection:
        found = read(connection.handlers["client"], *(lookup("client", name) for name in names))
    assert [item.remote_id for item in found if isinstance(item, Present)] == names
    asked = [request.split()[1].rpartition("/")[2] for request in clavex.tape.asked]
    assert asked[:3] == [f"clients?limit=200&offset={offset}" for offset in (0, 200, 400)]
    assert 0 < len(asked[3:]) < 10  # what the pages skipped was asked for by itself
    assert set(asked[3:]) < set(names)


# --- secrets ------------------------------------------------------------------------------------------------------


def test_a_secret_right_and_wrong(clavex: Clavex) -> None:
    with clavex.connected() as connection:
        handler = connection.handlers["client"]
        assert isinstance(handler, RotatingHandler)
        first = handler.create(write("client", PORTAL)).secret
        assert first is not None
        assert clavex.proves("cassetteportal", first.get_secret_value())
        assert not clavex.proves("cassetteportal", fake("guess"))
        second = handler.rotate(write("client", PORTAL, remote_id="cassetteportal")).secret
        assert second is not None
        assert second != first
        assert clavex.proves("cassetteportal", second.get_secret_value())
        assert not clavex.proves("cassetteportal", first.get_secret_value())
        with pytest.raises(StatusError, match="404"):
            handler.rotate(write("client", PORTAL, remote_id="nobody"))
        with pytest.raises(BadAnswerError, match="unknown client"):
            clavex.proves("nobody", fake("guess"))


def test_a_public_client_has_no_secret(clavex: Clavex) -> None:
    public: Attributes = {"client_id": "cassettescreen", "redirect_uris": ("https://s.example/cb",), "public": True}
    with clavex.connected() as connection:
        written = connection.handlers["client"].create(write("client", public))
    assert written.secret is None
    found = clavex.find("cassettescreen")
    assert (found.attributes["public"], found.attributes["name"]) == (True, "cassettescreen")


# --- mappers ------------------------------------------------------------------------------------------------------


def test_mappers_of_every_kind(clavex: Clavex) -> None:
    clavex.make_client("cassetteportal")
    kinds: list[Attributes] = [
        {"name": "mail", "mapper_type": "user_property", "attribute_name": "email"},
        {"name": "badge", "mapper_type": "user_attribute", "attribute_name": "badge"},
        {"name": "team", "mapper_type": "hardcoded", "claim_value": "red"},
        {"name": "roles", "mapper_type": "role_list"},
        {"name": "member", "mapper_type": "group_membership"},
    ]
    with clavex.connected() as connection:
        handler = connection.handlers["mapper"]
        for kind in kinds:
            attributes = {"client_id": "cassetteportal", "claim_name": kind["name"], "in_tokens": True, **kind}
            made = handler.create(write("mapper", attributes))
            question = Lookup(write("mapper", attributes).address, attributes)
            found = present(handler, question)
            assert found.remote_id == made.remote_id
            assert attributes.items() <= found.attributes.items()
            with pytest.raises(StatusError, match=f"409 a mapper named {kind['name']} exists"):
                handler.create(write("mapper", attributes))

            claim = {**attributes, "claim_name": "other"}
            handler.update(write("mapper", claim, "claim_name", remote_id=made.remote_id))
            assert present(handler, question).attributes == {**found.attributes, "claim_name": "other"}
            for _ in range(2):
                handler.delete(write("mapper", attributes, remote_id=made.remote_id))
            assert read(handler, question) == [Absent()]


def test_mappers_go_with_their_client(clavex: Clavex) -> None:
    clavex.make_client("cassetteportal")
    attributes: Attributes = {
        "client_id": "cassetteportal",
        "name": "mail",
        "mapper_type": "user_property",
        "attribute_name": "email",
        "claim_name": "mail",
        "in_tokens": True,
    }
    with clavex.connected() as connection:
        handler = connection.handlers["mapper"]
        made = handler.create(write("mapper", attributes))
        connection.handlers["client"].delete(write("client", PORTAL, remote_id="cassetteportal"))
        assert read(handler, Lookup(write("mapper", attributes).address, attributes, made.remote_id)) == [Absent()]
        handler.delete(write("mapper", attributes, remote_id=made.remote_id))
        with pytest.raises(StatusError, match="404"):
            handler.create(write("mapper", attributes))


# --- groups -------------------------------------------------------------------------------------------------------


def test_groups(clavex: Clavex) -> None:
    with clavex.connected() as connection:
        handler = connection.handlers["group"]
        for name in ("readers", "Ärzte & Co/1", "Readers"):
            made = handler.create(write("group", {"name": name, "description": "d"}))
            assert present(handler, lookup("group", name)) == Present(
                made.remote_id, {"name": name, "description": "d"}, write("group", {"name": name}).owner
            )
        with pytest.raises(StatusError, match="500 the group readers exists already"):
            handler.create(write("group", {"name": "readers"}))
        clavex.by_hand("POST", "/groups", {"name": "plain"})
        found = present(handler, lookup("group", "plain"))
        assert (found.attributes["description"], found.owner) == ("", None)
        for _ in range(2):
            handler.delete(write("group", {"name": "plain"}, remote_id=found.remote_id))
        assert read(handler, lookup("group", "plain")) == [Absent()]
        with pytest.raises(StatusError, match="422"):
            handler.create(write("group", {"name": ""}))


def test_groups_by_pages(clavex: Clavex) -> None:
    for number in range(203):
        clavex.by_hand("POST", "/groups", {"name": f"g{number:03}"})
    with clavex.connected(clavex.key("groups:read")) as connection:
        names = ("g000", "g199", "g200", "g202")
        found = read(connection.handlers["group"], *(lookup("group", name) for name in (*names, "G000")))
    assert [item.attributes["name"] for item in found if isinstance(item, Present)] == list(names)
    assert found[4] == Absent()
    assert len(clavex.tape.asked) == 2

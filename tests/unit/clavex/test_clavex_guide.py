"""The guide's dialect: its path, its names, the two fields that it keeps; read generously."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from unit.clavex.installation import ATTRIBUTES, add_clients, client_handler, lookup, present, read, write

from reconciler.core.observed import Absent, Owner, Present
from reconciler.providers.clavex.client import ClientHandler
from reconciler.providers.clavex.group import GroupHandler
from reconciler.providers.clavex.mapper import MapperHandler
from reconciler.providers.clavex.organisation import Organisation
from reconciler.providers.clavex.wire import DIALECTS, GUIDE, WireClient
from reconciler.transport.answers import HttpAnswer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from unit.clavex.installation import Clavex

GUIDES = {
    **ATTRIBUTES,
    "scopes": ("email", "groups", "openid", "profile"),
    "token_endpoint_auth_method": "client_secret_post",
}


@pytest.fixture
def handler(clavex: Clavex) -> Iterator[ClientHandler]:
    clavex.world.switches = replace(clavex.world.switches, guide_dialect=True)
    with client_handler(clavex, dialect="guide") as found:
        yield found


def test_the_guides_example_reads_back_as_it_was_written(clavex: Clavex, handler: ClientHandler) -> None:
    assert handler.create(write(GUIDES)).secret
    found = present(handler, lookup("client", "atlassian"))
    wanted = {name: value for name, value in GUIDES.items() if name != "client_secret"}
    assert wanted.items() <= found.attributes.items()
    assert clavex.faults.requests[0] == ("POST", "/api/v1/organizations/acme/clients")


def test_an_update_sends_the_guides_names(clavex: Clavex, handler: ClientHandler) -> None:
    handler.create(write(GUIDES))
    handler.update(write({**GUIDES, "name": "New", "scopes": ("openid",)}, "name", "scopes", remote_id="atlassian"))
    found = present(handler, lookup("client", "atlassian"))
    assert (found.attributes["name"], found.attributes["scopes"]) == ("New", ("openid",))


def test_what_the_guide_does_not_print_is_not_sent(handler: ClientHandler) -> None:
    everything = {**GUIDES, "active": True, "post_logout_redirect_uris": ("https://out",), "access_token_ttl": 3}
    handler.create(write(everything))  # the emulated server refuses fields that it does not know


def test_pages_work_as_ever(clavex: Clavex, handler: ClientHandler) -> None:
    ids = add_clients(clavex, 201)
    found = read(handler, *(lookup("client", client_id) for client_id in ids), lookup("client", "nobody"))
    assert all(isinstance(item, Present) for item in found[:-1])
    assert found[-1] == Absent()


class Canned:
    """ports.Http that answers every GET with the same body."""

    def __init__(self, body: object) -> None:
        self.url = "https://id.acme.eu"
        self.body = body
        self.asked = 0

    def get(
        self,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        ok: Sequence[int] = (200,),
        headers: Mapping[str, str] | None = None,
        anonymous: bool = False,
    ) -> HttpAnswer:
        self.asked += 1
        return HttpAnswer(200, {}, json.dumps(self.body).encode(), f"GET {self.url}{path}")

    def send(self, method: str, path: str, **_: object) -> HttpAnswer:
        raise AssertionError

    def first_message(self, path: str) -> str:
        raise AssertionError


def organisation(body: object) -> Organisation:
    return Organisation(Canned(body), "acme", "", DIALECTS[GUIDE], seen=True)


CLIENT = {"client_id": "a", "name": "A", "redirect_uris": None, "managed_by": "reconciler", "managed_ref": "x%20y"}


@pytest.mark.parametrize("body", [[CLIENT], {"items": [CLIENT], "total": 1}, {"items": [CLIENT, CLIENT], "total": 1}])
def test_a_list_bare_or_paged(body: object) -> None:
    org = organisation(body)
    found = read(ClientHandler(org), lookup("client", "a"), lookup("client", "b"))
    attributes = {"client_id": "a", "name": "A", "redirect_uris": (), "public": False}
    assert found == [Present("a", attributes, Owner("reconciler", "x y")), Absent()]
    assert isinstance(org.http, Canned)
    assert org.http.asked == 1


@pytest.mark.parametrize("body", [CLIENT, {"client": CLIENT, "client_secret": None}])
def test_a_client_bare_or_wrapped(body: object) -> None:
    assert present(ClientHandler(organisation(body)), lookup("client", "a")).remote_id == "a"


MAPPER = {"id": "1", "name": "m", "mapper_type": "role_list", "claim_name": "roles"}


@pytest.mark.parametrize("body", [[MAPPER], {"items": [MAPPER]}])
def test_mappers_bare_or_paged(body: object) -> None:
    wanted = lookup("mapper", "m", client_id="a", claim_name="roles")
    found = present(MapperHandler(organisation(body)), wanted)
    assert found.attributes["in_tokens"] is False
    assert found.attributes["client_id"] == "a"


GROUP = {"id": "1", "name": "g"}


@pytest.mark.parametrize(
    "body", [[GROUP], {"items": [GROUP]}, {"items": [GROUP], "has_more": True, "next_cursor": "1"}]
)
def test_groups_bare_or_paged(body: object) -> None:
    assert present(GroupHandler(organisation(body)), lookup("group", "g")).remote_id == "1"


def test_a_foreign_reference_is_left_as_it_is() -> None:
    client: WireClient = {"client_id": "a", "managed_by": "k8s-operator", "managed_ref": "x%20y"}
    assert DIALECTS[GUIDE].present(client).owner == Owner("k8s-operator", "x%20y")
    assert DIALECTS[GUIDE].present({"client_id": "a", "managed_by": ""}).owner is None

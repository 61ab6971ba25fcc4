"""A table that gets another name while it means the same object: the object is never deleted for it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from acceptance import wanted
from acceptance.cases import portal
from acceptance.workplace import Workplace

from reconciler.errors import ExitCode

RENAMED: dict[str, Any] = {
    "clients": {
        "atlassian": None,
        "company": {
            "system": "clavex",
            "client_id": "atlassian",
            "name": "Jira + Confluence",
            "grant_types": ["authorization_code", "refresh_token"],
            "claims": {"preferred_username": "email"},
            "scopes": ["openid", "profile", "email", "groups"],
            "token_endpoint_auth_method": "client_secret_post",
        },
    },
    "sso": {"jira": {"client": "company"}, "confluence": {"client": "company"}},
}


def test_a_renamed_client_table_keeps_the_client(place: Workplace) -> None:
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    row = place.sandbox.clavex.world.clients["atlassian"]
    seen = place.watch()
    place.write(RENAMED)
    place.apply("takes-over", "rotates").ended(ExitCode.DONE)
    assert not [path for name, method, path in seen if name == "clavex" and method == "DELETE"]
    assert place.sandbox.clavex.world.clients["atlassian"] is row
    wanted.check(place)
    place.settle()


def test_a_renamed_client_table_keeps_mappers(place: Workplace) -> None:
    place.write(portal(client_id="portal", public=True, claims={"nick": "email"}))
    place.apply("locks-out").ended(ExitCode.DONE)
    before = copy.deepcopy([row for row in place.sandbox.clavex.world.mappers.values() if row.client_id == "portal"])
    place.write(
        {
            "clients": {
                "extranet": {
                    "system": "clavex",
                    "client_id": "portal",
                    "public": True,
                    "redirect_uris": ["https://portal.acme.eu/cb"],
                    "claims": {"nick": "email"},
                }
            }
        }
    )
    place.apply("takes-over").ended(ExitCode.DONE)
    assert [row for row in place.sandbox.clavex.world.mappers.values() if row.client_id == "portal"] == before
    wanted.check(place)
    place.settle()


@pytest.mark.parametrize("on_remove", ["forget", "delete"])
@pytest.mark.parametrize("system", ["jira", "confluence"])
def test_a_group_in_another_case_is_the_same_group(place: Workplace, system: str, on_remove: str) -> None:
    world = getattr(place.sandbox, system).world
    place.write({"groups": {"Beta": {"system": system, "on_remove": on_remove}}})
    place.apply("locks-out").ended(ExitCode.DONE)
    world.groups["Beta"].append("ada")
    place.write({"groups": {"beta": {"system": system, "on_remove": on_remove}}})
    place.apply().ended(ExitCode.DONE)
    assert world.groups["Beta"] == ["ada"]
    place.settle()
    assert place.entries[f"{system}/group/beta"]["origin"] == "created"
    place.write()
    place.apply("deletes").ended(ExitCode.DONE)
    assert ("Beta" in world.groups) == (on_remove == "forget")


def test_a_renamed_sign_on_table_keeps_the_identity_provider(place: Workplace) -> None:
    named = {"atlassian": {"name": "Clavex"}}
    place.write({"sso": {"confluence": named}})
    place.apply("locks-out").ended(ExitCode.DONE)
    sign_on = place.spec["sso"]["confluence"]
    place.write({"sso": {"confluence": None, "wiki": {**sign_on, **named}}})
    place.apply().ended(ExitCode.DONE)
    assert list(place.sandbox.confluence.world.idps) == [1]
    wanted.check(place)
    place.settle()
    assert place.entries["confluence/idp/wiki"]["origin"] == "created"


def test_a_renamed_sign_on_table_keeps_the_provider_of_miniorange(place: Workplace) -> None:
    place.write({"sso": {"jira": {"miniorange": {"name": "Clavex"}}}})
    place.apply("locks-out").ended(ExitCode.DONE)
    providers: Any = place.sandbox.jira.world.miniorange["Identity Providers"]
    number = providers[0]["ID"]
    sign_on = place.spec["sso"]["jira"]
    place.write({"sso": {"jira": None, "tickets": sign_on}})
    place.apply().ended(ExitCode.DONE)
    providers = place.sandbox.jira.world.miniorange["Identity Providers"]
    assert [item["ID"] for item in providers] == [number]
    wanted.check(place)
    place.settle()

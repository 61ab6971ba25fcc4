"""Confluence's permissions as the facts have them (facts atlassian 1.1, 7.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sandbox.test_atlassian_products import ask

from reconciler.sandbox.atlassian import confluence

if TYPE_CHECKING:
    from pydantic import JsonValue

GLOBAL = "/rest/api/permissions"
DOCS = "/rest/api/space/DOCS/permissions"
USE: JsonValue = [{"targetType": "application", "operationKey": "use"}]
CREATE: JsonValue = [{"targetType": "space", "operationKey": "create"}]
READ: JsonValue = [{"targetType": "space", "operationKey": "read"}]


@pytest.mark.parametrize(
    ("version", "global_", "space"),
    [("9.1.9", 404, 404), ("9.2.3", 404, 200), ("9.2.18", 200, 200), ("9.3.0", 404, 200), ("9.3.1", 200, 200)],
)
def test_permissions_exist_from_a_version_on(version: str, global_: int, space: int) -> None:
    emulator = confluence(version)
    assert (ask(emulator, "GET", GLOBAL).status_code, ask(emulator, "GET", DOCS).status_code) == (global_, space)


def test_a_list_names_operation_and_subject() -> None:
    emulator = confluence()
    listed = ask(emulator, "GET", GLOBAL).json()
    assert {
        "operation": {"operationKey": "use", "targetType": "application"},
        "subject": {"type": "group", "displayName": "confluence-users"},
    } in listed
    assert listed[0]["subject"] == {"type": "user", "displayName": "admin"}
    assert ask(emulator, "GET", "/rest/api/space/NONE/permissions").status_code == 404
    emulator.world.administrator = False
    assert ask(emulator, "GET", GLOBAL).status_code == ask(emulator, "GET", DOCS).status_code == 403


def test_a_grant_adds_and_the_use_takes_all_with_it() -> None:
    emulator = confluence()
    emulator.world.groups["staff"] = []
    for body in (USE, CREATE):
        assert ask(emulator, "PUT", f"{GLOBAL}/group/Staff/grant", json=body).status_code == 204
    assert emulator.world.permissions["staff"] == {("application", "use"), ("space", "create")}
    assert ask(emulator, "PUT", f"{GLOBAL}/group/staff/revoke", json=USE).status_code == 204
    assert "staff" not in emulator.world.permissions
    assert ask(emulator, "PUT", f"{GLOBAL}/group/staff/revoke", json=USE).status_code == 204


def test_a_revoke_in_a_space_skips_what_is_not_there() -> None:
    emulator = confluence()
    path = f"{DOCS}/group/confluence-users"
    assert ask(emulator, "PUT", f"{path}/revoke", json=READ).status_code == 204
    assert ask(emulator, "PUT", f"{path}/grant", json=READ).status_code == 204
    assert emulator.world.spaces["DOCS"]["confluence-users"] == {("space", "read")}


def test_what_is_refused() -> None:
    emulator = confluence()
    assert ask(emulator, "PUT", f"{GLOBAL}/group/none/grant", json=USE).status_code == 404
    assert ask(emulator, "PUT", f"{GLOBAL}/group/confluence-users/give", json=USE).status_code == 404
    assert ask(emulator, "PUT", f"{GLOBAL}/group/confluence-users/grant", json=READ).status_code == 400
    assert ask(emulator, "PUT", f"{GLOBAL}/group/confluence-users/grant", json=["use"]).status_code == 400
    assert ask(emulator, "PUT", f"{GLOBAL}/group/confluence-users/grant", json={}).status_code == 204
    assert ask(emulator, "PUT", f"{GLOBAL}/group/confluence-users/grant", content=b"use").status_code == 400

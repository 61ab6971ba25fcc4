"""The emulated Crowd as the facts have it (facts atlassian 8)."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from reconciler.errors import ReconcilerError
from reconciler.sandbox.atlassian.crowd import crowd
from reconciler.sandbox.serve import Sandbox, Served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.sandbox.atlassian.crowd import CrowdWorld

PATH = "/rest/usermanagement/1/group"


@pytest.fixture(scope="module")
def crowd_sandbox() -> Iterator[Sandbox]:
    with Sandbox(crowd=crowd()) as sandbox:
        yield sandbox


@pytest.fixture
def served(crowd_sandbox: Sandbox) -> Served[CrowdWorld]:
    crowd_sandbox.reset()
    return crowd_sandbox.crowd


def ask(served: Served[CrowdWorld], method: str, *, name: str = "", password: str | None = None, **more: Any) -> Any:
    pair = f"{served.username}:{served.password if password is None else password}"
    headers = {"Authorization": f"Basic {b64encode(pair.encode()).decode()}", "Accept": "application/json"}
    params = {"groupname": name} if name else {}
    with httpx.Client(trust_env=False) as client:
        return client.request(method, served.url + PATH, params=params, **{"headers": headers, **more})


def test_a_group_is_made_once_and_deleted_once(served: Served[CrowdWorld]) -> None:
    body = {"name": "Staff", "type": "GROUP", "active": True, "description": "All"}
    assert ask(served, "POST", json=body).status_code == 201
    assert ask(served, "POST", json={**body, "name": "staff"}).status_code == 400
    shown = ask(served, "GET", name="STAFF")
    assert (shown.status_code, shown.json()) == (200, body)
    assert ask(served, "DELETE", name="staff").status_code == 204
    assert ask(served, "DELETE", name="staff").status_code == 404
    missing = ask(served, "GET", name="staff")
    assert (missing.status_code, missing.json()["reason"]) == (404, "GROUP_NOT_FOUND")


def test_what_is_no_group_is_400(served: Served[CrowdWorld]) -> None:
    for body in ({"name": "a"}, [], {"name": "a", "type": "LEGACY_ROLE"}):
        assert ask(served, "POST", json=body).status_code == 400
    assert ask(served, "POST", content=b"<group/>").status_code == 400


def test_who_may_not_write_may_read(served: Served[CrowdWorld]) -> None:
    served.world.may_write = False
    assert ask(served, "GET", name="crowd-administrators").status_code == 200
    assert ask(served, "DELETE", name="crowd-administrators").status_code == 403
    assert ask(served, "POST", json={"name": "a", "type": "GROUP"}).status_code == 403


def test_xml_is_what_one_gets_without_asking(served: Served[CrowdWorld]) -> None:
    pair = b64encode(f"{served.username}:{served.password}".encode()).decode()
    answer = ask(served, "GET", name="crowd-administrators", headers={"Authorization": f"Basic {pair}"})
    assert answer.headers["content-type"].startswith("application/xml")
    assert ask(served, "GET", name="crowd-administrators", password="wrong").status_code == 401


def test_products_know_its_groups_after_their_synchronisation(crowd_sandbox: Sandbox) -> None:
    crowd_sandbox.reset()
    world = crowd_sandbox.jira.world
    crowd_sandbox.crowd.world.groups |= {"staff": "", "JIRA-administrators": ""}
    assert world.find_group("staff") is None
    crowd_sandbox.crowd.world.synchronise(world)
    assert world.find_group("staff") == "staff"
    assert world.groups["jira-administrators"] == ["admin"]
    assert "JIRA-administrators" not in world.groups


def test_it_is_there_only_if_asked_for(crowd_sandbox: Sandbox) -> None:
    assert set(crowd_sandbox.describe()) == {"clavex", "jira", "confluence", "crowd"}
    without = Sandbox()
    with pytest.raises(ReconcilerError, match="no Crowd is emulated"):
        _ = without.crowd

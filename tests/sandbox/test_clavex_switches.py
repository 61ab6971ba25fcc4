"""What the recordings do not hold: the switches of the emulated Clavex, its world, and what it leaves out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from reconciler.sandbox.clavex import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.sandbox.serve import Sandbox

GUIDE = {
    "client_id": "atlassian",
    "client_name": "Jira + Confluence",
    "grant_types": ["authorization_code", "refresh_token"],
    "redirect_uris": [
        "https://jira.acme.eu/plugins/servlet/oidc/callback",
        "https://confluence.acme.eu/plugins/servlet/oidc/callback",
    ],
    "scopes": ["openid", "profile", "email", "groups"],
    "token_endpoint_auth_method": "client_secret_post",
}
"""The body of the guide's Step 1, word for word."""
CLIENTS = "/api/v1/organizations/acme/clients"


@pytest.fixture
def guide(sandbox: Sandbox, clavex: httpx.Client) -> httpx.Client:
    world = sandbox.clavex.world
    world.switches = replace(world.switches, guide_dialect=True)
    return clavex


class TestTheGuidesDialect:
    def test_step_1_works_as_printed(self, guide: httpx.Client, sandbox: Sandbox) -> None:
        answer = guide.post(CLIENTS, json=GUIDE)
        assert answer.status_code == 201
        assert answer.json()["client"].items() >= GUIDE.items()
        assert "name" not in answer.json()["client"]
        assert answer.json()["client_secret"] in sandbox.issued_secrets
        assert guide.get(f"{CLIENTS}/atlassian").json().items() >= GUIDE.items()

    def test_a_patch_keeps_both_fields_too(self, guide: httpx.Client) -> None:
        guide.post(CLIENTS, json=GUIDE)
        change: dict[str, Any] = {
            "client_name": "New",
            "scopes": ["openid"],
            "token_endpoint_auth_method": "client_secret_basic",
        }
        assert guide.patch(f"{CLIENTS}/atlassian", json=change).status_code == 200
        assert guide.get(CLIENTS).json()["items"][0].items() >= change.items()

    @pytest.mark.parametrize("field", ["name", "made_up"])
    def test_a_field_of_another_dialect_is_refused(self, guide: httpx.Client, field: str) -> None:
        answer = guide.post(CLIENTS, json=GUIDE | {field: "x"})
        assert (answer.status_code, answer.json()["message"]) == (400, f'json: unknown field "{field}"')

    def test_a_uuid_is_no_organisation(self, guide: httpx.Client, sandbox: Sandbox) -> None:
        answer = guide.get(f"/api/v1/organizations/{sandbox.clavex.world.org_id}/clients")
        assert (answer.status_code, answer.json()["message"]) == (404, "organization not found")

    def test_a_key_of_one_organisation_uses_its_slug_and_no_other(
        self, guide: httpx.Client, sandbox: Sandbox
    ) -> None:
        world = sandbox.clavex.world
        key, _ = world.add_key("org", org_id=world.org_id, permissions=["clients:read"])
        guide.post("/api/v1/organizations", json={"name": "Other", "slug": "other"})
        statuses = {
            slug: httpx.get(
                f"{sandbox.clavex.url}/api/v1/organizations/{slug}/clients", headers={"X-API-Key": key}
            ).status_code
            for slug in ("acme", "other")
        }
        assert statuses == {"acme": 200, "other": 403}


class TestTheReleasedDialect:
    def test_a_slug_is_refused(self, clavex: httpx.Client) -> None:
        answer = clavex.post(CLIENTS, json=GUIDE)
        assert (answer.status_code, answer.json()["message"]) == (400, "org_id must be a valid UUID")


class TestLists:
    @pytest.fixture
    def pages(self, sandbox: Sandbox, clavex: httpx.Client) -> Iterator[list[str]]:
        """The ids of two pages of three clients, all of one name."""
        world = sandbox.clavex.world
        for number in range(6):
            world.add_client(Client(f"c{number}", world.org_id, "Jira", ["https://jira.acme.eu/cb"]))

        def listed() -> Iterator[str]:
            for offset in (0, 3):
                page = clavex.get(
                    f"/api/v1/organizations/{world.org_id}/clients", params={"limit": 3, "offset": offset}
                ).json()
                assert page["total"] == 6
                yield from (item["client_id"] for item in page["items"])

        return listed()

    def test_equal_names_stand_still_unless_told_otherwise(self, pages: Iterator[str]) -> None:
        assert sorted(pages) == ["c0", "c1", "c2", "c3", "c4", "c5"]

    def test_unstable_lists_repeat_some_and_skip_others(self, sandbox: Sandbox, pages: Iterator[str]) -> None:
        world = sandbox.clavex.world
        world.switches = replace(world.switches, unstable_lists=True)
        assert len(set(pages)) < 6

    def test_unstable_lists_are_still_in_order_of_name(self, sandbox: Sandbox) -> None:
        world = sandbox.clavex.world
        world.switches = replace(world.switches, unstable_lists=True)
        for number, name in enumerate("bcab"):
            world.add_client(Client(f"c{number}", world.org_id, name, []))
        for _ in range(2):
            assert [client.name for client in world.clients_by_name(world.org_id)] == ["a", "b", "b", "c"]


def test_the_audit_proof_is_a_switch(sandbox: Sandbox) -> None:
    proof = f"{sandbox.clavex.url}/api/v1/organizations/by-slug/acme/audit/proof/latest"
    world = sandbox.clavex.world
    assert httpx.get(proof).json()["org_id"] == world.org_id
    world.orgs[world.org_id].proof = False
    assert httpx.get(proof).status_code == 404


def test_what_is_left_out_says_so(clavex: httpx.Client, sandbox: Sandbox) -> None:
    answer = clavex.get(f"/api/v1/organizations/{sandbox.clavex.world.org_id}/webhooks")
    assert answer.status_code == 501
    assert "does not emulate GET" in answer.json()["message"]


def test_times_never_repeat(sandbox: Sandbox) -> None:
    times = [sandbox.clavex.world.now() for _ in range(2000)]
    assert len(set(times)) == 2000
    assert not any(time.endswith("0Z") and "." in time for time in times)


class TestTokenEndpoint:
    @pytest.fixture
    def form(self, sandbox: Sandbox) -> dict[str, str]:
        world = sandbox.clavex.world
        world.add_client(Client("jira", world.org_id, "Jira", ["https://jira.acme.eu/cb"]), "right")
        return {"grant_type": "authorization_code", "code": "x", "client_id": "jira", "client_secret": "right"}

    def test_a_right_secret_fails_on_the_code_alone(self, clavex: httpx.Client, form: dict[str, str]) -> None:
        assert clavex.post("/acme/token", data=form).json()["error"] == "invalid_grant"

    def test_a_wrong_secret_fails_on_the_secret(self, clavex: httpx.Client, form: dict[str, str]) -> None:
        answer = clavex.post("/acme/token", data=form | {"client_secret": "wrong"})
        assert answer.json() == {"error": "invalid_client", "error_description": "invalid client secret"}

    def test_basic_is_as_good_as_a_form(self, clavex: httpx.Client) -> None:
        answer = clavex.post("/acme/token", data={"grant_type": "authorization_code"}, auth=("nosuch", "x"))
        assert answer.json() == {"error": "invalid_client", "error_description": "unknown client"}

    @pytest.mark.parametrize(
        ("form", "error"),
        [
            ({}, "unsupported_grant_type"),
            ({"grant_type": "password"}, "unsupported_grant_type"),
            ({"grant_type": "authorization_code"}, "invalid_client"),
        ],
    )
    def test_the_grant_type_comes_before_the_client(
        self, clavex: httpx.Client, form: dict[str, str], error: str
    ) -> None:
        assert clavex.post("/acme/token", data=form).json()["error"] == error

    def test_the_sixty_first_call_of_a_minute_is_refused(self, clavex: httpx.Client, form: dict[str, str]) -> None:
        statuses = [clavex.post("/acme/token", data=form).status_code for _ in range(61)]
        assert statuses == [400] * 60 + [429]
        # Another client_id has a bucket of its own, and an unknown slug has none.
        assert clavex.post("/acme/token", data=form | {"client_id": "other"}).status_code == 400
        assert clavex.post("/nosuchorg/token", data=form).status_code == 400


class TestCredentials:
    def test_a_key_goes_with_its_organisation(self, clavex: httpx.Client, sandbox: Sandbox) -> None:
        org = clavex.post("/api/v1/organizations", json={"name": "Other", "slug": "other"}).json()
        path = f"/api/v1/organizations/{org['id']}"
        key, _ = sandbox.clavex.world.add_key("other", org_id=org["id"], permissions=["clients:read"])
        headers = {"X-API-Key": key}
        assert httpx.get(f"{sandbox.clavex.url}{path}/clients", headers=headers).status_code == 200
        assert clavex.delete(path).status_code == 204
        assert httpx.get(f"{sandbox.clavex.url}{path}/clients", headers=headers).status_code == 401

    def test_the_key_of_another_organisation_gets_no_events(self, clavex: httpx.Client, sandbox: Sandbox) -> None:
        org = clavex.post("/api/v1/organizations", json={"name": "Other", "slug": "other"}).json()
        key, _ = sandbox.clavex.world.add_key("other", org_id=org["id"], permissions=["clients:read"])
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
        answer = httpx.get(
            f"{sandbox.clavex.url}/acme/events",
            headers=upgrade | {"Sec-WebSocket-Key": "A" * 22 + "==", "X-API-Key": key},
        )
        assert (answer.status_code, answer.json()["message"]) == (403, "org mismatch")

    def test_an_admin_answer_carries_a_cookie_that_is_no_session(self, clavex: httpx.Client) -> None:
        answer = clavex.get("/api/v1/organizations")
        assert list(answer.cookies) == ["clavex_csrf"]
        del clavex.headers["X-API-Key"]
        assert clavex.get("/api/v1/organizations").status_code == 401

"""Bodies beyond the recordings, with the answers that a real server (commit 044ce5c) gave to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reconciler.sandbox.clavex import Client

if TYPE_CHECKING:
    import httpx

    from reconciler.sandbox.serve import Sandbox


@pytest.fixture
def client_path(sandbox: Sandbox) -> str:
    world = sandbox.clavex.world
    world.add_client(Client("jira", world.org_id, "Jira", ["https://jira.acme.eu/cb"]))
    return f"/api/v1/organizations/{world.org_id}/clients/jira"


@pytest.mark.parametrize(
    ("body", "expected", "got", "field", "offset"),
    [
        ('{"name":true}', "string", "bool", "name", 12),
        ('{"redirect_uris":["a",{}]}', "string", "object", "redirect_uris", 23),
        ('{"redirect_uris":[["a"]]}', "string", "array", "redirect_uris", 19),
        ('{"access_token_ttl":true}', "int", "bool", "access_token_ttl", 24),
        ('{"name":"é","is_active":0}', "bool", "number", "is_active", 26),
    ],
)
def test_a_wrong_type_is_told_with_its_place_in_bytes(
    clavex: httpx.Client, client_path: str, body: str, expected: str, got: str, field: str, offset: int
) -> None:
    answer = clavex.patch(client_path, content=body.encode(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["message"] == (
        f"code=400, message=Unmarshal type error: expected={expected}, got={got}, field={field}, offset={offset}, "
        f"internal=json: cannot unmarshal {got} into Go struct field updateClientRequest.{field} of type {expected}"
    )


@pytest.mark.parametrize(
    ("body", "offset", "fault"),
    [
        ('{"name" "x"}', 9, "invalid character '\"' after object key"),
        ('{"name":"x" "y"}', 13, "invalid character '\"' after object key:value pair"),
        ('{"name":"x",}', 13, "invalid character '}' looking for beginning of object key string"),
    ],
)
def test_broken_json_is_told_with_its_place(
    clavex: httpx.Client, client_path: str, body: str, offset: int, fault: str
) -> None:
    answer = clavex.patch(client_path, content=body, headers={"Content-Type": "application/json"})
    message = f"code=400, message=Syntax error: offset={offset}, error={fault}, internal={fault}"
    assert (answer.status_code, answer.json()["message"]) == (400, message)


@pytest.mark.parametrize(
    ("field", "uri", "status"),
    [
        ("redirect_uris", "https://a b/c", 422),
        ("redirect_uris", "https://a\\b", 422),
        ("redirect_uris", "http://a%41/", 422),
        ("redirect_uris", "https://[bad/", 422),
        ("redirect_uris", "https://*.:80/", 200),
        ("redirect_uris", "https://*.a/*", 200),
        ("post_logout_redirect_uris", "https:/a", 422),
        ("post_logout_redirect_uris", "x:", 422),
        ("post_logout_redirect_uris", "https:#a", 200),
    ],
)
def test_odd_addresses(clavex: httpx.Client, client_path: str, field: str, uri: str, status: int) -> None:
    assert clavex.patch(client_path, json={field: [uri]}).status_code == status


def test_a_slug_is_checked_and_unique(clavex: httpx.Client) -> None:
    answers = [
        clavex.post("/api/v1/organizations", json={"name": "x", "slug": slug}) for slug in ("a--b", "rec", "rec")
    ]
    assert [answer.status_code for answer in answers] == [422, 201, 409]


def test_a_login_that_is_no_login_is_refused(clavex: httpx.Client) -> None:
    for body in (["x"], {"org_slug": 5}):
        answer = clavex.post("/api/v1/auth/login", json=body)
        assert (answer.status_code, answer.json()["message"]) == (400, "invalid request body")

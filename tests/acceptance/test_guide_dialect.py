"""A server that behaves as the guide prints: its curl and our apply make the same client."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from reconciler.errors import ExitCode

if TYPE_CHECKING:
    from acceptance.workplace import Workplace

CURL = r"""curl -X POST https://id.acme.eu/api/v1/organizations/acme/clients \
-H 'Authorization: Bearer $ADMIN_TOKEN' \
-H 'Content-Type: application/json' \
-d '{
"client_id": "atlassian",
"client_name": "Jira + Confluence",
"grant_types": ["authorization_code", "refresh_token"],
"redirect_uris": [
"https://jira.acme.eu/plugins/servlet/oidc/callback",
"https://confluence.acme.eu/plugins/servlet/oidc/callback"
],
"scopes": ["openid", "profile", "email", "groups"],
"token_endpoint_auth_method": "client_secret_post"
}'"""
"""Step 1 of the guide, letter by letter."""
CALLBACKS = {
    "sso": {
        "jira": {"callback": "https://jira.acme.eu/plugins/servlet/oidc/callback"},
        "confluence": {"callback": "https://confluence.acme.eu/plugins/servlet/oidc/callback"},
    }
}
OURS = {"created_at", "updated_at", "secret_digest", "managed_by", "managed_ref"}
"""What a server makes up, and the mark that says whose client it is."""


@pytest.fixture
def guide(place: Workplace) -> Workplace:
    """The server speaks the guide's dialect, and the token is that of an administrator's login, as in the guide."""
    clavex = place.sandbox.clavex
    clavex.world.switches = replace(clavex.world.switches, guide_dialect=True)
    login = {"org_slug": "acme", "email": clavex.username, "password": clavex.password}
    answer = httpx.post(f"{clavex.url}/api/v1/auth/login", json=login)
    place.environ["CLAVEX_TOKEN"] = answer.cookies["clavex_admin"]
    return place


def send_the_guides_request(place: Workplace) -> httpx.Response:
    """As curl sends it; only the host differs, and the token is filled in."""
    words = shlex.split(CURL.replace("\\\n", " "))
    assert words[:3] == ["curl", "-X", "POST"]
    headers = dict(words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H")
    headers = {name: value.replace("$ADMIN_TOKEN", place.environ["CLAVEX_TOKEN"]) for name, value in headers.items()}
    url = words[3].replace("https://id.acme.eu", place.sandbox.clavex.url)
    return httpx.post(url, headers=headers, content=words[words.index("-d") + 1])


def stored(place: Workplace) -> dict[str, Any]:
    """Every field of the client that anybody chose; lists are sets."""
    fields = asdict(place.sandbox.clavex.world.clients["atlassian"])
    chosen = {name: value for name, value in fields.items() if name not in OURS}
    return {name: sorted(value) if isinstance(value, list) else value for name, value in chosen.items()}


def test_the_guides_curl_and_apply_make_the_same_client(guide: Workplace) -> None:
    answer = send_the_guides_request(guide)
    assert (answer.status_code, set(answer.json())) == (201, {"client", "client_secret"})
    by_curl = stored(guide)
    guide.sandbox.clavex.world.remove_client("atlassian")
    guide.write(CALLBACKS)
    guide.apply("locks-out").ended(ExitCode.DONE)
    by_apply = stored(guide)
    assert by_apply == by_curl
    asked = json.loads(shlex.split(CURL.replace("\\\n", " "))[-1])
    for name, value in asked.items():
        assert by_apply[{"client_name": "name"}.get(name, name)] == (
            sorted(value) if isinstance(value, list) else value
        )
    guide.settle()


def test_the_guides_client_is_adopted_as_it_is(guide: Workplace) -> None:
    """Nothing of it differs: only the mark is set, and the secret that the guide's reader noted down is kept."""
    secret = send_the_guides_request(guide).json()["client_secret"]
    before = stored(guide)
    guide.environ["ATLASSIAN_SECRET"] = secret
    guide.write(CALLBACKS, {"clients": {"atlassian": {"secret": "env:ATLASSIAN_SECRET"}}})
    (change,) = [one for one in guide.plan()["changes"] if one["address"] == "clavex/client/atlassian"]
    assert (change["action"], [step["kind"] for step in change["steps"]]) == ("adopt", ["mark"])
    guide.apply("locks-out").ended(ExitCode.DONE)
    assert stored(guide) == before
    guide.settle()


def test_the_released_server_refuses_the_guides_request(place: Workplace) -> None:
    """Recording guide-step-1, and what the tool does there instead."""
    clavex = place.sandbox.clavex
    login = {"org_slug": "acme", "email": clavex.username, "password": clavex.password}
    place.environ["CLAVEX_TOKEN"] = httpx.post(f"{clavex.url}/api/v1/auth/login", json=login).cookies["clavex_admin"]
    refused = send_the_guides_request(place)
    assert (refused.status_code, refused.json()["message"]) == (400, "org_id must be a valid UUID")
    place.write(CALLBACKS)
    place.apply("locks-out").ended(ExitCode.DONE)
    assert stored(place)["redirect_uris"] == sorted(table["callback"] for table in CALLBACKS["sso"].values())

"""A browser logs in through a real Clavex, so that the emulated one does not only agree with itself.

Needs what tests/acceptance/test_real_clavex.py needs, and a key that may write users too. Everything that is made
bears names of its own, and is removed at the end.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import pytest
from acceptance.test_real_clavex import KEY, NAMES, ORG, URL
from acceptance.workplace import Workplace

from reconciler.errors import ExitCode
from reconciler.sandbox.serve import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from browser.chromium import Tab

pytestmark = pytest.mark.skipif(not (URL and KEY and ORG), reason=f"set {', '.join(NAMES)} to test a real Clavex")
PASSWORD = "Ann-pass-1"


@dataclass
class Real:
    """A person of a real Clavex in one group, which may use both products."""

    place: Workplace
    group: str
    email: str


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Real]:
    mark = uuid4().hex[:12]
    group, email = f"rt-{mark}-users", f"rt-{mark}@acme.test"
    with (
        Sandbox(clavex_url=URL) as sandbox,
        httpx.Client(base_url=URL, headers={"X-API-Key": KEY}, trust_env=False, timeout=30) as http,
    ):
        place = Workplace(sandbox, tmp_path, {"CLAVEX_TOKEN": KEY})
        only = {"jira-administrators": None, "jira-software-users": None, "confluence-users": None, group: group}
        attributes = {"username": "email"}
        place.write(
            {
                "systems": {
                    "clavex": {"org": ORG},
                    "jira": {"applications": {"jira-software": [group]}},
                    "confluence": {"may_use": [group]},
                },
                "clients": {"atlassian": {"client_id": f"rt{mark}"}},
                "sso": {"jira": {"groups": only, "attributes": attributes}, "confluence": {"groups": only}},
                "groups": {"users": {"system": "clavex", "name": group, "on_remove": "delete"}},
            }
        )
        user = ""
        try:
            place.apply("locks-out").ended(ExitCode.DONE)
            state = json.loads((place.home / "state.json").read_bytes())["state"]
            org_id = state["systems"]["clavex"]["facts"]["org_id"]
            user = join(http, f"/api/v1/organizations/{org_id}", group, email)
            yield Real(place, group, email)
        finally:
            place.apply("deletes", "locks-out", "too-much", arguments=["--destroy"])
            if user:
                http.delete(user)


def join(http: httpx.Client, org: str, group: str, email: str) -> str:
    """The path of a new user in the group."""
    person = {"email": email, "password": PASSWORD, "first_name": "Ann", "last_name": "Lee"}
    made = http.post(f"{org}/users", json=person).raise_for_status().json()
    groups = http.get(f"{org}/groups", params={"limit": 200}).raise_for_status().json()["items"]
    (found,) = [one["id"] for one in groups if one["name"] == group]
    http.post(f"{org}/groups/{found}/members", json={"user_id": made["id"]}).raise_for_status()
    return f"{org}/users/{made['id']}"


def test_a_person_of_a_real_clavex_logs_in_to_both_products(real: Real, tab: Tab) -> None:
    jira = real.place.sandbox.jira
    tab.open(f"{jira.url}{jira.world.login_path}").press("a.sso")
    tab.type("input[name=email]", real.email)
    tab.type("input[name=password]", PASSWORD)
    tab.press_in_vain("button[type=submit]")  # the form may lead to https only, and by now Clavex knows the browser
    for served in (jira, real.place.sandbox.confluence):
        tab.open(f"{served.url}{served.world.login_path}").press("a.sso")
        assert (tab.text("#user"), tab.text("#display-name")) == (real.email, "Ann Lee")
        assert tab.texts("#groups li") == [real.group]

"""The guide's example against a real Clavex, named in the environment; Jira and Confluence are the sandbox's.

    RECONCILER_TEST_CLAVEX_URL   its address; plain http on loopback only
    RECONCILER_TEST_CLAVEX_KEY   an API key that may write clients and groups
    RECONCILER_TEST_CLAVEX_ORG   the slug of the organisation

Everything that is made there bears names of its own, and is removed at the end.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest
from acceptance import wanted
from acceptance.workplace import Workplace

from reconciler.errors import ExitCode
from reconciler.sandbox.serve import Sandbox
from reconciler.transport.http import SystemHttp

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [f"RECONCILER_TEST_CLAVEX_{part}" for part in ("URL", "KEY", "ORG")]
URL, KEY, ORG = (os.environ.get(name, "") for name in NAMES)
pytestmark = pytest.mark.skipif(not (URL and KEY and ORG), reason=f"set {', '.join(NAMES)} to test a real Clavex")


class Real:
    """The guide's example, with names of its own, on a real Clavex."""

    def __init__(self, place: Workplace, http: httpx.Client) -> None:
        self.place, self.http, self.mark = place, http, uuid4().hex[:12]
        self.client_ids = {f"rt{self.mark}", f"rt{self.mark}b"}
        self.groups = [f"rt-{self.mark}-{name}" for name in ("administrators", "users")]
        self.org_id = ""

    def write(self, **overlay: Any) -> None:
        first, second = self.groups
        jira = {"jira-administrators": None, "jira-software-users": None, first: first, second: second}
        deleted = {
            f"{system}-{name}": {"system": system, "name": name, "on_remove": "delete"}
            for system, names in {"clavex": self.groups, "jira": self.groups, "confluence": [second]}.items()
            for name in names
        }
        self.place.write(
            {
                "systems": {"clavex": {"org": ORG}},
                "clients": {"atlassian": {"client_id": f"rt{self.mark}", "name": f"Test {self.mark}"}},
                "sso": {
                    "jira": {"groups": jira},
                    "confluence": {"groups": {"confluence-users": None, second: second}},
                },
                "groups": deleted,
            },
            overlay,
        )

    def client(self) -> dict[str, Any]:
        """The client as the server shows it."""
        client_id = wanted.client_id(self.place.spec, "atlassian")
        answer = self.http.get(f"/api/v1/organizations/{self.org_id}/clients/{client_id}").raise_for_status().json()
        return dict(answer.get("client", answer))

    def check(self) -> None:
        """Holds if the real client fits what the products hold."""
        spec, row = self.place.spec, self.client()
        uris = {wanted.callback(spec, table) for table in spec["sso"].values()}
        assert set(row["redirect_uris"]) == uris | set(spec["clients"]["atlassian"].get("redirect_uris", ()))
        assert row["name"] == spec["clients"]["atlassian"]["name"]
        assert row["managed_by"] == "reconciler"
        wanted._check_idps(self.place, spec, "jira")
        wanted._check_idps(self.place, spec, "confluence")
        wanted._check_miniorange(self.place, spec, "jira")
        form = {
            "grant_type": "authorization_code",
            "code": "made-up",
            "redirect_uri": row["redirect_uris"][0],
            "client_id": row["client_id"],
            "client_secret": wanted.client_secret(self.place, "atlassian"),
        }
        assert self.http.post(f"/{ORG}/token", data=form).json()["error"] == "invalid_grant"  # the secret is right


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Real]:
    with (
        Sandbox(clavex_url=URL) as sandbox,
        httpx.Client(base_url=URL, headers={"X-API-Key": KEY}, trust_env=False, timeout=30) as http,
    ):
        made = Real(Workplace(sandbox, tmp_path, {"CLAVEX_TOKEN": KEY}), http)
        try:
            yield made
        finally:
            made.place.apply("deletes", "locks-out", "too-much", arguments=["--destroy"])
            for client_id in made.client_ids:
                with suppress(httpx.HTTPError):
                    http.delete(f"/api/v1/organizations/{made.org_id}/clients/{client_id}")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every write that leaves for any system; the proof of a secret is none."""
    writes: list[str] = []
    send = SystemHttp.send

    def watched(self: SystemHttp, method: str, path: str, **rest: Any) -> Any:
        if not path.endswith("/token"):
            writes.append(f"{method} {path}")
        return send(self, method, path, **rest)

    monkeypatch.setattr(SystemHttp, "send", watched)
    return writes


def settle(real: Real, sent: list[str]) -> None:
    sent.clear()
    assert real.place.plan()["changes"] == []
    real.place.run("drift").ended(ExitCode.DONE)
    real.place.apply().ended(ExitCode.DONE)
    assert sent == []


def test_the_guide_on_a_real_clavex(real: Real, sent: list[str]) -> None:
    place = real.place
    real.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    real.org_id = next(path.split("/")[4] for path in sent if "/organizations/" in path).split(" ")[-1]
    real.check()
    settle(real, sent)

    row = real.client()
    real.http.patch(
        f"/api/v1/organizations/{real.org_id}/clients/{row['client_id']}",
        json={"redirect_uris": [*row["redirect_uris"], "https://by-hand.acme.eu/cb"], "name": "By hand"},
    ).raise_for_status()
    place.run("drift").ended(ExitCode.CHANGES)
    place.apply().ended(ExitCode.REFUSED)
    place.apply("takes-over").ended(ExitCode.DONE)
    real.check()
    settle(real, sent)

    real.write(sso={"jira": {"plugin": "atlassian"}})
    place.apply("deletes", "locks-out").ended(ExitCode.DONE)
    real.check()
    settle(real, sent)

    real.write(clients={"atlassian": {"client_id": f"rt{real.mark}b", "access_token_ttl": 600}})
    place.apply("deletes", "locks-out", "replaces").ended(ExitCode.DONE)
    real.check()
    settle(real, sent)

    (place.home / "state.json").unlink()
    place.apply().ended(ExitCode.DONE)
    real.check()
    settle(real, sent)

    place.apply("deletes", "locks-out", "too-much", arguments=["--destroy"]).ended(ExitCode.DONE)
    ids = {item["client_id"] for item in _all(real, "clients")}
    assert not ids & real.client_ids
    assert not {item["name"] for item in _all(real, "groups")} & set(real.groups)


def _all(real: Real, what: str) -> list[dict[str, Any]]:
    """All clients or groups of the organisation."""
    items: list[dict[str, Any]] = []
    params: dict[str, str | int] = {"limit": 200}
    while True:
        page = real.http.get(f"/api/v1/organizations/{real.org_id}/{what}", params=params).raise_for_status().json()
        items += page["items"]
        if not page.get("has_more"):
            return items
        params |= {"offset": len(items), "after": page.get("next_cursor", "")}

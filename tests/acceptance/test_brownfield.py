"""An installation made by hand: what is there is said, asked about, taken over with permission, and left whole."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import pytest
from acceptance import wanted
from acceptance.workplace import Workplace

from reconciler.errors import ExitCode
from reconciler.sandbox.clavex import Client

EXTRA = "https://old-wiki.acme.eu/cb"
NOTED = "the-secret-as-somebody-noted-it"
CLIENT = "clavex/client/atlassian"
OKTA: dict[str, Any] = {
    "ID": "okta-1",
    "Name": "Okta",
    "Application Configuration": {"CLIENT_ID": "okta", "CLIENT_SECRET": "of-okta", "OWN": 1, "SCOPE": "b a"},
    "Attribute Mapping": {"USE_SEPARATE_NAME_ATTRIBUTE": "true"},
    "Group Mapping": {"ROLE_MAPPING": {"x": ["y"]}},
}


@dataclass
class Found:
    """An installation as somebody made it."""

    place: Workplace
    client: Client

    @property
    def foreign(self) -> dict[str, Any]:
        """All that the spec does not ask for, as it is now; a copy."""
        clavex = self.place.sandbox.clavex.world
        jira, confluence = self.place.sandbox.jira.world, self.place.sandbox.confluence.world
        document = copy.deepcopy(jira.miniorange)
        providers: Any = document.pop("Identity Providers")
        return copy.deepcopy(
            {
                "clients": {key: row for key, row in clavex.clients.items() if key != "atlassian"},
                "mappers": [
                    row for row in clavex.mappers.values() if row.client_id != "atlassian" or row.name == "theirs"
                ],
                "groups": [row for row in clavex.groups.values() if row.name in {"staff", "jira-administrators"}],
                "idps": [idp for world in (jira, confluence) for idp in world.idps.values() if idp.name == "Okta"],
                "sso": [world.sso for world in (jira, confluence)],
                "document": document,
                "providers": [item for item in providers if item["Name"] == "Okta"],
                "product groups": [jira.groups, confluence.groups],
            }
        )


@pytest.fixture
def found(place: Workplace) -> Found:
    clavex, jira, confluence = place.sandbox.clavex.world, place.sandbox.jira.world, place.sandbox.confluence.world
    row = clavex.add_client(
        Client(
            "atlassian",
            clavex.org_id,
            "Atlassian (do not touch)",
            [
                f"{jira_url(place)}/plugins/servlet/oauth/callback",
                EXTRA,
            ],
            mfa_required=True,
            enabled_login_providers=["google"],
        ),
        NOTED,
    )
    clavex.add_client(Client("grafana", clavex.org_id, "Grafana", ["https://grafana.acme.eu/login"]), "of-grafana")
    clavex.add_group("staff")
    clavex.add_group("jira-administrators", description="By hand")
    jira.groups["Jira-Software-Users"] = ["ada", "bob"]
    confluence.groups["Confluence-Users"] = confluence.groups.pop("confluence-users")
    unknown: Any = {"a": [1, 2, {"b": None}]}
    jira.import_({**jira.miniorange, "Identity Providers": [OKTA], "UNKNOWN": unknown})
    okta: dict[str, Any] = {
        "name": "Okta",
        "sso-type": "OIDC",
        "enabled": True,
        "button-text": "Okta",
        "issuer-url": "https://okta.test",
        "client-id": "okta",
        "client-secret": "of-okta",
        "discovery-enabled": True,
    }
    jira.store_idp({**okta})
    confluence.store_idp({**okta})
    jira.show_miniorange()
    return Found(place, row)


def jira_url(place: Workplace) -> str:
    return place.sandbox.jira.url


def hazards(place: Workplace) -> set[tuple[str, str]]:
    return {(hazard["name"], hazard["subject"]) for hazard in place.plan()["hazards"]}


def check(found: Found) -> None:
    """Holds if all is as wanted, what is foreign aside."""
    jira, confluence = found.place.sandbox.jira.world, found.place.sandbox.confluence.world
    clavex = found.place.sandbox.clavex.world
    kept = jira.idps, confluence.idps, jira.miniorange["Identity Providers"], clavex.clients
    jira.idps = {key: idp for key, idp in jira.idps.items() if idp.name != "Okta"}
    confluence.idps = {key: idp for key, idp in confluence.idps.items() if idp.name != "Okta"}
    providers: Any = kept[2]
    jira.miniorange["Identity Providers"] = [item for item in providers if item["Name"] != "Okta"]
    clavex.clients = {key: row for key, row in clavex.clients.items() if key != "grafana"}
    try:
        wanted.check(found.place)
    finally:
        jira.idps, confluence.idps, jira.miniorange["Identity Providers"], clavex.clients = kept


def test_the_plan_says_what_it_would_take_over_and_nothing_is_done_without_permission(found: Found) -> None:
    place = found.place
    place.write()
    before = found.foreign, copy.deepcopy(found.client)
    text = " ".join(place.run("plan").out.split())
    assert f"redirect_uris: {EXTRA} is removed, which we did not add" in text
    assert "somebody else made it, and these would change" in text
    assert "its secret is rotated: whoever uses the old one is refused from that moment on" in text
    assert {("takes-over", CLIENT), ("rotates", CLIENT)} <= hazards(place)
    for allowed in ([], ["locks-out", "rotates"], ["locks-out", "takes-over"], ["takes-over=jira/idp/jira"]):
        place.apply(*allowed).ended(ExitCode.REFUSED)
    assert place.writes == 0
    assert (found.foreign, found.client) == before
    assert not place.entries


def test_with_permission_it_converges_and_what_is_foreign_stays(found: Found) -> None:
    place = found.place
    place.write()
    before = found.foreign
    place.apply("locks-out", "takes-over", "rotates").ended(ExitCode.DONE)
    check(found)
    place.settle()
    after = found.foreign
    assert after == before
    assert (found.client.mfa_required, found.client.enabled_login_providers) == (True, ["google"])
    assert set(place.sandbox.jira.world.groups) == {"jira-administrators", "jira-core-users", "Jira-Software-Users"}


def test_leaving_the_spec_leaves_foreign_and_adopted_things_whole(found: Found) -> None:
    place = found.place
    place.write()
    before = found.foreign
    place.apply("locks-out", "takes-over", "rotates").ended(ExitCode.DONE)
    adopted = {address for address, entry in place.entries.items() if entry["origin"] == "adopted"}
    assert {CLIENT, "clavex/group/jira-administrators", "jira/group/jira-software-users"} < adopted
    row = copy.deepcopy(found.client)
    place.write({"clients": None, "sso": None})
    place.apply("deletes", "locks-out", "too-much").ended(ExitCode.DONE)
    assert found.foreign == before
    row.managed_by = row.managed_ref = None
    row.updated_at = found.client.updated_at
    assert found.client == row
    assert not place.entries
    place.settle()


def test_an_extra_uri_can_stay_by_writing_it_down(found: Found) -> None:
    place = found.place
    place.write({"clients": {"atlassian": {"redirect_uris": [EXTRA], "name": found.client.name}}})
    text = place.run("plan").out
    assert "is removed, which we did not add" not in " ".join(text.split())
    place.apply("locks-out", "takes-over", "rotates").ended(ExitCode.DONE)
    check(found)
    place.settle()
    place.write()  # later it shall go after all: it was there before us
    assert ("takes-over", CLIENT) in hazards(place)


@pytest.mark.parametrize("right", [True, False])
def test_a_secret_that_somebody_noted_is_proved_before_it_is_used(found: Found, *, right: bool) -> None:
    place = found.place
    place.environ["NOTED"] = NOTED if right else "wrong"
    place.write({"clients": {"atlassian": {"secret": "env:NOTED"}}})
    digest = found.client.secret_digest
    ran = place.apply("locks-out", "takes-over", "rotates")
    assert found.client.secret_digest == digest
    if right:
        ran.ended(ExitCode.DONE)
        check(found)
        place.settle()
    else:
        ran.ended(ExitCode.ERROR)
        assert place.writes == 0


@pytest.mark.parametrize("taken", [("apply", "--auto-approve"), ("import", "clavex/client/portal")])
def test_a_wrong_secret_of_a_client_that_nobody_uses_is_never_vouched_for(
    place: Workplace, taken: tuple[str, ...]
) -> None:
    clavex = place.sandbox.clavex.world
    portal = clavex.add_client(Client("portal", clavex.org_id, "portal", ["https://portal.acme.eu/cb"]))
    clavex.set_secret(portal, "the right one")
    place.environ["NOTED"] = "wrong"
    uris = {"redirect_uris": ["https://portal.acme.eu/cb"], "secret": "env:NOTED"}
    place.write({"sso": None, "clients": {"atlassian": None, "portal": {"system": "clavex", **uris}}})
    place.run(*taken).ended(ExitCode.DONE)
    place.apply().ended(ExitCode.DONE)
    plan = place.plan()
    assert plan["changes"] == []
    assert [item["where"] for item in plan["diagnostics"] if "refuses" in item["message"]] == ["clavex/client/portal"]
    place.environ["NOTED"] = "the right one"
    place.apply().ended(ExitCode.DONE)
    assert place.plan()["diagnostics"] == []


def test_a_rotation_that_fails_is_asked_for_again(found: Found) -> None:
    from reconciler.sandbox.faults import Fault, Kind

    place = found.place
    place.write()
    place.apply("locks-out", "takes-over", "rotates").ended(ExitCode.DONE)
    place.run("forget", CLIENT).ended(ExitCode.DONE)
    clavex = place.sandbox.clavex.world
    clavex.set_secret(found.client, "rotated-by-somebody-else")
    place.sandbox.clavex.faults.add(Fault(kind=Kind.SERVER_ERROR, status=500, method="POST", path="/secret$"))
    place.apply("rotates").ended(ExitCode.PARTLY)
    place.apply("rotates").ended(ExitCode.DONE)
    check(found)
    place.settle()


# --- a lost state, and marks of others ----------------------------------------------------------------------------


def test_without_its_state_it_knows_again_what_bears_its_mark(place: Workplace) -> None:
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    before = place.entries
    (place.home / "state.json").unlink()
    assert hazards(place) == set()
    changes = place.writes
    place.apply().ended(ExitCode.DONE)
    wanted.check(place)
    place.settle()
    again = place.entries
    assert again.keys() == before.keys()
    for address, entry in before.items():
        if address.startswith(("clavex/client", "clavex/group")):
            assert again[address]["origin"] == entry["origin"] == "created"
    since = {"secret_since": again[CLIENT]["secret_since"]}  # nobody knows any more when the secret was made
    assert again[CLIENT] == before[CLIENT] | since
    names = [path.rsplit("/", 1)[-1] for _, path in place.sandbox.clavex.faults.requests]
    assert "secret" not in names
    # A write-only secret cannot be compared any more, so it is written once again.
    assert place.writes == changes + 1


def test_without_state_and_secrets_the_loss_is_said_and_mended(place: Workplace) -> None:
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    for path in place.home.iterdir():
        if path.is_file():
            path.unlink()
    assert hazards(place) == {("rotates", CLIENT)}
    place.apply().ended(ExitCode.REFUSED)
    place.apply("rotates").ended(ExitCode.DONE)
    wanted.check(place)
    place.settle()


def test_without_its_state_it_deletes_nothing_that_left_the_spec_meanwhile(place: Workplace) -> None:
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    (place.home / "state.json").unlink()
    place.write({"sso": {"jira": None}})
    place.apply("locks-out", "deletes", "takes-over", "too-much").ended(ExitCode.DONE)
    assert place.sandbox.jira.world.miniorange["Identity Providers"]


def test_a_foreign_mark_means_not_ours_whatever_the_state_says(place: Workplace) -> None:
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    row = place.sandbox.clavex.world.clients["atlassian"]
    row.managed_by, row.managed_ref = "k8s-operator", "Client/ns/atlassian"
    before = copy.deepcopy(row)
    place.write({"clients": {"atlassian": {"name": "Mine"}}})
    assert ("takes-over", CLIENT) in hazards(place)
    assert "it bears the mark of k8s-operator" in " ".join(place.run("plan").out.split())
    place.apply().ended(ExitCode.REFUSED)
    place.write({"clients": None, "sso": None})
    place.apply("deletes", "locks-out", "too-much").ended(ExitCode.DONE)
    assert place.sandbox.clavex.world.clients["atlassian"] == before


def test_a_foreign_mark_that_appears_after_the_plan_stops_a_delete(place: Workplace) -> None:
    from reconciler.sandbox.faults import Fault, Kind

    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    row = place.sandbox.clavex.world.clients["atlassian"]
    jira = place.sandbox.jira

    class Marking(list[tuple[str, str]]):
        """Somebody marks the client while Jira is asked to remove its sign-on."""

        def append(self, request: tuple[str, str]) -> None:
            super().append(request)
            if request[0] == "POST":
                row.managed_by, row.managed_ref = "k8s-operator", "x"

    jira.faults.requests = Marking()
    jira.faults.add(Fault(kind=Kind.LATENCY, method="POST", seconds=0.01))
    ran = place.apply("deletes", "locks-out", "too-much", arguments=["--destroy"]).ended(ExitCode.PARTLY)
    assert "somebody else's mark" in ran.out
    assert "atlassian" in place.sandbox.clavex.world.clients


def test_a_mark_of_another_environment_is_a_foreign_one(place: Workplace) -> None:
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    place.write_overlay("other", {"stack": {"secrets": "file:other"}})
    found = place.run("plan", "--env", "other", "--format", "json").json["plan"]["hazards"]
    assert ("takes-over", CLIENT) in {(hazard["name"], hazard["subject"]) for hazard in found}


@pytest.mark.parametrize("system", ["jira", "confluence"])
def test_two_objects_that_fit_are_an_error_and_not_a_guess(place: Workplace, system: str) -> None:
    place.write({"sso": {"jira": {"plugin": "atlassian"}}})
    world = getattr(place.sandbox, system).world
    for _ in range(2):
        world.store_idp(
            {
                "name": system,
                "sso-type": "OIDC",
                "enabled": False,
                "button-text": "x",
                "issuer-url": "https://x.test",
                "client-id": "x",
                "client-secret": "xxxxxx",
                "discovery-enabled": True,
            }
        )
    ran = place.run("plan").ended(ExitCode.INCOMPLETE)
    assert "several objects fit, with the ids 1, 2" in " ".join(ran.out.split())
    place.apply("locks-out", "takes-over").ended(ExitCode.INCOMPLETE)
    assert len(world.idps) == 2

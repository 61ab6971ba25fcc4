"""The traps that sank other tools, from the command line to the systems and back."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from acceptance import wanted
from acceptance.cases import ATLASSIAN, client, portal
from acceptance.workplace import Workplace

from reconciler.errors import ExitCode
from reconciler.sandbox.clavex import Client
from reconciler.sandbox.clavex.records import Organisation
from reconciler.sandbox.faults import Fault, Kind

CLIENT = "clavex/client/atlassian"


def at(place: Workplace, system: str, method: str, path: str, act: Callable[[], object]) -> None:
    """`act` is done once, just as the first such request arrives."""

    class Watched(list[tuple[str, str]]):
        done = False

        def append(self, request: tuple[str, str]) -> None:
            super().append(request)
            if not self.done and request[0] == method and request[1].endswith(path):
                self.done = True
                act()

    getattr(place.sandbox, system).faults.requests = Watched()


def foreign(place: Workplace, client_id: str = "atlassian", org_id: str = "") -> Client:
    world = place.sandbox.clavex.world
    row = Client(client_id, org_id or world.org_id, "Somebody's", ["https://somebody.test/cb"])
    return world.add_client(row, "of-somebody")


def test_a_500_that_means_duplicate(place: Workplace) -> None:
    place.write()
    at(place, "clavex", "POST", "/clients", lambda: foreign(place))
    ran = place.apply("locks-out").ended(ExitCode.PARTLY)
    assert "somebody else made it" in " ".join(ran.out.split())
    row = place.sandbox.clavex.world.clients["atlassian"]
    assert (row.name, row.managed_by) == ("Somebody's", None)
    assert CLIENT not in place.entries
    place.apply("locks-out").ended(ExitCode.REFUSED)


def test_a_500_that_means_duplicate_group(place: Workplace) -> None:
    place.write()
    at(
        place,
        "clavex",
        "POST",
        "/groups",
        lambda: [place.sandbox.clavex.world.add_group(name) for name in ("confluence-users", "jira-administrators")],
    )
    place.apply("locks-out").ended(ExitCode.PARTLY)
    names = [group.name for group in place.sandbox.clavex.world.groups.values()]
    assert len(names) == len(set(names))
    place.apply("locks-out").ended(ExitCode.DONE)
    wanted.check(place)
    place.settle()


def test_a_client_id_that_lives_in_another_organisation(place: Workplace) -> None:
    world = place.sandbox.clavex.world
    other = str(uuid4())
    world.orgs[other] = Organisation(other, "Other", "other", world.now())
    row = foreign(place, org_id=other)
    before = copy.deepcopy(row)
    place.write()
    ran = place.apply("locks-out").ended(ExitCode.PARTLY)
    assert "taken in another organisation" in " ".join(ran.out.split())
    assert row == before
    place.write(client(client_id="sso2"))
    place.apply("locks-out").ended(ExitCode.DONE)
    world.remove_org(other)
    wanted.check(place)
    place.settle()


def test_an_empty_list_that_is_ignored(place: Workplace) -> None:
    place.write(client(post_logout_redirect_uris=["https://a.eu/"]))
    place.apply("locks-out").ended(ExitCode.DONE)
    place.write(client(post_logout_redirect_uris=[]))
    before = place.writes
    ran = place.apply().ended(ExitCode.DONE)
    assert "this Clavex ignores an empty list: what is on the client stays there" in " ".join(ran.out.split())
    assert place.writes == before
    place.settle()


@pytest.mark.parametrize("key", ["grant_types", "response_types"])
def test_an_empty_list_that_means_the_default(place: Workplace, key: str) -> None:
    place.write(client(**{key: []}))
    place.run("plan").ended(ExitCode.ERROR)
    place.apply("locks-out").ended(ExitCode.ERROR)
    assert place.writes == 0


def test_fields_silently_dropped(place: Workplace) -> None:
    place.write(client(scopes=["openid", "groups", "custom"], token_endpoint_auth_method="client_secret_post"))
    ran = place.apply("locks-out").ended(ExitCode.DONE)
    assert "drops custom, groups from every login without an error" in " ".join(ran.out.split())
    assert "does not keep the method" in " ".join(ran.out.split())
    place.settle()


@pytest.mark.parametrize("kind", [Kind.TRUNCATED_JSON, Kind.CUT_AFTER, Kind.ERROR_IN_200, Kind.HTML])
def test_a_secret_that_is_shown_once(place: Workplace, kind: Kind) -> None:
    place.write()
    status = {Kind.HTML: 201, Kind.ERROR_IN_200: None}.get(kind)
    place.sandbox.clavex.faults.add(Fault(kind=kind, method="POST", path="/clients$", acts=True, status=status))
    ran = place.apply("locks-out")
    assert ran.code in {ExitCode.DONE, ExitCode.PARTLY}
    place.apply("locks-out", "rotates").ended(ExitCode.DONE)
    wanted.check(place)
    place.settle()


def test_a_lost_secret_that_is_reported_ready(place: Workplace) -> None:
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    (place.home / "acme.secrets").unlink()
    hazards = {(hazard["name"], hazard["subject"]) for hazard in place.plan()["hazards"]}
    assert hazards == {("rotates", CLIENT)}
    place.apply("rotates").ended(ExitCode.DONE)
    wanted.check(place)
    place.settle()


def test_a_lost_secret_of_a_client_that_no_sign_on_uses(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    from reconciler.errors import SecretError
    from reconciler.secrets.stores import StoredSecrets

    def fail(*_: object) -> None:
        raise SecretError("the disk is full")

    place.write({"sso": None, "clients": {"atlassian": None}}, portal())
    with monkeypatch.context() as patched:
        patched.setattr(StoredSecrets, "put", fail)
        place.apply().ended(ExitCode.PARTLY)
    place.apply().ended(ExitCode.DONE)  # it never reached anybody, so nobody is asked
    assert "clients.portal.client_secret" in place.stored_secrets()
    place.settle()
    (place.home / "acme.secrets").unlink()
    hazards = {(hazard["name"], hazard["subject"]) for hazard in place.plan()["hazards"]}
    assert hazards == {("rotates", "clavex/client/portal")}
    place.apply("rotates").ended(ExitCode.DONE)
    wanted.check(place)
    place.settle()


def test_a_store_that_fails_after_the_client_was_made(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    from reconciler.errors import SecretError
    from reconciler.secrets.stores import StoredSecrets

    def fail(*_: object) -> None:
        raise SecretError("the disk is full")

    place.write()
    with monkeypatch.context() as patched:
        patched.setattr(StoredSecrets, "put", fail)
        ran = place.apply("locks-out").ended(ExitCode.PARTLY)
    assert "could not be kept: the disk is full" in " ".join(ran.out.split())
    assert not place.sandbox.confluence.world.idps
    place.apply("locks-out").ended(ExitCode.DONE)  # it never reached anybody, so nobody is asked
    wanted.check(place)
    place.settle()


READS = [
    ("clavex", "/clients(/atlassian)?$"),
    ("clavex", "/groups$"),
    ("clavex", "/mappers$"),
    ("clavex", "/openid-configuration$"),
    ("jira", "/serverInfo$"),
    ("jira", "/groups/picker$"),
    ("jira", "/configureplugin$"),
    ("confluence", "/server-information$"),
    ("confluence", "/group/"),
    ("confluence", "/idps$"),
]
ANSWERS = [
    Fault(kind=Kind.SERVER_ERROR, status=500),
    Fault(kind=Kind.SERVER_ERROR, status=403),
    Fault(kind=Kind.HTML),
    Fault(kind=Kind.LOGIN_REDIRECT),
    Fault(kind=Kind.EXPIRED_TOKEN),
    Fault(kind=Kind.ERROR_IN_200),
    Fault(kind=Kind.TRUNCATED_JSON),
]


@pytest.mark.parametrize(("system", "path"), READS, ids=str)
def test_a_failed_read_taken_for_none(place: Workplace, system: str, path: str) -> None:
    place.write()
    faults = getattr(place.sandbox, system).faults

    def fail(*commands: str) -> None:
        """Each command ends as incomplete, and nothing is written, whatever the answer is."""
        before = place.writes
        for answer in ANSWERS:
            faults.add(answer.model_copy(update={"method": "GET", "path": path, "times": None}))
            for command in commands:
                place.run(*command.split()).ended(ExitCode.INCOMPLETE)
            faults.clear()
        assert place.writes == before

    if path != "/mappers$":  # before the first apply there is no client that could have mappers
        fail("apply --auto-approve --allow=locks-out")
    place.apply("locks-out").ended(ExitCode.DONE)
    fail("apply --auto-approve --allow=locks-out --allow=deletes --allow=rotates", "drift")
    place.run("plan").ended(ExitCode.DONE)
    place.settle()


def test_a_list_cut_at_50(place: Workplace) -> None:
    world = place.sandbox.clavex.world
    for number in range(230):
        foreign(place, f"c{number:03}")
        world.add_group(f"g{number:03}")
    place.write({"groups": {"zz": {"system": "clavex"}}}, portal(name="Zz"))
    place.apply("locks-out").ended(ExitCode.DONE)
    place.settle()
    world.groups = dict(reversed(world.groups.items()))
    place.settle()


def test_pages_that_repeat_and_skip_clients_of_equal_name(place: Workplace) -> None:
    world = place.sandbox.clavex.world
    world.switches = replace(world.switches, unstable_lists=True)
    for number in range(450):
        foreign(place, f"c{number:03}").name = "Same"
    place.write({"clients": {"atlassian": {"name": "Same"}}}, portal(name="Same"))
    place.apply("locks-out").ended(ExitCode.DONE)
    place.settle()


def test_a_perpetual_change(place: Workplace) -> None:
    place.write(client(access_token_ttl=0, post_logout_redirect_uris=["https://b.eu/", "https://a.eu/"]))
    place.apply("locks-out").ended(ExitCode.DONE)
    world, confluence = place.sandbox.clavex.world, place.sandbox.confluence.world
    row = world.clients["atlassian"]
    for values in (row.redirect_uris, row.grant_types, row.post_logout_redirect_uris):
        values.reverse()
    row.access_token_ttl = None
    (confluence.idps[1].additional_scopes or []).reverse()
    providers: Any = place.sandbox.jira.world.miniorange["Identity Providers"]
    application = providers[0]["Application Configuration"]
    application["SCOPE"] = " ".join(reversed(application["SCOPE"].split()))
    providers[0]["Attribute Mapping"]["USE_SEPARATE_NAME_ATTRIBUTE"] = "true"
    place.sandbox.jira.world.groups["JIRA-Software-Users"] = place.sandbox.jira.world.groups.pop(
        "jira-software-users"
    )
    place.settle()


def test_a_foreign_client_taken_over_and_later_deleted(place: Workplace) -> None:
    row = foreign(place)
    place.write()
    place.apply("locks-out").ended(ExitCode.REFUSED)
    place.apply("locks-out", "takes-over", "rotates").ended(ExitCode.DONE)
    place.apply("deletes", "locks-out", "too-much", arguments=["--destroy"]).ended(ExitCode.DONE)
    assert place.sandbox.clavex.world.clients["atlassian"] is row
    assert row.managed_by is None


def test_other_identity_providers_are_untouched(place: Workplace) -> None:
    world = place.sandbox.jira.world
    for name in ("Okta", "jira (old)"):
        world.store_idp(
            {
                "name": name,
                "sso-type": "OIDC",
                "enabled": True,
                "button-text": name,
                "issuer-url": "https://o.test",
                "client-id": "o",
                "client-secret": "of-" + name,
                "discovery-enabled": True,
            }
        )
    before = copy.deepcopy(world.idps)
    place.write(ATLASSIAN)
    place.apply("locks-out").ended(ExitCode.DONE)
    place.write(ATLASSIAN, {"sso": {"jira": {"display_name": "Log in"}}})
    place.apply().ended(ExitCode.DONE)
    place.apply("deletes", "locks-out", "too-much", arguments=["--destroy"]).ended(ExitCode.DONE)
    assert world.idps == before


def test_a_half_made_identity_provider_lets_nobody_in(place: Workplace) -> None:
    place.write()
    place.sandbox.confluence.faults.add(Fault(kind=Kind.SERVER_ERROR, status=500, method="PATCH", times=None))
    place.apply("locks-out").ended(ExitCode.PARTLY)
    assert [idp.enabled for idp in place.sandbox.confluence.world.idps.values()] == [False]
    place.sandbox.confluence.faults.clear()
    place.apply().ended(ExitCode.DONE)
    wanted.check(place)
    place.settle()


@pytest.mark.parametrize("plugin", ["miniorange", "atlassian"])
def test_mapping_to_another_name_is_refused(place: Workplace, plugin: str) -> None:
    place.write({"sso": {"jira": {"plugin": plugin, "groups": {"admins": "jira-administrators"}}}})
    place.run("validate").ended(ExitCode.ERROR)
    place.run("plan").ended(ExitCode.ERROR)
    place.apply("locks-out").ended(ExitCode.ERROR)
    assert place.writes == 0


def test_on_the_fly_mapping_that_is_wider_than_the_table_is_said(place: Workplace) -> None:
    place.write()
    assert "every group of equal name, not only those of the table" in " ".join(place.run("plan").out.split())

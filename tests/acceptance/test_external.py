"""`external = true`: just our redirect URIs on a client that somebody else owns."""

from __future__ import annotations

import copy

import pytest
from acceptance import wanted
from acceptance.workplace import Workplace

from reconciler.errors import ExitCode
from reconciler.sandbox.clavex import Client

THEIRS = ("https://theirs.acme.eu/cb", "https://theirs.acme.eu/other")
EXTERNAL = {
    "clients": {
        "atlassian": None,
        "company": {
            "system": "clavex",
            "client_id": "company",
            "external": True,
            "secret": "env:COMPANY_SECRET",
        },
    },
    "sso": {"jira": {"client": "company"}, "confluence": {"client": "company", "claims_from": "userinfo"}},
}


@pytest.fixture
def row(place: Workplace) -> Client:
    """The client of somebody else, who manages it with another tool."""
    world = place.sandbox.clavex.world
    made = world.add_client(Client("company", world.org_id, "Company", [*THEIRS]), "of-the-company")
    made.managed_by, made.managed_ref = "their-operator", "Client/ns/company"
    place.environ["COMPANY_SECRET"] = "of-the-company"
    return made


def rest(row: Client) -> dict[str, object]:
    """All that is not the redirect URIs."""
    return {
        name: getattr(row, name) for name in row.__dataclass_fields__ if name not in {"redirect_uris", "updated_at"}
    }


def test_our_redirect_uris_come_and_go_and_theirs_stay(place: Workplace, row: Client) -> None:
    before = copy.deepcopy(rest(row))
    place.write(EXTERNAL)
    place.apply("locks-out").ended(ExitCode.DONE)
    wanted.check(place)
    assert set(THEIRS) < set(row.redirect_uris)
    place.settle()
    row.redirect_uris.append("https://theirs.acme.eu/new")
    place.settle()
    place.write(EXTERNAL, {"sso": {"jira": {"plugin": "atlassian", "claims_from": "userinfo"}}})
    place.apply("locks-out", "deletes").ended(ExitCode.DONE)
    wanted.check(place)
    place.settle()
    place.apply("locks-out", "deletes", arguments=["--destroy"]).ended(ExitCode.DONE)
    assert set(row.redirect_uris) == {*THEIRS, "https://theirs.acme.eu/new"}
    assert rest(row) == before
    assert not [address for address in place.entries if address.startswith("clavex/client")]


def test_a_uri_of_ours_that_somebody_takes_out_is_drift_and_comes_back(place: Workplace, row: Client) -> None:
    place.write(EXTERNAL)
    place.apply("locks-out").ended(ExitCode.DONE)
    row.redirect_uris[:] = THEIRS
    place.run("drift").ended(ExitCode.CHANGES)
    place.apply().ended(ExitCode.DONE)
    wanted.check(place)
    place.settle()


def test_a_client_of_somebody_else_is_never_made(place: Workplace) -> None:
    place.environ["COMPANY_SECRET"] = "of-the-company"
    place.write(EXTERNAL)
    ran = place.run("plan").ended(ExitCode.INCOMPLETE)
    assert "somebody else makes it" in ran.out
    place.apply("locks-out").ended(ExitCode.INCOMPLETE)
    assert place.writes == 0
    assert not place.sandbox.clavex.world.clients


def test_its_secret_must_be_given_and_is_never_rotated(place: Workplace, row: Client) -> None:
    place.write(EXTERNAL)
    del place.environ["COMPANY_SECRET"]
    ran = place.run("plan").ended(ExitCode.ERROR)
    assert "env:COMPANY_SECRET" in ran.out
    digest = row.secret_digest
    place.apply("locks-out", "rotates").ended(ExitCode.ERROR)
    assert place.writes == 0
    assert row.secret_digest == digest


@pytest.mark.parametrize("products", [["jira"], ["jira", "confluence"]])
def test_a_uri_that_was_theirs_too_stays_when_we_leave(place: Workplace, row: Client, products: list[str]) -> None:
    spec = place.write(EXTERNAL)
    both = [wanted.callback(spec, spec["sso"][product]) for product in products]
    row.redirect_uris += both
    place.apply("locks-out").ended(ExitCode.DONE)
    place.apply("locks-out", "deletes", arguments=["--destroy"]).ended(ExitCode.DONE)
    assert set(row.redirect_uris) == {*THEIRS, *both}

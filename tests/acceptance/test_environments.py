"""Environments have states of their own, and a system that moved is refused before anything is sent to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from acceptance import wanted
from acceptance.workplace import Workplace

from reconciler.errors import ExitCode
from reconciler.sandbox.serve import Sandbox


@pytest.fixture(scope="module")
def other_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def other(other_sandbox: Sandbox) -> Sandbox:
    """Another installation of everything."""
    other_sandbox.reset()
    return other_sandbox


def urls(sandbox: Sandbox, *names: str) -> dict[str, dict[str, dict[str, str]]]:
    systems = sandbox.describe()
    return {"systems": {name: {"url": systems[name]["url"]} for name in names or systems}}


def tokens(sandbox: Sandbox) -> dict[str, str]:
    return {f"{name.upper()}_TOKEN": system["token"] for name, system in sandbox.describe().items()}


def test_each_environment_has_its_own_state_and_its_own_systems(place: Workplace, other: Sandbox) -> None:
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    place.write_overlay("staging", urls(other))
    staging = replace(place, sandbox=other, environment="staging")
    before = place.writes
    staging.apply("locks-out").ended(ExitCode.DONE)
    staging.spec = staging.spec | urls(other) | {"systems": {**place.spec["systems"]}}
    assert place.writes == before
    assert staging.entries.keys() == place.entries.keys()
    assert staging.home != place.home
    assert staging.stored_secrets().keys() == place.stored_secrets().keys()
    assert not set(staging.stored_secrets().values()) & set(place.stored_secrets().values())
    staging.settle()
    place.settle()
    reference = other.clavex.world.clients["atlassian"].managed_ref
    assert reference == "acme/staging/clavex/client/atlassian"


@pytest.mark.parametrize("command", ["plan", "apply", "drift"])
@pytest.mark.parametrize("system", ["clavex", "jira", "confluence"])
def test_a_moved_system_is_refused_before_anything_is_sent_to_it(
    place: Workplace, other: Sandbox, system: str, command: str
) -> None:
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    place.write(urls(other, system))
    ran = place.run(command, *(["--auto-approve"] if command == "apply" else [])).ended(ExitCode.REFUSED)
    assert "moves-host" in ran.err
    assert getattr(other, system).url in ran.err
    assert [served.faults.requests for served in other.served] == [[], [], []]


def test_all_systems_that_moved_are_named_at_once(place: Workplace, other: Sandbox) -> None:
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    place.write(urls(other, "jira"), urls(other, "confluence"))
    said = " ".join(place.run("plan", "--allow", "moves-host=clavex").ended(ExitCode.REFUSED).err.split())
    assert said.count("moves-host: ") == 1
    for system in ("jira", "confluence"):
        assert f"system {system} was {system} {getattr(place.sandbox, system).url}" in said
        assert f"say --allow moves-host={system}" in said
    assert "no credential was sent to them" in said


def test_another_organisation_is_another_system(place: Workplace) -> None:
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    place.sandbox.clavex.faults.reset_counts()
    place.write({"systems": {"clavex": {"org": "other"}}})
    place.run("plan").ended(ExitCode.REFUSED)
    assert place.sandbox.clavex.faults.requests == []


def test_permission_to_move_is_for_one_system_and_is_remembered(place: Workplace, other: Sandbox) -> None:
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    place.write(urls(other, "confluence"))
    place.environ = {"CONFLUENCE_TOKEN": other.confluence.token}
    place.run("plan", "--allow", "moves-host=jira").ended(ExitCode.REFUSED)
    place.apply("moves-host=confluence", "locks-out").ended(ExitCode.DONE)
    assert [idp.client_id for idp in other.confluence.world.idps.values()] == ["atlassian"]
    place.run("plan", "--detailed-exitcode").ended(ExitCode.DONE)


def test_a_move_that_changes_nothing_is_remembered_too(place: Workplace) -> None:
    alone = {"sso": None, "clients": {"atlassian": {"redirect_uris": ["https://jira.acme.eu/cb"]}}}
    place.write(alone)
    place.apply().ended(ExitCode.DONE)
    with Sandbox(clavex=place.sandbox.clavex.emulator) as same:
        place.write(alone, urls(same, "clavex"))
        place.apply().ended(ExitCode.REFUSED)
        place.apply("moves-host=clavex").ended(ExitCode.DONE)
        place.settle()


def test_an_environment_of_the_variable_is_the_same_as_one_of_the_option(place: Workplace) -> None:
    place.write()
    place.write_overlay("staging", {"sso": {"jira": {"display_name": "Staging"}}})
    place.apply("locks-out", arguments=["--env", "staging"]).ended(ExitCode.DONE)
    staging = replace(place, environment="staging")
    assert staging.entries
    assert not place.entries
    staging.run("plan", "--detailed-exitcode").ended(ExitCode.DONE)
    staging.spec["sso"]["jira"]["display_name"] = "Staging"
    wanted.check(staging)


@pytest.mark.parametrize("spelling", ["env:", "env#"])  # the second stands in older states
def test_a_known_credential_goes_to_no_other_host(place: Workplace, other: Sandbox, spelling: str) -> None:
    alone = {"sso": None, "clients": {"atlassian": {"redirect_uris": ["https://jira.acme.eu/cb"]}}}
    place.write(alone)
    place.apply().ended(ExitCode.DONE)
    state = place.home / "state.json"
    state.write_text(state.read_text().replace('"env:', f'"{spelling}'))
    elsewhere = {"provider": "jira", "url": other.jira.url, "token": "env:CLAVEX_TOKEN"}
    place.write(alone, {"systems": {"elsewhere": elsewhere}})
    ran = place.run("plan").ended(ExitCode.REFUSED)
    said = " ".join(ran.err.split())
    assert "system elsewhere would send the credential env:CLAVEX_TOKEN to" in said
    assert "and it belongs to" in said
    assert other.jira.faults.requests == []


def test_no_system_gets_the_credential_of_another_one(place: Workplace) -> None:
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    place.sandbox.jira.faults.reset_counts()
    place.write({"systems": {"jira": {"token": "env:CLAVEX_TOKEN"}}})
    ran = place.run("plan").ended(ExitCode.REFUSED)
    said = " ".join(ran.err.split())
    assert f"system jira would send the credential env:CLAVEX_TOKEN to {place.sandbox.jira.url}" in said
    assert "--allow moves-host=jira" in said
    assert place.sandbox.jira.faults.requests == []


def test_systems_may_share_a_credential_from_the_start(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = {"token": None, "username": "admin", "password": "env:SHARED"}
    monkeypatch.setattr(place.sandbox.confluence.world, "password", place.sandbox.jira.password)
    place.environ = {"SHARED": place.sandbox.jira.password}
    place.write({"systems": {"jira": shared, "confluence": shared}})
    place.apply("locks-out").ended(ExitCode.DONE)
    place.settle()

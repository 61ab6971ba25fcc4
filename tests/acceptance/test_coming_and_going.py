"""Objects that come under management and leave it: `import`, `forget`, `apply --destroy`, and leaving the spec."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from acceptance import wanted
from acceptance.cases import confluence, jira
from acceptance.workplace import Workplace

from reconciler.errors import ExitCode
from reconciler.sandbox.clavex import Client

CLIENT = "clavex/client/atlassian"


def by_hand(place: Workplace, **keys: Any) -> Client:
    """The client of the guide as somebody made it, with a secret that nobody noted."""
    world = place.sandbox.clavex.world
    uris = [
        f"{place.sandbox.jira.url}/plugins/servlet/oauth/callback",
        f"{place.sandbox.confluence.url}/plugins/servlet/oidc/callback",
    ]
    row = Client(
        **{
            "client_id": "atlassian",
            "org_id": world.org_id,
            "name": "Jira + Confluence",
            "redirect_uris": uris,
            "grant_types": ["authorization_code", "refresh_token"],
            **keys,
        }
    )
    return world.add_client(row, "a-secret-that-nobody-noted")


# --- import -------------------------------------------------------------------------------------------------------


def test_import_takes_a_client_and_writes_only_the_mark(place: Workplace) -> None:
    row = by_hand(place, name="By hand")
    before = copy.deepcopy(row)
    place.write()
    seen = place.watch()
    place.run("import", CLIENT).ended(ExitCode.DONE)
    assert [(name, method) for name, method, _ in seen] == [("clavex", "PATCH")]
    assert (row.managed_by, row.managed_ref) == ("reconciler", f"acme/default/{CLIENT}+adopted")
    row.managed_by = row.managed_ref = None
    assert row.__class__(**{**_fields(row), "updated_at": before.updated_at}) == before
    assert set(place.entries) == {CLIENT}
    assert place.entries[CLIENT]["origin"] == "adopted"


def _fields(row: Client) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__dataclass_fields__}


def test_what_was_imported_is_updated_as_something_known(place: Workplace) -> None:
    by_hand(place, name="By hand")
    place.write()
    place.apply("locks-out", "rotates").ended(ExitCode.REFUSED)
    place.run("import", CLIENT).ended(ExitCode.DONE)
    place.apply("locks-out").ended(ExitCode.REFUSED)  # nobody knows its secret
    place.apply("locks-out", "rotates").ended(ExitCode.DONE)
    wanted.check(place)
    place.settle()


def test_an_imported_client_is_never_deleted_by_leaving_the_spec(place: Workplace) -> None:
    row = by_hand(place)
    place.write({"sso": None, "clients": {"atlassian": {"redirect_uris": row.redirect_uris}}})
    place.run("import", CLIENT).ended(ExitCode.DONE)
    place.write({"sso": None, "clients": None})
    place.apply().ended(ExitCode.DONE)
    assert row.client_id in place.sandbox.clavex.world.clients
    assert row.managed_by is None
    assert not place.entries


def test_a_redirect_uri_that_was_there_before_an_import_is_not_removed_unasked(place: Workplace) -> None:
    uri = "https://other.acme.eu/cb"
    row = by_hand(place)
    row.redirect_uris.append(uri)
    place.write()
    place.run("import", CLIENT).ended(ExitCode.DONE)
    place.apply("locks-out", "rotates").ended(ExitCode.REFUSED)
    assert uri in row.redirect_uris
    place.apply("locks-out", "rotates", "takes-over").ended(ExitCode.DONE)
    wanted.check(place)
    place.settle()


def test_import_needs_a_spec_and_an_object(place: Workplace) -> None:
    place.write()
    ran = place.run("import", CLIENT).ended(ExitCode.ERROR)
    assert "no such object" in ran.err
    ran = place.run("import", "clavex/client/other").ended(ExitCode.ERROR)
    assert "not in the spec" in ran.err
    place.run("import", "nonsense").ended(ExitCode.USAGE)
    assert place.writes == 0
    assert not place.entries


@pytest.mark.parametrize("address", ["jira/group/jira-administrators", "confluence/group/confluence-users"])
def test_import_of_a_group_sends_nothing(place: Workplace, address: str) -> None:
    place.write()
    place.run("import", address).ended(ExitCode.DONE)
    assert place.writes == 0
    assert place.entries[address]["origin"] == "adopted"


def test_import_of_an_identity_provider_sends_nothing_and_takes_its_settings_as_they_are(place: Workplace) -> None:
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    (place.home / "state.json").unlink()
    place.sandbox.confluence.world.idps[1].button_text = "By hand"
    before = place.writes
    place.run("import", "confluence/idp/confluence").ended(ExitCode.DONE)
    assert place.writes == before
    place.apply("locks-out").ended(ExitCode.DONE)
    wanted.check(place)
    place.settle()


def addresses_of(place: Workplace) -> list[str]:
    return [change["address"] for change in place.plan()["changes"]]


def test_what_is_imported_as_the_spec_wants_it_is_settled(place: Workplace) -> None:
    """The handle of its secret, what it needs and what happens to it at the end are recorded too."""
    row = by_hand(place)
    place.write({"sso": None, "clients": {"atlassian": {"redirect_uris": row.redirect_uris, "claims": None}}})
    place.run("import", CLIENT).ended(ExitCode.DONE)
    assert addresses_of(place) == []
    place.settle()


def test_an_import_after_a_lost_state_remembers_who_made_what(place: Workplace) -> None:
    """All but the secrets that were written into the plugins, of which no server can say that they are ours."""
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    before = place.entries
    (place.home / "state.json").unlink()
    writes = place.writes
    for address in before:
        place.run("import", address).ended(ExitCode.DONE)
    assert place.writes == writes
    marked = {address for address in before if address == CLIENT or address.startswith("clavex/group/")}
    origins = {address: place.entries[address]["origin"] for address in marked}
    assert origins == dict.fromkeys(marked, "created")  # a mapper, and what is in the products, bear no mark
    assert addresses_of(place) == ["confluence/idp/confluence", "jira/miniorange/jira"]
    place.apply("locks-out").ended(ExitCode.DONE)
    place.settle()


def test_an_import_after_a_lost_state_makes_no_redirect_uri_of_others_ours(place: Workplace) -> None:
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    (place.home / "state.json").unlink()
    uri = "https://other.acme.eu/cb"
    place.sandbox.clavex.world.clients["atlassian"].redirect_uris.append(uri)
    place.run("import", CLIENT).ended(ExitCode.DONE)
    told = place.plan()["hazards"]
    assert ("takes-over", f"redirect_uris: {uri} is removed, which we did not add") in {
        (hazard["name"], hazard["message"]) for hazard in told
    }


def test_an_import_of_a_client_that_others_own_leaves_it_theirs(place: Workplace) -> None:
    row = by_hand(place)
    theirs = ["https://other.acme.eu/cb"]
    row.redirect_uris += theirs
    ours = row.redirect_uris[:2]
    spec = place.write({"sso": None})
    spec["clients"]["atlassian"] = {"system": "clavex", "external": True, "redirect_uris": ours}
    place.write_whole(spec)
    place.run("import", CLIENT).ended(ExitCode.DONE)
    assert place.writes == 0
    assert addresses_of(place) == []
    place.write({"sso": None, "clients": None})
    place.apply().ended(ExitCode.DONE)
    assert row.redirect_uris == [*ours, *theirs]


# --- forget -------------------------------------------------------------------------------------------------------


def test_forget_takes_off_the_mark_and_leaves_the_client(place: Workplace) -> None:
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    row = place.sandbox.clavex.world.clients["atlassian"]
    place.run("forget", CLIENT).ended(ExitCode.DONE)
    assert row.managed_by is None
    assert CLIENT not in place.entries
    place.write({"sso": None, "clients": None})
    place.apply("deletes", "locks-out", "too-much").ended(ExitCode.DONE)
    assert set(place.sandbox.clavex.world.clients) == {"atlassian"}


def test_what_was_forgotten_is_adopted_again_while_the_spec_asks_for_it(place: Workplace) -> None:
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    place.run("forget", CLIENT).ended(ExitCode.DONE)
    place.apply().ended(ExitCode.DONE)
    assert place.entries[CLIENT]["origin"] == "adopted"
    wanted.check(place)
    place.settle()


def test_forget_of_what_is_gone_and_of_what_was_never_known(place: Workplace) -> None:
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    del place.sandbox.confluence.world.idps[1]
    before = place.writes
    place.run("forget", "confluence/idp/confluence").ended(ExitCode.DONE)
    assert "confluence/idp/confluence" not in place.entries
    ran = place.run("forget", "confluence/idp/confluence").ended(ExitCode.ERROR)
    assert "not in the state" in ran.err
    assert place.writes == before


# --- destroy ------------------------------------------------------------------------------------------------------


def test_destroy_takes_down_what_the_stack_made_and_nothing_else(place: Workplace) -> None:
    jira_world, confluence_world = place.sandbox.jira.world, place.sandbox.confluence.world
    before = copy.deepcopy((jira_world.groups, jira_world.miniorange, confluence_world.groups, confluence_world.idps))
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    place.apply(arguments=["--destroy"]).ended(ExitCode.REFUSED)
    place.apply("deletes", arguments=["--destroy"]).ended(ExitCode.REFUSED)
    ran = place.apply("deletes", "locks-out", "too-much", arguments=["--destroy"]).ended(ExitCode.DONE)
    said = " ".join(ran.out.split())
    assert "delete clavex/client/atlassian" in said
    assert "everything is taken down, as asked" in said
    assert "left the spec" not in said
    assert not place.sandbox.clavex.world.clients
    assert not place.sandbox.clavex.world.mappers
    assert not place.entries
    jira_world.groups.pop("jira-software-users")  # groups that we made stay: people may be in them
    assert (jira_world.groups, jira_world.miniorange, confluence_world.groups, confluence_world.idps) == before
    assert {group.name for group in place.sandbox.clavex.world.groups.values()} == {
        "jira-administrators",
        "jira-software-users",
        "confluence-users",
    }
    writes = place.writes
    place.apply(arguments=["--destroy"]).ended(ExitCode.DONE)
    assert place.writes == writes


def test_destroy_and_apply_again(place: Workplace) -> None:
    place.write()
    place.apply("locks-out").ended(ExitCode.DONE)
    place.apply("deletes", "locks-out", "too-much", arguments=["--destroy"]).ended(ExitCode.DONE)
    place.apply("locks-out").ended(ExitCode.DONE)
    wanted.check(place)
    place.settle()


@pytest.mark.parametrize(
    ("overlay", "address"),
    [
        (confluence(login_form=False, login_fallback=True), "confluence/sso_settings/login"),
        (jira(login_form=False, login_fallback=True), "jira/miniorange_sign_in/login"),
    ],
)
def test_nothing_goes_unasked_that_a_hidden_login_form_relies_on(
    place: Workplace, overlay: dict[str, Any], address: str
) -> None:
    place.write(overlay)
    place.apply("locks-out").ended(ExitCode.DONE)
    ran = place.apply("deletes", "too-much", arguments=["--destroy"]).ended(ExitCode.REFUSED)
    told = " ".join(ran.out.split())
    assert f"{address} still uses it" in told
    assert "the settings stay as they are; before us they were" in told
    place.write()
    place.apply().ended(ExitCode.DONE)  # the sign-on stays, and the form as it is
    place.settle()

"""Whole runs of the command line against what a real Clavex answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cassettes.scrubbing import fake, fake_key

if TYPE_CHECKING:
    import pytest
    from cassettes.installation import Clavex, Stack

PORTAL = """
[clients.portal]
system = "clavex"
client_id = "cassetteportal"
name = "Portal"
redirect_uris = ["https://portal.example/cb", "https://portal.example/old"]
post_logout_redirect_uris = ["https://portal.example/"]
grant_types = ["authorization_code", "refresh_token"]
access_token_ttl = 3600
"""
REST = """
[clients.portal.claims]
mail = "email"
member = "groups"
badge = "attribute:badge"
team = "value:red"

[clients.screen]
system = "clavex"
client_id = "cassettescreen"
redirect_uris = ["https://screen.example/cb"]
public = true

[groups.readers]
system = "clavex"
description = "May read"

[groups.writers]
system = "clavex"
on_remove = "delete"
"""


MAPPERS = [f"clavex/mapper/portal.{claim}" for claim in ("badge", "mail", "member", "team")]
HAND_MADE = """
[clients.portal]
system = "clavex"
client_id = "cassetteportal"
redirect_uris = ["https://portal.example/cb"]
secret = "env:PORTAL_SECRET"
"""
ALL = [
    "clavex/client/portal",
    "clavex/client/screen",
    "clavex/group/readers",
    "clavex/group/writers",
    *MAPPERS,
]


def test_a_small_stack(clavex: Clavex, stack: Stack) -> None:
    stack.write(PORTAL + REST)
    assert stack.plan() == dict.fromkeys(ALL, "create")
    assert sorted(stack.apply()) == [f"create {address}" for address in ALL]
    assert stack.plan() == {}
    before = len(clavex.tape.asked)
    assert stack.apply() == []
    stack.must(0, "drift")
    assert {request.split()[0] for request in clavex.tape.asked[before:]} == {"GET"}

    stack.write(
        PORTAL.replace("https://portal.example/old", "https://portal.example/new")
        .replace('name = "Portal"', 'name = "The portal"')
        .replace("3600", "0")
        + REST.replace("value:red", "value:blue")
    )
    steps = stack.apply()
    assert steps == [  # make before break
        "update clavex/client/portal",
        "update clavex/mapper/portal.team",
        "contract clavex/client/portal",
    ]
    assert stack.plan() == {}

    assert "deletes" in stack.must(6, "apply", "--destroy", "--auto-approve")
    steps = stack.apply("--destroy", "--allow", "deletes")
    assert sorted(steps) == [
        "delete clavex/client/portal",
        "delete clavex/client/screen",
        "delete clavex/group/writers",
        *(f"delete {mapper}" for mapper in MAPPERS),
        "record clavex/group/readers",
    ]
    assert stack.apply("--destroy") == []


def test_drift_and_its_healing(clavex: Clavex, stack: Stack) -> None:
    stack.write(PORTAL + REST)
    stack.apply()
    clavex.by_hand("PATCH", "/clients/cassetteportal", {"name": "Mine", "access_token_ttl": 60})
    clavex.by_hand("PATCH", "/clients/cassettescreen", {"redirect_uris": ["https://screen.example/other"]})
    drift = stack.document(2, "drift", "--json")["drift"]
    assert {item["address"]: [each["name"] for each in item["attributes"]] for item in drift} == {
        "clavex/client/portal": ["name", "access_token_ttl"],
        "clavex/client/screen": ["redirect_uris"],
    }
    assert "https://screen.example/other is removed" in stack.must(6, "apply", "--auto-approve")
    stack.apply("--allow", "takes-over=clavex/client/screen")
    assert stack.plan() == {}

    clavex.by_hand("DELETE", "/clients/cassetteportal")
    drift = stack.document(2, "drift", "--json")["drift"]
    assert [(item["address"], item["kind"]) for item in drift] == [
        (address, "gone") for address in ("clavex/client/portal", *MAPPERS)
    ]
    stack.apply()
    assert stack.plan() == {}


def test_a_client_made_by_hand(clavex: Clavex, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    uris = ["https://elsewhere.example/cb", "https://portal.example/cb"]
    secret = clavex.make_client("cassetteportal", name="Portal of old", redirect_uris=uris)
    monkeypatch.setenv("PORTAL_SECRET", secret.get_secret_value())
    stack.write(HAND_MADE)
    assert f"{uris[0]} is removed, which we did not add" in stack.must(6, "apply", "--auto-approve")
    stack.write(HAND_MADE.replace('cb"]', f'cb", "{uris[0]}"]'))
    assert stack.apply() == ["mark clavex/client/portal"]
    assert stack.plan() == {}
    assert stack.apply("--destroy") == ["release clavex/client/portal"]
    found = clavex.find("cassetteportal")
    assert found.owner is None  # all else is as it was
    assert (found.attributes["name"], found.attributes["redirect_uris"]) == ("Portal of old", tuple(uris))


def test_a_client_taken_over(clavex: Clavex, stack: Stack) -> None:
    clavex.make_client("cassetteportal", name="Portal of old", post_logout_redirect_uris=["https://old.example/"])
    stack.write(PORTAL)
    assert "somebody else made it" in stack.must(6, "apply", "--auto-approve")
    stack.must(0, "import", "clavex/client/portal")
    assert "https://hand.example/cb is removed" in stack.must(6, "apply", "--auto-approve")
    stack.apply("--allow", "takes-over")
    assert stack.plan() == {}
    stack.must(0, "forget", "clavex/client/portal")
    assert clavex.find("cassetteportal").owner is None


def test_a_client_that_somebody_else_owns(clavex: Clavex, stack: Stack) -> None:
    clavex.make_client("cassetteportal")
    stack.write(
        """
[clients.portal]
system = "clavex"
client_id = "cassetteportal"
external = true
redirect_uris = ["https://portal.example/cb"]
"""
    )
    stack.apply()
    assert stack.plan() == {}
    theirs = ["https://her.example/cb", "https://portal.example/cb"]
    clavex.by_hand("PATCH", "/clients/cassetteportal", {"name": "Hers", "redirect_uris": theirs})
    stack.must(0, "drift")
    stack.apply("--destroy")
    found = clavex.find("cassetteportal")
    assert (found.attributes["redirect_uris"], found.owner) == (("https://her.example/cb",), None)


def test_a_state_that_is_gone(stack: Stack) -> None:
    stack.write(PORTAL + REST)
    stack.apply()
    (stack.home / "state.json").unlink()
    assert stack.plan() == dict.fromkeys(ALL, "adopt")
    assert sorted(stack.apply()) == [f"record {address}" for address in ALL]  # our mark is on them
    assert stack.plan() == {}
    steps = stack.apply("--destroy", "--allow", "deletes")  # the mappers bear no mark, and go with their client
    assert [step for step in steps if step.startswith("delete")] == [
        "delete clavex/client/screen",
        "delete clavex/group/writers",
        "delete clavex/client/portal",
    ]


def test_a_client_that_becomes_public(stack: Stack) -> None:
    claims = '[clients.portal.claims]\nmail = "email"\n'
    stack.write(PORTAL + claims)
    stack.apply()
    stack.write(PORTAL + "public = true\n" + claims)
    assert "replaces" in stack.must(6, "apply", "--auto-approve")
    stack.apply("--allow", "replaces")
    assert stack.plan() == {}


def test_a_create_whose_answer_is_lost(clavex: Clavex, stack: Stack) -> None:
    stack.write(PORTAL)
    clavex.tape.lose_answer("POST", "/clients")
    assert stack.apply() == ["create clavex/client/portal"]
    assert stack.plan() == {}
    assert clavex.proves("cassetteportal", stack.secret("clients.portal.client_secret"))


def test_a_stored_secret_is_proved(clavex: Clavex, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = clavex.make_client("cassetteportal", redirect_uris=["https://portal.example/cb"])
    stack.write(HAND_MADE)
    for value in (fake("guess"), secret.get_secret_value()):
        monkeypatch.setenv("PORTAL_SECRET", value)
        assert stack.plan() == {"clavex/client/portal": "adopt"}  # nobody needs the value here


def test_a_key_that_may_not(clavex: Clavex, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.write(PORTAL + REST, org_id=clavex.org_id)
    for key, text in (
        (clavex.key("groups:write"), "insufficient permissions: clients:read required"),
        (fake_key("nobody"), "401 Unauthorized"),
        ("not-a-key", "401 Unauthorized"),
    ):
        monkeypatch.setenv("CLAVEX_TOKEN", key)
        assert text in stack.must(7, "apply", "--auto-approve")
    stack.write(PORTAL + REST)
    assert "401 Unauthorized" in stack.must(7, "plan")


def test_a_client_id_of_another_organisation(clavex: Clavex, stack: Stack) -> None:
    with clavex.foreign_client("cassetteportal"):
        stack.write(PORTAL + REST)
        assert stack.plan() == dict.fromkeys(ALL, "create")
        assert sorted(stack.apply(code=3)) == [
            "create clavex/client/portal failed",
            *(f"create {address}" for address in ALL[1:4]),
            *(f"create {mapper} skipped" for mapper in MAPPERS),
        ]
        assert "is taken in another organisation" in stack.must(3, "apply", "--auto-approve")

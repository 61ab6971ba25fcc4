"""Whole runs of the command line against what a real Clavex answered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cassettes.installation import lookup, present, write
from cassettes.scrubbing import fake, fake_key
from pydantic import SecretStr

from reconciler.core.observed import Absent
from reconciler.ports import RotatingHandler

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


def test_a_small_stack(clavex: Clavex, stack: Stack) -> None:
    stack.write(PORTAL + REST)
    assert "8 to create" in stack.must(2, "plan", "--detailed-exitcode")
    assert "Applied: 8 done" in stack.must(0, "apply", "--auto-approve")
    assert "No changes" in stack.must(0, "plan", "--detailed-exitcode")
    before = len(clavex.tape.asked)
    assert "nothing to do" in stack.must(0, "apply", "--auto-approve")
    assert "No drift" in stack.must(0, "drift")
    assert {request.split()[0] for request in clavex.tape.asked[before:]} == {"GET"}

    stack.write(
        PORTAL.replace("https://portal.example/old", "https://portal.example/new")
        .replace('name = "Portal"', 'name = "The portal"')
        .replace("3600", "0")
        + REST.replace("value:red", "value:blue")
    )
    text = stack.must(0, "apply", "--auto-approve")
    assert "Plan: 2 to update" in text
    assert "Applied: 3 done" in text  # the client in two steps: make before break
    assert "No changes" in stack.must(0, "plan", "--detailed-exitcode")

    assert "locks-out" not in stack.must(6, "apply", "--destroy", "--auto-approve")
    assert "7 to delete, 1 to forget" in stack.must(0, "apply", "--destroy", "--auto-approve", "--allow", "deletes")
    assert "nothing to do" in stack.must(0, "apply", "--destroy", "--auto-approve")


def test_drift_and_its_healing(clavex: Clavex, stack: Stack) -> None:
    stack.write(PORTAL + REST)
    stack.must(0, "apply", "--auto-approve")
    clavex.by_hand("PATCH", "/clients/cassetteportal", {"name": "Mine", "access_token_ttl": 60})
    clavex.by_hand("PATCH", "/clients/cassettescreen", {"redirect_uris": ["https://screen.example/other"]})
    text = stack.must(2, "drift")
    assert '"Mine"' in text
    assert "https://screen.example/other" in text
    assert "takes-over" in stack.must(6, "apply", "--auto-approve")
    stack.must(0, "apply", "--auto-approve", "--allow", "takes-over=clavex/client/screen")
    assert "No changes" in stack.must(0, "plan", "--detailed-exitcode")

    clavex.by_hand("DELETE", "/clients/cassetteportal")
    document = json.loads(stack.run("drift", "--json")[1])
    gone = [item["address"] for item in document["drift"] if item["kind"] == "gone"]
    assert len(gone) == 5  # the mappers go with their client
    stack.must(0, "apply", "--auto-approve")
    assert "No changes" in stack.must(0, "plan", "--detailed-exitcode")


def test_a_client_made_by_hand(clavex: Clavex, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    uris = ["https://portal.example/cb", "https://elsewhere.example/cb"]
    secret = clavex.make_client("cassetteportal", name="Portal of old", redirect_uris=uris)
    adopted = """
[clients.portal]
system = "clavex"
client_id = "cassetteportal"
redirect_uris = ["https://portal.example/cb"]
secret = "env:PORTAL_SECRET"
"""
    stack.write(adopted)
    monkeypatch.setenv("PORTAL_SECRET", secret.get_secret_value())
    text = stack.must(6, "apply", "--auto-approve")
    assert "https://elsewhere.example/cb is removed, which we did not add" in text
    stack.write(adopted.replace('cb"]', 'cb", "https://elsewhere.example/cb"]'))
    assert "1 to adopt" in stack.must(0, "apply", "--auto-approve")
    assert "No changes" in stack.must(0, "plan", "--detailed-exitcode")
    assert "1 to forget" in stack.must(0, "apply", "--destroy", "--auto-approve")
    with clavex.connected() as connection:
        found = present(connection.handlers["client"], lookup("client", "cassetteportal"))
    assert found.owner is None  # our mark is off, all else is as it was
    assert found.attributes["name"] == "Portal of old"


def test_a_client_taken_over(clavex: Clavex, stack: Stack) -> None:
    clavex.make_client("cassetteportal", name="Portal of old", post_logout_redirect_uris=["https://old.example/"])
    stack.write(PORTAL)
    text = stack.must(6, "apply", "--auto-approve")
    assert "somebody else made it, and these would change: access_token_ttl, grant_types, name" in text
    stack.must(0, "import", "clavex/client/portal")
    assert "takes-over" in stack.must(6, "apply", "--auto-approve")  # a redirect URI that is not ours
    stack.must(0, "apply", "--auto-approve", "--allow", "takes-over")
    assert "No changes" in stack.must(0, "plan", "--detailed-exitcode")
    stack.must(0, "forget", "clavex/client/portal")
    with clavex.connected() as connection:
        found = present(connection.handlers["client"], lookup("client", "cassetteportal"))
    assert found.owner is None


def test_a_client_that_somebody_else_owns(clavex: Clavex, stack: Stack) -> None:
    clavex.make_client("cassetteportal")
    shared = """
[clients.portal]
system = "clavex"
client_id = "cassetteportal"
external = true
redirect_uris = ["https://portal.example/cb"]
"""
    stack.write(shared)
    stack.must(0, "apply", "--auto-approve")
    assert "No changes" in stack.must(0, "plan", "--detailed-exitcode")
    clavex.by_hand(
        "PATCH",
        "/clients/cassetteportal",
        {"name": "Hers", "redirect_uris": ["https://portal.example/cb", "https://her.example/cb"]},
    )
    assert "No drift" in stack.must(0, "drift")
    stack.must(0, "apply", "--destroy", "--auto-approve")
    with clavex.connected() as connection:
        found = present(connection.handlers["client"], lookup("client", "cassetteportal"))
    assert found.attributes["redirect_uris"] == ("https://her.example/cb",)
    assert found.owner is None


def test_a_state_that_is_gone(clavex: Clavex, stack: Stack) -> None:
    stack.write(PORTAL + REST)
    stack.must(0, "apply", "--auto-approve")
    (stack.home / "state.json").unlink()
    text = stack.must(0, "apply", "--auto-approve")
    assert "8 to adopt" in text
    assert "7 to delete, 1 to forget" in stack.must(0, "apply", "--destroy", "--auto-approve", "--allow", "deletes")
    with clavex.connected() as connection:
        clients = connection.handlers["client"].read([lookup("client", "cassetteportal")])
    assert list(clients.values()) == [Absent()]


def test_a_client_that_becomes_public(stack: Stack) -> None:
    stack.write(PORTAL)
    stack.must(0, "apply", "--auto-approve")
    stack.write(PORTAL + "public = true\n")
    assert "replaces" in stack.must(6, "apply", "--auto-approve")
    stack.must(0, "apply", "--auto-approve", "--allow", "replaces")
    assert "No changes" in stack.must(0, "plan", "--detailed-exitcode")


def test_a_create_whose_answer_is_lost(clavex: Clavex, stack: Stack) -> None:
    stack.write(PORTAL)
    clavex.tape.lose_answer("POST", "/clients")
    stack.must(0, "apply", "--auto-approve")
    assert "No changes" in stack.must(0, "plan", "--detailed-exitcode")
    (line,) = (stack.home / "cassette.secrets").read_text(encoding="utf-8").splitlines()
    secret = SecretStr(json.loads(line)["value"])
    with clavex.connected() as connection:
        handler = connection.handlers["client"]
        assert isinstance(handler, RotatingHandler)
        proof = write("client", {"client_id": "cassetteportal"}, remote_id="cassetteportal", secrets={"client_secret": secret})
        assert handler.prove(proof)


def test_a_stored_secret_that_is_wrong(clavex: Clavex, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = clavex.make_client("cassetteportal", redirect_uris=["https://portal.example/cb"])
    stack.write(
        """
[clients.portal]
system = "clavex"
client_id = "cassetteportal"
redirect_uris = ["https://portal.example/cb"]
secret = "env:PORTAL_SECRET"
"""
    )
    for value in (fake("guess"), secret.get_secret_value()):
        monkeypatch.setenv("PORTAL_SECRET", value)
        assert "1 to adopt" in stack.must(2, "plan", "--detailed-exitcode")


def test_a_key_that_may_not(clavex: Clavex, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.write(PORTAL + REST, org_id=clavex.org_id)
    monkeypatch.setenv("CLAVEX_TOKEN", clavex.key("groups:write"))
    text = stack.must(7, "apply", "--auto-approve")
    assert "clients:read" in text
    stack.write(PORTAL + REST)
    assert "clients:write" in stack.must(7, "apply", "--auto-approve")
    monkeypatch.setenv("CLAVEX_TOKEN", fake_key("unknown"))
    assert "401" in stack.must(7, "plan")
    monkeypatch.setenv("CLAVEX_TOKEN", "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl")
    assert "401" in stack.must(7, "plan")


def test_a_client_id_of_another_organisation(clavex: Clavex, stack: Stack) -> None:
    with clavex.foreign_client("cassetteportal"):
        stack.write(PORTAL + REST)
        assert "8 to create" in stack.must(2, "plan", "--detailed-exitcode")
        text = stack.must(3, "apply", "--auto-approve")
        assert "is taken in another organisation" in text
        assert "Applied: 3 done, 1 failed, 4 skipped" in text

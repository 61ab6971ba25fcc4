from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr, ValidationError
from unit.clavex.installation import opened, system_of

from reconciler.errors import BadAnswerError, ReconcilerError, SecretError, StatusError, UnreachableError
from reconciler.ports import Credentials
from reconciler.providers.clavex import provider
from reconciler.sandbox.faults import Fault, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from unit.clavex.installation import Clavex

    from reconciler.core.intent import Facts


def connect(
    served: Clavex,
    key: str = "",
    known: Mapping[str, str] | None = None,
    *,
    org: str = "acme",
    endpoints: bool = False,
    **settings: str,
) -> Facts:
    system = system_of(served, **settings)._replace(org=org)
    with opened(served, key) as http:
        return provider.connect(system, http, known or {}, endpoints).facts


def org_key(served: Clavex, *permissions: str) -> str:
    return served.world.add_key("org", org_id=served.world.org_id, permissions=[*permissions] or ["clients:write"])[0]


def asked(served: Clavex) -> list[str]:
    return [path.rpartition("/organizations")[2] or path for _, path in served.faults.requests]


# --- who asks


@pytest.mark.parametrize(
    ("token", "header", "value"),
    [("clv_" + "a" * 43, "X-API-Key", "clv_" + "a" * 43), ("eyJ.x.y", "Authorization", "Bearer eyJ.x.y")],
)
def test_an_api_key_and_a_bearer_token_go_their_ways(token: str, header: str, value: str) -> None:
    headers = provider.authenticate(Credentials(SecretStr(token)))
    assert {name: secret.get_secret_value() for name, secret in headers.items()} == {header: value}
    assert token not in repr(headers)


@pytest.mark.parametrize("token", ["", " ", "clv_a b", "clv_a\n", "clv_\x00", "clv_ä"])
def test_a_malformed_token_is_refused_unseen(token: str) -> None:
    with pytest.raises(SecretError) as caught:
        provider.authenticate(Credentials(SecretStr(token)))
    assert not token.strip() or token not in str(caught.value)
    assert "copy it again" in caught.value.remedy


def test_a_missing_token_is_named() -> None:
    with pytest.raises(SecretError, match="no token"):
        provider.authenticate(Credentials())


def test_settings_are_checked() -> None:
    settings = provider.settings.model_validate({"org_id": "0F8FAD5B-D9CB-469F-A165-70867728950E"})
    assert settings.model_dump() == {"org_id": "0f8fad5b-d9cb-469f-a165-70867728950e", "dialect": None}
    for wrong in ({"org_id": "acme"}, {"dialect": "v2"}, {"slug": "acme"}):
        with pytest.raises(ValidationError):
            provider.settings.model_validate(wrong)


# --- which dialect, which organisation


def test_a_super_admin_finds_the_organisation_in_the_list(clavex: Clavex) -> None:
    facts = connect(clavex)
    assert facts.values == {"dialect": "released", "org_id": clavex.world.org_id}
    assert not facts.assumed
    assert asked(clavex) == ["/acme/clients", "/api/v1/organizations"]


def test_the_list_is_asked_where_nobody_knows_who_asks(clavex: Clavex) -> None:
    assert connect(clavex, dialect="released").values["org_id"] == clavex.world.org_id
    assert asked(clavex) == ["/api/v1/organizations"]
    clavex.faults.reset_counts()
    assert connect(clavex, org_key(clavex), dialect="released").values["org_id"] == clavex.world.org_id
    assert asked(clavex) == ["/api/v1/organizations", "/by-slug/acme/audit/proof/latest"]


def test_a_key_of_one_organisation_finds_it_by_the_audit_proof(clavex: Clavex) -> None:
    assert connect(clavex, org_key(clavex)).values["org_id"] == clavex.world.org_id
    assert asked(clavex) == ["/acme/clients", "/by-slug/acme/audit/proof/latest"]


def test_a_key_of_one_organisation_finds_it_by_the_event_stream(clavex: Clavex) -> None:
    clavex.world.orgs[clavex.world.org_id].proof = False
    assert connect(clavex, org_key(clavex)).values["org_id"] == clavex.world.org_id
    assert asked(clavex)[-1] == "/acme/events"


def test_no_way_to_find_the_organisation(clavex: Clavex) -> None:
    clavex.world.orgs[clavex.world.org_id].proof = False
    key, _ = clavex.world.add_key("other", org_id="another", permissions=["clients:write"])
    with pytest.raises(ReconcilerError) as caught:
        connect(clavex, key)
    assert "the id of the organisation acme could not be found out" in caught.value.message
    for remedy in ("org_id in [systems.clavex]", "super admin", "five minutes later"):
        assert remedy in caught.value.remedy


@pytest.mark.parametrize("greeting", ["no JSON", '{"type": "heartbeat"}', '{"org_id": "x", "slug": "other"}'])
def test_a_greeting_that_does_not_greet(clavex: Clavex, monkeypatch: pytest.MonkeyPatch, greeting: str) -> None:
    clavex.world.orgs[clavex.world.org_id].proof = False
    monkeypatch.setattr("reconciler.transport.http.SystemHttp.first_message", lambda *_: greeting)
    with pytest.raises(ReconcilerError, match="could not be found out"):
        connect(clavex, org_key(clavex))


@pytest.mark.parametrize("super_admin", [True, False])
def test_an_organisation_that_there_is_not(clavex: Clavex, super_admin: bool) -> None:
    with pytest.raises(ReconcilerError) as caught:
        connect(clavex, "" if super_admin else org_key(clavex), org="nobody")
    assert caught.value.message == f"{clavex.url} has no organisation nobody"
    assert "org in [systems.clavex]" in caught.value.remedy


@pytest.mark.parametrize("known", [{}, {"dialect": "released", "org_id": "7"}])
def test_what_is_known_is_not_asked_again(clavex: Clavex, known: dict[str, str]) -> None:
    settings = {} if known else {"dialect": "released", "org_id": "7"}
    assert connect(clavex, known=known, **settings).values == {"dialect": "released", "org_id": "7"}
    assert asked(clavex) == []


def test_settings_go_before_what_is_known(clavex: Clavex) -> None:
    assert connect(clavex, known={"dialect": "released", "org_id": "7"}, org_id="8").values["org_id"] == "8"


def test_a_server_that_takes_the_slug_speaks_the_guides_dialect(clavex: Clavex) -> None:
    clavex.world.switches = replace(clavex.world.switches, guide_dialect=True)
    assert connect(clavex).values == {"dialect": "guide"}
    assert asked(clavex) == ["/acme/clients"]


def test_a_missing_permission_is_no_dialect(clavex: Clavex) -> None:
    clavex.world.switches = replace(clavex.world.switches, guide_dialect=True)
    with pytest.raises(StatusError) as caught:
        connect(clavex, org_key(clavex, "groups:read"))
    assert "insufficient permissions" in caught.value.message
    assert "clients:write" in caught.value.remedy


def test_a_server_that_knows_no_such_path(clavex: Clavex) -> None:
    clavex.faults.add(Fault(kind=Kind.SERVER_ERROR, status=404))
    with pytest.raises(StatusError) as caught:
        connect(clavex)
    assert "are url and org right?" in caught.value.remedy


def test_a_token_that_has_expired(clavex: Clavex) -> None:
    with pytest.raises(StatusError) as caught:
        connect(clavex, "clv_" + "x" * 43)
    assert caught.value.status == 401
    assert "has it expired?" in caught.value.remedy


@pytest.mark.parametrize("kind", [Kind.HTML, Kind.ERROR_IN_200, Kind.TRUNCATED_JSON, Kind.LOGIN_REDIRECT])
def test_an_answer_that_makes_no_sense(clavex: Clavex, kind: Kind) -> None:
    clavex.faults.add(Fault(kind=kind))
    with pytest.raises(BadAnswerError):
        connect(clavex)


def test_a_server_that_is_not_there(clavex: Clavex, naps: list[float]) -> None:
    clavex.faults.add(Fault(kind=Kind.CUT_BEFORE, times=None))
    with pytest.raises(UnreachableError):
        connect(clavex)


# --- endpoints


def test_endpoints_come_from_discovery(clavex: Clavex) -> None:
    issuer = f"{clavex.url}/acme"
    values = connect(clavex, endpoints=True).values
    assert values["issuer"] == issuer
    assert values["token_endpoint"] == f"{issuer}/token"
    assert values["userinfo_endpoint"] == f"{issuer}/userinfo"
    assert values["authorization_endpoint"] == f"{issuer}/authorize"
    assert values["jwks_uri"] == f"{issuer}/.well-known/jwks.json"
    assert "registration_endpoint" not in values


def test_another_issuer_than_the_specs(clavex: Clavex) -> None:
    system = system_of(clavex)._replace(url=clavex.url.replace("127.0.0.1", "localhost"))
    with opened(clavex) as http, pytest.raises(BadAnswerError) as caught:
        provider.connect(system, http, {"dialect": "released", "org_id": "7"}, True)
    assert f"the issuer is {clavex.url}/acme, not {system.url}/acme" in caught.value.message
    assert "auth.issuer_base" in caught.value.remedy

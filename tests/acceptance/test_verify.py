"""`verify`: a good login is followed to Clavex's form, each fault on the way has a name, and nothing is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from reconciler.errors import ExitCode
from reconciler.sandbox.atlassian import SSO_APP
from reconciler.sandbox.clavex import oidc
from reconciler.sandbox.clavex.discovery import document
from reconciler.sandbox.faults import Fault, Kind
from reconciler.transport import retry

if TYPE_CHECKING:
    from acceptance.workplace import Workplace

    from reconciler.sandbox.clavex.records import Client

Found = dict[tuple[str, str], list[dict[str, Any]]]
SPEC = {"sso": {"jira": {"attributes": {"username": "email"}}}}
START = r"/plugins/servlet/external-login/.*"


@pytest.fixture
def applied(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    """Everything is applied and works."""
    monkeypatch.setattr(retry, "ATTEMPTS", 1)
    place.write(SPEC)
    place.apply("locks-out").ended(ExitCode.DONE)
    return place


def verify(place: Workplace, code: ExitCode) -> Found:
    """The checks by subject and name; holds if the command ended so and wrote nothing anywhere."""
    before = place.writes, _files(place)
    made = place.run("verify", "--json").ended(code).json
    assert (place.writes, _files(place)) == before
    assert (made["format"], made["exit_code"]) == ("reconciler verify", code)
    found: Found = {}
    for check in made["checks"]:
        found.setdefault((check["subject"], check["name"]), []).append(check)
    return found


def _files(place: Workplace) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in place.folder.rglob("*") if path.is_file()}


def statuses(found: Found, subject: str = "sso.confluence") -> dict[str, str]:
    return {name: checks[0]["status"] for (where, name), checks in found.items() if where == subject}


def told(found: Found, name: str, subject: str = "sso.confluence") -> str:
    return "\n".join(f"{check['seen']} | {check['remedy']}" for check in found[subject, name])


def client(place: Workplace) -> Client:
    return place.sandbox.clavex.world.clients["atlassian"]


# --- a login that works -------------------------------------------------------------------------------------------


def test_a_login_is_followed_from_both_products(applied: Workplace) -> None:
    found = verify(applied, ExitCode.DONE)
    proofs = ("start", "authorize", "client-secret", "claims")
    for subject in ("sso.jira", "sso.confluence"):
        assert statuses(found, subject) == dict.fromkeys(proofs, "ok")
    assert {where for where, _ in found} == {"sso.jira", "sso.confluence"}
    assert "as client atlassian, to come back to" in told(found, "start")
    assert told(found, "authorize").endswith("asked by confluence itself | ")
    assert "only a login through confluence proves it" in told(found, "client-secret")
    assert found["sso.jira", "start"][0]["source"] == "assumed"
    assert found["sso.confluence", "start"][0]["source"] == "documented"


def test_the_table(applied: Workplace) -> None:
    ran = applied.run("verify").ended(ExitCode.DONE)
    assert ran.out.startswith("Proof of the login for acme/default")
    assert ran.out.endswith("As far as a login can be followed without a password, nothing stops it.\n")


def test_the_only_write_is_the_proof_of_the_secret(applied: Workplace) -> None:
    seen = applied.watch()
    verify(applied, ExitCode.DONE)
    assert set(seen) == {("clavex", "POST", "/acme/token")}


def test_no_credential_and_no_secret_goes_along_or_shows(applied: Workplace) -> None:
    verify(applied, ExitCode.DONE)
    for secret in applied.stored_secrets().values():
        assert all(secret not in text for text in applied.shown)
    assert set(applied.sandbox.confluence.world.sessions.values()) <= {"admin"}  # that is our token


def test_before_the_first_apply(place: Workplace) -> None:
    place.write(SPEC)
    found = verify(place, ExitCode.UNVERIFIED)
    assert statuses(found)["authorize"] == statuses(found)["client-secret"] == "failed"
    assert "reconciler apply makes it" in told(found, "authorize")
    assert "asked by us with the values of the spec" in told(found, "authorize")


# --- what Clavex refuses ------------------------------------------------------------------------------------------


def test_a_redirect_uri_that_is_not_registered(applied: Workplace) -> None:
    client(applied).redirect_uris = ["https://elsewhere.test/"]
    found = verify(applied, ExitCode.UNVERIFIED)
    assert "Clavex answers 400 redirect_uri not allowed; asked by confluence itself" in told(found, "authorize")
    assert "reconciler apply adds it" in told(found, "authorize")
    assert statuses(found)["redirect-uri"] == "failed"


def test_an_inactive_client(applied: Workplace) -> None:
    client(applied).is_active = False
    found = verify(applied, ExitCode.UNVERIFIED)
    assert "unknown or inactive client" in told(found, "authorize")
    assert "active = true in [clients.atlassian]" in told(found, "authorize")
    assert "tries no secret" in told(found, "client-secret")


def test_a_response_type_that_is_not_allowed(applied: Workplace) -> None:
    client(applied).response_types = ["code id_token"]
    found = verify(applied, ExitCode.UNVERIFIED)
    assert "straight back to confluence: unsupported_response_type" in told(found, "authorize")
    assert 'add "code" to response_types' in told(found, "authorize")


def test_a_secret_that_is_not_the_one_in_force(applied: Workplace) -> None:
    client(applied).secret_digest = "that of another one"
    found = verify(applied, ExitCode.UNVERIFIED)
    assert statuses(found)["client-secret"] == "failed"
    assert "it is not the secret of clavex/client/atlassian" in told(found, "client-secret")


def test_a_claim_that_nothing_emits(applied: Workplace) -> None:
    mappers = applied.sandbox.clavex.world.mappers
    gone = next(key for key, mapper in mappers.items() if mapper.claim_name == "groups")
    del mappers[gone]
    found = verify(applied, ExitCode.UNVERIFIED)
    assert "for want of a mapper: groups" in told(found, "claims")


def test_another_issuer(applied: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc, "document", lambda issuer: document(issuer) | {"issuer": "https://other.test/acme"})
    found = verify(applied, ExitCode.UNVERIFIED)
    assert "https://other.test/acme" in told(found, "issuer", "clavex")


# --- what a product does on the way -------------------------------------------------------------------------------


def answer(place: Workplace, kind: Kind, path: str, **more: Any) -> None:
    place.sandbox.confluence.faults.add(Fault(kind=kind, path=path, **more))


def test_a_provider_with_another_client(applied: Workplace) -> None:
    (idp,) = applied.sandbox.confluence.world.idps.values()
    idp.client_id = "somebody-else"
    found = verify(applied, ExitCode.UNVERIFIED)
    assert "client_id somebody-else, not atlassian" in told(found, "start")


def test_a_provider_that_is_switched_off(applied: Workplace) -> None:
    (idp,) = applied.sandbox.confluence.world.idps.values()
    idp.enabled = False
    found = verify(applied, ExitCode.UNVERIFIED)
    assert "does not offer" in told(found, "start")
    assert statuses(found)["authorize"] == "ok"
    assert "which does not prove what confluence asks" in told(found, "authorize")


def test_an_app_that_is_gone(applied: Workplace) -> None:
    del applied.sandbox.confluence.world.plugins[SSO_APP]
    found = verify(applied, ExitCode.INCOMPLETE)
    assert found["sso.confluence", "sign-on"][0]["status"] == "unknown"
    assert statuses(found)["authorize"] == "ok"


def test_a_product_that_leads_round_in_a_circle(applied: Workplace) -> None:
    answer(applied, Kind.LOGIN_REDIRECT, rf"{START}|/login\.jsp", times=None)
    found = verify(applied, ExitCode.UNVERIFIED)
    assert "leads round in a circle" in told(found, "start")
    assert statuses(found)["authorize"] == "ok"


def test_a_page_where_the_way_to_clavex_was_expected(applied: Workplace) -> None:
    answer(applied, Kind.HTML, START)
    found = verify(applied, ExitCode.UNVERIFIED)
    assert "which answers 200, and not to Clavex" in told(found, "start")


def test_html_where_json_was_expected(applied: Workplace) -> None:
    answer(applied, Kind.HTML, "/login-options", times=None)
    applied.sandbox.clavex.faults.add(Fault(kind=Kind.HTML, path="/acme/token", status=400, times=None))
    found = verify(applied, ExitCode.INCOMPLETE)
    assert "HTML page, not JSON" in told(found, "start")
    assert "HTML page, not JSON" in told(found, "client-secret")


def test_a_page_in_place_of_the_login_form(applied: Workplace) -> None:
    applied.sandbox.clavex.faults.add(Fault(kind=Kind.HTML, path="/acme/authorize", status=403, times=None))
    found = verify(applied, ExitCode.UNVERIFIED)
    assert "Clavex answers 403 and an HTML page" in told(found, "authorize")


def test_a_plugin_that_sends_people_to_another_host(applied: Workplace) -> None:
    document: Any = applied.sandbox.jira.world.miniorange
    stored = document["Identity Providers"][0]["Application Configuration"]
    stored["AUTHORIZE_END_POINT"] = "https://evil.test/authorize"
    found = verify(applied, ExitCode.UNVERIFIED)
    assert "leads to https://evil.test/authorize, not to Clavex" in told(found, "start", "sso.jira")
    assert "it was not opened" in told(found, "start", "sso.jira")


def test_an_assumed_start_that_is_not_there_proves_nothing(applied: Workplace) -> None:
    applied.sandbox.jira.faults.add(Fault(kind=Kind.SERVER_ERROR, path="/oauth/auth", status=404))
    found = verify(applied, ExitCode.DONE)
    assert statuses(found, "sso.jira")["start"] == "unknown"
    assert "asked by us" in told(found, "authorize", "sso.jira")


def test_a_product_that_does_not_answer(applied: Workplace) -> None:
    applied.sandbox.confluence.faults.add(Fault(kind=Kind.SERVER_ERROR, path="external-login", times=None))
    found = verify(applied, ExitCode.INCOMPLETE)
    assert statuses(found)["start"] == "unknown"
    assert statuses(found)["authorize"] == "ok"


# --- what cannot be looked at -------------------------------------------------------------------------------------


def test_a_sign_on_that_is_switched_off(place: Workplace) -> None:
    place.write(SPEC, {"sso": {"confluence": {"enabled": False}}})
    place.apply("locks-out").ended(ExitCode.DONE)
    found = verify(place, ExitCode.DONE)
    assert statuses(found) == {"start": "unknown"}


def test_a_plugin_of_which_no_start_is_known(place: Workplace) -> None:
    place.write(
        SPEC,
        {"sso": {"confluence": {"plugin": "resolution", "callback": "https://wiki.test/plugins/servlet/samlsso"}}},
    )
    found = verify(place, ExitCode.UNVERIFIED)
    assert "nobody has written down" in told(found, "start")


def test_a_product_that_is_gone(applied: Workplace, free_tcp_port: int) -> None:
    applied.spec["systems"]["jira"]["url"] = f"http://127.0.0.1:{free_tcp_port}"
    applied.write_whole(applied.spec)
    assert applied.run("verify").code == ExitCode.REFUSED
    (applied.home / "state.json").unlink()
    found = verify(applied, ExitCode.UNVERIFIED)  # the callback lies below the url
    assert "not known while jira cannot be read" in told(found, "start", "sso.jira")
    assert found["jira", "reach"][0]["status"] == "unknown"


def test_a_clavex_that_is_gone(applied: Workplace, free_tcp_port: int) -> None:
    applied.spec["systems"]["clavex"]["url"] = f"http://127.0.0.1:{free_tcp_port}"
    applied.write_whole(applied.spec)
    (applied.home / "state.json").unlink()
    found = verify(applied, ExitCode.UNVERIFIED)
    assert "not to Clavex at" in told(found, "start")
    assert statuses(found)["authorize"] == statuses(found)["client-secret"] == "unknown"


def test_a_clavex_that_leads_round_in_a_circle(applied: Workplace) -> None:
    fault = Fault(kind=Kind.LOGIN_REDIRECT, path=r"/authorize|/login\.jsp", times=None)
    applied.sandbox.clavex.faults.add(fault)
    found = verify(applied, ExitCode.UNVERIFIED)
    assert "Clavex sends the browser in a circle, the last time to" in told(found, "authorize")
    assert statuses(found)["start"] == "ok"


def test_a_token_that_clavex_refuses(applied: Workplace) -> None:
    applied.environ["CLAVEX_TOKEN"] = "clv_wrong"
    found = verify(applied, ExitCode.INCOMPLETE)
    assert statuses(found)["client-secret"] == "unknown"
    assert statuses(found)["start"] == statuses(found)["authorize"] == "ok"


def test_a_secret_that_nobody_kept(applied: Workplace) -> None:
    (applied.home / "acme.secrets").unlink()
    found = verify(applied, ExitCode.DONE)
    assert "is empty" in told(found, "client-secret")

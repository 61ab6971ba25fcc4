"""Identity providers of the built-in app, with the traps of facts atlassian 3."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr
from unit.atlassian.product import CLIENT_SECRET, ISSUER, Recorder, Script, Side, add_idp, side, sign_on, system_of

from reconciler.core.address import Address
from reconciler.core.observed import Absent, Lookup, Present, Unreadable
from reconciler.errors import InDoubtError, ReconcilerError, SecretError, StatusError
from reconciler.ports import Write
from reconciler.providers import atlassian_sso
from reconciler.providers.atlassian_sso.idps import IdpHandler
from reconciler.providers.atlassian_sso.wire import IdpApi
from reconciler.sandbox.faults import Fault, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.ports import Answer, Http
    from reconciler.sandbox.serve import Sandbox

IDPS = "/rest/authconfig/1.0/idps"


def idp(sandbox: Sandbox, http: Http, **changes: Any) -> Side:
    return side(atlassian_sso.plugin, http, sign_on(system_of(sandbox.jira), "atlassian", **changes), "idp")


def the_one(sandbox: Sandbox) -> Any:
    (found,) = sandbox.jira.world.idps.values()
    return found


def test_it_is_made_disabled_read_back_and_then_enabled(sandbox: Sandbox, jira: Http) -> None:
    recorder = Recorder(jira)
    written = idp(sandbox, recorder).create()
    (post, posted), (patch, patched) = [(method, body) for method, _, body in recorder.sent]
    assert (post, posted["enabled"]) == ("POST", False)
    assert (patch, patched) == ("PATCH", {"enabled": True})
    made = the_one(sandbox)
    assert written.remote_id == str(made.id)
    assert made.enabled
    assert made.client_secret.get_secret_value() == CLIENT_SECRET


def test_what_goes_over_the_wire_is_the_apps_own_form(sandbox: Sandbox, jira: Http) -> None:
    recorder = Recorder(jira)
    idp(sandbox, recorder).create()
    assert recorder.sent[0][2] == {
        "sso-type": "OIDC",
        "name": "main",
        "enabled": False,
        "buttonText": "Sign in with Clavex",
        "issuer-url": ISSUER,
        "client-id": "atlassian",
        "client-secret": CLIENT_SECRET,
        "discovery-enabled": True,
        "additional-scopes": ["email", "groups", "profile"],
        "username-claim": "${preferred_username}",
        "jit-configuration": {
            "user-provisioning-enabled": True,
            "mapping-display-name": "${given_name} ${family_name}",
            "mapping-email": "${email}",
            "mapping-groups": "groups",
        },
    }


def test_a_sign_on_that_is_off_stays_disabled(sandbox: Sandbox, jira: Http) -> None:
    idp(sandbox, jira, enabled=False).create()
    assert not the_one(sandbox).enabled
    assert sandbox.jira.faults.writes == 1


def test_nobody_is_let_in_when_the_create_breaks_off(sandbox: Sandbox, jira: Http) -> None:
    """After the POST no answer at all is in doubt: the object is there, disabled."""
    sandbox.jira.faults.add(Fault(kind=Kind.SERVER_ERROR, status=500, method="PATCH"))
    with pytest.raises(InDoubtError):
        idp(sandbox, jira).create()
    assert not the_one(sandbox).enabled


def test_in_doubt_stays_in_doubt(sandbox: Sandbox, jira: Http) -> None:
    sandbox.jira.faults.add(Fault(kind=Kind.CUT_AFTER, method="PATCH", times=None))
    with pytest.raises(InDoubtError):
        idp(sandbox, jira).create()


def test_a_doubt_stays_one_when_nothing_can_be_read(sandbox: Sandbox, jira: Http) -> None:
    sandbox.jira.faults.add(Fault(kind=Kind.CUT_AFTER, method="POST"))
    sandbox.jira.faults.add(Fault(kind=Kind.EXPIRED_TOKEN, method="GET", skip=1, times=None))
    with pytest.raises(InDoubtError):
        idp(sandbox, jira).create()
    assert not the_one(sandbox).enabled


def test_one_that_is_there_and_was_not_enabled_is_in_doubt(
    sandbox: Sandbox, jira: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not refused: it exists, and the next run enables it."""
    app = sandbox.jira.faults._app

    async def forget(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)
        if scope["method"] == "PATCH":
            the_one(sandbox).enabled = False

    monkeypatch.setattr(sandbox.jira.faults, "_app", forget)
    with pytest.raises(InDoubtError, match="was not enabled"):
        idp(sandbox, jira).create()


def test_a_post_whose_answer_got_lost_is_read_back_and_not_repeated(sandbox: Sandbox, jira: Http) -> None:
    sandbox.jira.faults.add(Fault(kind=Kind.CUT_AFTER, method="POST"))
    written = idp(sandbox, jira).create()
    assert written.remote_id == str(the_one(sandbox).id)
    assert the_one(sandbox).enabled


def test_a_post_that_may_have_arrived_and_did_not_is_in_doubt(sandbox: Sandbox, jira: Http) -> None:
    sandbox.jira.faults.add(Fault(kind=Kind.CUT_BEFORE, method="POST"))
    with pytest.raises(InDoubtError):
        idp(sandbox, jira).create()
    assert not sandbox.jira.world.idps
    assert sandbox.jira.faults.writes == 1


def test_an_identity_provider_that_appeared_meanwhile_is_not_doubled(sandbox: Sandbox, jira: Http) -> None:
    add_idp(sandbox.jira, name="main")
    with pytest.raises(ReconcilerError, match="named main exists by now"):
        idp(sandbox, jira).create()
    assert sandbox.jira.faults.writes == 0


def test_what_the_product_drops_is_an_error_and_the_half_made_one_goes(sandbox: Sandbox, jira: Http) -> None:
    class Dropping(Recorder):
        def send(self, method: str, path: str, *, json: Any = None, **options: Any) -> Answer:
            body = {key: value for key, value in (json or {}).items() if key != "username-claim"}
            return super().send(method, path, json=body, **options)

    with pytest.raises(ReconcilerError, match=r"did not keep username_claim .* removed again"):
        idp(sandbox, Dropping(jira)).create()
    assert not sandbox.jira.world.idps


def test_two_of_one_name_after_a_create_are_an_error(sandbox: Sandbox, jira: Http) -> None:
    class Doubling(Recorder):
        def send(self, method: str, path: str, *, json: Any = None, **options: Any) -> Answer:
            super().send(method, path, json=json, **options)
            return super().send(method, path, json=json, **options)

    with pytest.raises(ReconcilerError, match="2 identity providers are named main"):
        idp(sandbox, Doubling(jira)).create()


@pytest.mark.parametrize(
    ("spelling", "known"),
    [("buttonText", True), ("button-text", True), ("buttonText", False), ("button-text", False)],
)
def test_both_button_spellings_are_read_and_the_servers_own_is_written(
    sandbox: Sandbox, jira: Http, spelling: str, known: bool
) -> None:
    world = sandbox.jira.world
    world.switches = replace(world.switches, button_key=spelling)
    if known:
        add_idp(sandbox.jira, 9, name="Okta", **{"sso-type": "SAML", "sso-url": "https://okta.test"})
    recorder = Recorder(jira)
    made = idp(sandbox, recorder)
    number = made.create().remote_id
    assert world.idps[int(number)].button_text == "Sign in with Clavex"
    made.update(number, button_text="Enter")
    assert recorder.sent[-1][2] == {spelling: "Enter"}
    found = made.read(number)
    assert isinstance(found, Present)
    assert found.attributes["button_text"] == "Enter"
    if known:
        assert [method for method, _, _ in recorder.sent].count("POST") == 1


def test_a_refusal_that_has_nothing_to_do_with_spelling_is_told(sandbox: Sandbox, jira: Http) -> None:
    sandbox.jira.faults.add(Fault(kind=Kind.SERVER_ERROR, status=400, method="POST", times=None))
    with pytest.raises(StatusError) as caught:
        idp(sandbox, jira).create()
    assert caught.value.status == 400
    sandbox.jira.faults.clear()
    sandbox.jira.faults.add(Fault(kind=Kind.SERVER_ERROR, status=403, method="POST", times=None))
    sandbox.jira.faults.reset_counts()
    with pytest.raises(StatusError):
        idp(sandbox, jira).create()
    assert sandbox.jira.faults.writes == 1


def test_patch_sends_only_what_changed(sandbox: Sandbox, jira: Http) -> None:
    add_idp(sandbox.jira, **{"enable-remember-me": True, "include-customer-logins": True})
    recorder = Recorder(jira)
    idp(sandbox, recorder).update("3", name="main", additional_scopes=("email",), callback="local")
    assert recorder.sent == [("PATCH", f"{IDPS}/3", {"name": "main", "additional-scopes": ["email"]})]
    kept = the_one(sandbox)
    assert (kept.enable_remember_me, kept.include_customer_logins, kept.button_text) == (True, True, "By hand")
    assert kept.client_secret.get_secret_value() == "of-hand"


def test_discovery_goes_off_together_with_its_endpoints_and_comes_on_again(sandbox: Sandbox, jira: Http) -> None:
    """What discovery found is shown, and the app may keep none of it."""
    add_idp(sandbox.jira)
    off = idp(sandbox, jira, options={"discovery_enabled": False, "enable_remember_me": True})
    found = off.read("3")
    assert isinstance(found, Present)
    assert found.attributes["token_endpoint"] == f"{ISSUER}/token"
    off.update("3", discovery=False, enable_remember_me=True, jit_scopes=("phone",))
    kept = the_one(sandbox)
    assert (kept.discovery_enabled, kept.token_endpoint) == (False, f"{ISSUER}/token")
    assert (kept.enable_remember_me, kept.jit_configuration.additional_openid_scopes) == (True, ["phone"])
    idp(sandbox, jira).update("3", discovery=True)
    assert the_one(sandbox).discovery_enabled


@pytest.mark.parametrize("reading", ["replaces", "merges"])
def test_a_part_of_the_jit_section_keeps_the_rest_of_it(sandbox: Sandbox, jira: Http, reading: str) -> None:
    world = sandbox.jira.world
    world.switches = replace(world.switches, nested_patch=reading)
    jit = {"mapping-email": "${mail}", "additional-openid-scopes": ["phone"]}
    add_idp(sandbox.jira, **{"jit-configuration": jit})
    idp(sandbox, jira).update("3", jit_enabled=True, jit_groups="groups")
    kept = the_one(sandbox).jit_configuration
    assert (kept.user_provisioning_enabled, kept.mapping_groups) == (True, "groups")
    assert (kept.mapping_email, kept.additional_openid_scopes) == ("${mail}", ["phone"])


def test_a_jit_section_that_is_null_is_begun() -> None:
    shown = {"id": 3, "sso-type": "OIDC", "jit-configuration": {"mapping-email": "e"}}
    http = Script({**shown, "jit-configuration": None}, shown)
    address = Address("jira", "idp", "x")
    IdpHandler(IdpApi(http)).update(Write(address, {"jit_email": "e"}, frozenset({"jit_email"}), "3"))
    assert http.sent == [("PATCH", f"{IDPS}/3", {"jit-configuration": {"mapping-email": "e"}})]


def test_a_change_that_is_not_kept_is_an_error(sandbox: Sandbox, jira: Http) -> None:
    class Deaf(Recorder):
        def send(self, method: str, path: str, *, json: Any = None, **options: Any) -> Answer:
            return super().send(method, path, json={}, **options)

    add_idp(sandbox.jira)
    with pytest.raises(ReconcilerError, match="did not keep button_text"):
        idp(sandbox, Deaf(jira)).update("3", button_text="Enter")


def test_the_secret_is_written_alone_and_never_read(sandbox: Sandbox, jira: Http) -> None:
    add_idp(sandbox.jira)
    recorder = Recorder(jira)
    made = idp(sandbox, recorder)
    made.update("3", client_secret="file:acme#x")
    assert recorder.sent == [("PATCH", f"{IDPS}/3", {"client-secret": CLIENT_SECRET})]
    found = made.read("3")
    assert isinstance(found, Present)
    assert found.fingerprints == {}
    assert "client_secret" not in found.attributes


def test_a_secret_that_is_too_long_is_refused_unsent(sandbox: Sandbox, jira: Http) -> None:
    made = idp(sandbox, jira)
    secrets: Mapping[str, SecretStr] = {"client_secret": SecretStr("x" * 256)}
    with pytest.raises(SecretError, match="256 characters") as caught:
        made.handler.create(Write(made.address, made.desired.attributes, secrets=secrets))
    assert "xx" not in str(caught.value)
    assert sandbox.jira.faults.writes == 0


def test_it_is_found_by_id_first_whatever_it_is_called(sandbox: Sandbox, jira: Http) -> None:
    add_idp(sandbox.jira, 3, name="renamed", **{"client-id": "other"})
    add_idp(sandbox.jira, 4, name="main")
    found = idp(sandbox, jira).read("3")
    assert isinstance(found, Present)
    assert (found.remote_id, found.attributes["name"]) == ("3", "renamed")


@pytest.mark.parametrize("remote_id", [None, "99"])
def test_it_is_found_by_name_then_by_issuer_and_client(sandbox: Sandbox, jira: Http, remote_id: str | None) -> None:
    made = idp(sandbox, jira)
    add_idp(sandbox.jira, 3, name="Clavex")
    add_idp(sandbox.jira, 4, name="Other", **{"client-id": "other"})
    found = made.read(remote_id)
    assert isinstance(found, Present)
    assert found.remote_id == "3"
    add_idp(sandbox.jira, 5, name="main", **{"client-id": "other"})
    found = made.read(remote_id)
    assert isinstance(found, Present)
    assert found.remote_id == "5"


@pytest.mark.parametrize("name", ["main", "Clavex"])
def test_several_that_fit_are_unreadable(sandbox: Sandbox, jira: Http, name: str) -> None:
    add_idp(sandbox.jira, 3, name=name)
    add_idp(sandbox.jira, 4, name=name)
    found = idp(sandbox, jira).read()
    assert isinstance(found, Unreadable)
    assert "3, 4" in found.reason
    assert found.remedy


def test_foreign_identity_providers_are_not_ours(sandbox: Sandbox, jira: Http) -> None:
    add_idp(sandbox.jira, 3, name="Okta", **{"sso-type": "SAML", "sso-url": "https://okta.test"})
    add_idp(sandbox.jira, 4, name="Other", **{"client-id": "other"})
    assert idp(sandbox, jira).read() == Absent()


def test_a_saml_provider_of_our_name_is_unreadable(sandbox: Sandbox, jira: Http) -> None:
    add_idp(sandbox.jira, 3, name="main", **{"sso-type": "SAML", "sso-url": "https://okta.test"})
    found = idp(sandbox, jira).read()
    assert isinstance(found, Unreadable)
    assert "not one of OpenID Connect" in found.reason


def test_a_renamed_sign_on_does_not_take_the_object_that_is_deleted(sandbox: Sandbox, jira: Http) -> None:
    made = idp(sandbox, jira)
    add_idp(sandbox.jira, 3, name="old")
    old = Address("jira", "idp", "old")
    found = made.handler.read(
        [Lookup(made.address, made.desired.attributes), Lookup(old, {**made.desired.attributes, "name": "old"}, "3")]
    )
    assert found[made.address] == Absent()
    assert isinstance(found[old], Present)


def test_an_id_that_was_given_to_another_object_is_not_ours(sandbox: Sandbox, jira: Http) -> None:
    made = idp(sandbox, jira)
    stranger = {"name": "Okta", "issuer-url": "https://okta.test", "client-id": "okta"}
    add_idp(sandbox.jira, 3, **stranger)
    lookup = Lookup(made.address, made.desired.attributes, "3", applied=made.desired.attributes)
    found = made.handler.read([lookup])[made.address]
    assert isinstance(found, Unreadable)
    assert "neither the name nor the client" in found.reason
    add_idp(sandbox.jira, 5, name="main")  # ours, under the id that it has since the restore
    found = made.handler.read([lookup])[made.address]
    assert isinstance(found, Present)
    assert found.remote_id == "5"


@pytest.mark.parametrize("theirs", [{"name": "renamed"}, {"issuer-url": "https://x.test", "client-id": "x"}])
def test_an_object_that_was_changed_by_hand_in_part_is_still_ours(
    sandbox: Sandbox, jira: Http, theirs: dict[str, str]
) -> None:
    made = idp(sandbox, jira)
    add_idp(sandbox.jira, 3, **{"name": "main", **theirs})
    new = {**made.desired.attributes, "name": "new", "client_id": "new"}  # the spec moves on meanwhile
    lookup = Lookup(made.address, new, "3", applied=made.desired.attributes)
    assert isinstance(made.handler.read([lookup])[made.address], Present)


def test_one_object_is_never_two_addresses(sandbox: Sandbox, jira: Http) -> None:
    made = idp(sandbox, jira)
    add_idp(sandbox.jira, 3)
    other = Address("jira", "idp", "other")
    found = made.handler.read(
        [Lookup(made.address, made.desired.attributes), Lookup(other, {**made.desired.attributes, "name": "other"})]
    )
    for observation in found.values():
        assert isinstance(observation, Unreadable)
        assert "several addresses" in observation.reason


def test_a_form_that_nobody_knows_is_unreadable_for_ours_only() -> None:
    idps = [
        {"id": 1, "name": ["no", "text"], "sso-type": "OIDC"},
        {"id": 2, "name": "main", "sso-type": "OIDC", "enabled": "perhaps"},
    ]
    handler = IdpHandler(IdpApi(Script({"results": idps, "isLastPage": True})))
    address, other = Address("jira", "idp", "main"), Address("jira", "idp", "other")
    wanted = {"name": "main", "issuer": ISSUER, "client_id": "atlassian"}
    found = handler.read([Lookup(address, wanted), Lookup(other, {**wanted, "name": "other"})])
    assert isinstance(found[address], Unreadable)
    assert found[other] == Absent()


def test_pages_are_read_to_the_last(sandbox: Sandbox, jira: Http) -> None:
    for number in range(1, 121):
        add_idp(sandbox.jira, number, name=f"n{number}")
    add_idp(sandbox.jira, 121, name="main")
    found = idp(sandbox, jira).read()
    assert isinstance(found, Present)
    assert found.remote_id == "121"
    assert sandbox.jira.faults.requests == [("GET", IDPS)] * 3
    assert [idp["id"] for idp in IdpApi(Script({"results": [{"id": 1}]}, {"results": []})).all()] == [1]


@pytest.mark.parametrize(
    ("answers", "text"),
    [
        (({"results": [{"id": 1}]}, {"results": [{"id": 1}]}), "repeats itself"),
        (({"results": [{"name": "x"}]},), "no id"),
        (({"results": [{"id": None}]},), "no id"),
        (({"results": [{"id": [1]}]},), "no id"),
        (({"results": [{"id": ""}]},), "no id"),
        (({"values": []},), "not of the expected form"),
    ],
)
def test_a_list_that_makes_no_sense_is_unreadable(answers: Any, text: str) -> None:
    address = Address("jira", "idp", "main")
    found = IdpHandler(IdpApi(Script(*answers))).read([Lookup(address, {"name": "main"})])[address]
    assert isinstance(found, Unreadable)
    assert text in found.reason


@pytest.mark.parametrize("version", ["4.1.0", None])
def test_an_app_that_is_missing_or_too_old_is_unreadable_with_a_remedy(
    sandbox: Sandbox, jira: Http, version: str | None
) -> None:
    plugins = sandbox.jira.world.plugins
    key = "com.atlassian.plugins.authentication.atlassian-authentication-plugin"
    if version:
        plugins[key].version = version
    else:
        del plugins[key]
    for kind in ("idp", "sso_settings"):
        made = side(atlassian_sso.plugin, jira, sign_on(system_of(sandbox.jira), "atlassian", login_form=True), kind)
        found = made.read()
        assert isinstance(found, Unreadable)
        assert "4.2.0" in found.remedy


@pytest.mark.parametrize("status", [404, 400])
def test_deleting_a_missing_one_is_404_or_400(sandbox: Sandbox, jira: Http, status: Any) -> None:
    sandbox.jira.world.switches = replace(sandbox.jira.world.switches, unknown_idp=status)
    idp(sandbox, jira).delete("99")
    add_idp(sandbox.jira)
    idp(sandbox, jira).delete("3")
    assert not sandbox.jira.world.idps


@pytest.mark.parametrize("status", [400, 403])
def test_a_delete_that_is_refused_is_an_error(sandbox: Sandbox, jira: Http, status: int) -> None:
    add_idp(sandbox.jira)
    sandbox.jira.faults.add(Fault(kind=Kind.SERVER_ERROR, status=status, method="DELETE"))
    with pytest.raises(StatusError):
        idp(sandbox, jira).delete("3")


def test_the_settings_of_the_login_page_change_in_part(sandbox: Sandbox, jira: Http) -> None:
    recorder = Recorder(jira)
    wish = sign_on(system_of(sandbox.jira), "atlassian", login_fallback=True, login_form=True)
    made = side(atlassian_sso.plugin, recorder, wish, "sso_settings")
    kept = {"show_login_form": True, "show_login_form_for_jsm": True, "discovery_refresh_cron": "0 0 * * * ?"}
    assert made.read() == Present("sso", {**kept, "authentication_fallback": False})
    assert made.update("sso", authentication_fallback=True).remote_id == "sso"
    assert recorder.sent == [("PATCH", "/rest/authconfig/1.0/sso", {"enable-authentication-fallback": True})]
    assert made.read() == Present("sso", {**kept, "authentication_fallback": True})

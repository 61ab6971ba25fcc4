"""Providers and sign-in settings of miniOrange, with the traps of facts atlassian 4."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from unit.atlassian.documents import BY_HAND, FOREIGN, SERVLET, given, rest, shown
from unit.atlassian.product import CLIENT_SECRET, FINGERPRINTER, Recorder, Script, Side, system_of

from reconciler.core.address import Address
from reconciler.core.observed import Absent, Lookup, Present, Unreadable
from reconciler.errors import InDoubtError, ReconcilerError
from reconciler.providers import miniorange
from reconciler.sandbox.faults import Fault, Kind

if TYPE_CHECKING:
    from reconciler.ports import Answer, Http
    from reconciler.sandbox.serve import Sandbox

# --- the guide's steps 2 and 3 ------------------------------------------------------------------------------------


def test_every_field_of_the_guide_is_written(sandbox: Sandbox, jira: Http) -> None:
    rest(sandbox, jira).create()
    made = shown(sandbox, "main")
    application, attributes, groups = (
        made[section] for section in ("Application Configuration", "Attribute Mapping", "Group Mapping")
    )
    assert {key: application[key] for key in application if key != "SETTING_OF_A_LATER_VERSION"} == {
        "DEFAULT_APP_NAME": "Custom OpenID",
        "CUSTOM_APP_NAME": "Sign in with Clavex",
        "CLIENT_ID": "atlassian",
        "CLIENT_SECRET": CLIENT_SECRET,
        "SCOPE": "openid email groups profile",
        "AUTHORIZE_END_POINT": "https://id.acme.eu/acme/authorize",
        "ACCESSTOKEN_END_POINT": "https://id.acme.eu/acme/token",
        "USERINFO_END_POINT": "https://id.acme.eu/acme/userinfo",
        "SEND_TOKEN_AUTHORIZATION_PARAMETERS_IN": "HttpBody",
        "SINGLE_LOGOUT_URL": "",
        "PUBLIC_KEY": "",
        "USE_STATE_PARAMETER": True,
    }
    assert attributes["USERNAME_ATTRIBUTE"] == "preferred_username"
    assert attributes["EMAIL_ATTRIBUTE"] == "email"
    assert attributes["FIRST_NAME_ATTRIBUTE"] == "given_name"
    assert attributes["LAST_NAME_ATTRIBUTE"] == "family_name"
    assert attributes["USE_SEPARATE_NAME_ATTRIBUTE"] is True
    assert attributes["KEEP_EXISTING_USER_ATTRIBUTES"] is False
    assert groups["ROLE_ATTRIBUTE"] == "groups"
    assert groups["ON_THE_FLY_GROUP_MAPPING"] is True


def test_update_on_login_is_the_negation_of_keep_existing(sandbox: Sandbox, jira: Http) -> None:
    given(sandbox, BY_HAND)
    made = rest(sandbox, jira)
    found = made.read()
    assert isinstance(found, Present)
    assert found.attributes["update_on_login"] is False
    made.update("by-hand", update_on_login=True)
    assert shown(sandbox, "Clavex")["Attribute Mapping"]["KEEP_EXISTING_USER_ATTRIBUTES"] == "false"


# --- read, modify, write ------------------------------------------------------------------------------------------


def test_unknown_keys_survive_at_every_level(sandbox: Sandbox, jira: Http) -> None:
    given(sandbox, FOREIGN, BY_HAND, TOP={"deep": [1, 2.5, None]})
    before = copy.deepcopy(sandbox.jira.world.miniorange)
    rest(sandbox, jira).update("by-hand", display_name="Enter", scopes=("email", "openid"))
    after = copy.deepcopy(sandbox.jira.world.miniorange)
    changed = shown(sandbox, "Clavex")["Application Configuration"]
    assert (changed.pop("CUSTOM_APP_NAME"), changed.pop("SCOPE")) == ("Enter", "openid email")
    for document in (before, after):
        application = document["Identity Providers"][1]["Application Configuration"]
        application.pop("CUSTOM_APP_NAME", None)
        application.pop("SCOPE")
    assert json.dumps(after) == json.dumps(before)


def test_a_foreign_provider_is_untouched_by_create_update_and_delete(sandbox: Sandbox, jira: Http) -> None:
    given(sandbox, FOREIGN)
    before = json.dumps(shown(sandbox, "Okta"))
    made = rest(sandbox, jira)
    number = made.create().remote_id
    made.update(number, display_name="Enter")
    made.delete(number)
    assert json.dumps(shown(sandbox, "Okta")) == before
    assert len(sandbox.jira.world.miniorange["Identity Providers"]) == 1


@pytest.mark.parametrize("booleans", ["as sent", "strings"])
def test_booleans_as_strings_stay_strings(sandbox: Sandbox, jira: Http, booleans: Any) -> None:
    world = sandbox.jira.world
    world.switches = replace(world.switches, miniorange_booleans=booleans)
    made = rest(sandbox, jira, "miniorange_sign_in")
    found = made.read()
    assert found == Present(
        "sign-in",
        {"show_login_form": True, "authentication_fallback": False, "auto_redirect": False, "button_text": ""},
    )
    made.update("sign-in", authentication_fallback=True, auto_redirect=True, button_text="Enter")
    settings: Any = world.miniorange["Sign In Settings"]
    assert settings["ENABLE_BACKDOOR"] == "true"
    assert settings["ENABLE_AUTO_REDIRECT_DELAY"] == "true"
    assert settings["DISABLE_DEFAULT_LOGIN"] == "false"
    assert settings["LOGIN_BUTTON_TEXT"] == "Enter"
    made.update("sign-in", show_login_form=False)
    assert settings is not world.miniorange["Sign In Settings"]
    assert world.miniorange["Sign In Settings"]["DISABLE_DEFAULT_LOGIN"] == "true"


@pytest.mark.parametrize("answer", ["json", "html", "redirect"])
def test_any_answer_to_the_post_is_checked_by_reading_again(sandbox: Sandbox, jira: Http, answer: Any) -> None:
    world = sandbox.jira.world
    world.switches = replace(world.switches, miniorange_post=answer)
    made = rest(sandbox, jira)
    assert made.read(made.create().remote_id) != Absent()
    assert [method for method, path in sandbox.jira.faults.requests if path == SERVLET][:3] == ["GET", "POST", "GET"]


def test_the_post_is_a_whole_document_without_a_form_check(sandbox: Sandbox, jira: Http) -> None:
    given(sandbox, FOREIGN)
    headers: list[Any] = []

    class Kept(Recorder):
        def send(self, method: str, path: str, **options: Any) -> Answer:
            headers.append(options.get("headers"))
            return super().send(method, path, **options)

    recorder = Kept(jira)
    rest(sandbox, recorder).create()
    ((method, path, body),) = recorder.sent
    assert (method, path) == ("POST", SERVLET)
    assert set(body) == set(sandbox.jira.world.miniorange)
    assert headers == [{"X-Atlassian-Token": "no-check"}]


@pytest.mark.parametrize("fault", [Kind.LOGIN_REDIRECT, Kind.HTML])
def test_a_login_page_in_place_of_an_answer_is_not_success(sandbox: Sandbox, jira: Http, fault: Kind) -> None:
    sandbox.jira.faults.add(Fault(kind=fault, method="POST"))
    with pytest.raises(ReconcilerError, match="does not show the new provider"):
        rest(sandbox, jira).create()
    given(sandbox, BY_HAND)
    sandbox.jira.faults.add(Fault(kind=fault, method="POST"))
    with pytest.raises(ReconcilerError, match="did not keep display_name"):
        rest(sandbox, jira).update("by-hand", display_name="Enter")
    sandbox.jira.faults.add(Fault(kind=fault, method="POST"))
    with pytest.raises(ReconcilerError, match="still shows the provider"):
        rest(sandbox, jira).delete("by-hand")
    sandbox.jira.faults.add(Fault(kind=fault, method="POST"))
    with pytest.raises(ReconcilerError, match="does not show Sign In Settings"):
        rest(sandbox, jira, "miniorange_sign_in").update("sign-in", button_text="Enter")


def test_after_a_post_no_answer_to_the_read_is_in_doubt(sandbox: Sandbox, jira: Http) -> None:
    sandbox.jira.faults.add(Fault(kind=Kind.SERVER_ERROR, status=500, method="GET", skip=1))
    with pytest.raises(InDoubtError):
        rest(sandbox, jira).create()
    assert shown(sandbox, "main")


def test_a_provider_that_is_there_and_not_as_it_should_is_in_doubt(
    sandbox: Sandbox, jira: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not refused: it exists, and the next run corrects it."""
    app = sandbox.jira.faults._app

    async def spoil(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)
        if scope["method"] == "POST":
            shown(sandbox, "main")["Application Configuration"]["SCOPE"] = "openid"

    monkeypatch.setattr(sandbox.jira.faults, "_app", spoil)
    with pytest.raises(InDoubtError, match="did not keep scopes"):
        rest(sandbox, jira).create()


def test_a_plugin_that_spoils_a_foreign_provider_is_found_out(sandbox: Sandbox, jira: Http) -> None:
    class Spoiling(Recorder):
        def send(self, method: str, path: str, *, json: Any = None, **options: Any) -> Answer:
            spoiled = copy.deepcopy(json)
            del spoiled["Identity Providers"][0]["Application Configuration"]["SCOPE"]
            return super().send(method, path, json=spoiled, **options)

    given(sandbox, FOREIGN)
    with pytest.raises(ReconcilerError, match="does not show provider foreign as it was sent"):
        rest(sandbox, Spoiling(jira)).create()


def test_a_plugin_that_numbers_providers_by_itself(sandbox: Sandbox) -> None:
    empty: dict[str, Any] = {"PLUGIN_VERSION": "1.2.4", "Identity Providers": []}
    template = rest(sandbox, Script())

    class Renumbering(Script):
        def send(self, method: str, path: str, *, json: Any = None, **options: Any) -> Answer:
            numbered = copy.deepcopy(json)
            numbered["Identity Providers"][0]["ID"] = "theirs"
            self._answers.append(numbered)
            return super().send(method, path, json=json, **options)

    handler = miniorange.make_handlers(Renumbering(empty), system_of(sandbox.jira), [], FINGERPRINTER)["miniorange"]
    assert Side(handler, template.desired).create().remote_id == "theirs"


# --- secrets ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hidden", ["masked", "empty"])
def test_a_foreign_secret_that_is_masked_is_not_posted_over(sandbox: Sandbox, jira: Http, hidden: Any) -> None:
    given(sandbox, FOREIGN, BY_HAND)
    world = sandbox.jira.world
    world.switches = replace(world.switches, miniorange_secret=hidden)
    before = json.dumps(world.miniorange)
    made = rest(sandbox, jira)
    for act in (
        made.create,
        lambda: made.update("by-hand", client_secret="file:acme#x"),
        lambda: made.delete("by-hand"),
        lambda: rest(sandbox, jira, "miniorange_sign_in").update("sign-in", button_text="x"),
    ):
        with pytest.raises(ReconcilerError, match=r"client secret of Okta.* reads back empty or masked"):
            act()
    assert sandbox.jira.faults.writes == 0
    assert json.dumps(world.miniorange) == before


def test_our_own_masked_secret_is_posted_anew_or_not_at_all(sandbox: Sandbox, jira: Http) -> None:
    given(sandbox, BY_HAND)
    world = sandbox.jira.world
    world.switches = replace(world.switches, miniorange_secret="masked")
    made = rest(sandbox, jira)
    with pytest.raises(ReconcilerError, match="client secret of Clavex reads back"):
        made.update("by-hand", display_name="Enter")
    made.update("by-hand", display_name="Enter", client_secret="file:acme#x")
    assert shown(sandbox, "Clavex")["Application Configuration"]["CLIENT_SECRET"] == CLIENT_SECRET


def test_a_secret_that_reads_back_in_clear_gives_its_fingerprint(sandbox: Sandbox, jira: Http) -> None:
    given(sandbox, BY_HAND)
    made = rest(sandbox, jira)
    found = made.read()
    assert isinstance(found, Present)
    assert found.fingerprints == {"client_secret": "print of 7"}
    assert "of-hand" not in repr(found)
    world = sandbox.jira.world
    for hidden in ("masked", "empty"):
        world.switches = replace(world.switches, miniorange_secret=hidden)
        found = made.read()
        assert isinstance(found, Present)
        assert found.fingerprints == {}


# --- finding it ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("remote_id", "found_id"), [("by-hand", "by-hand"), (None, "same-name"), ("no-such-id", "same-name")]
)
def test_it_is_found_by_id_then_by_name(sandbox: Sandbox, jira: Http, remote_id: str | None, found_id: str) -> None:
    given(sandbox, FOREIGN, BY_HAND, {**BY_HAND, "ID": "same-name", "Name": "main"})
    found = rest(sandbox, jira).read(remote_id)
    assert isinstance(found, Present)
    assert found.remote_id == found_id


def test_it_is_found_by_client_and_endpoint(sandbox: Sandbox, jira: Http) -> None:
    given(sandbox, FOREIGN, BY_HAND)
    found = rest(sandbox, jira).read()
    assert isinstance(found, Present)
    assert found.remote_id == "by-hand"
    given(sandbox, BY_HAND, {**BY_HAND, "ID": "twin"})
    found = rest(sandbox, jira).read()
    assert isinstance(found, Unreadable)
    assert "by-hand, twin" in found.reason


def test_a_provider_without_an_id_goes_by_its_name(sandbox: Sandbox) -> None:
    document = {"PLUGIN_VERSION": "1.2.4", "Identity Providers": [{"Name": "main"}]}
    found = rest(sandbox, Script(document)).read()
    assert isinstance(found, Present)
    assert found.remote_id == "main"


def test_our_own_in_a_form_that_nobody_knows_is_unreadable(sandbox: Sandbox, jira: Http) -> None:
    given(sandbox, {**FOREIGN, "Name": "main"})
    found = rest(sandbox, jira).read()
    assert isinstance(found, Unreadable)
    assert "Group Mapping / DEFAULT_GROUPS" in found.reason


def test_a_provider_that_appeared_or_went_meanwhile_is_an_error(sandbox: Sandbox, jira: Http) -> None:
    given(sandbox, {**BY_HAND, "Name": "main"})
    with pytest.raises(ReconcilerError, match="named main exists by now"):
        rest(sandbox, jira).create()
    with pytest.raises(ReconcilerError, match="gone"):
        rest(sandbox, jira).update("no-such-id", display_name="x")
    rest(sandbox, jira).delete("no-such-id")
    assert sandbox.jira.faults.writes == 0


def test_a_create_twice_over_has_the_same_id(sandbox: Sandbox, jira: Http) -> None:
    made = rest(sandbox, jira)
    number = made.create().remote_id
    made.delete(number)
    assert made.create().remote_id == number


# --- versions and forms -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["miniorange", "miniorange_sign_in"])
def test_an_unknown_version_is_refused_until_it_is_accepted_by_name(sandbox: Sandbox, jira: Http, kind: str) -> None:
    given(sandbox, FOREIGN, PLUGIN_VERSION="3.1.0")
    found = rest(sandbox, jira, kind).read()
    assert isinstance(found, Unreadable)
    assert "miniOrange 3.1.0" in found.reason
    assert 'accept_version = "3.1.0"' in found.remedy
    with pytest.raises(ReconcilerError, match=r"miniOrange 3\.1\.0"):
        rest(sandbox, jira, "miniorange").create()
    other = rest(sandbox, jira, kind, options={"route": "rest", "accept_version": "3.0.0"}).read()
    assert isinstance(other, Unreadable)
    accepted = rest(sandbox, jira, kind, options={"route": "rest", "accept_version": "3.1.0"}).read()
    assert not isinstance(accepted, Unreadable)


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({}, "no PLUGIN_VERSION"),
        ({"PLUGIN_VERSION": 1}, "no PLUGIN_VERSION"),
        ({"PLUGIN_VERSION": "new"}, "miniOrange new is a version"),
        ({"PLUGIN_VERSION": "1.2.4"}, "no list of Identity Providers"),
        ({"PLUGIN_VERSION": "1.2.4", "Identity Providers": {}}, "no list of Identity Providers"),
        ({"PLUGIN_VERSION": "1.2.4", "Identity Providers": ["x"]}, "no list of Identity Providers"),
    ],
)
def test_a_document_of_another_form_is_unreadable(sandbox: Sandbox, document: Any, text: str) -> None:
    found = rest(sandbox, Script(document)).read()
    assert isinstance(found, Unreadable)
    assert text in found.reason


def test_a_plugin_that_is_not_there_is_unreadable(sandbox: Sandbox, jira: Http) -> None:
    sandbox.jira.world.plugins.clear()
    found = rest(sandbox, jira).read()
    assert isinstance(found, Unreadable)
    assert "404" in found.reason


def test_a_resource_that_does_not_say_its_route_is_unreadable_by_itself(sandbox: Sandbox, jira: Http) -> None:
    made = rest(sandbox, jira)
    lost = Address("jira", "miniorange", "lost")
    found = made.handler.read([Lookup(lost, {"name": "lost"}), Lookup(made.address, made.desired.attributes)])
    assert isinstance(found[lost], Unreadable)
    assert found[made.address] == Absent()

"""The emulated Jira and Confluence answer as facts atlassian 1, 2, 6, 7 and 9 say."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import httpx
import pytest

from reconciler.sandbox.atlassian import SSO_APP, Switches, confluence, jira

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import JsonValue

    from reconciler.sandbox.atlassian import ProductWorld
    from reconciler.sandbox.emulator import Emulator

    Make = Callable[..., Emulator[ProductWorld]]

GROUP_MEMBER = "/rest/api/2/group/member"
ROLE = "/rest/api/2/applicationrole/jira-software"
UPM = f"/rest/plugins/1.0/{SSO_APP}-key"


def ask(
    emulator: Emulator[ProductWorld],
    method: str,
    path: str,
    headers: dict[str, str] | None = None,
    *,
    more: dict[str, str] | None = None,
    params: dict[str, str] | None = None,
    json: JsonValue = None,
    content: bytes | None = None,
) -> httpx.Response:
    """Sends one request; as the administrator with a token, unless headers are given."""
    sent = {"Authorization": f"Bearer {emulator.token}"} if headers is None else headers

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(emulator.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here.test", trust_env=False) as client:
            return await client.request(
                method, path, headers=sent | (more or {}), params=params, json=json, content=content
            )

    return asyncio.run(send())


def basic(username: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{username}:{password}".encode()).decode()}


def jira_error(message: str) -> JsonValue:
    return {"errorMessages": [message], "errors": {}}


# Authentication, facts 2.2 and 2.3


def test_token_and_basic_are_accepted_and_their_fakes_refused() -> None:
    emulator = jira()
    good = basic(emulator.username, emulator.password)
    assert ask(emulator, "GET", UPM).status_code == 200
    assert ask(emulator, "GET", UPM, good).status_code == 200
    assert ask(emulator, "GET", UPM, {"Authorization": "Bearer wrong"}).status_code == 401
    assert ask(emulator, "GET", UPM, basic("admin", "wrong")).status_code == 401
    assert ask(emulator, "GET", "/rest/api/2/serverInfo", basic("admin", "wrong")).status_code == 401


@pytest.mark.parametrize(
    ("make", "version", "knows"),
    [(jira, "8.13.9", False), (jira, "8.14.0", True), (confluence, "7.8.3", False), (confluence, "7.9.0", True)],
)
def test_tokens_exist_from_a_version_on(make: Make, version: str, knows: bool) -> None:
    emulator = make(version)
    path = f"/rest/plugins/1.0/{emulator.world.miniorange_key}-key"
    assert ask(emulator, "GET", path).status_code == (200 if knows else 401)
    assert ask(emulator, "GET", path, basic(emulator.username, emulator.password)).status_code == 200


def test_basic_switched_off_is_403_with_its_message_while_the_token_works() -> None:
    emulator = jira()
    emulator.world.basic_disabled = True
    refused = ask(emulator, "GET", UPM, basic(emulator.username, emulator.password))
    assert refused.status_code == 403
    assert refused.json() == {"message": "Basic Authentication has been disabled on this instance."}
    assert ask(emulator, "GET", UPM).status_code == 200


def test_session_without_websudo_gets_xml_on_an_administrators_resource() -> None:
    emulator = jira()
    cookie = {"Cookie": f"JSESSIONID={emulator.world.session}"}
    refused = ask(emulator, "GET", UPM, cookie)
    assert refused.status_code == 401
    assert refused.headers["content-type"].startswith("application/xml")
    assert "<status-code>401</status-code>" in refused.text
    assert "WebSudo" in refused.text
    assert ask(emulator, "GET", "/rest/api/2/mypermissions", cookie).status_code == 200
    assert ask(emulator, "GET", UPM, {"Cookie": "JSESSIONID=stranger"}).json()["message"].startswith("Client must")
    emulator.world.websudo = False
    assert ask(emulator, "GET", UPM, cookie).status_code == 200


@pytest.mark.parametrize("status", [401, 403])
def test_anonymous_status_of_plugins_is_a_switch(status: Literal[401, 403]) -> None:
    emulator = jira(switches=Switches(anonymous=status))
    assert ask(emulator, "GET", UPM, {}).status_code == status
    assert ask(emulator, "GET", "/rest/authconfig/1.0/idps", {}).status_code == status
    assert ask(emulator, "GET", GROUP_MEMBER, {}).status_code == 401


@pytest.mark.parametrize(("make", "page"), [(jira, "login.jsp"), (confluence, "login.action")])
def test_anonymous_caller_can_be_sent_to_the_login_page(make: Make, page: str) -> None:
    answer = ask(make(switches=Switches(anonymous=302, context_path="/app")), "GET", f"/app{UPM}", {})
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(f"http://here.test/app/{page}?os_destination=%2Fapp%2Frest")


def test_a_write_must_be_a_json_object() -> None:
    emulator = jira()
    path = "/rest/api/2/group"
    assert ask(emulator, "POST", path, content=b"name=x").status_code == 415
    for body, message in ((b"{", "The body is not JSON."), (b"[]", "The body is not a JSON object.")):
        refused = ask(emulator, "POST", path, content=body, more={"Content-Type": "application/json"})
        assert (refused.status_code, refused.json()) == (400, jira_error(message))


# What both have: context path, base URL, manifest, plugin manager, reset


@pytest.mark.parametrize("make", [jira, confluence])
def test_everything_lives_below_the_context_path(make: Make) -> None:
    emulator = make(switches=Switches(context_path="/app"))
    accept = {"Accept": "application/json"}
    assert ask(emulator, "GET", "/rest/applinks/1.0/manifest", accept).status_code == 404
    manifest = ask(emulator, "GET", "/app/rest/applinks/1.0/manifest", accept).json()
    assert manifest == {"typeId": emulator.name, "version": emulator.world.version, "url": "http://here.test/app"}
    for path in (f"/app{UPM}", "/app/rest/authconfig/1.0/sso", "/app/plugins/servlet/oauth/configureplugin"):
        assert ask(emulator, "GET", path).status_code == 200


def test_manifest_is_xml_unless_json_is_asked_for() -> None:
    emulator = confluence("8.5.0")
    manifest = ask(emulator, "GET", "/rest/applinks/1.0/manifest", {})
    assert manifest.headers["content-type"].startswith("application/xml")
    assert "<version>8.5.0</version>" in manifest.text


def test_products_may_take_another_address_for_their_own() -> None:
    here, there = jira(), confluence()
    assert ask(here, "GET", "/rest/api/2/serverInfo", {}).json()["baseUrl"] == "http://here.test"
    here.world.base_url = there.world.base_url = "https://elsewhere.acme.eu"
    assert ask(here, "GET", "/rest/api/2/serverInfo", {}).json()["baseUrl"] == "https://elsewhere.acme.eu"
    assert ask(there, "GET", "/rest/api/server-information").json()["baseUrl"] == "https://elsewhere.acme.eu"


def test_plugin_manager_describes_a_plugin() -> None:
    emulator = jira(switches=Switches(sso_app_version="4.2.9"))
    answer = ask(emulator, "GET", UPM, more={"Accept": "application/vnd.atl.plugins.plugin+json"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/vnd.atl.plugins.plugin+json"
    assert answer.json() == {
        "key": SSO_APP,
        "name": "SSO for Atlassian Data Center",
        "version": "4.2.9",
        "enabled": True,
        "userInstalled": False,
        "links": {"self": f"/rest/plugins/1.0/{SSO_APP}-key"},
    }
    assert ask(emulator, "GET", UPM, more={"Accept": "application/json"}).status_code == 406
    emulator.world.plugins[SSO_APP].enabled = False
    assert ask(emulator, "GET", UPM).json()["enabled"] is False
    del emulator.world.plugins[SSO_APP]
    assert ask(emulator, "GET", UPM).status_code == 404
    emulator.world.administrator = False
    assert ask(emulator, "GET", UPM).status_code == 403


def test_miniorange_has_a_key_of_its_own_in_each_product() -> None:
    for emulator in (jira(), confluence()):
        path = f"/rest/plugins/1.0/com.miniorange.oauth.{emulator.name}-oauth-key"
        assert ask(emulator, "GET", path).json()["version"] == "1.2.4"


def test_reset_gives_a_new_installation_with_the_same_credentials() -> None:
    emulator = jira()
    world = emulator.world
    before = (world.token, world.groups.copy(), world.sso, world.miniorange, world.application_roles.copy())
    world.groups.clear()
    world.plugins.clear()
    world.application_roles.clear()
    world.administrator = False
    world.version = "8.0.0"
    world.switches = replace(world.switches, unknown_idp=400)
    world.miniorange = {}
    world.reset()
    assert (world.token, world.groups, world.sso, world.miniorange, world.application_roles) == before
    assert (world.version, world.switches, world.administrator) == ("10.3.24", Switches(), True)
    assert ask(emulator, "GET", UPM).status_code == 200
    assert {emulator.token, emulator.password, world.session} <= emulator.issued_secrets


# Jira, facts 6


def test_jira_server_info_is_anonymous_and_names_the_version() -> None:
    info = ask(jira("9.4.11"), "GET", "/rest/api/2/serverInfo", {})
    assert info.status_code == 200
    assert info.json()["version"] == "9.4.11"
    assert info.json()["versionNumbers"] == [9, 4, 11]
    assert info.json()["deploymentType"] == "Server"
    assert {"buildNumber", "buildDate", "serverTime", "scmInfo", "serverTitle"} < info.json().keys()


@pytest.mark.parametrize("administrator", [True, False])
def test_jira_permissions_tell_whether_the_caller_administers(administrator: bool) -> None:
    emulator = jira()
    emulator.world.administrator = administrator
    held = ask(emulator, "GET", "/rest/api/2/mypermissions").json()["permissions"]
    assert held["ADMINISTER"]["havePermission"] is administrator
    assert held["SYSTEM_ADMIN"]["havePermission"] is administrator
    assert ask(emulator, "GET", "/rest/api/2/mypermissions", {}).status_code == 401


def test_jira_group_is_created_once_and_the_second_time_is_400() -> None:
    emulator = jira()
    made = ask(emulator, "POST", "/rest/api/2/group", json={"name": "jira-software-users"})
    assert made.status_code == 201
    assert made.json()["name"] == "jira-software-users"
    assert made.json()["users"]["size"] == 0
    assert "self" in made.json()
    assert emulator.world.groups["jira-software-users"] == []
    for name in ("jira-software-users", "JIRA-Software-Users", "", None):
        refused = ask(emulator, "POST", "/rest/api/2/group", json={"name": name})
        assert refused.status_code == 400
        assert refused.json().keys() == {"errorMessages", "errors"}
    assert len(emulator.world.groups) == 3


def test_jira_group_is_deleted_with_200() -> None:
    emulator = jira()
    path = "/rest/api/2/group"
    assert ask(emulator, "DELETE", path, params={"groupname": "jira-core-users"}).status_code == 200
    assert "jira-core-users" not in emulator.world.groups
    assert ask(emulator, "DELETE", path, params={"groupname": "jira-core-users"}).status_code == 404
    assert ask(emulator, "DELETE", path).status_code == 400
    assert ask(emulator, "GET", path, params={"groupname": "jira-administrators"}).status_code == 405


def test_jira_members_come_by_pages_of_fifty_at_most() -> None:
    emulator = jira()
    emulator.world.groups["all"] = [f"user{number}" for number in range(60)]
    page = ask(emulator, "GET", GROUP_MEMBER, params={"groupname": "All", "maxResults": "1000"}).json()
    values = page.pop("values")
    assert page == {"startAt": 0, "maxResults": 50, "total": 60, "isLast": False}
    assert values[0].keys() == {"name", "key", "emailAddress", "displayName", "active"}
    rest = ask(emulator, "GET", GROUP_MEMBER, params={"groupname": "all", "startAt": "50"}).json()
    assert (len(rest["values"]), rest["isLast"]) == (10, True)


def test_jira_members_are_the_test_of_existence() -> None:
    emulator = jira()
    assert ask(emulator, "GET", GROUP_MEMBER, params={"groupname": "none"}).status_code == 404
    assert ask(emulator, "GET", GROUP_MEMBER, params={"groupname": ""}).status_code == 400
    wrong = {"groupname": "jira-administrators", "startAt": "x"}
    assert ask(emulator, "GET", GROUP_MEMBER, params=wrong).status_code == 400
    emulator.world.administrator = False
    assert ask(emulator, "GET", GROUP_MEMBER, params={"groupname": "none"}).status_code == 403


def test_jira_picker_matches_substrings_and_is_empty_without_rights() -> None:
    emulator = jira()
    emulator.world.groups["<old> Core-users"] = []
    found = ask(emulator, "GET", "/rest/api/2/groups/picker", params={"query": "core", "maxResults": "1"}).json()
    assert found == {
        "header": "Showing 1 of 2 matching groups",
        "total": 2,
        "groups": [{"name": "<old> Core-users", "html": "&lt;old&gt; Core-users", "labels": []}],
    }
    emulator.world.administrator = False
    empty = ask(emulator, "GET", "/rest/api/2/groups/picker", params={"query": "core"})
    assert (empty.status_code, empty.json()["groups"]) == (200, [])


def test_jira_roles_are_an_array_with_an_etag() -> None:
    emulator = jira()
    roles = ask(emulator, "GET", "/rest/api/2/applicationrole")
    assert [role["key"] for role in roles.json()] == ["jira-core", "jira-software"]
    one = ask(emulator, "GET", ROLE)
    assert one.headers["etag"] == roles.headers["etag"]
    assert one.json()["groups"] == ["jira-administrators"]
    assert one.json()["hasUnlimitedSeats"] is True
    assert ask(emulator, "GET", "/rest/api/2/applicationrole/none").status_code == 404
    assert ask(emulator, "GET", "/rest/api/2/applicationrole", {}).status_code == 401


def test_jira_role_sets_replace_and_a_stale_hash_is_412() -> None:
    emulator = jira()
    tag = ask(emulator, "GET", ROLE).headers["etag"]
    body: JsonValue = {"key": "other", "name": "Other", "groups": ["jira-software-users"]}
    changed = ask(emulator, "PUT", ROLE, json=body, more={"If-Match": tag})
    assert changed.status_code == 200
    assert (changed.json()["key"], changed.json()["name"]) == ("jira-software", "Jira Software")
    assert changed.json()["groups"] == ["jira-software-users"]
    assert changed.headers["etag"] != tag
    assert ask(emulator, "PUT", ROLE, json=body, more={"If-Match": tag}).status_code == 412
    unguarded = ask(emulator, "PUT", ROLE, json={"defaultGroups": ["a", "a"]}).json()
    assert (unguarded["groups"], unguarded["defaultGroups"]) == (["jira-software-users"], ["a"])
    assert ask(emulator, "PUT", ROLE, json={"groups": "a"}).status_code == 400
    assert ask(emulator, "PUT", "/rest/api/2/applicationrole/none", json={}).status_code == 404


# Confluence, facts 7


def test_confluence_server_information_is_younger_than_the_manifest() -> None:
    old, new = confluence("9.0.3"), confluence("9.1.0")
    path = "/rest/api/server-information"
    assert ask(old, "GET", path).status_code == 404
    assert ask(new, "GET", path, {}).status_code == 401
    assert ask(new, "GET", path).json()["version"] == "9.1.0"
    assert {"buildNumber", "buildDate", "baseUrl", "marketplaceBuildNumber"} < ask(new, "GET", path).json().keys()


def test_confluence_access_mode_is_a_bare_string() -> None:
    emulator = confluence()
    assert ask(emulator, "GET", "/rest/api/accessmode").json() == "READ_WRITE"
    emulator.world.access_mode = "READ_ONLY"
    assert ask(emulator, "GET", "/rest/api/accessmode").json() == "READ_ONLY"


def test_confluence_groups_come_by_pages_that_end_without_next() -> None:
    emulator = confluence(switches=Switches(context_path="/wiki"))
    emulator.world.groups.update({f"g{number:03}": [] for number in range(201)})
    first = ask(emulator, "GET", "/wiki/rest/api/group").json()
    assert (first["start"], first["limit"], first["size"], len(first["results"])) == (0, 200, 200, 200)
    assert (first["_links"]["base"], first["_links"]["context"]) == ("http://here.test/wiki", "/wiki")
    last = ask(emulator, "GET", first["_links"]["base"] + first["_links"]["next"]).json()
    assert (last["start"], last["size"]) == (200, 3)
    assert "next" not in last["_links"]
    assert first["results"][0]["type"] == "group"
    assert first["results"][0]["name"] == "confluence-administrators"
    assert ask(emulator, "GET", "/wiki/rest/api/group", {}).status_code == 403


def test_confluence_group_is_read_by_its_encoded_name() -> None:
    emulator = confluence()
    emulator.world.groups.update({"a b": [], "a/b": []})
    assert ask(emulator, "GET", "/rest/api/group/a%20b").json()["name"] == "a b"
    assert ask(emulator, "GET", "/rest/api/group/none").status_code == 404
    assert ask(emulator, "GET", "/rest/api/group/a%2Fb").status_code == 404


def test_confluence_group_is_created_with_200_and_needs_its_type() -> None:
    emulator = confluence()
    path = "/rest/api/admin/group"
    made = ask(emulator, "POST", path, json={"type": "group", "name": "team"})
    assert (made.status_code, made.json()["name"]) == (200, "team")
    exists = ask(emulator, "POST", path, json={"type": "group", "name": "Team"})
    message = "A group of this name exists."
    assert exists.status_code == 409
    assert exists.json() == {"statusCode": 409, "message": message, "reason": "Conflict", "data": {}}
    untyped = ask(emulator, "POST", path, json={"name": "other"})
    assert (untyped.status_code, "type id" in untyped.json()["message"]) == (400, True)
    assert ask(emulator, "POST", path, json={"type": "group"}).status_code == 400
    assert ask(emulator, "POST", "/rest/api/group", json={"type": "group", "name": "other"}).status_code == 405
    emulator.world.administrator = False
    assert ask(emulator, "POST", path, json={"type": "group", "name": "other"}).status_code == 403
    assert "other" not in emulator.world.groups


def test_confluence_group_is_deleted_with_204_but_not_the_last_of_the_administrators() -> None:
    emulator = confluence()
    path = "/rest/api/admin/group"
    assert ask(emulator, "DELETE", f"{path}/confluence-users").status_code == 204
    assert ask(emulator, "DELETE", f"{path}/confluence-users").status_code == 404
    assert ask(emulator, "DELETE", f"{path}/confluence-administrators").status_code == 400
    emulator.world.administrators.add("admins")
    emulator.world.groups["admins"] = []
    assert ask(emulator, "DELETE", f"{path}/confluence-administrators").status_code == 204


def test_confluence_writes_groups_from_8_2_on() -> None:
    old = confluence("8.1.4")
    assert ask(old, "POST", "/rest/api/admin/group", json={"type": "group", "name": "x"}).status_code == 404
    assert ask(old, "DELETE", "/rest/api/admin/group/confluence-users").status_code == 404
    new = confluence("8.2.0")
    assert ask(new, "POST", "/rest/api/admin/group", json={"type": "group", "name": "x"}).status_code == 200

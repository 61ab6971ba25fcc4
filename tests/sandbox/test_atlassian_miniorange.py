"""The emulated miniOrange plugin holds one document, as facts atlassian 4.2, 4.3 and 12.1 say."""

from __future__ import annotations

import asyncio
import copy
import json
from typing import TYPE_CHECKING, Any, Literal

import httpx
import pytest

from reconciler.sandbox.atlassian import Switches, confluence, jira
from reconciler.sandbox.atlassian.miniorange_document import EXTRA_KEY, MASK

if TYPE_CHECKING:
    from reconciler.sandbox.atlassian import ProductWorld
    from reconciler.sandbox.emulator import Emulator

SERVLET = "/plugins/servlet/oauth/configureplugin"
SECRET = "cs_of_the_test"
PROVIDER: dict[str, Any] = {
    "Name": "Clavex",
    "Application Configuration": {"CLIENT_ID": "atlassian", "CLIENT_SECRET": SECRET, "USE_STATE_PARAMETER": True},
    "Attribute Mapping": {"USERNAME_ATTRIBUTE": "preferred_username", "KEEP_EXISTING_USER_ATTRIBUTES": False},
    "Group Mapping": {"ROLE_ATTRIBUTE": "groups", "ROLE_MAPPING": {}, "DEFAULT_GROUPS": []},
}


def ask(
    emulator: Emulator[ProductWorld], method: str, document: object = None, *, by_password: bool = False
) -> httpx.Response:
    """Sends one request to the servlet as the administrator."""
    auth = (emulator.username, emulator.password) if by_password else None
    headers = {} if by_password else {"Authorization": f"Bearer {emulator.token}"}

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(emulator.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here.test", trust_env=False) as client:
            return await client.request(method, SERVLET, headers=headers, auth=auth, json=document)

    return asyncio.run(send())


def add_provider(emulator: Emulator[ProductWorld]) -> dict[str, Any]:
    """Reads the document, adds a provider, writes it; the document as the plugin shows it then."""
    read = ask(emulator, "GET").json()
    read["Identity Providers"].append(copy.deepcopy(PROVIDER))
    answer = ask(emulator, "POST", read)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = ask(emulator, "GET").json()
    return shown


def kept_application(emulator: Emulator[ProductWorld]) -> dict[str, Any]:
    """The first provider's settings as the plugin stores them."""
    document: dict[str, Any] = emulator.world.miniorange
    application: dict[str, Any] = document["Identity Providers"][0]["Application Configuration"]
    return application


def test_new_plugin_has_a_document_without_providers() -> None:
    document = ask(jira(switches=Switches(miniorange_version="2.0.1")), "GET", by_password=True).json()
    assert document["PLUGIN_VERSION"] == "2.0.1"
    assert document["Identity Providers"] == []
    assert document["Sign In Settings"]["DISABLE_DEFAULT_LOGIN"] == "false"
    assert document["Domain Mapping Configurations"]["USE_DOMAIN_MAPPING"] is False


def test_post_replaces_the_whole_document() -> None:
    emulator = confluence()
    document = add_provider(emulator)
    (provider,) = document["Identity Providers"]
    assert provider["Application Configuration"].items() >= PROVIDER["Application Configuration"].items()
    assert len(provider["ID"]) == 36
    del document["Domain Mapping Configurations"]
    del provider["Group Mapping"]["DEFAULT_GROUPS"]
    assert ask(emulator, "POST", document, by_password=True).status_code == 200
    assert emulator.world.miniorange == document
    assert ask(emulator, "GET").json() == document


def test_secret_is_kept_and_counted() -> None:
    emulator = jira()
    assert SECRET not in emulator.issued_secrets
    add_provider(emulator)
    assert SECRET in emulator.issued_secrets
    kept_application(emulator)["CLIENT_SECRET"] = "cs_by_hand"
    ask(emulator, "GET")
    assert "cs_by_hand" in emulator.issued_secrets


@pytest.mark.parametrize(("how", "shown"), [("clear", SECRET), ("masked", MASK), ("empty", "")])
def test_secret_that_is_not_shown_is_destroyed_by_posting_what_was_read(
    how: Literal["clear", "masked", "empty"], shown: str
) -> None:
    emulator = jira(switches=Switches(miniorange_secret=how))
    document = add_provider(emulator)
    assert document["Identity Providers"][0]["Application Configuration"]["CLIENT_SECRET"] == shown
    kept = kept_application(emulator)
    assert kept["CLIENT_SECRET"] == SECRET
    ask(emulator, "POST", document)
    kept = kept_application(emulator)
    assert kept["CLIENT_SECRET"] == shown
    assert not {"", MASK} & emulator.issued_secrets


def test_booleans_can_be_shown_as_strings() -> None:
    emulator = jira(switches=Switches(miniorange_booleans="strings"))
    (provider,) = add_provider(emulator)["Identity Providers"]
    assert provider["Application Configuration"]["USE_STATE_PARAMETER"] == "true"
    assert provider["Attribute Mapping"]["KEEP_EXISTING_USER_ATTRIBUTES"] == "false"
    assert provider["Group Mapping"]["DEFAULT_GROUPS"] == []
    kept = kept_application(emulator)
    assert kept["USE_STATE_PARAMETER"] is True


def test_every_level_has_an_unknown_key_whose_value_survives_if_it_is_sent_back() -> None:
    emulator = jira()
    document = add_provider(emulator)
    (provider,) = document["Identity Providers"]
    sections = ("Application Configuration", "Attribute Mapping", "Group Mapping")
    levels = [document, document["Sign In Settings"], document["Domain Mapping Configurations"], provider]
    levels += [provider[name] for name in sections]
    for number, level in enumerate(levels):
        assert level[EXTRA_KEY] == ""
        level[EXTRA_KEY] = f"set by somebody {number}"
    emulator.world.miniorange = copy.deepcopy(document)
    assert ask(emulator, "POST", ask(emulator, "GET").json()).status_code == 200
    assert ask(emulator, "GET").json() == document
    plain = add_provider(jira(switches=Switches(miniorange_extra_keys="absent")))
    assert EXTRA_KEY not in str(plain)


def test_answer_to_a_post_is_a_switch() -> None:
    as_json = ask(jira(), "POST", jira().world.miniorange)
    assert as_json.headers["content-type"] == "application/json"
    as_html = ask(jira(switches=Switches(miniorange_post="html")), "POST", jira().world.miniorange)
    assert (as_html.status_code, as_html.headers["content-type"]) == (200, "text/html; charset=utf-8")
    redirect = ask(jira(switches=Switches(miniorange_post="redirect")), "POST", jira().world.miniorange)
    assert redirect.status_code == 302
    assert redirect.headers["location"].startswith("http://here.test/plugins/servlet/oauth/")


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"Identity Providers": None}, "Identity Providers"),
        ({"Identity Providers": [PROVIDER, {"Name": "x"}]}, "Identity Provider 2"),
        ({"Identity Providers": ["x"]}, "Identity Provider 1"),
        ({"Identity Providers": [PROVIDER | {"Group Mapping": "x"}]}, "Identity Provider 1"),
    ],
)
def test_wrong_document_changes_nothing_and_its_cause_is_named(changes: dict[str, Any], cause: str) -> None:
    emulator = jira()
    before = copy.deepcopy(emulator.world.miniorange)
    refused = ask(emulator, "POST", before | changes)
    assert refused.status_code == 400
    assert cause in refused.json()["message"]
    with pytest.raises(ValueError, match=cause):
        emulator.world.import_(before | changes)
    assert emulator.world.miniorange == before
    assert SECRET not in emulator.issued_secrets


def test_document_that_somebody_broke_by_hand_is_shown_as_it_is() -> None:
    emulator = jira(switches=Switches(miniorange_secret="masked"))
    emulator.world.miniorange["Identity Providers"] = [{"Name": "bare"}]
    assert ask(emulator, "GET").json()["Identity Providers"] == [{"Name": "bare"}]


def test_file_route_exports_and_imports_the_same_document() -> None:
    emulator = jira()
    with pytest.raises(LookupError, match="when a provider is configured"):
        emulator.world.export()
    shown = add_provider(emulator)
    exported = emulator.world.export()
    assert exported == shown
    as_file = json.dumps(exported).replace("Clavex", "Renamed")
    exported.clear()
    assert emulator.world.export() == shown
    emulator.world.import_(json.loads(as_file))
    assert ask(emulator, "GET").json()["Identity Providers"][0]["Name"] == "Renamed"


def test_plugin_that_is_not_installed_or_disabled_is_404() -> None:
    emulator = jira()
    key = emulator.world.miniorange_key
    emulator.world.plugins[key].enabled = False
    assert ask(emulator, "GET").status_code == 404
    del emulator.world.plugins[key]
    assert ask(emulator, "GET").status_code == 404
    assert ask(emulator, "POST", {}).status_code == 404


def test_servlet_needs_an_administrator_and_may_know_no_tokens() -> None:
    emulator = jira(switches=Switches(miniorange_tokens="unknown"))
    assert ask(emulator, "GET").status_code == 401
    assert ask(emulator, "GET", by_password=True).status_code == 200
    emulator.world.administrator = False
    assert ask(emulator, "GET", by_password=True).status_code == 403
    assert ask(emulator, "POST", {}, by_password=True).status_code == 403

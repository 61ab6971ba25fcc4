"""The one JSON document that holds the whole configuration of the miniOrange OAuth/OIDC plugin.

Seen in public code, of an old version (facts atlassian 4.3): section and key names. Documented (4.2): an import of
a wrong document changes nothing and names the cause. Assumed: a document replaces the one before it, with whatever
secret it carries, be it empty or masked; the server numbers a provider that comes without an ID.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from pydantic import JsonValue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.sandbox.atlassian.switches import Switches

JsonObject = dict[str, JsonValue]

EXTRA_KEY = "SETTING_OF_A_LATER_VERSION"
MASK = "********"


def make_document(product: str, switches: Switches) -> JsonObject:
    """The document of a plugin without providers. Booleans of the sign-in settings are strings (4.3)."""
    made: JsonObject = {
        "PLUGIN_NAME": f"miniOrange OAuth/OIDC SSO for {product.capitalize()}",
        "PLUGIN_VERSION": switches.miniorange_version,
        "Identity Providers": [],
        "Sign In Settings": {
            "ENABLE_FOR_SOFTWARE": "true",
            "LOGIN_BUTTON_TEXT": "",
            "DISABLE_DEFAULT_LOGIN": "false",
            "ENABLE_BACKDOOR": "false",
        },
        "Domain Mapping Configurations": {"USE_DOMAIN_MAPPING": False, "DOMAIN_MAPPING": {}},
    }
    return complete(made, switches)


def complete(uploaded: JsonObject, switches: Switches) -> JsonObject:
    """A checked copy of an uploaded document, with what the server adds to it.

    Raises:
        ValueError: the document is not of the plugin's form.
    """
    made = copy.deepcopy(uploaded)
    providers = made.get("Identity Providers")
    if "PLUGIN_NAME" not in made or not isinstance(providers, list):
        raise ValueError("PLUGIN_NAME or the list of Identity Providers is missing")
    levels = [made]
    for number, provider in enumerate(providers, start=1):
        match provider:
            case {
                "Name": str() as name,
                "Application Configuration": dict() as application,
                "Attribute Mapping": dict() as attributes,
                "Group Mapping": dict() as groups,
            } if isinstance(provider, dict):
                provider.setdefault("ID", str(uuid5(NAMESPACE_URL, f"{number} {name}")))
                levels += [provider, application, attributes, groups]
            case _:
                raise ValueError(f"Identity Provider {number} lacks its Name or one of its three sections")
    if switches.miniorange_extra_keys == "present":
        levels += [value for value in made.values() if isinstance(value, dict)]
        for level in levels:
            level.setdefault(EXTRA_KEY, "")
    return made


def show(document: JsonObject, switches: Switches) -> JsonObject:
    """A copy of the document as the plugin gives it out."""
    shown = copy.deepcopy(document)
    hidden = {"clear": None, "masked": MASK, "empty": ""}[switches.miniorange_secret]
    for configuration in _applications(shown):
        if hidden is not None and "CLIENT_SECRET" in configuration:
            configuration["CLIENT_SECRET"] = hidden
    if switches.miniorange_booleans == "strings":
        return {key: _stringify(value) for key, value in shown.items()}
    return shown


def section(document: JsonObject, name: str) -> JsonObject:
    """A part of the document or of a provider; empty if it is missing."""
    part = document.get(name)
    return part if isinstance(part, dict) else {}


def is_on(value: JsonValue) -> bool:
    """A flag, which is a boolean in some places and a text in others (4.3)."""
    return value is True or value == "true"


def secrets_of(document: JsonObject) -> list[str]:
    """The client secrets in a document."""
    found = [configuration.get("CLIENT_SECRET") for configuration in _applications(document)]
    return [value for value in found if isinstance(value, str)]


def _applications(document: JsonObject) -> Iterator[JsonObject]:
    providers = document["Identity Providers"]
    for provider in providers if isinstance(providers, list) else []:
        match provider:
            case {"Application Configuration": dict() as configuration}:
                yield configuration


def _stringify(value: JsonValue) -> JsonValue:
    match value:
        case bool():
            return str(value).lower()
        case dict():
            return {key: _stringify(member) for key, member in value.items()}
        case list():
            return [_stringify(member) for member in value]
    return value

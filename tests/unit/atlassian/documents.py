"""The plugin's document with providers that somebody made by hand, and the handlers for it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from unit.atlassian.product import Side, side, sign_on, system_of

from reconciler.providers import miniorange

if TYPE_CHECKING:
    from reconciler.ports import Http
    from reconciler.sandbox.serve import Sandbox

REST = {"options": {"route": "rest"}, "login_form": True, "login_fallback": True, "auto_redirect": False}
SERVLET = "/plugins/servlet/oauth/configureplugin"
FOREIGN: dict[str, Any] = {
    "ID": "foreign",
    "Name": "Okta",
    "Application Configuration": {"CLIENT_ID": "okta", "CLIENT_SECRET": "of-okta", "SCOPE": "b a", "OWN": 1.5},
    "Attribute Mapping": {"USE_SEPARATE_NAME_ATTRIBUTE": "true"},
    "Group Mapping": {"ROLE_MAPPING": {"x": ["y"]}, "DEFAULT_GROUPS": "a, b"},
    "Unknown Section": [{"K": None}],
}
BY_HAND: dict[str, Any] = {
    "ID": "by-hand",
    "Name": "Clavex",
    "Application Configuration": {
        "CLIENT_ID": "atlassian",
        "CLIENT_SECRET": "of-hand",
        "SCOPE": "openid profile",
        "AUTHORIZE_END_POINT": "https://id.acme.eu/acme/authorize",
        "ACR_VALUE_CHECK": "kept",
    },
    "Attribute Mapping": {"KEEP_EXISTING_USER_ATTRIBUTES": "true"},
    "Group Mapping": {},
}


def rest(sandbox: Sandbox, http: Http, kind: str = "miniorange", **changes: Any) -> Side:
    wish = sign_on(
        system_of(sandbox.jira),
        "miniorange",
        **{
            "options": {"route": "rest"},
            "login_form": True,
            "login_fallback": True,
            "auto_redirect": False,
            **changes,
        },
    )
    return side(miniorange.plugin, http, wish, kind)


def given(sandbox: Sandbox, *providers: dict[str, Any], **top: Any) -> None:
    world = sandbox.jira.world
    world.import_({**world.miniorange, "Identity Providers": [copy.deepcopy(item) for item in providers], **top})


def shown(sandbox: Sandbox, name: str) -> Any:
    return next(item for item in sandbox.jira.world.miniorange["Identity Providers"] if item["Name"] == name)

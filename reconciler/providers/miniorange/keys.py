"""The key names of the plugin's JSON document: one table for each generation of the plugin (facts atlassian 4.3).

The names come from an administrators' help page of version 1; no export of a licensed instance was seen.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from reconciler.errors import ReconcilerError
from reconciler.providers.atlassian.fields import Field, Fields, Form, JsonObject
from reconciler.providers.atlassian.sign_ons import FALLBACK, LOGIN_FORM
from reconciler.providers.atlassian.versions import parse

_APPLICATION = "Application Configuration"
_ATTRIBUTES = "Attribute Mapping"
_GROUPS = "Group Mapping"
_SIGN_IN = "Sign In Settings"
VERSION = "PLUGIN_VERSION"


@dataclass(frozen=True, slots=True)
class Keys:
    """Where everything stands.

    `provider` are the fields of one provider, `secret` its client secret, `template` what a new one begins with,
    `sign_in` the fields of the whole document that concern the login page.
    """

    providers: str
    id: str
    provider: Fields
    secret: Field
    sign_in: Fields
    template: JsonObject = field(default_factory=dict)


VERSION_1 = Keys(
    providers="Identity Providers",
    id="ID",
    provider={
        "name": Field(("Name",)),
        "display_name": Field((_APPLICATION, "CUSTOM_APP_NAME")),
        "client_id": Field((_APPLICATION, "CLIENT_ID")),
        "scopes": Field((_APPLICATION, "SCOPE"), Form.WORDS),
        "authorization_endpoint": Field((_APPLICATION, "AUTHORIZE_END_POINT")),
        "token_endpoint": Field((_APPLICATION, "ACCESSTOKEN_END_POINT")),
        "userinfo_endpoint": Field((_APPLICATION, "USERINFO_END_POINT")),
        "token_parameters_in": Field((_APPLICATION, "SEND_TOKEN_AUTHORIZATION_PARAMETERS_IN")),
        "username_attribute": Field((_ATTRIBUTES, "USERNAME_ATTRIBUTE")),
        "email_attribute": Field((_ATTRIBUTES, "EMAIL_ATTRIBUTE")),
        "first_name_attribute": Field((_ATTRIBUTES, "FIRST_NAME_ATTRIBUTE")),
        "last_name_attribute": Field((_ATTRIBUTES, "LAST_NAME_ATTRIBUTE")),
        "full_name_attribute": Field((_ATTRIBUTES, "FULL_NAME_ATTRIBUTE")),
        "separate_names": Field((_ATTRIBUTES, "USE_SEPARATE_NAME_ATTRIBUTE"), Form.FLAG),
        # The screen says "Update Existing User Profile", the document the opposite (facts atlassian 13, row 10).
        "update_on_login": Field((_ATTRIBUTES, "KEEP_EXISTING_USER_ATTRIBUTES"), Form.INVERSE),
        "group_attribute": Field((_GROUPS, "ROLE_ATTRIBUTE")),
        "on_the_fly_groups": Field((_GROUPS, "ON_THE_FLY_GROUP_MAPPING"), Form.FLAG),
        "keep_groups": Field((_GROUPS, "ON_THE_FLY_DO_NOT_REMOVE_GROUPS"), Form.FLAG),
        "default_groups": Field((_GROUPS, "DEFAULT_GROUPS"), Form.NAMES),
        "create_users": Field((_GROUPS, "RESTRICT_USER_CREATION"), Form.INVERSE),
    },
    secret=Field((_APPLICATION, "CLIENT_SECRET")),
    sign_in={
        LOGIN_FORM: Field((_SIGN_IN, "DISABLE_DEFAULT_LOGIN"), Form.INVERSE),
        FALLBACK: Field((_SIGN_IN, "ENABLE_BACKDOOR"), Form.FLAG),
        "auto_redirect": Field((_SIGN_IN, "ENABLE_AUTO_REDIRECT_DELAY"), Form.FLAG),
        "button_text": Field((_SIGN_IN, "LOGIN_BUTTON_TEXT")),
    },
    template={
        _APPLICATION: {
            "DEFAULT_APP_NAME": "Custom OpenID",
            "SINGLE_LOGOUT_URL": "",
            "PUBLIC_KEY": "",
            "USE_STATE_PARAMETER": True,
        },
        _ATTRIBUTES: {"LOGIN_USER_BY_ATTRIBUTE": "username"},
        _GROUPS: {"ROLE_MAPPING": {}, "DEFAULT_GROUPS": [], "ENABLE_DEFAULT_GROUPS_FOR": "newUsers"},
    },
)
NEWEST = VERSION_1
_GENERATIONS = {1: VERSION_1}


def keys_of(document: JsonObject, accepted: str) -> Keys:
    """The table for a document, by its version.

    ReconcilerError for a version that no table is made for, unless `accepted` names it: then the newest table
    is tried.
    """
    version = document.get(VERSION)
    if not isinstance(version, str) or not version:
        raise ReconcilerError(
            f"the document has no {VERSION}", "is it a configuration of miniOrange OAuth/OIDC SSO, and whole?"
        )
    if keys := _GENERATIONS.get(next(iter(parse(version)), 0)):
        return keys
    if version == accepted:
        return NEWEST
    known = ", ".join(f"{number}.x" for number in _GENERATIONS)
    raise ReconcilerError(
        f"miniOrange {version} is a version whose key names nobody has looked at; {known} is known",
        f'if an export of it has the keys of one of {known}, say accept_version = "{version}" in the sign-on\'s '
        "miniorange table",
    )

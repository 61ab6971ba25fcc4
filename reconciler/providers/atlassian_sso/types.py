"""The resource types of the built-in app; where each attribute stands on the wire (facts atlassian 3.2 to 3.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.resource import Kind, Mark, ResourceType
from reconciler.providers.atlassian.fields import Field, Form
from reconciler.providers.atlassian.sign_ons import (
    FALLBACK,
    LOGIN_FORM,
    MAPPED_GROUPS,
    goes_off,
    loses_administrators,
    moves_groups,
    renames_people,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reconciler.core.resource import Attributes
    from reconciler.providers.atlassian.fields import Fields

JIT = "jit-configuration"
BUTTON_SPELLINGS = ("buttonText", "button-text")
"""The documents disagree, and so do versions (facts atlassian 3.2); the first one is what is written by default."""
SECRET = "client-secret"  # noqa: S105 - the name of a field

JSM_FORM = "show_login_form_for_jsm"
"""The login form of the service portal of Jira Service Management."""
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint")
"""Typed in by hand when discovery is off. There is no place for the keys (facts atlassian 3.2)."""

IDP_FIELDS: Fields = {
    "name": Field(("name",)),
    "enabled": Field(("enabled",), Form.FLAG),
    "issuer": Field(("issuer-url",)),
    "client_id": Field(("client-id",)),
    "discovery": Field(("discovery-enabled",), Form.FLAG),
    "additional_scopes": Field(("additional-scopes",), Form.NAMES),
    "username_claim": Field(("username-claim",)),
    "enable_remember_me": Field(("enable-remember-me",), Form.FLAG),
    "include_customer_logins": Field(("include-customer-logins",), Form.FLAG),
    **{name: Field((name.replace("_", "-"),)) for name in ENDPOINTS},
    "jit_enabled": Field((JIT, "user-provisioning-enabled"), Form.FLAG),
    "jit_display_name": Field((JIT, "mapping-display-name")),
    "jit_email": Field((JIT, "mapping-email")),
    "jit_groups": Field((JIT, "mapping-groups")),
    "jit_scopes": Field((JIT, "additional-openid-scopes"), Form.NAMES),
}
SETTINGS_FIELDS: Fields = {
    LOGIN_FORM: Field(("show-login-form",), Form.FLAG),
    JSM_FORM: Field(("show-login-form-for-jsm",), Form.FLAG),
    FALLBACK: Field(("enable-authentication-fallback",), Form.FLAG),
    "discovery_refresh_cron": Field(("discovery-refresh-cron",)),
}


def idp_fields(spelling: str) -> Fields:
    """All fields of an identity provider, with the button text in this spelling."""
    return {**IDP_FIELDS, "button_text": Field((spelling,))}


def locks_out(before: Attributes, after: Attributes) -> Iterable[str]:
    """Just-in-time provisioning takes memberships away (facts atlassian 3.3); lost mappings do too."""
    if before.get("jit_enabled") is not True and after.get("jit_enabled") is True:
        yield (
            "just-in-time provisioning comes on: at each login people lose every group that Clavex does not send, "
            "administrators too; keep an account that logs in with a password"
        )
    if before.get("enabled") is True and after.get("enabled") is False:
        yield "the sign-on is switched off: nobody logs in by it any more"
    yield from renames_people(before, after, "username_claim")
    yield from moves_groups(before, after, "jit_groups")
    yield from loses_administrators(before, after)


def closes(before: Attributes, after: Attributes) -> Iterable[str]:
    """A way to log in without Clavex is switched off, to the product or to its service portal."""
    yield from goes_off(before, after)
    if before.get(JSM_FORM) is not False and after.get(JSM_FORM) is False:
        yield "the service portal's login form goes off: if the sign-on fails, no customer gets in with a password"


IDP = ResourceType(
    "idp",
    key=("name",),
    attributes={
        **dict.fromkeys(IDP_FIELDS, Mark.PLAIN),
        "button_text": Mark.PLAIN,
        "additional_scopes": Mark.UNORDERED,
        "jit_scopes": Mark.UNORDERED,
        "client_secret": Mark.SECRET,
        "callback": Mark.LOCAL,
        MAPPED_GROUPS: Mark.LOCAL,
    },
    locks_out=locks_out,
    mends=("jit_enabled", "jit_groups"),
    admits=MAPPED_GROUPS,
)
SSO_SETTINGS = ResourceType(
    "sso_settings",
    key=(),
    attributes=dict.fromkeys(SETTINGS_FIELDS, Mark.PLAIN),
    kind=Kind.SETTINGS,
    locks_out=closes,
    doors=(LOGIN_FORM, JSM_FORM, FALLBACK),
)

"""What a sign-on becomes in the app by resolution, and what nobody knows of it (facts atlassian 5, 11)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from reconciler.core.address import Address
from reconciler.core.desired import Desired
from reconciler.core.resource import unordered
from reconciler.diagnostic import error, note
from reconciler.ports import Expansion
from reconciler.providers.atlassian.sign_ons import (
    FALLBACK,
    LOGIN_FORM,
    MAPPED_GROUPS,
    check_secret,
    issuer,
    needed,
    title,
)
from reconciler.providers.resolution.app import keys_of
from reconciler.providers.resolution.types import (
    APP_ENABLED,
    APP_KEY,
    CALLBACK,
    CONFIRMATION,
    CONFIRMED,
    RESOLUTION,
    SECRET,
    digest_of,
    parse_confirmation,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.core.intent import Facts, SignOn
    from reconciler.core.resource import Value
    from reconciler.diagnostic import Diagnostic

_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
_ATTRIBUTES = {
    "username": "username_attribute",
    "email": "email_attribute",
    "first_name": "first_name_attribute",
    "last_name": "last_name_attribute",
    "display_name": "full_name_attribute",
    "groups": "group_attribute",
}


class Options(BaseModel):
    """The table `[sso.*.resolution]`."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)

    name: str | None = Field(
        None,
        min_length=1,
        description="What the identity provider is called in the app. Default: the name of the sign-on.",
        examples=["Clavex"],
    )
    confirmed: str | None = Field(
        None,
        description="Says that a person has typed in what `apply` printed; the text to put here ends its checklist. "
        "It holds no secret, and fits these values only: when one changes, there is something to do again.",
    )
    app_key: str | None = Field(
        None,
        min_length=1,
        description="The key of the app, if this version has another than is known.",
        examples=["com.resolution.atlasplugins.samlsso.Jira"],
    )


def callback(sign_on: SignOn) -> str:  # noqa: ARG001 - the port's shape
    """Unknown: only a picture shows it (facts atlassian 5), so that the spec must say it."""
    return ""


def expand(sign_on: SignOn, product: Facts, clavex: Facts) -> Expansion:  # noqa: ARG001 - no version is known to differ
    """What a person types in, as one resource."""
    attributes = _attributes(sign_on, clavex)
    attributes |= {CONFIRMED: digest_of(attributes), APP_ENABLED: True, **_stated(sign_on)}
    address = Address(sign_on.product.name, RESOLUTION.name, sign_on.name)
    wanted = Desired(address, RESOLUTION, attributes, depends_on=needed(sign_on), manual=True, where=sign_on.where)
    return Expansion((wanted,), (*check_secret(sign_on), *_check(sign_on)))


def _attributes(sign_on: SignOn, clavex: Facts) -> dict[str, Value]:
    claims, issued_by = sign_on.attributes, issuer(sign_on, clavex)
    name = sign_on.options.get("name")
    attributes: dict[str, Value] = {
        "name": name if isinstance(name, str) else sign_on.name,
        "button_text": sign_on.display_name,
        "issuer": issued_by,
        "discovery": f"{issued_by}/.well-known/openid-configuration",
        "client_id": sign_on.client.client_id,
        "scopes": unordered(sign_on.scopes),
        **{name: clavex.values[name] for name in _ENDPOINTS if name in clavex.values},
        **{own: claims[name] for name, own in _ATTRIBUTES.items() if claims.get(name)},
        CALLBACK: sign_on.callback or "",
        MAPPED_GROUPS: unordered(sign_on.groups.values()),
    }
    if sign_on.client.secret is not None:
        attributes[SECRET] = str(sign_on.client.secret)
    wishes: dict[str, Value] = {
        "group_mapping": dict(sorted(sign_on.groups.items())) or None,
        "update_on_login": sign_on.update_attributes_on_login,
        "create_users": sign_on.create_users,
        "default_groups": None if sign_on.default_groups is None else unordered(sign_on.default_groups),
        LOGIN_FORM: sign_on.login_form,
        FALLBACK: sign_on.login_fallback,
        "auto_redirect": sign_on.auto_redirect,
    }
    return attributes | {name: value for name, value in wishes.items() if value is not None}


def _stated(sign_on: SignOn) -> dict[str, Value]:
    """What of the options goes into the state."""
    own = {CONFIRMATION: sign_on.options.get("confirmed"), APP_KEY: sign_on.options.get("app_key")}
    return {name: value for name, value in own.items() if isinstance(value, str)}


def _check(sign_on: SignOn) -> Iterator[Diagnostic]:
    where, kind, options = sign_on.where, sign_on.product.provider, sign_on.options
    if not sign_on.callback:
        yield error(
            "nothing says to which callback URL the app by resolution sends people: no text documents its path",
            f"{where}.callback",
            f"in {title(sign_on)}, Manage apps > SAML SSO > Configure, add an identity provider for OpenID Connect: "
            f"the wizard shows the URL; put it into callback, and Clavex will accept it",
        )
    if not keys_of(kind, str(options.get("app_key") or "")):
        yield error(f"the key of the app in {kind} is not known", where, "say it: app_key in the resolution table")
    if not sign_on.enabled:
        yield error(
            "the app by resolution has no known switch that turns one identity provider off",
            f"{where}.enabled",
            "take the sign-on out of the spec, or turn it off in the app's screen and leave enabled out",
        )
    said = options.get("confirmed")
    if isinstance(said, str) and parse_confirmation(said) is None:
        yield error(
            "this confirms nothing",
            f"{where}.resolution.confirmed",
            "copy the text from the end of the checklist that apply prints",
        )
    yield note(
        f"the app by resolution has no public API: apply prints what a person types into {title(sign_on)}, and "
        f"`confirmed` says that it was done. What really stands there cannot be read, so drift does not show",
        where,
    )

"""What a sign-on becomes in the built-in app, and what the app will not do (facts atlassian 3.2, 3.3, 11)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reconciler.core.address import Address
from reconciler.core.desired import Desired
from reconciler.core.resource import unordered
from reconciler.diagnostic import error, note, warning
from reconciler.ports import Expansion
from reconciler.providers.atlassian.sign_ons import (
    FALLBACK,
    LOGIN_FORM,
    check,
    check_lengths,
    issuer,
    local,
    needed,
    title,
)
from reconciler.providers.atlassian.versions import is_below
from reconciler.providers.atlassian_sso.types import IDP, SSO_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.core.intent import Facts, SignOn
    from reconciler.core.resource import Value
    from reconciler.diagnostic import Diagnostic

_CALLBACK = "/plugins/servlet/oidc/callback"
SINCE = {"jira": "8.15", "confluence": "7.12"}
GUIDE_SINCE = {"jira": "9.4"}
_SAME_NAMES = "the built-in app has no table of groups and takes names as Clavex sends them"


class Options(BaseModel):
    """The table `[sso.*.atlassian]`."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)

    name: str | None = Field(
        None,
        min_length=1,
        max_length=255,
        description="What the identity provider is called in the product's list. Default: the name of the sign-on.",
        examples=["Clavex"],
    )


def callback(sign_on: SignOn) -> str:
    """The redirect URI of the app (facts atlassian 3.5)."""
    return f"{sign_on.product.url}{_CALLBACK}"


def expand(sign_on: SignOn, product: Facts, clavex: Facts) -> Expansion:
    """An identity provider, and the settings of the login page if the spec manages any of them."""
    attributes, jit = _attributes(sign_on, clavex), _just_in_time(sign_on)
    attributes |= {"jit_enabled": jit} if jit is not None else {}
    attributes |= _mappings(sign_on) if jit else {}
    diagnostics = [
        *check(sign_on, callback(sign_on), _SAME_NAMES),
        *check_lengths(sign_on, attributes),
        *_check_version(sign_on, product),
        *_check_just_in_time(sign_on, attributes, jit=jit),
        *_check_unsupported(sign_on),
    ]
    address = Address(sign_on.product.name, IDP.name, sign_on.name)
    settings = _settings(sign_on, address)
    first = tuple(item.address for item in settings if address not in item.depends_on)
    idp = Desired(address, IDP, attributes, depends_on=(*needed(sign_on), *first), where=sign_on.where)
    return Expansion((idp, *settings), tuple(diagnostics))


def _attributes(sign_on: SignOn, clavex: Facts) -> dict[str, Value]:
    name = sign_on.options.get("name")
    attributes: dict[str, Value] = {
        "name": name if isinstance(name, str) else sign_on.name,
        "enabled": sign_on.enabled,
        "button_text": sign_on.display_name,
        "issuer": issuer(sign_on, clavex),
        "client_id": sign_on.client.client_id,
        "discovery": True,
        # The app asks for openid by itself and does not list it (facts atlassian 3.2).
        "additional_scopes": unordered(scope for scope in sign_on.scopes if scope != "openid"),
        **local(sign_on, callback(sign_on)),
    }
    if sign_on.client.secret is not None:
        attributes["client_secret"] = str(sign_on.client.secret)
    if claim := sign_on.attributes.get("username"):
        attributes["username_claim"] = _expression(claim)
    return attributes


def _expression(*claims: str) -> str:
    return " ".join(f"${{{claim}}}" for claim in claims)


def _just_in_time(sign_on: SignOn) -> bool | None:
    """Whether just-in-time provisioning is on; None: not managed. It is one switch for all of these."""
    wishes = (sign_on.create_users, sign_on.update_attributes_on_login, True if sign_on.groups else None)
    return None if set(wishes) == {None} else True in wishes


def _mappings(sign_on: SignOn) -> dict[str, Value]:
    claims = sign_on.attributes
    names = [claims[key] for key in ("first_name", "last_name") if claims.get(key)]
    shown = [claims["display_name"]] if claims.get("display_name") else names
    mapped: dict[str, Value] = {}
    if shown:
        mapped["jit_display_name"] = _expression(*shown)
    if claims.get("email"):
        mapped["jit_email"] = _expression(claims["email"])
    if claims.get("groups"):
        mapped["jit_groups"] = claims["groups"]  # the one mapping that is a bare name (facts atlassian 3.3)
    return mapped


def _check_version(sign_on: SignOn, product: Facts) -> Iterator[Diagnostic]:
    kind, where = sign_on.product.provider, f"{sign_on.where}.plugin"
    named = f"{title(sign_on)} {product.version}"
    if kind not in SINCE:
        yield error(f"{sign_on.product.name} is no product that has the built-in app", where, "use another plugin")
    elif is_below(product.version, SINCE[kind]):
        yield error(
            f"{named} has no built-in OpenID Connect: it came with {SINCE[kind]}", where, "use another plugin"
        )
    elif is_below(product.version, GUIDE_SINCE.get(kind, "0")):
        yield warning(
            f"Clavex's guide wants {GUIDE_SINCE[kind]} or later for the built-in app, this is {named}", where
        )


def _check_just_in_time(sign_on: SignOn, attributes: dict[str, Value], *, jit: bool | None) -> Iterator[Diagnostic]:
    where = sign_on.where
    if not jit:
        text = "just-in-time provisioning is off or not managed: only people who have an account already get in"
        yield note(text, where)
        return
    wanted = {"create_users": sign_on.create_users, "update_attributes_on_login": sign_on.update_attributes_on_login}
    for name, value in wanted.items():
        if value is False:
            text = f"{name} = false cannot hold: the built-in app has one switch for accounts, attributes and groups"
            yield error(text, f"{where}.{name}", "leave it out, or manage none of the others")
    for name, keys in {
        "jit_display_name": "display_name, or first_name and last_name",
        "jit_email": "email",
        "jit_groups": "groups",
    }.items():
        if name not in attributes:
            text = f"just-in-time provisioning needs a claim for {keys}"
            yield error(text, f"{where}.attributes", "name the claims")
    yield note(
        "just-in-time provisioning: each login sets a person's groups to those that Clavex sends, and takes all "
        "others away, whether the table of groups names them or not",
        where,
    )


def _check_unsupported(sign_on: SignOn) -> Iterator[Diagnostic]:
    where = sign_on.where
    try:
        Options.model_validate(dict(sign_on.options))
    except ValidationError as problem:
        for item in problem.errors(include_url=False, include_context=False, include_input=False):
            yield error(item["msg"], ".".join([where, "atlassian", *map(str, item["loc"])]))
    if sign_on.default_groups:
        text = "the built-in app has no default groups: a person has the groups that Clavex sends"
        yield warning(text, f"{where}.default_groups", "put people into groups in Clavex")
    if sign_on.auto_redirect is not None:
        text = "the built-in app has no switch for this: it sends people on when it is the only way to log in"
        yield warning(text, f"{where}.auto_redirect", "use login_form")


def _settings(sign_on: SignOn, idp: Address) -> tuple[Desired, ...]:
    """The settings of the login page. The form is hidden after the sign-on works, and shown before it is touched."""
    managed = {LOGIN_FORM: sign_on.login_form, FALLBACK: sign_on.login_fallback}
    attributes: dict[str, Value] = {name: value for name, value in managed.items() if value is not None}
    if not attributes:
        return ()
    address = Address(sign_on.product.name, SSO_SETTINGS.name, "login")
    after = (idp,) if False in attributes.values() else ()
    return (Desired(address, SSO_SETTINGS, attributes, depends_on=after, where=sign_on.where),)

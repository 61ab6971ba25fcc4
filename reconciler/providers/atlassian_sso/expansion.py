"""What a sign-on becomes in the built-in app, and what the app will not do (facts atlassian 3.2, 3.3, 11)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

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
from reconciler.providers.atlassian_sso.types import ENDPOINTS, IDP, JSM_FORM, SSO_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.core.intent import Facts, SignOn
    from reconciler.core.resource import Value
    from reconciler.diagnostic import Diagnostic

_CALLBACK = "/plugins/servlet/oidc/callback"
SINCE = {"jira": "8.15", "confluence": "7.12"}
GUIDE_SINCE = {"jira": "9.4"}
_SAME_NAMES = "the built-in app has no table of groups and takes names as Clavex sends them"


_BY_HAND = "Without discovery. Default: what Clavex's discovery says."
Endpoint = Annotated[str, Field(pattern=r"^https?://[^/\s]+/\S*$", max_length=255)]


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
    enable_remember_me: bool | None = Field(
        None, description="Whether the product remembers who logged in. Default: not managed."
    )
    include_customer_logins: bool | None = Field(
        None,
        description="Jira Service Management: whether customers log in to the portal by this sign-on, too. Default: "
        "not managed.",
    )
    show_login_form_for_jsm: bool | None = Field(
        None,
        description="Jira Service Management: whether the portal's own login form stays. `false` closes a door, as "
        "`login_form` does. Default: not managed.",
    )
    additional_openid_scopes: list[str] | None = Field(
        None,
        description="Scopes that just-in-time provisioning asks for besides `scopes`. Default: not managed.",
        examples=[["phone"]],
    )
    discovery_enabled: bool = Field(
        True,
        description="Whether the app finds the endpoints by discovery. `false`: they are written one by one, for "
        "a product that cannot fetch the discovery document.",
    )
    discovery_refresh_cron: str | None = Field(
        None,
        min_length=1,
        description="When the app reads discovery again, for all of its identity providers: a schedule in Quartz's "
        "form. Default: not managed.",
        examples=["0 0 * * * ?"],
    )
    authorization_endpoint: Endpoint | None = Field(None, description=_BY_HAND)
    token_endpoint: Endpoint | None = Field(
        None, description=f"{_BY_HAND} The product sends the client secret there."
    )
    userinfo_endpoint: Endpoint | None = Field(None, description=_BY_HAND)

    def endpoints(self) -> dict[str, str]:
        """The endpoints that the spec gives."""
        return self.model_dump(include=set(ENDPOINTS), exclude_none=True)


def needs_endpoints(sign_on: SignOn) -> bool:
    """Whether the endpoints of Clavex's discovery are written one by one."""
    return sign_on.options.get("discovery_enabled") is False


def callback(sign_on: SignOn) -> str:
    """The redirect URI of the app (facts atlassian 3.5)."""
    return f"{sign_on.product.url}{_CALLBACK}"


def expand(sign_on: SignOn, product: Facts, clavex: Facts) -> Expansion:
    """An identity provider, and the settings of the login page if the spec manages any of them."""
    try:
        options = Options.model_validate(dict(sign_on.options))
    except ValidationError as problem:
        return Expansion(diagnostics=tuple(_explain(sign_on, problem)))
    attributes, jit = _attributes(sign_on, options, clavex), _just_in_time(sign_on)
    attributes |= {"jit_enabled": jit} if jit is not None else {}
    attributes |= _mappings(sign_on, options) if jit else {}
    diagnostics = [
        *check(sign_on, callback(sign_on), _SAME_NAMES),
        *check_lengths(sign_on, attributes),
        *_check_version(sign_on, product),
        *_check_just_in_time(sign_on, attributes, jit=jit),
        *_check_unsupported(sign_on),
        *_check_options(sign_on, options, jit=jit),
        *_check_endpoints(sign_on, options, clavex),
    ]
    address = Address(sign_on.product.name, IDP.name, sign_on.name)
    settings = _settings(sign_on, options, address)
    first = tuple(item.address for item in settings if address not in item.depends_on)
    idp = Desired(address, IDP, attributes, depends_on=(*needed(sign_on), *first), where=sign_on.where)
    return Expansion((idp, *settings), tuple(diagnostics))


def _attributes(sign_on: SignOn, options: Options, clavex: Facts) -> dict[str, Value]:
    attributes: dict[str, Value] = {
        "name": options.name or sign_on.name,
        "enabled": sign_on.enabled,
        "button_text": sign_on.display_name,
        "issuer": issuer(sign_on, clavex),
        "client_id": sign_on.client.client_id,
        "discovery": options.discovery_enabled,
        # The app asks for openid by itself and does not list it (facts atlassian 3.2).
        "additional_scopes": unordered(scope for scope in sign_on.scopes if scope != "openid"),
        **local(sign_on, callback(sign_on)),
    }
    if sign_on.client.secret is not None:
        attributes["client_secret"] = str(sign_on.client.secret)
    if claim := sign_on.attributes.get("username"):
        attributes["username_claim"] = _expression(claim)
    if not options.discovery_enabled:
        attributes |= {name: clavex.values[name] for name in ENDPOINTS if name in clavex.values} | options.endpoints()
    wishes = {
        "enable_remember_me": options.enable_remember_me,
        "include_customer_logins": options.include_customer_logins,
    }
    return attributes | {name: value for name, value in wishes.items() if value is not None}


def _expression(*claims: str) -> str:
    return " ".join(f"${{{claim}}}" for claim in claims)


def _just_in_time(sign_on: SignOn) -> bool | None:
    """Whether just-in-time provisioning is on; None: not managed. It is one switch for all of these."""
    wishes = (sign_on.create_users, sign_on.update_attributes_on_login, True if sign_on.groups else None)
    return None if set(wishes) == {None} else True in wishes


def _mappings(sign_on: SignOn, options: Options) -> dict[str, Value]:
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
    if options.additional_openid_scopes is not None:
        mapped["jit_scopes"] = unordered(options.additional_openid_scopes)
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
    if sign_on.default_groups:
        text = "the built-in app has no default groups: a person has the groups that Clavex sends"
        yield warning(text, f"{where}.default_groups", "put people into groups in Clavex")
    if sign_on.auto_redirect is not None:
        text = "the built-in app has no switch for this: it sends people on when it is the only way to log in"
        yield warning(text, f"{where}.auto_redirect", "use login_form")


def _explain(sign_on: SignOn, problem: ValidationError) -> Iterator[Diagnostic]:
    for item in problem.errors(include_url=False, include_context=False, include_input=False):
        yield error(item["msg"], ".".join([sign_on.where, "atlassian", *map(str, item["loc"])]))


def _check_options(sign_on: SignOn, options: Options, *, jit: bool | None) -> Iterator[Diagnostic]:
    where = f"{sign_on.where}.atlassian"
    if options.additional_openid_scopes is not None and not jit:
        text = "just-in-time provisioning is off or not managed, and nothing else asks for these scopes"
        yield warning(text, f"{where}.additional_openid_scopes", "put them into scopes, or leave them out")
    for name in ("include_customer_logins", JSM_FORM):
        if getattr(options, name) is not None and sign_on.product.provider != "jira":
            text = f"{title(sign_on)} has no service portal: this has no effect"
            yield warning(text, f"{where}.{name}", "leave it out")


def _check_endpoints(sign_on: SignOn, options: Options, clavex: Facts) -> Iterator[Diagnostic]:
    where, given = f"{sign_on.where}.atlassian", options.endpoints()
    if options.discovery_enabled:
        for name in given:
            text = "the app takes this from discovery"
            yield error(text, f"{where}.{name}", "leave it out, or say discovery_enabled = false")
        return
    missing = [name for name in ENDPOINTS if name not in clavex.values and name not in given]
    if missing and not clavex.assumed:
        yield error(
            f"discovery of {sign_on.issuer_system.name} does not give {', '.join(missing)}, nor the spec",
            f"{where}.discovery_enabled",
            "say each here, or look at its /.well-known/openid-configuration",
        )
    home = sign_on.issuer_system.url.split("/")[2]
    for name, endpoint in given.items():
        if endpoint.split("/")[2] != home:
            text = f"{name} is at {endpoint.split('/')[2]}, and {sign_on.issuer_system.name} at {home}"
            yield warning(text, f"{where}.{name}", "is that the same Clavex? Codes, tokens and the secret go there")


def _settings(sign_on: SignOn, options: Options, idp: Address) -> tuple[Desired, ...]:
    """The settings of the login page. The form is hidden after the sign-on works, and shown before it is touched."""
    managed: dict[str, Value] = {
        LOGIN_FORM: sign_on.login_form,
        JSM_FORM: options.show_login_form_for_jsm,
        FALLBACK: sign_on.login_fallback,
        "discovery_refresh_cron": options.discovery_refresh_cron,
    }
    attributes = {name: value for name, value in managed.items() if value is not None}
    if not attributes:
        return ()
    address = Address(sign_on.product.name, SSO_SETTINGS.name, "login")
    after = (idp,) if False in attributes.values() else ()
    return (Desired(address, SSO_SETTINGS, attributes, depends_on=after, where=sign_on.where),)

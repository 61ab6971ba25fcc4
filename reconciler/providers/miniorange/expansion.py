"""What a sign-on becomes in miniOrange, and what the plugin will not do (facts atlassian 4, 11)."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reconciler.core.address import Address
from reconciler.core.desired import Desired
from reconciler.core.resource import unordered
from reconciler.diagnostic import error, note, warning
from reconciler.ports import LOCAL_PATH, Expansion
from reconciler.providers.atlassian.sign_ons import FALLBACK, LOGIN_FORM, check, local, needed, title
from reconciler.providers.miniorange.routes import STATE
from reconciler.providers.miniorange.types import MINIORANGE, SIGN_IN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.core.intent import Facts, SignOn
    from reconciler.core.resource import Value
    from reconciler.diagnostic import Diagnostic

_CALLBACK = "/plugins/servlet/oauth/callback"
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint")
_ATTRIBUTES = {
    "username": "username_attribute",
    "email": "email_attribute",
    "first_name": "first_name_attribute",
    "last_name": "last_name_attribute",
    "display_name": "full_name_attribute",
    "groups": "group_attribute",
}
_SAME_NAMES = (
    "nobody has seen how the plugin writes a table of different names, so that its on-the-fly mapping is used, "
    "which takes names as Clavex sends them"
)


class Options(BaseModel):
    """The table `[sso.*.miniorange]`."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, hide_input_in_errors=True, populate_by_name=True
    )

    name: str | None = Field(
        None,
        min_length=1,
        description="What the provider is called in the plugin's list. Default: the name of the sign-on.",
        examples=["Clavex"],
    )
    route: Literal["file", "rest"] = Field(
        "file",
        description="How the configuration is exchanged: `file` (documented) reads an export and writes a file "
        "that a person imports; `rest` (unverified: from an old version's interface names) does it by itself.",
    )
    export: str | None = Field(
        None,
        min_length=1,
        description="Route `file`: where the plugin's export lies; relative to the working directory. Outside of the "
        "stack's folder only where `RECONCILER_FILES` permits it.",
        examples=["/run/sso/jira-export.json"],
        json_schema_extra=LOCAL_PATH,
    )
    import_: str | None = Field(
        None,
        alias="import",
        min_length=1,
        description="Route `file`: where the file to import is written, mode 0600; it holds secrets, so never "
        "below a folder named `state`, and outside of the stack's folder only where `RECONCILER_FILES` permits it.",
        examples=["/run/sso/jira-import.json"],
        json_schema_extra=LOCAL_PATH,
    )
    keep_groups: bool | None = Field(
        None, description="Whether on-the-fly mapping leaves groups that Clavex does not send. Default: not managed."
    )
    accept_version: str | None = Field(
        None,
        min_length=1,
        description="A version of the plugin whose key names you have compared with those that are known.",
        examples=["3.1.0"],
    )


def callback(sign_on: SignOn) -> str:
    """The redirect URI of the plugin (facts atlassian 4.1); the guide's is that of the built-in app."""
    return f"{sign_on.product.url}{_CALLBACK}"


def expand(sign_on: SignOn, product: Facts, clavex: Facts) -> Expansion:  # noqa: ARG001 - every version alike
    """A provider, and the sign-in settings if the spec manages any of them."""
    try:
        options = Options.model_validate(dict(sign_on.options))
    except ValidationError as problem:
        return Expansion(diagnostics=tuple(_explain(sign_on, problem)))
    address = Address(sign_on.product.name, MINIORANGE.name, sign_on.name)
    settings = _sign_in(sign_on, options, address)
    # One import file carries both, so that neither waits for the other (it would wait for a person).
    first = tuple(item.address for item in settings if not item.depends_on and not item.manual)
    provider = Desired(
        address,
        MINIORANGE,
        {**_attributes(sign_on, options, clavex), **_source(options)},
        depends_on=(*needed(sign_on), *first),
        manual=options.route == "file",
        where=sign_on.where,
    )
    diagnostics = (
        *check(sign_on, callback(sign_on), _SAME_NAMES),
        *_check_route(sign_on, options),
        *_check_endpoints(sign_on, clavex),
        *_check_wishes(sign_on),
    )
    return Expansion((provider, *settings), diagnostics)


def _attributes(sign_on: SignOn, options: Options, clavex: Facts) -> dict[str, Value]:
    claims = sign_on.attributes
    in_header = (sign_on.client.token_endpoint_auth_method or "").endswith("_basic")
    attributes: dict[str, Value] = {
        "name": options.name or sign_on.name,
        "display_name": sign_on.display_name,
        "client_id": sign_on.client.client_id,
        "scopes": unordered(sign_on.scopes),
        "token_parameters_in": "HttpHeader" if in_header else "HttpBody",
        **{name: clavex.values[name] for name in _ENDPOINTS if name in clavex.values},
        **{own: claims[name] for name, own in _ATTRIBUTES.items() if claims.get(name)},
        **local(sign_on, callback(sign_on)),
    }
    if sign_on.client.secret is not None:
        attributes["client_secret"] = str(sign_on.client.secret)
    if claims.get("first_name") or claims.get("last_name") or claims.get("display_name"):
        attributes["separate_names"] = bool(claims.get("first_name") or claims.get("last_name"))
    wishes: dict[str, Value] = {
        "update_on_login": sign_on.update_attributes_on_login,
        "create_users": sign_on.create_users,
        "default_groups": None if sign_on.default_groups is None else unordered(sign_on.default_groups),
        "on_the_fly_groups": True if sign_on.groups else None,
        "keep_groups": options.keep_groups,
    }
    return attributes | {name: value for name, value in wishes.items() if value is not None}


def _source(options: Options) -> dict[str, Value]:
    """How the document is reached, for the state."""
    parts = {"export": options.export, "import": options.import_, "accept_version": options.accept_version}
    return {"route": options.route, **{name: value for name, value in parts.items() if value is not None}}


def _sign_in(sign_on: SignOn, options: Options, provider: Address) -> tuple[Desired, ...]:
    """The sign-in settings. The form is hidden after the sign-on works, and shown before it is touched."""
    managed = {
        LOGIN_FORM: sign_on.login_form,
        FALLBACK: sign_on.login_fallback,
        "auto_redirect": sign_on.auto_redirect,
    }
    attributes: dict[str, Value] = {name: value for name, value in managed.items() if value is not None}
    if not attributes:
        return ()
    risky = sign_on.auto_redirect is True or False in {sign_on.login_form, sign_on.login_fallback}
    return (
        Desired(
            Address(sign_on.product.name, SIGN_IN.name, "login"),
            SIGN_IN,
            {**attributes, "button_text": sign_on.display_name, **_source(options)},
            depends_on=(provider,) if risky else (),
            manual=options.route == "file",
            where=sign_on.where,
        ),
    )


def _explain(sign_on: SignOn, problem: ValidationError) -> Iterator[Diagnostic]:
    for item in problem.errors(include_url=False, include_context=False, include_input=False):
        yield error(item["msg"], ".".join([sign_on.where, "miniorange", *map(str, item["loc"])]))


def _check_route(sign_on: SignOn, options: Options) -> Iterator[Diagnostic]:
    where = f"{sign_on.where}.miniorange"
    if options.route == "rest":
        yield note(
            "route rest is unverified: its path and key names come from an old version of miniOrange; nothing is "
            "posted while any provider's secret reads back empty or masked",
            where,
        )
        if options.export or options.import_:
            yield error("export and import belong to route file", where, "leave them out, or choose that route")
        return
    if not (options.export and options.import_):
        yield error(
            "route file needs both export and import",
            where,
            'name two files, or say route = "rest" if this installation has the REST of the old version',
        )
    elif PurePath(options.export) == PurePath(options.import_):
        yield error("export and import are one file", where, "name two: the next export shows what was imported")
    elif STATE in PurePath(options.import_).parts[:-1]:
        yield error(
            f"import lies below a folder named {STATE}, and holds secrets", f"{where}.import", "choose another"
        )
    else:
        text = f"changes to miniOrange in {title(sign_on)} are manual, and drift shows only in a new {options.export}"
        yield note(text, where)


def _check_endpoints(sign_on: SignOn, clavex: Facts) -> Iterator[Diagnostic]:
    missing = [name for name in _ENDPOINTS if name not in clavex.values]
    if missing and not clavex.assumed:
        yield error(
            f"discovery of {sign_on.issuer_system.name} does not give {', '.join(missing)}, which miniOrange stores",
            sign_on.where,
            "look at its /.well-known/openid-configuration",
        )


def _check_wishes(sign_on: SignOn) -> Iterator[Diagnostic]:
    where = sign_on.where
    if not sign_on.enabled:
        yield error(
            "miniOrange has no known switch that turns one provider off",
            f"{where}.enabled",
            "take the sign-on out of the spec, or turn it off in the plugin's screen and leave enabled out",
        )
    if sign_on.groups:
        yield note(
            "on-the-fly mapping puts people into every group of equal name, not only those of the table", where
        )
    if sign_on.create_users is False:
        yield warning(
            "create_users = false is written as the plugin's restriction to people with a mapped group, the nearest "
            "that is known: such people may still get an account",
            f"{where}.create_users",
        )
    if sign_on.auto_redirect is not None:
        yield warning(
            "the key for auto redirect is only inferred from its name (ENABLE_AUTO_REDIRECT_DELAY)",
            f"{where}.auto_redirect",
            "look at the plugin's Sign-In settings after the change",
        )

"""What a sign-on becomes in jira-config.properties, and what a person must know first (facts atlassian 10, 13)."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from reconciler.core.address import Address
from reconciler.core.desired import Desired
from reconciler.core.resource import unordered
from reconciler.diagnostic import error, note, warning
from reconciler.ports import LOCAL_PATH, Expansion
from reconciler.providers.atlassian.sign_ons import check_callback, check_secret, issuer, needed, title
from reconciler.providers.atlassian.versions import is_below
from reconciler.providers.properties.types import PROPERTIES, SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.core.intent import Facts, SignOn
    from reconciler.core.resource import Value
    from reconciler.diagnostic import Diagnostic

_CALLBACK = "/plugins/servlet/oidc/callback"
_FILE = "jira-config.properties"
_SINCE = "9.4"


class Options(BaseModel):
    """The table `[sso.*.properties]`."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)

    file: str = Field(
        min_length=1,
        description="The whole path of `jira-config.properties` in Jira's local home, on the machine that this runs "
        "on. It is made, mode 0600, if there is none. Its folder must be named in `RECONCILER_FILES`.",
        examples=["/var/atlassian/application-data/jira/jira-config.properties"],
        json_schema_extra=LOCAL_PATH,
    )
    secret_in_clear: bool = Field(
        default=False,
        description="Must be `true`: says that the client secret may stand in that file in clear.",
    )


def callback(sign_on: SignOn) -> str:
    """The redirect URI of the built-in app, which these keys are said to configure (facts atlassian 3.5)."""
    return f"{sign_on.product.url}{_CALLBACK}"


def expand(sign_on: SignOn, product: Facts, clavex: Facts) -> Expansion:
    """The six keys in one file."""
    attributes: dict[str, Value] = {
        "file": str(sign_on.options.get("file", "")),
        "enabled": sign_on.enabled,
        "issuer": issuer(sign_on, clavex),
        "client_id": sign_on.client.client_id,
        "scopes": unordered(sign_on.scopes),
        "callback": sign_on.callback or callback(sign_on),
    }
    if username := sign_on.attributes.get("username"):
        attributes["username_attribute"] = username
    if sign_on.client.secret is not None:
        attributes[SECRET] = str(sign_on.client.secret)
    address = Address(sign_on.product.name, PROPERTIES.name, sign_on.name)
    wanted = Desired(address, PROPERTIES, attributes, depends_on=needed(sign_on), where=sign_on.where)
    diagnostics = (
        *check_secret(sign_on),
        *check_callback(sign_on, callback(sign_on)),
        *_check_product(sign_on, product),
        *_check_file(sign_on),
        *_check_wishes(sign_on),
    )
    return Expansion((wanted,), diagnostics)


def _check_product(sign_on: SignOn, product: Facts) -> Iterator[Diagnostic]:
    where = f"{sign_on.where}.plugin"
    if sign_on.product.provider != "jira":
        yield error(
            f"the guide has these keys for Jira only, and {sign_on.product.name} is a {sign_on.product.provider}",
            where,
            'use plugin = "atlassian"',
        )
    elif is_below(product.version, _SINCE):
        yield warning(f"Clavex's guide wants {_SINCE} or later for this, and this is {product.version}", where)


def _check_file(sign_on: SignOn) -> Iterator[Diagnostic]:
    where, options = f"{sign_on.where}.properties", sign_on.options
    path = PurePath(str(options.get("file", "")))
    if options.get("secret_in_clear") is not True:
        yield error(
            f"the client secret would stand in clear in {path}",
            f"{where}.secret_in_clear",
            'use plugin = "atlassian", which puts it into Jira\'s database and is what Atlassian documents; or, if '
            "this is meant, say secret_in_clear = true",
        )
    if not path.is_absolute():
        yield error(f"{path} is not a whole path", f"{where}.file", "write it from / on")
    elif path.name != _FILE:
        yield error(f"{title(sign_on)} reads no file of this name", f"{where}.file", f"it is called {_FILE}")
    yield warning(
        f"only Clavex's guide has the keys jira.sso.oidc.*: no document of Atlassian knows them, and nobody has seen "
        f"{title(sign_on)} obey them. The client secret stands in {path} in clear, for everybody who "
        f"may read that file: see to its mode",
        where,
        'plugin = "atlassian" does the same by the REST that Atlassian documents',
    )
    yield note(
        f"what is written to {path} takes effect when {title(sign_on)} starts again, also when it is taken out; in a "
        f"cluster every node has a file of its own: copy it, and restart one after another",
        where,
    )


def _check_wishes(sign_on: SignOn) -> Iterator[Diagnostic]:
    wishes: dict[str, object] = {
        "groups": sign_on.groups or None,
        "default_groups": sign_on.default_groups,
        "create_users": sign_on.create_users,
        "update_attributes_on_login": sign_on.update_attributes_on_login,
        "login_form": sign_on.login_form,
        "login_fallback": sign_on.login_fallback,
        "auto_redirect": sign_on.auto_redirect,
    }
    if stated := [name for name, value in wishes.items() if value is not None]:
        yield warning(
            f"no key of the file says {', '.join(stated)}, so that nothing comes of it",
            sign_on.where,
            'use plugin = "atlassian" for what it knows of these, or see to it by hand',
        )

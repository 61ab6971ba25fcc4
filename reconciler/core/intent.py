"""What the spec means, before any provider has its say: clients, sign-ons, groups, and the systems they live in.

A provider turns these into resources (`expand`), given the facts that were found out about the systems.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from reconciler.core.address import Address
from reconciler.core.resource import OnRemove

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.core.secret import Handle


class ClaimsFrom(StrEnum):
    """Where a plugin reads its attributes."""

    USERINFO = "userinfo"
    ID_TOKEN = "id_token"  # noqa: S105 - the name of a token, not one


class Plugin(StrEnum):
    """Names of the plugins that ship with the package; others come by entry point and have names of their own."""

    ATLASSIAN = "atlassian"
    MINIORANGE = "miniorange"
    PROPERTIES = "properties"
    RESOLUTION = "resolution"


class System(NamedTuple):
    """One running installation.

    `url` has no trailing slash. `token` or `username` and `password` are the credentials. `settings` holds what
    only its provider understands (Clavex: `org_id`, `dialect`). A client certificate is the operator's, never the
    spec's.
    """

    name: str
    provider: str
    url: str
    org: str = ""
    token: Handle | None = None
    username: str = ""
    password: Handle | None = None
    ca_file: str = ""
    proxy: str = ""
    client_certificate: str = ""
    client_key: str = ""
    settings: Mapping[str, str] = {}


class Client(NamedTuple):
    """One OIDC client: a named tuple, since a spec may hold thousands (see `core.observed`).

    None means: not managed. `redirect_uris` are those of the spec, without the callbacks of sign-ons.
    `claims` maps the name of a claim to its source (`email`, `first_name`, `last_name`, `sub`, `groups`, `roles`,
    `attribute:NAME`, `value:TEXT`). `secret` is where the client secret lies, `secret_days` how old it may become.
    `shared`: somebody else owns it.
    """

    name: str
    system: str
    client_id: str
    display_name: str | None = None
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] | None = None
    grant_types: tuple[str, ...] | None = None
    response_types: tuple[str, ...] | None = None
    scopes: tuple[str, ...] | None = None
    token_endpoint_auth_method: str | None = None
    public: bool = False
    active: bool | None = None
    access_token_ttl: int | None = None
    refresh_token_ttl: int | None = None
    claims: Mapping[str, str] = {}
    secret: Handle | None = None
    secret_days: int | None = None
    shared: bool = False

    @property
    def address(self) -> Address:
        """Where the client stands."""
        return Address(self.system, "client", self.name)


class SignOn(NamedTuple):
    """One sign-on: a product that lets people in through a client, by a plugin.

    `product` is the product system, `provider` its kind (`jira`, `confluence`). `attributes` maps what the product
    needs (`username`, `email`, `first_name`, `last_name`, `display_name`, `groups`) to claims. `groups` maps groups
    of Clavex to groups of the product. None means: not managed. `options` is the table named after the plugin.
    `callback` and `claims_from` are filled in from the plugin where the spec leaves them out; `claims_assumed` then
    says so.
    """

    name: str
    product: System
    plugin: str
    client: Client
    issuer_system: System
    display_name: str
    scopes: tuple[str, ...]
    attributes: Mapping[str, str]
    groups: Mapping[str, str]
    enabled: bool = True
    callback: str | None = None
    claims_from: ClaimsFrom | None = None
    claims_assumed: bool = False
    update_attributes_on_login: bool | None = None
    create_users: bool | None = None
    default_groups: tuple[str, ...] | None = None
    login_form: bool | None = None
    login_fallback: bool | None = None
    auto_redirect: bool | None = None
    options: Mapping[str, object] = {}

    @property
    def where(self) -> str:
        """The key path of the sign-on in the spec."""
        return f"sso.{self.name}"


class Group(NamedTuple):
    """One group of a Clavex or of a product."""

    system: str
    name: str
    description: str | None = None
    on_remove: OnRemove = OnRemove.FORGET
    where: str = ""

    @property
    def address(self) -> Address:
        """Where the group stands."""
        return Address(self.system, "group", self.name)


class Intent(NamedTuple):
    """The whole meaning of a spec in one environment. `taken_down`: nothing is wanted, whatever the spec says."""

    stack: str
    environment: str
    systems: Mapping[str, System]
    clients: Mapping[str, Client]
    sign_ons: Mapping[str, SignOn]
    groups: tuple[Group, ...] = ()
    taken_down: bool = False


class Facts(NamedTuple):
    """What was found out about one system when it was connected, or what is assumed without a connection.

    `version` is the product's, empty if unknown. `values` are facts of the provider: for Clavex `dialect`, `org_id`
    and the endpoints of discovery (`issuer`, `authorization_endpoint`, `token_endpoint`, `userinfo_endpoint`,
    `jwks_uri`); for products the versions of their plugins, by plugin key.
    """

    version: str = ""
    values: Mapping[str, str] = {}
    assumed: bool = True

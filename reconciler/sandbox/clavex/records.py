"""What the emulated Clavex remembers, row by row, with the columns that its admin API shows."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Limits:
    """Calls a minute: of the login form and of everything for an address, of the token endpoint for a client."""

    login: int = 10
    token: int = 60
    total: int = 120
    updated_at: str = "0001-01-01T00:00:00Z"


@dataclass(slots=True)
class Organisation:
    """An organisation; `unsealed` counts its audit events outside of a sealed batch."""

    id: str
    name: str
    slug: str
    created_at: str
    unsealed: int = 0
    proof: bool = False
    limits: Limits = field(default_factory=Limits)


@dataclass(slots=True)
class Client:
    """An OIDC client with all columns that the admin API shows; facts clavex 2.2."""

    client_id: str
    org_id: str
    name: str
    redirect_uris: list[str]
    post_logout_redirect_uris: list[str] = field(default_factory=list)
    grant_types: list[str] = field(default_factory=lambda: ["authorization_code"])
    response_types: list[str] = field(default_factory=lambda: ["code"])
    scopes: list[str] = field(default_factory=lambda: ["openid", "profile", "email"])
    token_endpoint_auth_method: str = "client_secret_basic"  # noqa: S105 - the name of a method
    is_active: bool = True
    mfa_required: bool = False
    keycloak_compat: bool = False
    access_token_ttl: int | None = None
    refresh_token_ttl: int | None = None
    enabled_login_providers: list[str] = field(default_factory=list)
    managed_by: str | None = None
    managed_ref: str | None = None
    secret_digest: str | None = field(default=None, repr=False)
    created_at: str = ""
    updated_at: str = ""


@dataclass(slots=True)
class Mapper:
    """A protocol mapper of a client; facts clavex 4.1."""

    id: str
    org_id: str
    client_id: str
    name: str
    mapper_type: str
    claim_name: str
    claim_value: str | None
    attribute_name: str | None
    add_to_access_token: bool
    add_to_id_token: bool
    add_to_userinfo: bool
    created_at: str


@dataclass(slots=True)
class Group:
    """A group of an organisation, with the ids of its members and roles; facts clavex 3.1."""

    id: str
    org_id: str
    name: str
    description: str = ""
    managed_by: str | None = None
    managed_ref: str | None = None
    created_at: str = ""
    members: set[str] = field(default_factory=set)
    roles: set[str] = field(default_factory=set)


@dataclass(slots=True)
class ApiKey:
    """An API key: of one organisation, or (`org_id` None) of super-admin power; facts clavex 1.3."""

    id: str
    name: str
    key_prefix: str
    scope: str
    org_id: str | None
    permissions: list[str] | None
    created_by: str | None
    expires_at: str | None
    created_at: str
    is_active: bool = True
    last_used_at: str | None = None


@dataclass(slots=True)
class Role:
    """A role of an organisation, and who has it; facts clavex 3.2."""

    id: str
    org_id: str
    name: str
    description: str = ""
    managed_by: str | None = None
    managed_ref: str | None = None
    created_at: str = ""
    users: set[str] = field(default_factory=set)


@dataclass(slots=True)
class User:
    """A person of an organisation; facts clavex 4.3. Without a password nobody can log in."""

    id: str
    org_id: str
    email: str
    first_name: str = ""
    last_name: str = ""
    is_active: bool = True
    is_email_verified: bool = False
    metadata: dict[str, object] = field(default_factory=dict)
    password_digest: str | None = field(default=None, repr=False)
    created_at: str = ""
    updated_at: str = ""


@dataclass(slots=True)
class Event:
    """A row of the audit log; facts clavex 6.3."""

    number: int
    id: str
    org_id: str
    time: str
    action: str
    resource_type: str
    resource_id: str
    metadata: dict[str, str]

"""What the emulated Clavex remembers: organisations, clients, mappers, groups, API keys.

Nothing outlives the process. Secrets are kept as SHA-256 digests (the server takes bcrypt, facts clavex 2.5: its
cost is not what is emulated).
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from uuid import uuid4

ORG_SLUG = "acme"
EMAIL = "root@acme.test"
PASSWORD = "Passw0rd!x"  # noqa: S105 - the login that the recordings are replayed with, on loopback only


@dataclass(frozen=True, slots=True)
class Switches:
    """What may differ from one Clavex to the next."""

    guide_dialect: bool = False
    """Clients as the published guide prints them: organisation by slug, `client_name`, two more fields kept."""
    audit_proof: bool = True
    """The audit log of the first organisation was sealed once, so its public proof tells its UUID."""
    unstable_lists: bool = False
    """Clients of equal name change places from one page to the next (facts clavex 2.6: no tie-break)."""


@dataclass(slots=True)
class Organisation:
    """An organisation; `unsealed` counts its audit events outside of a sealed batch."""

    id: str
    name: str
    slug: str
    created_at: str
    unsealed: int = 0
    proof: bool = False


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
    """A group of an organisation; facts clavex 3.1."""

    id: str
    org_id: str
    name: str
    description: str = ""
    managed_by: str | None = None
    managed_ref: str | None = None
    created_at: str = ""


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


class ClavexWorld:
    """One installation: an organisation `acme`, its super admin and a super-admin API key; otherwise empty.

    Tests may replace `switches` and change every collection while the emulator serves.
    """

    def __init__(self, switches: Switches) -> None:
        self._switches = switches
        self._last = datetime.now(UTC)
        self._listings = 0
        self.root_id, self.org_id = str(uuid4()), str(uuid4())
        self.jwt_key, self.api_key = secrets.token_bytes(32), new_api_key()
        self.jwk = {
            "kty": "RSA",
            "use": "sig",
            "kid": secrets.token_urlsafe(8),
            "n": secrets.token_urlsafe(256),
            "e": "AQAB",
        }
        self.issued_secrets = {PASSWORD, self.api_key}
        self.orgs: dict[str, Organisation] = {}
        self.clients: dict[str, Client] = {}
        self.mappers: dict[str, Mapper] = {}
        self.groups: dict[str, Group] = {}
        self.keys: dict[str, ApiKey] = {}
        self.token_calls: dict[tuple[str, str], list[float]] = {}
        self.reset()

    def reset(self) -> None:
        """The installation is as new, in place, with the same ids and credentials."""
        self.switches = self._switches
        for table in (self.orgs, self.clients, self.mappers, self.groups, self.keys, self.token_calls):
            table.clear()
        proof = self.switches.audit_proof
        self.orgs[self.org_id] = Organisation(self.org_id, "Acme", ORG_SLUG, self.now(), proof=proof)
        self.add_key("sandbox", self.api_key)

    def now(self) -> str:
        """The moment as the server writes it: microseconds, trailing zeros cut; never the same twice."""
        self._last = max(datetime.now(UTC), self._last + timedelta(microseconds=1))
        return self._last.strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".") + "Z"

    def org_by_slug(self, slug: str) -> Organisation | None:
        """The organisation of that slug; the case counts."""
        return next((org for org in self.orgs.values() if org.slug == slug), None)

    def client_of(self, org_id: str, client_id: str) -> Client | None:
        """The client, if it is one of that organisation: ids are unique over the installation, access is not."""
        client = self.clients.get(client_id)
        return client if client and client.org_id == org_id else None

    def clients_by_name(self, org_id: str) -> list[Client]:
        """The organisation's clients in the database's order, which says nothing about equal names."""
        rows = [client for client in self.clients.values() if client.org_id == org_id]
        if self.switches.unstable_lists:
            self._listings += 1
            rows = rows[:: -1 if self._listings % 2 == 0 else 1]
        return sorted(rows, key=attrgetter("name"))

    def add_client(self, client: Client, secret: str | None = None) -> Client:
        """`client` is stored, stamped, and has `secret`."""
        client.created_at = client.updated_at = self.now()
        self.clients[client.client_id] = client
        if secret is not None:
            self.set_secret(client, secret)
        return client

    def set_secret(self, client: Client, secret: str) -> None:
        """`secret` is the client's only one from now on."""
        self.issued_secrets.add(secret)
        client.secret_digest = digest(secret)

    def remove_client(self, client_id: str) -> None:
        """The client is gone, and its mappers with it."""
        del self.clients[client_id]
        for mapper in [mapper for mapper in self.mappers.values() if mapper.client_id == client_id]:
            del self.mappers[mapper.id]

    def remove_org(self, org_id: str) -> None:
        """The organisation is gone with all that is in it, if there was one."""
        self.orgs.pop(org_id, None)
        for client_id in [client.client_id for client in self.clients.values() if client.org_id == org_id]:
            self.remove_client(client_id)
        for group in [group for group in self.groups.values() if group.org_id == org_id]:
            del self.groups[group.id]
        for hashed in [hashed for hashed, key in self.keys.items() if key.org_id == org_id]:
            del self.keys[hashed]

    def add_group(self, name: str, org_id: str | None = None, description: str = "") -> Group:
        """A group is stored, in the first organisation unless another is named."""
        group = Group(str(uuid4()), org_id or self.org_id, name, description, created_at=self.now())
        self.groups[group.id] = group
        return group

    def add_key(
        self,
        name: str,
        key: str | None = None,
        *,
        org_id: str | None = None,
        permissions: list[str] | None = None,
        scope: str = "read-write",
        created_by: str | None = None,
        expires_at: str | None = None,
    ) -> tuple[str, ApiKey]:
        """`key`, or a new one, is accepted; without `org_id` and `permissions` it may do everything."""
        key = key or new_api_key()
        self.issued_secrets.add(key)
        meta = ApiKey(str(uuid4()), name, key[4:12], scope, org_id, permissions, created_by, expires_at, self.now())
        self.keys[digest(key)] = meta
        return key, meta

    def audited(self, org_id: str) -> None:
        """One more audit event of the organisation waits to be sealed."""
        self.orgs[org_id].unsealed += 1


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_api_key() -> str:
    """`clv_` and 32 random bytes in base64url; facts clavex 1.3."""
    return f"clv_{secrets.token_urlsafe(32)}"

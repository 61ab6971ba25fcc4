"""What the emulated Clavex remembers: organisations and what is in them, API keys, logins.

Nothing outlives the process. Secrets are kept as SHA-256 digests (the server takes bcrypt, facts clavex 2.5: its
cost is not what is emulated).
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Literal
from uuid import uuid4

from reconciler.sandbox.clavex.logins import Logins
from reconciler.sandbox.clavex.records import ApiKey, Client, Event, Group, Limits, Mapper, Organisation, Role, User

ORG_SLUG = "acme"
EMAIL = "root@acme.test"
PASSWORD = "Passw0rd!x"  # noqa: S105 - the login that the recordings are replayed with, on loopback only


IdToken = Literal[
    "good",
    "expired",
    "not yet valid",
    "unsigned",
    "HS256",
    "other key",
    "other audience",
    "other issuer",
    "other nonce",
]
LEAST_SECRET = 8
"""A shorter password is not looked for where it must not show up: it would be found by chance."""


@dataclass(frozen=True, slots=True)
class Switches:
    """What may differ from one Clavex to the next."""

    guide_dialect: bool = False
    """Clients as the published guide prints them: organisation by slug, `client_name`, two more fields kept."""
    audit_proof: bool = True
    """The audit log of the first organisation was sealed once, so its public proof tells its UUID."""
    unstable_lists: bool = False
    """Clients of equal name change places from one page to the next (facts clavex 2.6: no tie-break)."""
    key_backend: Literal["file", "db"] = "file"
    """`db`: each organisation has keys of its own, and UserInfo refuses its tokens (facts clavex 5.4)."""
    id_token: IdToken = "good"  # noqa: S105 - a kind of fault
    """What is wrong with every ID token."""
    jwks: Literal["complete", "empty"] = "complete"
    """`empty`: the key that signs is not among the published ones."""
    issuer: str = ""
    """What discovery says in place of the real issuer, if anything."""
    form_action: str = ""
    """Where the login form may lead; on the real server `'self' https:`, and the sandbox's products have no TLS."""


class ClavexWorld:
    """One installation: an organisation `acme`, its super admin and a super-admin API key; otherwise empty.

    Tests may replace `switches` and change every collection while the emulator serves. `joiners` are ids of users who
    join each new group of their organisation.
    """

    def __init__(self, switches: Switches) -> None:
        self._switches = switches
        self._last = datetime.now(UTC)
        self._listings = self._events = 0
        self.root_id, self.org_id = str(uuid4()), str(uuid4())
        self.jwt_key, self.api_key = secrets.token_bytes(32), new_api_key()
        self.issued_secrets = {PASSWORD, self.api_key}
        self.orgs: dict[str, Organisation] = {}
        self.clients: dict[str, Client] = {}
        self.mappers: dict[str, Mapper] = {}
        self.groups: dict[str, Group] = {}
        self.keys: dict[str, ApiKey] = {}
        self.users: dict[str, User] = {}
        self.roles: dict[str, Role] = {}
        self.events: list[Event] = []
        self.calls: dict[tuple[str, str, str], list[float]] = {}
        self.limits: dict[str, tuple[Limits, float]] = {}
        self.joiners: set[str] = set()
        self.logins = Logins()
        self.reset()

    def reset(self) -> None:
        """The installation is as new, in place, with the same ids and credentials."""
        self.switches = self._switches
        for table in (self.orgs, self.clients, self.mappers, self.groups, self.keys, self.users, self.roles):
            table.clear()
        self.calls.clear()
        self.limits.clear()
        self.joiners.clear()
        self.events.clear()
        self.logins.clear()
        proof = self.switches.audit_proof
        self.orgs[self.org_id] = Organisation(self.org_id, "Acme", ORG_SLUG, self.now(), proof=proof)
        self.add_key("sandbox", self.api_key)
        self.add_user(EMAIL, PASSWORD, "Admin", user_id=self.root_id)
        self.add_role("super_admin").users.add(self.root_id)

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
        for user in self.users_of(org_id):
            self.remove_user(user.id)
        for table in (self.groups, self.roles):
            for key in [key for key, row in table.items() if row.org_id == org_id]:
                del table[key]
        self.events[:] = [event for event in self.events if event.org_id != org_id]
        for hashed in [hashed for hashed, key in self.keys.items() if key.org_id == org_id]:
            del self.keys[hashed]

    def add_group(self, name: str, org_id: str | None = None, description: str = "") -> Group:
        """A group is stored, in the first organisation unless another is named."""
        group = Group(str(uuid4()), org_id or self.org_id, name, description, created_at=self.now())
        group.members |= {user.id for user in self.users_of(group.org_id) if user.id in self.joiners}
        self.groups[group.id] = group
        return group

    def groups_of(self, user_id: str) -> list[str]:
        """Names of the groups that the user is in, sorted."""
        return sorted(group.name for group in self.groups.values() if user_id in group.members)

    def roles_of(self, user_id: str) -> list[str]:
        """Names of the roles that the user has; roles of groups reach nobody (facts clavex 3.2)."""
        return sorted(role.name for role in self.roles.values() if user_id in role.users)

    def users_of(self, org_id: str) -> list[User]:
        """The organisation's users."""
        return [user for user in self.users.values() if user.org_id == org_id]

    def user_by_email(self, org_id: str, email: str) -> User | None:
        """The user of that address; the case counts."""
        return next((user for user in self.users_of(org_id) if user.email == email), None)

    def add_user(
        self,
        email: str,
        password: str | None = None,
        first_name: str = "",
        last_name: str = "",
        *,
        org_id: str | None = None,
        user_id: str | None = None,
    ) -> User:
        """A user is stored, in the first organisation unless another is named."""
        user = User(user_id or str(uuid4()), org_id or self.org_id, email, first_name, last_name)
        user.created_at = user.updated_at = self.now()
        self.users[user.id] = user
        if password is not None:
            self.set_password(user, password)
        return user

    def add_visitor(self, email: str, password: str) -> User:
        """A user for a person to try logins with: has a user name, and joins every group that is made from now on."""
        user = self.add_user(email, password, "Demo", "User")
        user.metadata["preferred_username"] = email.partition("@")[0]
        self.joiners.add(user.id)
        return user

    def set_password(self, user: User, password: str) -> None:
        """`password` is the user's only one from now on."""
        if len(password) >= LEAST_SECRET:
            self.issued_secrets.add(password)
        user.password_digest = digest(password)

    def remove_user(self, user_id: str) -> None:
        """The user is gone, out of all groups and roles too."""
        del self.users[user_id]
        for group in self.groups.values():
            group.members.discard(user_id)
        for role in self.roles.values():
            role.users.discard(user_id)

    def add_role(self, name: str, org_id: str | None = None, description: str = "") -> Role:
        """A role is stored, in the first organisation unless another is named."""
        role = Role(str(uuid4()), org_id or self.org_id, name, description, created_at=self.now())
        self.roles[role.id] = role
        return role

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

    def audited(self, org_id: str, action: str, resource: str, resource_id: str, **metadata: str) -> None:
        """One more event in the organisation's audit log, which waits to be sealed; facts clavex 6.3."""
        self.orgs[org_id].unsealed += 1
        self._events += 1
        event = Event(self._events, str(uuid4()), org_id, self.now(), action, resource, resource_id, metadata)
        self.events.append(event)


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_api_key() -> str:
    """`clv_` and 32 random bytes in base64url; facts clavex 1.3."""
    return f"clv_{secrets.token_urlsafe(32)}"

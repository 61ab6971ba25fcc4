"""What an emulated Jira or Confluence remembers.

Tests read and change the attributes directly; the applications look at them on every request, so a change by hand
works at once, an administrator's setting (`basic_disabled`, `websudo`) and the product's version included.
Assumed: group names are compared without regard to case and stored as they were sent (facts atlassian 6.2), and
the groups, plugins and application roles that a new installation begins with.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Literal

from reconciler.sandbox.atlassian import miniorange_document as document
from reconciler.sandbox.atlassian.idp import Idp, SsoConfig
from reconciler.sandbox.atlassian.people import Pending, Person

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reconciler.sandbox.atlassian.miniorange_document import JsonObject
    from reconciler.sandbox.atlassian.switches import ButtonKey, Switches

SSO_APP = "com.atlassian.plugins.authentication.atlassian-authentication-plugin"
_FIRST_WRITE = datetime(2026, 1, 15, 8, tzinfo=UTC)


def parse_version(version: str) -> tuple[int, ...]:
    """The numbers of a dotted version, fit to be compared; "9.2.18" is (9, 2, 18)."""
    return tuple(int(part) for part in version.split("."))


@dataclass(slots=True)
class Plugin:
    """An app as the plugin manager lists it. Without its entry, or disabled, its paths answer 404."""

    key: str
    name: str
    version: str
    enabled: bool = True
    user_installed: bool = True


class ProductWorld:
    """What both products have: credentials, plugins, groups, the SSO app's configuration, miniOrange's document.

    groups: name to the names of its members.
    users: by name.
    administrators: groups whose members may administer.
    administrator: whether the one account of the sandbox may administer.
    base_url: what the product takes for its own address; None means the address it is called by.
    directory_refusal: status that a new group gets (400 or 403, assumed: facts atlassian 6.2); None means that the
        first user directory can be written.
    session: value of a `JSESSIONID` cookie that is logged in and has not passed WebSudo.
    sessions: value of a session cookie to the user's name.
    pending: logins that were sent to an identity provider, by their `state`.
    """

    product: ClassVar[Literal["jira", "confluence"]]
    tokens_since: ClassVar[str]
    sso_since: ClassVar[str]
    camel_button_since: ClassVar[str]
    login_path: ClassVar[str]
    logout_path: ClassVar[str]
    home_path: ClassVar[str]
    access_rule: ClassVar[str]
    administrators_group: ClassVar[str]
    miniorange_key: ClassVar[str]
    first_groups: ClassVar[dict[str, tuple[str, ...]]]

    username = "admin"
    version: str
    switches: Switches
    groups: dict[str, list[str]]
    users: dict[str, Person]
    sessions: dict[str, str]
    pending: dict[str, Pending]
    administrators: set[str]
    plugins: dict[str, Plugin]
    idps: dict[int, Idp]
    sso: SsoConfig
    miniorange: JsonObject
    administrator: bool
    basic_disabled: bool
    websudo: bool
    base_url: str | None
    directory_refusal: int | None

    def __init__(self, version: str, switches: Switches) -> None:
        self._installed = version, switches
        self.token = secrets.token_urlsafe(24)
        self.password = secrets.token_urlsafe(16)
        self.session = secrets.token_hex(16)
        self.issued_secrets = {self.token, self.password, self.session}
        self.reset()

    def reset(self) -> None:
        """The installation is as new, in place, with the same credentials."""
        self.version, self.switches = self._installed
        self._writes = 0
        self._last_idp = 0
        self.groups = {name: list(members) for name, members in self.first_groups.items()}
        self.users = {}
        self.add_user(self.username, f"{self.username}@acme.test", "Administrator")
        self.sessions = {self.session: self.username}
        self.pending = {}
        self.administrators = {self.administrators_group}
        self.plugins = {plugin.key: plugin for plugin in self._bundled()}
        self.idps = {}
        self.sso = SsoConfig.model_validate({"last-updated": self.stamp()})
        self.miniorange = document.make_document(self.product, self.switches)
        self.administrator = True
        self.basic_disabled = False
        self.websudo = True
        self.base_url = None
        self.directory_refusal = None

    def _bundled(self) -> list[Plugin]:
        miniorange = Plugin(self.miniorange_key, "miniOrange OAuth/OIDC SSO", self.switches.miniorange_version)
        if not self.reaches(self.sso_since):
            return [miniorange]
        sso_app = Plugin(
            SSO_APP, "SSO for Atlassian Data Center", self.switches.sso_app_version, user_installed=False
        )
        return [sso_app, miniorange]

    def reaches(self, version: str) -> bool:
        """Whether the product is of that version or a later one."""
        return parse_version(self.version) >= parse_version(version)

    def plugin(self, key: str) -> Plugin | None:
        """The plugin if it is installed and enabled."""
        found = self.plugins.get(key)
        return found if found and found.enabled else None

    def button_key(self) -> ButtonKey:
        """How this server spells the button text of an identity provider (facts atlassian 3.2)."""
        camel = self.reaches(self.camel_button_since)
        return self.switches.button_key or ("buttonText" if camel else "button-text")

    def stamp(self) -> str:
        """A `last-updated` later than all before it; the sandbox has no clock, so runs can be compared."""
        self._writes += 1
        moment = _FIRST_WRITE + timedelta(seconds=self._writes)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def store_idp(self, fields: JsonObject, number: int | None = None) -> Idp:
        """An identity provider of these fields (names as in `Idp`), new or in place of the one of that number.

        Raises:
            ValidationError: the fields do not make one.
        """
        numbered = fields | {"id": number or self._last_idp + 1, "last-updated": self.stamp()}
        idp = Idp.model_validate(numbered)
        if idp.client_secret:
            self.keep_secret(idp.client_secret.get_secret_value())
        self._last_idp = max(self._last_idp, idp.id)
        self.idps[idp.id] = idp
        return idp

    @property
    def cookie(self) -> str:
        """Name of the session cookie: cookies know no ports, and both products may be on one host."""
        return f"JSESSIONID.{self.product}"

    def who(self, cookies: Mapping[str, str]) -> str | None:
        """Who is logged in with these cookies."""
        found = (self.sessions.get(cookies.get(name, "")) for name in (self.cookie, "JSESSIONID"))
        return next((name for name in found if name), None)

    def find_user(self, name: str) -> Person | None:
        """The user of that name, in whatever case."""
        return next((person for key, person in self.users.items() if key.lower() == name.lower()), None)

    def find_user_by_email(self, email: str) -> Person | None:
        """The first user of that address."""
        return next((person for person in self.users.values() if person.email.lower() == email.lower()), None)

    def add_user(self, name: str, email: str, display_name: str) -> Person:
        """A user without groups is stored."""
        self.users[name] = Person(name, email, display_name)
        return self.users[name]

    def rename(self, person: Person, name: str) -> None:
        """The user has another name from now on, in every group too."""
        del self.users[person.name]
        for members in self.groups.values():
            members[:] = [name if member == person.name else member for member in members]
        self.sessions = {key: name if who == person.name else who for key, who in self.sessions.items()}
        person.name = name
        self.users[name] = person

    def groups_of(self, name: str) -> list[str]:
        """Names of the groups that the user is in, sorted."""
        return sorted(group for group, members in self.groups.items() if name in members)

    def set_groups(self, name: str, wanted: Iterable[str]) -> None:
        """The user is in those of the wanted groups that exist, and in no other."""
        found = {self.find_group(group) for group in wanted}
        for group, members in self.groups.items():
            if group in found and name not in members:
                members.append(name)
            elif group not in found and name in members:
                members.remove(name)

    def may_administer(self, name: str) -> bool:
        """Whether the user may administer."""
        if name == self.username:
            return self.administrator
        return bool(self.administrators & set(self.groups_of(name)))

    def may_use(self, name: str) -> bool:
        """Whether the user may use the product, by one of the groups."""
        allowed = {group.lower() for group in self._using_groups()}
        return any(group.lower() in allowed for group in self.groups_of(name))

    def _using_groups(self) -> Iterable[str]:
        """Groups that let their members use the product."""
        raise NotImplementedError

    def find_group(self, name: str) -> str | None:
        """The stored spelling of a group's name."""
        return next((group for group in self.groups if group.lower() == name.lower()), None)

    def keep_secret(self, value: str) -> None:
        """The value counts as a secret that must not show up anywhere; an empty or masked one is none."""
        if value.strip("*"):
            self.issued_secrets.add(value)

    def export(self) -> JsonObject:
        """The miniOrange document as its Backup screen writes it, a copy.

        Raises:
            LookupError: no provider is configured, where the screen has nothing to export (facts atlassian 4.2).
        """
        if not self.miniorange["Identity Providers"]:
            raise LookupError("miniOrange exports its configuration only when a provider is configured")
        return self.show_miniorange()

    def import_(self, uploaded: JsonObject) -> None:
        """The miniOrange configuration is the uploaded document and nothing else.

        Raises:
            ValueError: the document is not of that form; nothing was changed (facts atlassian 4.2).
        """
        stored = document.complete(uploaded, self.switches)
        for secret in document.secrets_of(stored):
            self.keep_secret(secret)
        self.miniorange = stored

    def show_miniorange(self) -> JsonObject:
        """The miniOrange document as the plugin gives it out, a copy."""
        for secret in document.secrets_of(self.miniorange):
            self.keep_secret(secret)
        return document.show(self.miniorange, self.switches)


@dataclass(slots=True)
class ApplicationRole:
    """Which groups may use a Jira application; -1 seats are unlimited (assumed)."""

    key: str
    name: str
    groups: list[str] = field(default_factory=list)
    default_groups: list[str] = field(default_factory=list)
    number_of_seats: int = -1


class JiraWorld(ProductWorld):
    """An emulated Jira. `application_roles` is by key."""

    product = "jira"
    tokens_since = "8.14"
    sso_since = "8.15"
    camel_button_since = "10.0"
    login_path = "/login.jsp"
    logout_path = "/logout"
    home_path = "/secure/Dashboard.jspa"
    access_rule = "none of the user's groups is in an application role (application access)"
    administrators_group = "jira-administrators"
    miniorange_key = "com.miniorange.oauth.jira-oauth"
    first_groups: ClassVar = {"jira-administrators": ("admin",), "jira-core-users": ("admin",)}

    application_roles: dict[str, ApplicationRole]

    def reset(self) -> None:
        """The installation is as new, in place, with the same credentials."""
        super().reset()
        roles = (
            ApplicationRole("jira-core", "Jira Core", ["jira-administrators", "jira-core-users"]),
            ApplicationRole("jira-software", "Jira Software", ["jira-administrators"]),
        )
        self.application_roles = {role.key: role for role in roles}

    def _using_groups(self) -> Iterable[str]:
        return [group for role in self.application_roles.values() for group in role.groups]


Permissions = dict[str, set[tuple[str, str]]]
"""What each group may do: pairs of target type and operation key (facts atlassian 7.3)."""


class ConfluenceWorld(ProductWorld):
    """An emulated Confluence. One of `administrators` that exists must remain (facts atlassian 7.2).

    `permissions` are those in the whole product, `spaces` has those of each space by its key.
    """

    product = "confluence"
    tokens_since = "7.9"
    sso_since = "7.12"
    camel_button_since = "9.0"
    login_path = "/login.action"
    logout_path = "/logout.action"
    home_path = "/dashboard.action"
    access_rule = "none of the user's groups has the global permission to use Confluence"
    administrators_group = "confluence-administrators"
    miniorange_key = "com.miniorange.oauth.confluence-oauth"
    first_groups: ClassVar = {"confluence-administrators": ("admin",), "confluence-users": ("admin",)}

    access_mode: Literal["READ_WRITE", "READ_ONLY"]
    permissions: Permissions
    spaces: dict[str, Permissions]

    def reset(self) -> None:
        """The installation is as new, in place, with the same credentials."""
        super().reset()
        self.access_mode = "READ_WRITE"
        administer = {("application", "use"), ("application", "administer"), ("system", "administer")}
        self.permissions = {
            "confluence-administrators": administer,
            "confluence-users": {("application", "use"), ("personal_space", "create")},
        }
        self.spaces = {"DOCS": {"confluence-administrators": {("space", "read"), ("space", "administer")}}}

    def _using_groups(self) -> Iterable[str]:
        return [group for group, held in self.permissions.items() if ("application", "use") in held]

"""Situations that between them show every action, cause, hazard and step, as plans of the real planner."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler.core.address import Address, parse_address
from reconciler.core.desired import Desired
from reconciler.core.observed import Absent, Observation, Owner, Present, Unreadable
from reconciler.core.planner import Situation, make_plan
from reconciler.core.policy import judge
from reconciler.core.resource import Attributes, Kind, Mark, OnRemove, ResourceType
from reconciler.core.secret import SecretStatus
from reconciler.core.state import Entry, Origin, State, SystemRecord
from reconciler.diagnostic import Diagnostic, note, warning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reconciler.core.plan import Plan

PLAIN, SET, LOCAL, SECRET = Mark.PLAIN, Mark.UNORDERED, Mark.LOCAL, Mark.SECRET
JIRA_OLD = "https://jira.acme.eu/plugins/servlet/oauth/callback"
JIRA = "https://jira.acme.eu/plugins/servlet/oidc/callback"
WIKI = "https://confluence.acme.eu/plugins/servlet/oidc/callback"
GRAFANA = "https://grafana.acme.eu/login/generic_oauth"
HANDLE = "file:acme#clients.atlassian.client_secret"
KNOWN = {HANDLE: SecretStatus("f1", writable=True)}
FOREIGN = Owner("terraform", "prod/oidc")


def _login_locks_out(before: Attributes, after: Attributes) -> Iterable[str]:
    if before.get("show_login_form") and not after.get("show_login_form", True):
        yield "the login form goes off: who cannot sign in through Clavex cannot log in at all"


TYPES = {
    "client": ResourceType(
        "client",
        ("client_id",),
        {
            "client_id": Mark.FORCE_NEW,
            "name": PLAIN,
            "redirect_uris": SET | Mark.TWO_STEPS,
            "grant_types": SET,
            "public": Mark.FORCE_NEW,
            "active": PLAIN,
            "access_token_ttl": PLAIN,
            "client_secret": Mark.GENERATED,
        },
        marked=True,
    ),
    "mapper": ResourceType(
        "mapper",
        ("client_id", "name"),
        {"client_id": PLAIN, "name": PLAIN, "mapper_type": Mark.FORCE_NEW, "claim_name": PLAIN},
    ),
    "group": ResourceType("group", ("name",), {"name": PLAIN}),
    "idp": ResourceType(
        "idp",
        ("name",),
        {
            "name": PLAIN,
            "issuer": PLAIN,
            "enabled": PLAIN,
            "client_id": PLAIN,
            "client_secret": SECRET,
            "additional_scopes": SET,
            "callback": LOCAL,
        },
    ),
    "miniorange": ResourceType(
        "miniorange",
        ("app_name",),
        {
            "app_name": PLAIN,
            "client_id": PLAIN,
            "client_secret": SECRET,
            "update_attributes": PLAIN,
            "attributes": PLAIN,
            "callback": LOCAL,
        },
        document=True,
    ),
    "sso_settings": ResourceType(
        "sso_settings",
        (),
        {"show_login_form": PLAIN, "authentication_fallback": PLAIN},
        kind=Kind.SETTINGS,
        locks_out=_login_locks_out,
    ),
}
CLIENT = Address("clavex", "client", "atlassian")
MINI = Address("jira", "miniorange", "jira")
IDP = Address("confluence", "idp", "confluence")
LOGIN = Address("confluence", "sso_settings", "login")
SYSTEMS = {
    "clavex": SystemRecord("clavex", "https://id.acme.eu", "acme"),
    "jira": SystemRecord("jira", "https://jira.acme.eu"),
    "confluence": SystemRecord("confluence", "https://confluence.acme.eu"),
}


def client(**attributes: object) -> Attributes:
    """The client of the guide, with other values for some attributes."""
    usual = {
        "client_id": "atlassian",
        "name": "Jira + Confluence",
        "redirect_uris": (WIKI, JIRA),
        "grant_types": ("authorization_code", "refresh_token"),
        "client_secret": HANDLE,
    }
    return usual | attributes


def mini(**attributes: object) -> Attributes:
    """The miniOrange sign-on of Jira."""
    usual = {
        "app_name": "Clavex",
        "client_id": "atlassian",
        "client_secret": HANDLE,
        "update_attributes": True,
        "attributes": {"username": "preferred_username", "email": "email", "groups": "groups"},
        "callback": JIRA,
    }
    return usual | attributes


def idp(**attributes: object) -> Attributes:
    """The identity provider of Confluence."""
    usual = {
        "name": "Clavex",
        "issuer": "https://id.acme.eu/acme",
        "enabled": True,
        "client_id": "atlassian",
        "client_secret": HANDLE,
        "additional_scopes": ("email", "groups", "profile"),
        "callback": WIKI,
    }
    return usual | attributes


def desired(address: Address | str, attributes: Attributes, **more: object) -> Desired:
    """A wanted resource of one of the types above."""
    where = parse_address(address) if isinstance(address, str) else address
    return Desired(where, TYPES[where.type], attributes, **more)


def entry(attributes: Attributes, **more: object) -> Entry:
    """A recorded resource."""
    values = {"remote_id": "17", "origin": Origin.CREATED, "applied": attributes} | more
    if "client_secret" in attributes:
        values = {"fingerprints": {"client_secret": "f1"}} | values
    return Entry(**values)


def present(attributes: Attributes, **more: object) -> Present:
    """A found object; what no server shows is left out."""
    shown = {name: value for name, value in attributes.items() if name not in {"client_secret", "callback"}}
    return Present(**({"remote_id": "17", "attributes": shown} | more))


def ours(address: Address) -> Owner:
    """Our mark."""
    return Owner("reconciler", f"acme/prod/{address}")


def planned(
    wanted: list[Desired],
    found: dict[Address, Observation],
    entries: dict[Address, Entry] | None = None,
    secrets: dict[str, SecretStatus] | None = None,
    diagnostics: tuple[Diagnostic, ...] = (),
) -> Plan:
    """The plan of a situation, with hazards, as a run makes it."""
    state = State("acme", "prod", "6b0e1f", serial=12, entries=entries or {})
    known = {item.address: item for item in wanted}
    observed = dict.fromkeys(known, Absent()) | found
    types = {(a.system, a.type): TYPES[a.type] for a in [*known, *state.entries]}
    situation = Situation(known, observed, state, types, secrets or KNOWN)
    plan = make_plan(situation)
    plan = replace(plan, systems=SYSTEMS, spec_digest="0c6a1f", diagnostics=(*diagnostics, *plan.diagnostics))
    return replace(plan, hazards=judge(plan, situation))


def nothing() -> Plan:
    """All is as wanted."""
    group = {"name": "confluence-users"}
    address = Address("confluence", "group", "confluence-users")
    return planned([desired(address, group)], {address: present(group)}, {address: entry(group)})


def nothing_wanted() -> Plan:
    """An empty spec."""
    return planned([], {})


def first() -> Plan:
    """The guide's example on new systems."""
    diagnostics = (
        note("the released server's dialect was found (organisation by id)", "systems.clavex"),
        warning(
            "miniOrange's REST route is not verified: its paths are from an old version's interface names",
            "sso.jira.miniorange.route",
            'set route = "file" to write an import file instead',
        ),
        note("claims_from is assumed to be userinfo; the spec does not say", "sso.jira"),
        warning("`groups` is always in UserInfo here: the scope changes nothing", "clients.atlassian.scopes"),
        warning("`groups` is always in UserInfo here: the scope changes nothing", "sso.confluence"),
    )
    mapper = {"client_id": "atlassian", "name": "email", "mapper_type": "user_property", "claim_name": "email"}
    wanted = [
        desired(CLIENT, client()),
        desired("clavex/mapper/atlassian.email", mapper, depends_on=(CLIENT,)),
        desired("clavex/group/confluence-users", {"name": "confluence-users"}, on_remove=OnRemove.FORGET),
        desired("confluence/group/confluence-users", {"name": "confluence-users"}),
        desired(IDP, idp(), depends_on=(CLIENT,)),
        desired(LOGIN, {"show_login_form": True, "authentication_fallback": True}),
        desired(MINI, mini(), depends_on=(CLIENT,)),
    ]
    login = present({"show_login_form": True, "authentication_fallback": False})
    fresh = {HANDLE: SecretStatus(None, writable=True)}
    return planned(wanted, {LOGIN: login}, None, fresh, diagnostics)


def two_steps() -> Plan:
    """A callback moves: the client is widened, the consumers change over, the client is narrowed."""
    old, new = client(redirect_uris=(WIKI, JIRA_OLD), name="Jira"), client()
    wanted = [
        desired(CLIENT, new),
        desired(MINI, mini(update_attributes=False), depends_on=(CLIENT,)),
        desired(IDP, idp(additional_scopes=("email", "groups")), depends_on=(CLIENT,)),
    ]
    found = {CLIENT: present(old, owner=ours(CLIENT)), MINI: present(mini()), IDP: present(idp())}
    entries = {
        CLIENT: entry(old),
        MINI: entry(mini(callback=JIRA_OLD), depends_on=(CLIENT,)),
        IDP: entry(idp(), depends_on=(CLIENT,)),
    }
    return planned(wanted, {**found}, entries)


def drift() -> Plan:
    """People have been at it by hand."""
    group = Address("jira", "group", "jira-software-users")
    wanted = [
        desired(CLIENT, client(name="Atlassian", access_token_ttl=600)),
        desired(MINI, mini(), depends_on=(CLIENT,)),
        desired(IDP, idp(issuer="https://id.acme.eu/acme/v2"), depends_on=(CLIENT,)),
        desired(group, {"name": "jira-software-users"}),
        desired(LOGIN, {"show_login_form": True}),
    ]
    names = {"username": "email", "email": "email", "lastName": "family_name"}
    found: dict[Address, Observation] = {
        CLIENT: present(client(name="Jira", access_token_ttl=900, redirect_uris=(JIRA,)), owner=ours(CLIENT)),
        MINI: present(mini(attributes=names), fingerprints={"client_secret": "f2"}),
        IDP: present(idp(issuer="https://id.acme.eu/acme/v2")),
        group: Absent(),
        LOGIN: present({"show_login_form": False}),
    }
    entries = {
        CLIENT: entry(client(access_token_ttl=600)),
        MINI: entry(mini(), depends_on=(CLIENT,)),
        IDP: entry(idp(), depends_on=(CLIENT,)),
        group: entry({"name": "jira-software-users"}),
        LOGIN: entry({"show_login_form": True}),
    }
    return planned(wanted, found, entries)


def brownfield() -> Plan:
    """An installation made by hand comes under management."""
    shared = Address("clavex", "client", "portal")
    group = Address("confluence", "group", "confluence-users")
    known = Address("clavex", "client", "known")
    wanted = [
        desired(CLIENT, client()),
        desired(shared, {"client_id": "portal", "redirect_uris": (WIKI,)}, shared=("redirect_uris",)),
        desired(known, {"client_id": "known", "name": "Known"}),
        desired(MINI, mini(), depends_on=(CLIENT,)),
        desired(group, {"name": "confluence-users"}),
        desired(LOGIN, {"show_login_form": False, "authentication_fallback": False}),
    ]
    found: dict[Address, Observation] = {
        CLIENT: present(client(name="Atlassian", redirect_uris=(GRAFANA, JIRA)), owner=FOREIGN),
        shared: present({"client_id": "portal", "redirect_uris": (GRAFANA, JIRA)}),
        known: present({"client_id": "known", "name": "Known"}, owner=ours(known)),
        group: present({"name": "confluence-users"}),
        LOGIN: present({"show_login_form": True, "authentication_fallback": False}),
    }
    return planned(wanted, found, None, {HANDLE: SecretStatus(None, writable=True)})


def removal() -> Plan:
    """Everything leaves the spec."""
    adopted, kept = Address("clavex", "client", "adopted"), Address("clavex", "group", "confluence-users")
    gone, shared = Address("jira", "group", "gone"), Address("clavex", "client", "portal")
    mine = {"client_id": "portal", "redirect_uris": (WIKI,)}
    found: dict[Address, Observation] = {
        CLIENT: present(client(), owner=ours(CLIENT)),
        adopted: present({"client_id": "adopted"}, owner=Owner("reconciler", f"acme/prod/{adopted}+adopted")),
        kept: present({"name": "confluence-users"}),
        gone: Absent(),
        shared: present({"client_id": "portal", "redirect_uris": (WIKI, GRAFANA)}),
        IDP: present(idp()),
        LOGIN: present({"show_login_form": True}),
    }
    entries = {
        CLIENT: entry(client()),
        adopted: entry({"client_id": "adopted"}, origin=Origin.ADOPTED),
        kept: entry({"name": "confluence-users"}, on_remove=OnRemove.FORGET),
        gone: entry({"name": "gone"}),
        shared: entry(mine, shared=("redirect_uris",)),
        IDP: entry(idp(), depends_on=(CLIENT,)),
        LOGIN: entry({"show_login_form": True}),
    }
    return planned([], found, entries)


def replacing() -> Plan:
    """Attributes change that no existing object can change; a replacement that was cut short is finished."""
    mapper = Address("clavex", "mapper", "atlassian.email")
    left = Address("clavex", "client", "half")
    before = {"client_id": "atlassian", "name": "email", "mapper_type": "user_attribute", "claim_name": "email"}
    wanted = [
        desired(CLIENT, client(client_id="atlassian-2")),
        desired(mapper, before | {"mapper_type": "user_property"}, depends_on=(CLIENT,)),
        desired(MINI, mini(client_id="atlassian-2"), depends_on=(CLIENT,)),
        desired(left, {"client_id": "half", "name": "Half"}),
    ]
    found: dict[Address, Observation] = {
        CLIENT: present(client(), owner=ours(CLIENT)),
        mapper: present(before),
        MINI: present(mini()),
        left: present({"client_id": "half", "name": "Half done"}, owner=ours(left)),
    }
    entries = {
        CLIENT: entry(client(), origin=Origin.ADOPTED),
        mapper: entry(before, depends_on=(CLIENT,)),
        MINI: entry(mini(), depends_on=(CLIENT,)),
        left: entry({"client_id": "half", "name": "Half done"}, deposed=("9",)),
    }
    return planned(wanted, found, entries)


def manual() -> Plan:
    """One change is for a person; another was carried out by one, which only needs recording."""
    other = Address("confluence", "miniorange", "confluence")
    wanted = [desired(MINI, mini(), depends_on=(CLIENT,), manual=True), desired(other, mini(), manual=True)]
    found: dict[Address, Observation] = {
        MINI: present(mini(update_attributes=False)),
        other: present(mini(), fingerprints={"client_secret": "f1"}),
    }
    entries = {MINI: entry(mini(update_attributes=False)), other: entry(mini(), awaiting=True)}
    return planned(wanted, found, entries)


def unread() -> Plan:
    """One system is down, one object cannot be told from another, and what needs them is left alone."""
    down = Unreadable(
        "GET https://jira.acme.eu/rest/api/2/serverInfo: no answer within 10 s",
        "is the system up, and the URL right?",
    )
    wanted = [
        desired(CLIENT, client()),
        desired(IDP, idp(), depends_on=(CLIENT,)),
        desired(MINI, mini(), depends_on=(CLIENT,)),
        desired("jira/group/jira-software-users", {"name": "jira-software-users"}),
        desired(LOGIN, {"show_login_form": True}),
    ]
    found: dict[Address, Observation] = {
        CLIENT: Unreadable("two clients have the id atlassian", "remove one, or import the right one by its id"),
        MINI: down,
        Address("jira", "group", "jira-software-users"): down,
        LOGIN: present({"show_login_form": False}),
    }
    return planned(wanted, found, {LOGIN: entry({"show_login_form": False})})


def unread_only() -> Plan:
    """Nothing differs, as far as could be read."""
    wanted = [desired(MINI, mini()), desired(LOGIN, {"show_login_form": True})]
    found: dict[Address, Observation] = {
        MINI: Unreadable("500 Internal Server Error"),
        LOGIN: present({"show_login_form": True}),
    }
    return planned(wanted, found, {LOGIN: entry({"show_login_form": True})})


def secrets() -> Plan:
    """A secret was rotated in its store; another is wrong, a third has no place to be kept in."""
    lost, env = Address("clavex", "client", "lost"), Address("clavex", "client", "env")
    user = Address("jira", "idp", "lost")
    wanted = [
        desired(CLIENT, client()),
        desired(IDP, idp(), depends_on=(CLIENT,)),
        desired(lost, {"client_id": "lost", "client_secret": "file:acme#clients.lost.client_secret"}),
        desired(user, idp(client_secret="file:acme#clients.lost.client_secret"), depends_on=(lost,)),
        desired(env, {"client_id": "env", "client_secret": "env:OTHER_SECRET"}),
    ]
    found: dict[Address, Observation] = {
        CLIENT: present(client(), owner=ours(CLIENT)),
        IDP: present(idp()),
        lost: present({"client_id": "lost"}),
        user: present(idp()),
    }
    entries = {
        CLIENT: entry(client()),
        IDP: entry(idp(), depends_on=(CLIENT,)),
        lost: entry({"client_id": "lost"}),
        user: entry(idp(), depends_on=(lost,)),
    }
    known = {
        HANDLE: SecretStatus("f3", writable=True),
        "file:acme#clients.lost.client_secret": SecretStatus("f4", writable=True, proved=False),
        "env:OTHER_SECRET": SecretStatus(None),
    }
    return planned(wanted, found, entries, known)


def hostile() -> Plan:
    """Names and values that want to be escape sequences, links, markup or arguments."""
    evil = "\x1b]8;;https://evil.example\x07click\x1b]8;;\x07 \u202egnp.exe\u202c \u200bx \x9b31m ` ``` \\x1b |"
    long = "https://jira.acme.eu/" + "a" * 120
    group = Address("jira", "group", "admins'; rm -rf $HOME \x1b[2J\n# No changes.")
    wide = Address("jira", "group", "管理者 グループ")
    wanted = [
        desired(CLIENT, client(name="<b>@acme</b> [x](https://evil.example)", redirect_uris=(f"{long}/1/x",))),
        desired(IDP, idp(name="Clavex", issuer=f"{long}b{'c' * 90}")),
    ]
    found: dict[Address, Observation] = {
        CLIENT: present(client(name=evil, redirect_uris=(f"{long}/2/x", f"{long}/3/x")), owner=Owner(evil, "x")),
        IDP: present(idp(issuer=f"{long}d{'c' * 90}", name=" \u00a0\ufeff\ud800")),
        group: present({"name": "x"}),
        wide: present({"name": "管理者"}),
    }
    entries = {IDP: entry(idp()), group: entry({"name": "x"}), wide: entry({"name": "x"})}
    diagnostics = (
        warning(f"the server says: {evil}\n\nNo changes.", "<img src=x>", "see [docs](javascript:alert(1))"),
    )
    return planned(wanted, found, entries, None, diagnostics)


def large() -> Plan:
    """More creates than anybody reads, and a large share of a system that goes."""
    wanted = [desired(f"jira/group/team-{index:03}", {"name": f"team-{index:03}"}) for index in range(30)]
    leaving = [Address("confluence", "group", f"team-{index:03}") for index in range(12)]
    entries = {address: entry({"name": address.name}) for address in leaving}
    return planned(wanted, {address: present({"name": address.name}) for address in leaving}, entries)


SITUATIONS: tuple[Callable[[], Plan], ...] = (
    nothing,
    nothing_wanted,
    first,
    two_steps,
    drift,
    brownfield,
    removal,
    replacing,
    manual,
    unread,
    unread_only,
    secrets,
    hostile,
    large,
)

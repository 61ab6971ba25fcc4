"""A small world for tests of the pure core: a client, what consumes its secret, a group, and settings."""

from __future__ import annotations

from dataclasses import replace

from reconciler.core.address import Address
from reconciler.core.desired import Desired
from reconciler.core.observed import Owner, Present
from reconciler.core.planner import Situation, make_plan
from reconciler.core.policy import judge
from reconciler.core.resource import Kind, Mark, OnRemove, ResourceType
from reconciler.core.schedule import order
from reconciler.core.secret import SecretStatus
from reconciler.core.state import Entry, Origin, State

CLIENT = ResourceType(
    "client",
    ("client_id",),
    {
        "client_id": Mark.FORCE_NEW,
        "public": Mark.FORCE_NEW,
        "name": Mark.PLAIN,
        "uris": Mark.UNORDERED | Mark.TWO_STEPS,
        "secret": Mark.GENERATED,
    },
    marked=True,
)
IDP = ResourceType(
    "idp",
    ("name",),
    {"name": Mark.PLAIN, "button": Mark.PLAIN, "secret": Mark.SECRET, "callback": Mark.LOCAL},
    locks_out=lambda before, after: ["the button is gone"] if before and not after else [],
)
GROUP = ResourceType("group", ("name",), {"name": Mark.PLAIN})
SETTINGS = ResourceType(
    "settings",
    (),
    {"form": Mark.PLAIN},
    kind=Kind.SETTINGS,
    locks_out=lambda before, after: ["the form goes off"] if before.get("form") and not after.get("form") else [],
)
CLIENT_AT = Address("clavex", "client", "a")
IDP_AT = Address("jira", "idp", "a")
GROUP_AT = Address("jira", "group", "users")
SETTINGS_AT = Address("jira", "settings", "login")
TYPES = {("clavex", "client"): CLIENT, ("jira", "idp"): IDP, ("jira", "group"): GROUP, ("jira", "settings"): SETTINGS}
HANDLE = "file:a#secret"
STORED = SecretStatus("f1", writable=True)
EMPTY = State("acme", "default", "L")
OURS = Owner("reconciler", f"acme/default/{CLIENT_AT}")
THEIRS = Owner("k8s-operator", "Client/ns/a")

client = Desired(
    CLIENT_AT,
    CLIENT,
    {"client_id": "a", "public": False, "name": "A", "uris": ("u1",), "secret": HANDLE},
    where="clients.a",
)
idp = Desired(IDP_AT, IDP, {"name": "a", "button": "B", "secret": HANDLE, "callback": "u1"}, depends_on=(CLIENT_AT,))
group = Desired(GROUP_AT, GROUP, {"name": "users"}, on_remove=OnRemove.FORGET)
settings = Desired(SETTINGS_AT, SETTINGS, {"form": True})


def seen(wanted: Desired, owner: Owner | None = None, remote_id: str = "", **changes: object) -> Present:
    """The wanted object as a server shows it, with some attributes changed."""
    hidden = Mark.SECRET | Mark.GENERATED | Mark.LOCAL
    attributes = {k: v for k, v in wanted.attributes.items() if not wanted.type.attributes[k] & hidden}
    return Present(remote_id or wanted.address.name, attributes | changes, owner)


def entry(wanted: Desired, origin: Origin = Origin.CREATED, **changes: object) -> Entry:
    """What the state holds after the wanted resource was applied."""
    prints = {
        name: "f1" for name in wanted.attributes if wanted.type.attributes[name] & (Mark.SECRET | Mark.GENERATED)
    }
    made = Entry(
        wanted.address.name,
        origin,
        wanted.attributes,
        prints,
        wanted.depends_on,
        wanted.on_remove,
        shared=wanted.shared,
    )
    return replace(made, **changes)


def situation(wanted=(), observed=None, entries=None, status=STORED, doubt=None):
    state = replace(EMPTY, entries=entries or {}, in_doubt=doubt or {})
    return Situation({w.address: w for w in wanted}, observed or {}, state, TYPES, {HANDLE: status})


def planned(*args, **kwargs):
    """The plan, with its hazards, of a situation."""
    world = situation(*args, **kwargs)
    made = make_plan(world)
    return replace(made, hazards=judge(made, world))


def ordered(plan):
    """The steps of a plan, a line each, with what each waits for."""
    graph, changes = order(plan.changes), {change.address: change for change in plan.changes}

    def label(node):
        return f"{node.address} {changes[node.address].steps[node.step].kind}"

    return [" < ".join([label(node), *(label(before) for before in sorted(graph[node]))]) for node in sorted(graph)]

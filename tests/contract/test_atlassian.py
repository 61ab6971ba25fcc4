"""Every resource type of Jira, Confluence and their plugins does what every handler owes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from contract.suite import DUTIES, Case, nothing
from pydantic import SecretStr
from unit.atlassian.product import CLIENT_SECRET, Side, add_idp, connection, opened, side, sign_on, system_of

from reconciler.core.address import Address
from reconciler.core.desired import Desired
from reconciler.ports import Http
from reconciler.providers import atlassian_sso, confluence, crowd, jira, miniorange
from reconciler.providers.atlassian.groups import GROUP
from reconciler.providers.confluence.permissions import GLOBAL_PERMISSION, SPACE_PERMISSIONS
from reconciler.providers.jira.roles import APPLICATION_ROLE
from reconciler.sandbox.atlassian.crowd import crowd as emulated_crowd
from reconciler.sandbox.faults import Fault, Kind
from reconciler.sandbox.serve import Sandbox, Served

if TYPE_CHECKING:
    from reconciler.core.resource import ResourceType

Enter = Callable[[Served[Any]], Http]
Make = Callable[[Sandbox, Enter, Path], Case]
FOREIGN_PROVIDER = {
    "ID": "foreign",
    "Name": "Okta",
    "Application Configuration": {"CLIENT_ID": "okta", "CLIENT_SECRET": "of-okta", "SCOPE": "b a", "OWN": 1},
    "Attribute Mapping": {"USE_SEPARATE_NAME_ATTRIBUTE": "true"},
    "Group Mapping": {"ROLE_MAPPING": {"x": ["y"]}},
}


@pytest.fixture(scope="module")
def shared_sandbox() -> Iterator[Sandbox]:
    with Sandbox(crowd=emulated_crowd()) as sandbox:
        yield sandbox


def case(served: Served[Any], made: Side, **parts: Any) -> Case:
    attributes = made.desired.attributes
    secrets = {"client_secret": SecretStr(CLIENT_SECRET)} if "client_secret" in attributes else {}
    whole: dict[str, Any] = {
        "type": made.desired.type,
        "handler": made.handler,
        "address": made.address,
        "attributes": attributes,
        "changes": {},
        "stranger": {**attributes, "name": "a stranger", "client_id": "strange", "issuer": "https://x.test"},
        "requests": lambda: served.faults.requests,
        "fail": lambda: served.faults.add(Fault(kind=Kind.SERVER_ERROR, status=500, times=None)),
        "settle": nothing,
        "secrets": secrets,
    }
    return Case(**{**whole, **parts})


def groups(provider: Any, served: Served[Any], http: Http) -> Case:
    handler = connection(provider, served, http).handlers["group"]
    name = "Software Users & more"
    desired = Desired(Address(served.emulator.name, "group", name), GROUP, {"name": name})
    world = served.world
    return case(
        served,
        Side(handler, desired),
        count=lambda: sum(other.lower() == name.lower() for other in world.groups),
        rest=lambda: {other: [*members] for other, members in world.groups.items() if other != name},
        dump=lambda: repr(world.groups),
    )


def jira_group(sandbox: Sandbox, enter: Enter, folder: Path) -> Case:
    return groups(jira.provider, sandbox.jira, enter(sandbox.jira))


def confluence_group(sandbox: Sandbox, enter: Enter, folder: Path) -> Case:
    return groups(confluence.provider, sandbox.confluence, enter(sandbox.confluence))


def crowd_group(sandbox: Sandbox, enter: Enter, folder: Path) -> Case:
    return groups(crowd.provider, sandbox.crowd, enter(sandbox.crowd))


def idps(served: Served[Any], http: Http) -> Case:
    world = served.world
    add_idp(served, 7, name="Okta", **{"sso-type": "SAML", "sso-url": "https://okta.test/sso"})
    made = side(atlassian_sso.plugin, http, sign_on(system_of(served), "atlassian"), "idp")

    def rest() -> object:
        ours = [idp for idp in world.idps.values() if idp.name == "main"]
        kept = [(idp.enable_remember_me, idp.jit_configuration.additional_openid_scopes) for idp in ours]
        return world.idps[7].model_dump(), kept, world.sso.model_dump()

    def dump() -> str:
        return repr(
            [
                (idp.model_dump(), idp.client_secret and idp.client_secret.get_secret_value())
                for idp in world.idps.values()
            ]
        )

    changes = {"button_text": "Enter", "jit_email": "${mail}", "additional_scopes": ("email",), "enabled": False}
    return case(
        served,
        made,
        changes=changes,
        count=lambda: sum(idp.name == "main" for idp in world.idps.values()),
        rest=rest,
        dump=dump,
    )


def jira_idp(sandbox: Sandbox, enter: Enter, folder: Path) -> Case:
    return idps(sandbox.jira, enter(sandbox.jira))


def old_jira_idp(sandbox: Sandbox, enter: Enter, folder: Path) -> Case:
    sandbox.jira.world.version = "9.4.11"
    sandbox.jira.world.switches = replace(
        sandbox.jira.world.switches, emptied_lists="absent", discovered_endpoints="absent", unknown_idp=400
    )
    return idps(sandbox.jira, enter(sandbox.jira))


def confluence_idp(sandbox: Sandbox, enter: Enter, folder: Path) -> Case:
    return idps(sandbox.confluence, enter(sandbox.confluence))


def jira_sso_settings(sandbox: Sandbox, enter: Enter, folder: Path) -> Case:
    world = sandbox.jira.world
    wish = sign_on(system_of(sandbox.jira), "atlassian", login_form=True, login_fallback=True)
    return case(
        sandbox.jira,
        side(atlassian_sso.plugin, enter(sandbox.jira), wish, "sso_settings"),
        changes={"show_login_form": False},
        count=lambda: 1,
        rest=lambda: (world.sso.show_login_form_for_jsm, world.sso.discovery_refresh_cron),
        dump=lambda: repr(world.sso),
    )


def jira_application_role(sandbox: Sandbox, enter: Enter, folder: Path) -> Case:
    world = sandbox.jira.world
    address = Address("jira", "application_role", "jira-software")
    wish = Desired(address, APPLICATION_ROLE, {"groups": ("jira-administrators", "ours")})
    handler = connection(jira.provider, sandbox.jira, enter(sandbox.jira)).handlers["application_role"]
    world.application_roles["jira-software"].default_groups = ["jira-administrators"]

    def rest() -> object:
        kept = {key: role for key, role in world.application_roles.items() if key != "jira-software"}
        return repr(kept), world.application_roles["jira-software"].default_groups

    return case(
        sandbox.jira,
        Side(handler, wish),
        changes={"groups": ("jira-administrators", "others", "ours")},
        count=lambda: 1,
        rest=rest,
        dump=lambda: repr(world.application_roles),
    )


def confluence_permissions(sandbox: Sandbox, enter: Enter, kind: ResourceType, name: str, *texts: str) -> Case:
    world = sandbox.confluence.world
    address = Address("confluence", kind.name, name)
    (attribute,) = kind.attributes
    handler = connection(confluence.provider, sandbox.confluence, enter(sandbox.confluence)).handlers[kind.name]
    world.groups |= {"staff": [], "guests": []}
    world.permissions["guests"] = {("space", "create")}

    def rest() -> object:
        others = {group: pairs for group, pairs in world.permissions.items() if group != "staff"}
        return repr((others, world.spaces["DOCS"]["confluence-administrators"]))

    return case(
        sandbox.confluence,
        Side(handler, Desired(address, kind, {attribute: texts[:-1]})),
        changes={attribute: texts},
        count=lambda: 1,
        rest=rest,
        dump=lambda: repr((world.permissions, world.spaces)),
    )


def confluence_use(sandbox: Sandbox, enter: Enter, folder: Path) -> Case:
    groups = ("confluence-administrators", "confluence-users", "staff")
    return confluence_permissions(sandbox, enter, GLOBAL_PERMISSION, "use", *groups)


def confluence_space(sandbox: Sandbox, enter: Enter, folder: Path) -> Case:
    administrators = [f"confluence-administrators: {word}" for word in ("administer", "read")]
    granted = (*administrators, "guests: create_page", "staff: delete_own", "staff: delete_page")
    return confluence_permissions(sandbox, enter, SPACE_PERMISSIONS, "DOCS", *granted)


def documents(served: Served[Any], made: Side, **parts: Any) -> Case:
    world = served.world

    def rest() -> object:
        document = world.show_miniorange()
        kept = {key: value for key, value in document.items() if key != "Identity Providers"}
        if made.desired.type.name == "miniorange_sign_in":
            kept["Sign In Settings"] = {
                key: value
                for key, value in kept["Sign In Settings"].items()
                if key in {"ENABLE_FOR_SOFTWARE", "SETTING_OF_A_LATER_VERSION"}
            }
        others = [item for item in document["Identity Providers"] if item["Name"] != "main"]
        return json.dumps([kept, others])

    providers = made.desired.type.name == "miniorange"
    return case(
        served,
        made,
        changes={"display_name": "Enter", "scopes": ("email", "openid"), "update_on_login": False}
        if providers
        else {"button_text": "Enter", "show_login_form": False},
        count=lambda: sum(item["Name"] == "main" for item in world.miniorange["Identity Providers"]),
        rest=rest,
        dump=lambda: json.dumps(world.miniorange),
        **parts,
    )


def rest_options() -> dict[str, Any]:
    return {"options": {"route": "rest"}, "login_form": True, "login_fallback": True}


def add_foreign_provider(served: Served[Any]) -> None:
    served.world.import_({**served.world.miniorange, "Identity Providers": [FOREIGN_PROVIDER]})


def jira_miniorange(sandbox: Sandbox, enter: Enter, folder: Path) -> Case:
    add_foreign_provider(sandbox.jira)
    wish = sign_on(system_of(sandbox.jira), "miniorange", **rest_options())
    return documents(sandbox.jira, side(miniorange.plugin, enter(sandbox.jira), wish, "miniorange"))


def awkward_miniorange(sandbox: Sandbox, enter: Enter, folder: Path) -> Case:
    served = sandbox.confluence
    add_foreign_provider(served)
    served.world.switches = replace(
        served.world.switches,
        miniorange_booleans="strings",
        miniorange_post="redirect",
        miniorange_extra_keys="absent",
    )
    wish = sign_on(system_of(served), "miniorange", **rest_options())
    return documents(served, side(miniorange.plugin, enter(served), wish, "miniorange"))


def jira_sign_in(sandbox: Sandbox, enter: Enter, folder: Path) -> Case:
    add_foreign_provider(sandbox.jira)
    wish = sign_on(system_of(sandbox.jira), "miniorange", **rest_options())
    return documents(sandbox.jira, side(miniorange.plugin, enter(sandbox.jira), wish, "miniorange_sign_in"))


def by_file(sandbox: Sandbox, enter: Enter, folder: Path, kind: str) -> Case:
    served, world = sandbox.jira, sandbox.jira.world
    add_foreign_provider(served)
    export, import_ = folder / "export.json", folder / "import.json"
    export.write_text(json.dumps(world.export()))

    def settle() -> None:
        if import_.exists():
            world.import_(json.loads(import_.read_text()))
            import_.unlink()
        export.write_text(json.dumps(world.export()))

    wish = sign_on(
        system_of(served),
        "miniorange",
        login_form=True,
        options={"route": "file", "export": str(export), "import": str(import_)},
    )
    fail = export.unlink
    return documents(served, fresh(enter(served), wish, kind), settle=settle, fail=fail)


def fresh(http: Http, wish: Any, kind: str) -> Side:
    """A handler that begins anew with each call, as each run of the product does."""

    class Anew:
        def __getattr__(self, name: str) -> Any:
            return getattr(side(miniorange.plugin, http, wish, kind).handler, name)

    return Side(Anew(), side(miniorange.plugin, http, wish, kind).desired)


def miniorange_by_file(sandbox: Sandbox, enter: Enter, folder: Path) -> Case:
    return by_file(sandbox, enter, folder, "miniorange")


def sign_in_by_file(sandbox: Sandbox, enter: Enter, folder: Path) -> Case:
    return by_file(sandbox, enter, folder, "miniorange_sign_in")


CASES = (
    jira_group,
    confluence_group,
    crowd_group,
    jira_idp,
    old_jira_idp,
    confluence_idp,
    jira_sso_settings,
    jira_application_role,
    confluence_use,
    confluence_space,
    jira_miniorange,
    awkward_miniorange,
    jira_sign_in,
    miniorange_by_file,
    sign_in_by_file,
)


@pytest.mark.parametrize("duty", DUTIES, ids=lambda duty: duty.__name__)
@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_duty(make: Make, duty: Callable[[Case], None], shared_sandbox: Sandbox, tmp_path: Path) -> None:
    shared_sandbox.reset()
    with ExitStack() as stack:
        duty(make(shared_sandbox, lambda served: stack.enter_context(opened(served)), tmp_path))

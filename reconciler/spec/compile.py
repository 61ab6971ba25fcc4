"""What a spec means: references resolved, defaults filled in, rules that span tables checked. Pure.

References go from sign-ons and groups to clients and systems, and from clients to systems, never back: no spec can
hold a cycle.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from reconciler.core.intent import Intent, System
from reconciler.spec.clients import compile_clients
from reconciler.spec.findings import Findings
from reconciler.spec.groups import compile_groups
from reconciler.spec.model import CLAVEX
from reconciler.spec.rules import (
    check_inside,
    check_proxy,
    check_recipient,
    parse_encryption,
    parse_handle,
    parse_org,
    parse_store,
    parse_url,
)
from reconciler.spec.sign_ons import compile_sign_ons

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from reconciler.core.intent import Client
    from reconciler.diagnostic import Diagnostic
    from reconciler.spec.model import SystemTable
    from reconciler.spec.validation import Spec


def compile_intent(
    spec: Spec, stack: str, environment: str, folder: Path, store: str
) -> tuple[Intent, list[Diagnostic]]:
    """What the spec means, and what is wrong with it. With an error among the findings the intent is not whole.

    `folder` is what relative file names start from; `store` keeps the secrets of clients that do not say where.
    """
    findings = Findings()
    findings.attempt(parse_store, store, "stack", "secrets")
    _check_age(spec, store, findings)
    if not spec.declared.get("systems"):
        findings.fail("the spec names no system", "add a table such as [systems.clavex]", "systems")
    systems = {
        name: _compile_system(name, table, spec.settings[name], folder, findings)
        for name, table in spec.tables.systems.items()
        if name in spec.settings
    }
    _check_same(systems, findings)
    clients = compile_clients(spec, systems, store, findings)
    sign_ons = compile_sign_ons(spec, systems, clients, findings)
    groups = compile_groups(spec, systems, sign_ons, findings)
    _check_stores(spec, systems, clients, findings)
    return Intent(stack, environment, systems, clients, sign_ons, groups), findings.items


def _compile_system(
    name: str, table: SystemTable, settings: Mapping[str, str], folder: Path, findings: Findings
) -> System:
    where = ("systems", name)
    url = findings.attempt(partial(parse_url, allow_http=table.allow_http), table.url, *where, "url")
    token = findings.attempt(parse_handle, table.token, *where, "token") if table.token is not None else None
    password = (
        findings.attempt(parse_handle, table.password, *where, "password") if table.password is not None else None
    )
    if table.ca_file is not None:
        findings.attempt(check_inside, table.ca_file, *where, "ca_file")
    if table.proxy is not None:
        findings.attempt(check_proxy, table.proxy, *where, "proxy")
    _check_credentials(name, table, findings)
    _check_org(name, table, findings)
    return System(
        name=name,
        provider=table.provider,
        url=url or "",
        org=table.org or "",
        token=token,
        username=table.username or "",
        password=password,
        ca_file=str(folder / table.ca_file) if table.ca_file else "",
        proxy=table.proxy or "",
        settings=settings,
    )


def _check_age(spec: Spec, store: str, findings: Findings) -> None:
    """Holds if every `[age.*]` table makes sense, and those that `[stack]` names are there."""
    for name, table in spec.tables.age.items():
        for at, recipient in enumerate(table.recipients):
            findings.attempt(check_recipient, recipient, "age", name, "recipients", at)
        if table.file is not None:
            findings.attempt(check_inside, table.file, "age", name, "file")
    _find_age(spec, store, findings, "stack", "secrets")
    wanted = spec.tables.stack.encrypt
    if wanted is not None and (found := findings.attempt(parse_encryption, wanted, "stack", "encrypt")):
        _find_age(spec, f"age:{found}", findings, "stack", "encrypt")


def _check_stores(
    spec: Spec, systems: Mapping[str, System], clients: Mapping[str, Client], findings: Findings
) -> None:
    """Holds if the table of every age store that a handle names is there."""
    for name, system in systems.items():
        for key, handle in (("token", system.token), ("password", system.password)):
            if handle is not None:
                _find_age(spec, handle.store, findings, "systems", name, key)
    for name, table in spec.tables.clients.items():
        if "secret" in table and name in clients and (handle := clients[name].secret):
            _find_age(spec, handle.store, findings, "clients", name, "secret")


def _find_age(spec: Spec, store: str, findings: Findings, *where: str) -> None:
    kind, _, name = store.partition(":")
    if kind == "age" and name not in spec.declared.get("age", ()):
        findings.fail(f"there is no table [age.{name}]", f'add [age.{name}] with recipients = ["age1…"]', *where)


def _check_same(systems: Mapping[str, System], findings: Findings) -> None:
    """Holds if no two tables mean one installation and organisation: each would undo what the other does."""
    first: dict[tuple[str, str], str] = {}
    for name, system in systems.items():
        other = first.setdefault((system.url, system.org), name)
        if other != name and system.url:
            findings.fail(f"systems.{other} is the same system", "drop one of the two tables", "systems", name)


def _check_org(name: str, table: SystemTable, findings: Findings) -> None:
    where = ("systems", name, "org")
    if table.provider != CLAVEX:
        if table.org is not None:
            findings.fail("only Clavex has organisations", "take it out", *where)
    elif table.org is None:
        findings.fail("this key is missing", 'add the slug of the organisation, e.g. org = "acme"', *where)
    else:
        findings.attempt(parse_org, table.org, *where)


def _check_credentials(name: str, table: SystemTable, findings: Findings) -> None:
    where = ("systems", name)
    given = [key for key in ("token", "username", "password") if getattr(table, key) is not None]
    if given == ["token"]:
        return
    token = f'token = "env:{name.upper().replace("-", "_")}_TOKEN"'
    if not given:
        findings.fail("this key is missing", f"add where it lies, e.g. {token}", *where, "token")
    elif table.provider == CLAVEX:
        findings.fail("Clavex is asked with a token, and nothing else", f"e.g. {token}", *where, given[-1])
    elif given != ["username", "password"]:
        remedy = f"e.g. {token}"
        findings.fail("give either a token, or a user name and a password", remedy, *where, given[-1])
    elif ":" in str(table.username):
        findings.fail(
            "a user name has no colon", "write the name itself; only secrets are named by handles", *where, "username"
        )

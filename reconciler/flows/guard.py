"""What a spec may not do by itself: send a credential to a host that nobody named, read files outside of its stack.

A spec may come from a stranger, as a merge request does. Whom credentials go to is said by the operator
(RECONCILER_HOSTS, `[hosts]` of the configuration, `--allow`), or by the state, as an apply left it.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from reconciler import files
from reconciler.core.hosts import is_below, is_loopback
from reconciler.core.plan import Hazard, HazardName
from reconciler.core.policy import refused
from reconciler.core.secret import parse_handle
from reconciler.errors import ReconcilerError, RefusedError
from reconciler.flows.registry import PLUGIN_RECORDS
from reconciler.render.wording import listed
from reconciler.spec.backends import HttpTable, S3Table, is_handle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.core.intent import Intent, SignOn, System
    from reconciler.core.state import State, SystemRecord
    from reconciler.flows.place import Place
    from reconciler.secrets.operator import Configuration, Host
    from reconciler.spec.backends import BackendTable
    from reconciler.spec.load import SpecRead

HOSTS_VARIABLE, FILES_VARIABLE = "RECONCILER_HOSTS", "RECONCILER_FILES"


def guard(
    place: Place, spec: SpecRead, intent: Intent, state: State, allowed: frozenset[str] = frozenset()
) -> tuple[Hazard, ...]:
    """The systems that moved, as permitted. RefusedError, before anything is sent, for what is not permitted.

    That is a system that may not get its credential, and a file that a spec may not name.
    """
    _refuse_files(place, intent)
    moved = refuse_moved(intent, state, allowed)
    named = place.named_hosts
    trusted = state.systems if _is_ours(place, spec.backend) else {}
    problems = []
    for name, system in sorted(intent.systems.items()):
        if _permitted(HazardName.NEW_HOST, name, allowed) or _permitted(HazardName.MOVES_HOST, name, allowed):
            continue
        judged = _by_operator(system, named) if named else _by_state(system, trusted.get(name))
        problems += [f"{name} ({system.url}): {problem}" for problem in judged]
    if problems:
        urls = " ".join(sorted({system.url for system in intent.systems.values()}))
        raise RefusedError(
            f"{HazardName.NEW_HOST}: no credential was sent. {'; '.join(problems)}",
            f"if you know these hosts: say --allow {HazardName.NEW_HOST}=NAME where there is that option, which an "
            f"apply remembers; or name all that may be asked: {HOSTS_VARIABLE}='{urls}'",
        )
    return moved


def guard_backend(table: BackendTable, named: tuple[Host, ...], folder: Path) -> None:
    """RefusedError, before anything is sent, for a backend whose URL stands in the spec and that nobody named.

    There is no state yet that could vouch for it. A URL that a handle names is the operator's own word. RefusedError
    too for a password or a CA of the spec that a host is not to be asked with, and for a CA outside of the stack.
    """
    match table:
        case HttpTable():
            urls = [table.address, table.lock_address or ""]
        case S3Table():
            urls = [table.endpoint or ""]
        case _:
            return
    for url in urls:
        if url and not is_handle(url):
            _refuse_url(table, url, named, url)
    if table.ca_file and not files.is_inside(folder / table.ca_file, folder):
        raise RefusedError(
            f"ca_file of [backend]: {table.ca_file} leads out of the folder of the stack", "put the file there"
        )


def guard_address(table: BackendTable, url: str, named: tuple[Host, ...]) -> None:
    """RefusedError, before anything is sent, for what a host that a handle names is not to be asked with."""
    if isinstance(table, HttpTable):
        _refuse_url(table, url, named)


def _refuse_url(table: HttpTable | S3Table, url: str, named: tuple[Host, ...], written: str = "") -> None:
    """RefusedError for a URL that may not be asked, or not so. One not `written` in the spec may be anywhere."""
    hosts = [host for host in named if is_below(url, host.url)]
    said = [handle for host in hosts for handle in host.credentials]
    password = table.password if isinstance(table, HttpTable) else None
    if written and not hosts and (named or not is_loopback(urlsplit(url).hostname or "")):
        problem = "a host that nobody named"
        remedy = (
            f"if you know it: name it beside all others that may be asked, in {HOSTS_VARIABLE} or in [hosts] of your "
            "configuration; or write the URL as env:STATE_…, a variable of yours"
        )
    elif password and said and str(parse_handle(password)) not in said:
        problem = f"and {password} is not among the credentials that [hosts] has for it"
        remedy = "if it is meant for that host: add it to these credentials in your configuration"
    elif table.ca_file and hosts and isinstance(table, S3Table):
        problem = f"and the spec wants the CA {table.ca_file}, which only you can say where hosts are named"
        remedy = "name the file in AWS_CA_BUNDLE, and leave ca_file out of [backend]"
    elif table.ca_file and hosts and not any(host.ca_file for host in hosts):
        problem = f"and the spec wants the CA {table.ca_file}, which only [hosts] can say where it names hosts"
        remedy = "if it is right: give that host a ca_file in [hosts] of your configuration"
    else:
        return
    place = written or "the address that a handle names"
    raise RefusedError(
        f"{HazardName.NEW_HOST}: [backend] keeps the state at {place}, {problem}; nothing was sent", remedy
    )


def _permitted(hazard: HazardName, name: str, allowed: frozenset[str]) -> bool:
    return bool({hazard, f"{hazard}={name}"} & allowed)


def _is_ours(place: Place, backend: BackendTable) -> bool:
    """Whether the state cannot be a stranger's.

    A checkout lets others read what it writes, and we do not. At AWS everybody has buckets, and the spec names one.
    """
    if isinstance(backend, S3Table) and not backend.endpoint:
        return False
    try:
        found = (place.home / "state.json").lstat()
    except OSError:
        return True  # it lies elsewhere, or there is none
    return not found.st_mode & 0o077 and found.st_uid == os.geteuid()


def _by_operator(system: System, named: tuple[Host, ...]) -> Iterator[str]:
    """What speaks against a system where the operator named hosts: then nothing else counts."""
    hosts = [host for host in named if is_below(system.url, host.url)]
    if not hosts:
        yield f"the operator did not name this host ({HOSTS_VARIABLE}, [hosts])"
        return
    said = [handle for host in hosts for handle in host.credentials]
    if said and _handle(system) not in said:
        yield f"{_handle(system)} is not among the credentials that [hosts] has for it"
    if route := _route(system, hosts):
        yield f"the spec wants {route}, which only [hosts] can say where it names hosts"


def _by_state(system: System, known: SystemRecord | None) -> Iterator[str]:
    if is_loopback(urlsplit(system.url).hostname or ""):
        return
    if known is None:
        yield "it was never applied to"
        return
    if known.credential and _credential(known) != _handle(system):
        yield f"it was asked with {_credential(known)} so far, and would now be sent {_handle(system)}"
    if known.route != route_of(system):
        yield f"it was asked by {known.route or 'no way of its own'} so far, and now by {route_of(system) or 'none'}"


def route_of(system: System) -> str:
    """By which way a spec wants a system asked: a proxy, and a CA that vouches for it; empty for neither."""
    return _route(system, [])


def _route(system: System, hosts: list[Host]) -> str:
    parts = []
    if system.proxy and not any(host.proxy for host in hosts):
        parts.append(f"the proxy {system.proxy}")
    if system.ca_file and not any(host.ca_file for host in hosts):
        with files.failing_as(ReconcilerError, Path(system.ca_file), "read", "name a PEM file in the stack's folder"):
            data = files.read(Path(system.ca_file).resolve()) or b""
        parts.append(f"the CA {hashlib.sha256(data).hexdigest()[:16]}")
    return " and ".join(parts)


def _handle(system: System) -> str:
    return str(system.token or system.password or "")


# --- files --------------------------------------------------------------------------------------------------------


def _refuse_files(place: Place, intent: Intent) -> None:
    """RefusedError for a path in the options of a sign-on that leads out of the stack and the operator's folders."""
    more = [Path(name) for name in place.environ.get(FILES_VARIABLE, "").split(os.pathsep) if name]
    folders = (place.folder, *more, *(Path(name) for name in place.configuration.files))
    for _, sign_on in sorted(intent.sign_ons.items()):
        for key, text in _paths(sign_on):
            path = Path(text).expanduser()
            if not any(files.is_inside(path, folder) for folder in folders):
                raise RefusedError(
                    f"{sign_on.where}.{sign_on.plugin}.{key}: {path} lies outside of the folder of the stack; it was "
                    "neither read nor written",
                    f"if that is meant, name a folder that holds it in {FILES_VARIABLE}, or in files of your "
                    "configuration",
                )


def _paths(sign_on: SignOn) -> Iterator[tuple[str, str]]:
    """The options of a sign-on that are paths of this machine: those marked so (ports.LOCAL_PATH)."""
    for name, field in PLUGIN_RECORDS[sign_on.plugin].options.model_fields.items():
        extra = field.json_schema_extra
        value = sign_on.options.get(name)
        if isinstance(extra, dict) and extra.get("local_path") and isinstance(value, str) and value:
            yield field.alias or name, value


# --- ways ---------------------------------------------------------------------------------------------------------


def routed(intent: Intent, configuration: Configuration, folder: Path) -> Intent:
    """The intent whose systems are asked by the way that the operator gave for their hosts.

    RefusedError for a CA that a link leads out of the stack to.
    """
    systems = {name: with_host(system, configuration.hosts, folder) for name, system in intent.systems.items()}
    sign_ons = {
        name: item._replace(product=systems[item.product.name], issuer_system=systems[item.issuer_system.name])
        for name, item in intent.sign_ons.items()
    }
    return intent._replace(systems=systems, sign_ons=sign_ons)


def with_host(system: System, hosts: tuple[Host, ...], folder: Path) -> System:
    """The system, asked by the way that the operator gave for its host.

    RefusedError for a CA that a link leads out of the stack to.
    """
    for host in hosts:
        if is_below(system.url, host.url):
            system = system._replace(
                ca_file=host.ca_file or system.ca_file,
                proxy=host.proxy or system.proxy,
                client_certificate=host.client_certificate or system.client_certificate,
                client_key=host.client_key or system.client_key,
            )
            if host.ca_file:
                return system
    if system.ca_file and not files.is_inside(Path(system.ca_file), folder):
        raise RefusedError(
            f"ca_file of [systems.{system.name}]: {system.ca_file} leads out of the folder of the stack",
            "put the file there; or name it in SSL_CERT_FILE, or in [hosts] of your configuration",
        )
    return system


# --- what the state knows -----------------------------------------------------------------------------------------


def refuse_moved(intent: Intent, state: State, allowed: frozenset[str]) -> tuple[Hazard, ...]:
    """The systems that are not those that the state knows, as permitted: before any credential is sent to them.

    RefusedError for those that are not.
    """
    moved = dict(_find_moved(intent, state))
    if unasked := refused(tuple(moved), allowed):
        text = "; ".join(hazard.message for hazard in unasked)
        remedies = [f"{moved[hazard]}, say --allow {hazard.name}={hazard.subject}" for hazard in unasked]
        it = "it" if len(unasked) == 1 else "them"
        raise RefusedError(f"{HazardName.MOVES_HOST}: {text}; no credential was sent to {it}", "\n".join(remedies))
    return tuple(moved)


def _find_moved(intent: Intent, state: State) -> Iterator[tuple[Hazard, str]]:
    """Each system that moved, and what else to do than to permit it."""
    homes: dict[str, list[str]] = {}
    for record in state.systems.values():
        homes.setdefault(_credential(record), []).append(record.url)
    for name, system in sorted(intent.systems.items()):
        known, credential = state.systems.get(name), _handle(system)
        home = homes.get(credential, [])
        if home and system.url not in home and (known is None or known.url == system.url):
            text = f"system {name} would send the credential {credential} to {system.url}, and it belongs to "
            yield (
                Hazard(HazardName.MOVES_HOST, name, text + listed(sorted(home))),
                "give the system a credential of its own; or, if the same is meant",
            )
        if known is None:
            continue
        said = {key: value for key, value in known.facts.items() if key in system.settings}
        before = (known.provider, known.url, known.org, *said.values())
        now = (system.provider, system.url, system.org, *(system.settings[key] for key in said))
        if before != now:
            text = f"system {name} was {' '.join(filter(None, before))} and is now {' '.join(filter(None, now))}"
            remedy = (
                "put the old values back; give the new installation an environment of its own; or, if it is the same"
            )
            yield Hazard(HazardName.MOVES_HOST, name, text), f"{remedy} at a new place"


def _credential(record: SystemRecord) -> str:
    """The handle of what a system was asked with, as it is spelled now."""
    return str(parse_handle(record.credential)) if record.credential else ""

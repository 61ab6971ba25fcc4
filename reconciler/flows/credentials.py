"""What each system is asked with: taken from its store, and proved to fit a request before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.diagnostic import Diagnostic, error
from reconciler.errors import CredentialsError, SecretError
from reconciler.flows.registry import PROVIDER_RECORDS
from reconciler.ports import Credentials

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import SecretStr

    from reconciler.core.intent import Intent, System
    from reconciler.core.secret import Handle
    from reconciler.storage import Secrets


def all_credentials(
    intent: Intent, secrets: Secrets, locate: Callable[[Diagnostic], Diagnostic]
) -> dict[str, Credentials]:
    """The credentials of every system. CredentialsError with all that are missing or malformed, if any is."""
    found: dict[str, Credentials] = {}
    problems: list[Diagnostic] = []
    for name, system in sorted(intent.systems.items()):
        try:
            found[name] = find_credentials(system, secrets)
        except SecretError as problem:
            key = "password" if system.password else "token"
            problems.append(locate(error(problem.message, f"systems.{name}.{key}", problem.remedy)))
    if problems:
        raise CredentialsError(problems)
    return found


def find_credentials(system: System, secrets: Secrets) -> Credentials:
    """What the system is asked with. SecretError, naming system and handle, if no request can carry it."""
    try:
        found = Credentials(_value(system.token, secrets), system.username, _value(system.password, secrets))
        PROVIDER_RECORDS[system.provider].authenticate(found)
    except SecretError as problem:
        handle = system.token or system.password
        place = f"system {system.name}, {handle}" if handle else f"system {system.name}"
        raise SecretError(f"{place}: {problem.message}", problem.remedy) from None
    return found


def _value(handle: Handle | None, secrets: Secrets) -> SecretStr | None:
    found = secrets.value(str(handle)) if handle else None
    if handle and found is None:
        remedy = f"set {handle.name} in the environment" if handle.store == "env" else "put it into its store"
        raise SecretError("the credential is missing", remedy)
    return found

"""The backend that a spec asks for. Each kind is imported only where it is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reconciler.backends.local import LocalBackend
from reconciler.errors import ReconcilerError, SecretError
from reconciler.spec.backends import HttpTable, PostgresTable, S3Table, is_handle
from reconciler.spec.rules import BrokenRuleError, parse_handle, parse_url

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydantic import SecretStr

    from reconciler.core.intent import System
    from reconciler.core.secret import Handle
    from reconciler.spec.backends import BackendTable
    from reconciler.storage import Backend


class Surroundings(NamedTuple):
    """What a backend is opened for: a stack in an environment.

    `home` is the folder of a local state, `folder` that of the spec, which relative file names start from. `value`
    gives the secret of a handle, None if its store has none. `routed` adds the way that the operator gave for a host.
    """

    stack: str
    environment: str
    home: Path
    folder: Path
    value: Callable[[Handle], SecretStr | None]
    routed: Callable[[System], System] = lambda system: system

    def secret(self, text: str, key: str) -> SecretStr:
        """The secret that a key of `[backend]` names. SecretError if it is missing."""
        handle = parse_handle(text)
        found = self.value(handle)
        if found is None:
            named = f"env:{handle.name}" if handle.store == "env" else str(handle)
            raise SecretError(
                f"{named}, which `{key}` of [backend] names, is missing",
                "put it into its store, or set that variable",
            )
        return found

    def address(self, text: str, key: str, *, allow_http: bool) -> str:
        """The URL that a key of `[backend]` gives or names. ReconcilerError if it is none."""
        url = self.secret(text, key).get_secret_value() if is_handle(text) else text
        url = url.replace("{stack}", self.stack).replace("{environment}", self.environment)
        try:
            return parse_url(url, allow_http=allow_http)
        except BrokenRuleError as broken:
            raise ReconcilerError(f"`{key}` of [backend]: {broken.message}", broken.remedy) from None


def open_backend(table: BackendTable, around: Surroundings) -> Backend:
    """The backend. ReconcilerError for a missing secret, or for a package that is not installed; asks no network."""
    try:
        match table:
            case PostgresTable():
                from reconciler.backends.postgres import PostgresBackend  # noqa: PLC0415 - an extra, 50 ms

                dsn = around.secret(table.dsn, "dsn")
                password = around.secret(table.password, "password") if table.password else None
                return PostgresBackend(dsn, table.db_schema, around.stack, around.environment, password)
            case S3Table():
                from reconciler.backends.s3 import S3Backend  # noqa: PLC0415 - an extra, 300 ms

                return S3Backend(table, around)
            case HttpTable():
                from reconciler.backends.http import HttpBackend  # noqa: PLC0415 - httpx costs 80 ms

                return HttpBackend(table, around)
            case _:
                return LocalBackend(around.home)
    except ModuleNotFoundError as missing:
        extra = {"psycopg": "postgres", "boto3": "s3", "botocore": "s3"}.get((missing.name or "").partition(".")[0])
        if extra is None:
            raise
    raise ReconcilerError(
        f"the spec names the backend {extra}, and what it needs is not installed",
        f"pip install 'sso-reconciler[{extra}]'",
    )

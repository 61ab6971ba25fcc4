"""Where the state lies, as a spec says it: the table `[backend]` of each kind, and what its values must look like."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from reconciler.spec.model import Name, Table, Text, Word
from reconciler.spec.rules import BrokenRuleError, check_inside, parse_handle, parse_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.core.secret import Handle
    from reconciler.spec.findings import Findings

_HANDLE: Final = (
    "`env:VARIABLE`, `file:NAME#KEY`, `command:NAME#KEY`, or `age:NAME#KEY` if `[age.NAME]` names a `file`"
)
_OURS: Final = "STATE_"
"""What the name of a variable begins with that may say where a state lies: one that nobody but the operator sets."""
Method = Annotated[str, Field(pattern="^[A-Z]+$", max_length=20)]


class LocalTable(Table):
    """A folder of this machine, below `--state-dir`. The default; it has no keys of its own."""


class PostgresTable(Table):
    """A PostgreSQL database; every stack and environment has its rows in the same tables."""

    dsn: str = Field(
        description="Where the connection string lies: `env:STATE_…`, `file:NAME#KEY` or `command:NAME#KEY`; the "
        "string itself names host, database and user as libpq has it, and may name the password.",
        examples=["env:STATE_DSN"],
    )
    password: str | None = Field(
        None,
        description=f"Where the password lies, if the connection string does not hold it: {_HANDLE}.",
        examples=["age:team#database"],
    )
    db_schema: Name = Field(
        "reconciler",
        alias="schema",
        description="The schema that holds the tables. Made by the first write where it is missing.",
    )


class S3Table(Table):
    """A bucket of S3, or of a server that speaks like it and knows conditional puts (`If-None-Match`, `If-Match`)."""

    bucket: Word = Field(description="The bucket; it must exist.", examples=["acme-states"])
    prefix: Text = Field(
        "reconciler",
        description="What the names of all objects begin with; stack and environment follow.",
    )
    region: Word | None = Field(
        None, description="Its region. Default: as boto3 finds it.", examples=["eu-central-1"]
    )
    endpoint: str | None = Field(
        None, description="The URL of a server other than AWS.", examples=["https://minio.acme.eu"]
    )
    access_key: str | None = Field(
        None,
        description=f"Where the access key lies: {_HANDLE}. Default: as boto3 finds it.",
        examples=["env:STATE_ACCESS_KEY"],
    )
    secret_key: str | None = Field(
        None,
        description="Where its secret lies; goes with `access_key`.",
        examples=["env:STATE_SECRET_KEY"],
    )
    path_style: bool = Field(
        default=False, description="Whether the bucket stands in the path and not in the host name."
    )
    ca_file: Text | None = Field(
        None, description="A file of certificates to trust; relative to the folder of the stack.", examples=["ca.pem"]
    )
    allow_http: bool = Field(
        default=False,
        description="Permits an `http` endpoint whose host is not loopback: states travel in clear text.",
    )
    lease: int = Field(
        60,
        ge=10,
        le=3600,
        description="Seconds after which the lock of a run that does not renew it any more is free.",
    )


class HttpTable(Table):
    """A server that speaks the protocol of Terraform's `http` backend, such as the states that GitLab manages."""

    address: str = Field(
        description="The URL of the state, or where it lies, written like a `dsn`. `{stack}` and `{environment}` in "
        "it stand for their names.",
        examples=["https://gitlab.acme.eu/api/v4/projects/7/terraform/state/sso-{environment}"],
    )
    lock_address: str | None = Field(
        None,
        description="The URL of the lock, written likewise. Default: `address`; for GitLab `address` and `/lock`.",
    )
    lock_method: Method = Field("LOCK", description='The method that locks; for GitLab `"POST"`.', examples=["POST"])
    unlock_method: Method = Field(
        "UNLOCK", description='The method that unlocks; for GitLab `"DELETE"`.', examples=["DELETE"]
    )
    update_method: Method = Field("POST", description="The method that writes the state.")
    username: Text | None = Field(None, description="The user, where the server wants one.", examples=["ci"])
    password: str | None = Field(
        None, description=f"Where the password or token of `username` lies: {_HANDLE}.", examples=["env:GITLAB_TOKEN"]
    )
    ca_file: Text | None = Field(
        None,
        description="A file of certificates to trust besides the system's own; relative to the folder of the stack.",
        examples=["ca.pem"],
    )
    allow_http: bool = Field(
        default=False, description="Permits an `http` URL whose host is not loopback: states travel in clear text."
    )


BackendTable = LocalTable | PostgresTable | S3Table | HttpTable
KINDS: Final[Mapping[str, type[BackendTable]]] = {
    "local": LocalTable,
    "postgres": PostgresTable,
    "s3": S3Table,
    "http": HttpTable,
}


def check_backend(table: BackendTable, findings: Findings) -> None:
    """Adds what is wrong with the values of a table that has the right keys."""
    if isinstance(table, PostgresTable):
        findings.attempt(_parse_place, table.dsn, "backend", "dsn")
        if table.password is not None:
            findings.attempt(parse_handle, table.password, "backend", "password")
    if isinstance(table, S3Table | HttpTable) and table.ca_file is not None:
        findings.attempt(check_inside, table.ca_file, "backend", "ca_file")
    if isinstance(table, S3Table):
        _check_s3(table, findings)
    if isinstance(table, HttpTable):
        _check_http(table, findings)


def _check_http(table: HttpTable, findings: Findings) -> None:
    for key, address in (("address", table.address), ("lock_address", table.lock_address)):
        if address is not None:
            rule = _parse_place if is_handle(address) else partial(parse_url, allow_http=table.allow_http)
            findings.attempt(rule, address, "backend", key)
    _check_pair(("username", table.username), ("password", table.password), findings)
    if table.password is not None:
        findings.attempt(parse_handle, table.password, "backend", "password")


def _check_s3(table: S3Table, findings: Findings) -> None:
    if table.endpoint is not None:
        findings.attempt(partial(parse_url, allow_http=table.allow_http), table.endpoint, "backend", "endpoint")
    _check_pair(("access_key", table.access_key), ("secret_key", table.secret_key), findings)
    for key, handle in (("access_key", table.access_key), ("secret_key", table.secret_key)):
        if handle is not None:
            findings.attempt(parse_handle, handle, "backend", key)


def _check_pair(one: tuple[str, str | None], other: tuple[str, str | None], findings: Findings) -> None:
    """Holds if both keys are given, or none."""
    for (key, value), (partner, wanted) in ((one, other), (other, one)):
        if value is not None and wanted is None:
            findings.fail("this key is missing", f"{key} means nothing without it", "backend", partner)


def _parse_place(text: str) -> Handle:
    """The handle of what says where the state lies, which a stranger must not be able to choose.

    CI puts words of strangers into variables, such as the title of a merge request; and age encrypts for a recipient
    whatever anybody gives it.
    """
    handle = parse_handle(text)
    if handle.store == "env" and not handle.name.startswith(_OURS):
        raise BrokenRuleError(
            f"{handle.name} may be a variable that others fill, and this says where the state lies",
            f"let a variable say it whose name begins with {_OURS}, e.g. env:{_OURS}{handle.name}",
        )
    if handle.store.startswith("age:"):
        raise BrokenRuleError(
            "everybody can encrypt for a recipient, and this says where the state lies",
            f"let a variable say it whose name begins with {_OURS}",
        )
    return handle


def find_age_files(table: BackendTable) -> dict[str, str]:
    """The age stores that credentials of a table lie in: their names, each with a key that names it."""
    values = {key: getattr(table, key, None) for key in ("password", "access_key", "secret_key")}
    return {
        store.removeprefix("age:"): key
        for key, text in values.items()
        if text is not None and (store := text.partition("#")[0]).startswith("age:")
    }


def is_handle(text: str) -> bool:
    """Whether a value that may be written out or named is named: `env:…`, `file:…`, `age:…`, `command:…`."""
    return text.startswith(("env:", "file:", "age:", "command:"))

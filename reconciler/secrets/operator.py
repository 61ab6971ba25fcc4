"""The operator's own configuration, outside of every spec: what runs, what decrypts, and where credentials may go.

A spec only names a command. What runs is in a file of the operator's own, so that a merge request cannot run code:

```toml
files = ["/var/atlassian/application-data/jira"]    # sign-ons may name files here; otherwise in the stack only

[age]
identities = ["file:/home/ci/.config/age/key.txt", "env:TEAM_AGE_KEY"]   # besides RECONCILER_AGE_IDENTITY

[hosts."https://jira.acme.eu"]      # with one such table, or RECONCILER_HOSTS, credentials go to no other host
credentials = ["env:JIRA_TOKEN"]    # and to this one only these; left out: any
ca_file = "/etc/ssl/acme.pem"
proxy = "http://user:password@proxy.acme.eu:3128"
client_certificate = "/home/ci/jira.pem"
client_key = "/home/ci/jira.key"

[commands.vault]
get = ["vault", "kv", "get", "-field=value", "secret/{name}"]   # prints the secret
put = ["vault", "kv", "put", "secret/{name}", "value=-"]        # reads the secret; leave it out to only read
absent = 2                                                      # exit code of get: there is no such secret
timeout = 30                                                    # seconds, each
```
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import tomli
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictStr, ValidationError, field_validator

from reconciler.errors import SecretError
from reconciler.spec.rules import parse_handle

IDENTITY_VARIABLE = "RECONCILER_AGE_IDENTITY"
PLACE = "{name}"
"""Stands for the secret's name in an argument."""


def _check_arguments(arguments: tuple[str, ...]) -> tuple[str, ...]:
    if not arguments or not arguments[0]:
        raise ValueError("name the program first, then its arguments")
    if "/" in arguments[0] and not Path(arguments[0]).is_absolute():
        raise ValueError(f"{arguments[0]} depends on the folder one is in; write its whole path, or its bare name")
    if not any(PLACE in argument for argument in arguments[1:]):
        raise ValueError(f"no argument holds {PLACE}, so every secret would be the same")
    return arguments


_Arguments = Annotated[tuple[StrictStr, ...], AfterValidator(_check_arguments)]


class Command(BaseModel):
    """How one store is asked. Never run through a shell; `{name}` never makes a second argument.

    `get` prints the secret, without or with one newline at its end. `put` reads exactly the secret, without a
    newline, from its standard input. `absent` is the exit code by which `get` says that there is no such secret:
    any other than 0 is a failure, since a failed read must not look like a missing secret. `timeout` is in seconds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    get: _Arguments
    put: _Arguments | None = None
    absent: Annotated[int, Field(strict=True, ge=1, le=255)] | None = None
    timeout: Annotated[float, Field(strict=True, gt=0, le=600)] = 30.0


class _Age(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    identities: tuple[Annotated[StrictStr, Field(pattern=r"^(file:/.+|env:[A-Za-z_][A-Za-z0-9_]*)$")], ...] = ()


def _spell(handle: str) -> str:
    """A handle of a spec as the core spells it."""
    return str(parse_handle(handle))


_Absolute = Annotated[StrictStr, Field(pattern=r"^(/.+)?$")]


class Host(BaseModel):
    """A host that credentials may be sent to, which of them, and by which way. `url` is where its systems begin."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    url: str = ""
    credentials: tuple[Annotated[StrictStr, AfterValidator(_spell)], ...] = ()
    ca_file: _Absolute = ""
    proxy: StrictStr = ""
    client_certificate: _Absolute = ""
    client_key: _Absolute = ""


class Configuration(BaseModel):
    """All of it. `files` are folders that sign-ons of a spec may name files in."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    age: _Age = Field(default_factory=_Age.model_construct)
    commands: Mapping[str, Command] = {}
    hosts: tuple[Host, ...] = ()
    files: tuple[_Absolute, ...] = ()

    @field_validator("hosts", mode="before")
    @classmethod
    def _name_hosts(cls, tables: object) -> object:
        """A table for each URL."""
        if not isinstance(tables, dict):
            return tables
        return [{"url": url, **table} if isinstance(table, dict) else table for url, table in tables.items()]

    def hosts_in(self, more: str) -> tuple[Host, ...]:
        """The hosts, and those whose URLs stand in a text with blanks or commas between them."""
        return (*self.hosts, *(Host(url=url) for url in more.replace(",", " ").split()))

    @property
    def identities(self) -> Sequence[str]:
        """Where age identities lie: `env:VARIABLE` or `file:PATH`."""
        return (f"env:{IDENTITY_VARIABLE}", *self.age.identities)


def configuration_path(environ: Mapping[str, str]) -> Path:
    """Where the configuration is looked for: RECONCILER_CONFIG, else in XDG_CONFIG_HOME, else in ~/.config."""
    if named := environ.get("RECONCILER_CONFIG"):
        return Path(named)
    folder = environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME") or "/") / ".config"
    return Path(folder) / "reconciler" / "config.toml"


def read_configuration(environ: Mapping[str, str]) -> Configuration:
    """The configuration; an empty one if there is none. SecretError, with every problem, if it cannot be used."""
    path, named = configuration_path(environ), bool(environ.get("RECONCILER_CONFIG"))
    try:
        with path.open("rb") as file:
            _check_trusted(path, os.fstat(file.fileno()))
            data = file.read()
    except OSError as problem:
        if not named and isinstance(problem, (FileNotFoundError, NotADirectoryError, PermissionError)):
            # A container often runs with a HOME that is not the user's own. What is empty needs no validation.
            return Configuration.model_construct()
        raise SecretError(f"{path} cannot be read: {problem.strerror}", "correct it, or move it away") from None
    try:
        return Configuration.model_validate(tomli.loads(data.decode()))
    except ValidationError as problem:
        found = (
            f"{'.'.join(map(str, item['loc']))}: {item['msg'].removeprefix('Value error, ')}"
            for item in problem.errors()
        )
        raise SecretError(
            f"{path}: {'; '.join(found)}",
            "docs/security.md shows every table; a command has get, and may have put, absent and timeout",
        ) from None
    except ValueError as problem:  # not UTF-8, or not TOML
        raise SecretError(f"{path}: {problem}", "correct it: it is a TOML file in UTF-8") from None


def _check_trusted(path: Path, found: os.stat_result) -> None:
    """The file says what is run as this user, so nobody else may be able to write it."""
    if found.st_uid not in {os.geteuid(), 0}:
        raise SecretError(
            f"{path} belongs to another user, who could run commands as you", "make it your own (chown)"
        )
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise SecretError(f"{path} can be written by others, who could run commands as you", "chmod go-w it")

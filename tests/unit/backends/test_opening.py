"""Which backend a table of the spec opens, and what is said when that cannot be."""

from __future__ import annotations

import builtins
import sys

import pytest
from pydantic import SecretStr

from reconciler.backends.http import HttpBackend
from reconciler.backends.local import LocalBackend
from reconciler.backends.opening import Surroundings, open_backend
from reconciler.backends.postgres import PostgresBackend
from reconciler.backends.s3 import S3Backend
from reconciler.errors import ReconcilerError, SecretError
from reconciler.spec.backends import HttpTable, LocalTable, PostgresTable, S3Table

VALUES = {"DSN": "host=127.0.0.1 dbname=x", "URL": "https://git.acme.eu/{stack}", "BAD": "http://h.eu"}


@pytest.fixture
def around(tmp_path):
    def value(handle):
        return SecretStr(VALUES[handle.name]) if handle.name in VALUES else None

    return Surroundings("acme", "staging", tmp_path / "home", tmp_path, value)


@pytest.mark.parametrize(
    ("table", "kind", "where"),
    [
        (LocalTable(), LocalBackend, "home"),
        (PostgresTable(dsn="env:DSN"), PostgresBackend, "PostgreSQL 127.0.0.1/x, state of acme in staging"),
        (
            PostgresTable(dsn="env:DSN", password="env:BAD"),
            PostgresBackend,
            "PostgreSQL 127.0.0.1/x, state of acme in staging",
        ),
        (S3Table(bucket="b", prefix="/sso/"), S3Backend, "s3://b/sso/acme/staging"),
        (HttpTable(address="https://git.acme.eu/{environment}/"), HttpBackend, "https://git.acme.eu/staging"),
        (HttpTable(address="env:URL"), HttpBackend, "https://git.acme.eu/acme"),
    ],
)
def test_each_kind_is_opened(around, table, kind, where):
    backend = open_backend(table, around)
    assert isinstance(backend, kind)
    assert backend.where.removeprefix(f"{around.folder}/") == where


@pytest.mark.parametrize(("name", "named"), [("env:X", "env:X"), ("file:acme#x", "file:acme#x")])
def test_a_missing_credential_is_named(around, name, named):
    with pytest.raises(SecretError, match=f"{named}, which `dsn` of"):
        open_backend(PostgresTable(dsn=name), around)


def test_an_address_that_is_named_obeys_the_same_rules(around):
    with pytest.raises(ReconcilerError, match=r"`address` of \[backend\]: http to a host"):
        _ = open_backend(HttpTable(address="env:BAD"), around).where
    assert open_backend(HttpTable(address="env:BAD", allow_http=True), around).where == "http://h.eu"


@pytest.mark.parametrize(
    ("module", "package", "table", "extra"),
    [
        ("postgres", "psycopg", PostgresTable(dsn="env:DSN"), "postgres"),
        ("s3", "boto3", S3Table(bucket="b"), "s3"),
    ],
)
def test_a_missing_extra_is_named(around, monkeypatch, module, package, table, extra):
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, f"reconciler.backends.{module}")
    usual = builtins.__import__

    def refuse(name, *rest, **more):
        if name.partition(".")[0] == package:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return usual(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ReconcilerError, match=f"the backend {extra}") as caught:
        open_backend(table, around)
    assert f"sso-reconciler[{extra}]" in caught.value.remedy


def test_another_missing_module_is_no_extra(around, monkeypatch):
    monkeypatch.setitem(sys.modules, "reconciler.backends.s3", None)
    with pytest.raises(ModuleNotFoundError):
        open_backend(S3Table(bucket="b"), around)

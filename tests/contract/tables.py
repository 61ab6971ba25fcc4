"""The table `[backend]` for each of the servers, and the variables that its handles name."""

from __future__ import annotations

from typing import Any

from contract.documents import TOKEN, USER

Named = tuple[dict[str, Any], dict[str, str]]


def postgres(dsn: str, schema: str) -> Named:
    return {"kind": "postgres", "dsn": "env:STATE_DSN", "schema": schema}, {"STATE_DSN": dsn}


def s3(url: str) -> Named:
    keys = {"access_key": "env:KEY", "secret_key": "env:SECRET"}
    table = {"kind": "s3", "bucket": "states", "region": "x", "path_style": True, "endpoint": url, **keys}
    return table, {"KEY": "k", "SECRET": "s"}


def document(address: str) -> Named:
    table = {"kind": "http", "address": "env:STATE_ADDRESS", "username": USER, "password": "env:TOKEN"}
    return table, {"TOKEN": TOKEN, "STATE_ADDRESS": address}


def gitlab(address: str) -> Named:
    table, environ = document(address)
    return table | {"lock_method": "POST", "unlock_method": "DELETE", "lock_address": f"{address}/lock"}, environ

"""Servers, each started once for the tests that need it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from contract.buckets import Buckets
from contract.documents import Documents
from contract.servers import Postgres, postgres

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    with postgres() as server:
        yield server


@pytest.fixture
def buckets() -> Iterator[Buckets]:
    with Buckets() as server:
        yield server


@pytest.fixture
def gitlab() -> Iterator[Documents]:
    with Documents(gitlab=True) as server:
        yield server


@pytest.fixture
def documents() -> Iterator[Documents]:
    with Documents(gitlab=False) as server:
        yield server

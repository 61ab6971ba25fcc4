"""Who is logged in, as Jira and Confluence tell it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest

from reconciler.core.check import Person
from reconciler.errors import StatusError
from reconciler.providers.confluence import who as who_in_confluence
from reconciler.providers.jira import who as who_in_jira

if TYPE_CHECKING:
    from reconciler.ports import Http


@dataclass
class Said:
    """An answer."""

    status: int
    content: bytes


@dataclass
class Product:
    """Answers by path, one after the other; a path that is not there is 500."""

    answers: dict[str, list[tuple[int, Any]]]
    url: str = "https://product.test"
    asked: list[Any] = field(default_factory=list)

    def get(self, path: str, *, params: Any = None, ok: tuple[int, ...] = (200,)) -> Said:
        self.asked.append(params)
        status, body = self.answers[path].pop(0) if self.answers.get(path) else (500, {})
        if status not in ok:
            raise StatusError(status, "", path)
        return Said(status, json.dumps(body).encode())


def http(**answers: list[tuple[int, Any]]) -> Http:
    paths = {
        "session": "/rest/auth/1/session",
        "myself": "/rest/api/2/myself",
        "current": "/rest/api/user/current",
        "memberof": "/rest/api/user/memberof",
    }
    return cast("Http", Product({paths[name]: given for name, given in answers.items()}))


def groups(*names: str, size: int | None = None) -> list[tuple[int, Any]]:
    listed = {"size": len(names) if size is None else size, "items": [{"name": name} for name in names]}
    return [(200, {"groups": listed})]


def test_jira() -> None:
    session = [(200, {"name": "bob"})]
    assert who_in_jira(http(session=[(401, {})])) is None
    assert who_in_jira(http(session=[*session], myself=groups("b", "a"))) == Person("bob", ("a", "b"))
    assert who_in_jira(http(session=[*session], myself=groups("a", size=2))) == Person("bob")
    assert who_in_jira(http(session=[*session])) == Person("bob")
    with pytest.raises(StatusError):
        who_in_jira(http())


def test_confluence() -> None:
    user = [(200, {"type": "known", "username": "bob"})]
    first = {"results": [{"name": "b"}], "_links": {"next": "/more"}}
    last = {"results": [{"name": "a"}], "_links": {}}
    for nobody in ((401, {}), (403, {}), (200, {"type": "anonymous"}), (200, {})):
        assert who_in_confluence(http(current=[nobody])) is None
    told = http(current=[*user], memberof=[(200, first), (200, last)])
    assert who_in_confluence(told) == Person("bob", ("a", "b"))
    assert cast("Product", told).asked[-1]["start"] == 1
    assert who_in_confluence(http(current=[*user])) == Person("bob")

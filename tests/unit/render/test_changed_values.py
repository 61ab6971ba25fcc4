"""Values, and what becomes of them."""

from __future__ import annotations

import pytest

from reconciler.core.address import Address
from reconciler.core.plan import Action, AttributeChange, Cause, Change, Step, StepKind
from reconciler.render.terminal import PLAIN
from reconciler.render.values import change_lines, inline, secret_lines, value_lines

ROOM = 40
HANDLE = "file:acme#clients.a.client_secret"
ADDRESS = Address("clavex", "client", "a")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("text", '"text"'),
        ("true", '"true"'),
        (True, "true"),
        (0, "0"),
        (None, "(none)"),
        ((), "[]"),
        (("a", "b"), '["a", "b"]'),
        ({"key": "a", "my key": "b"}, '{key = "a", "my key" = "b"}'),
    ],
)
def test_inline(value: object, text: str) -> None:
    assert inline(value, ROOM, PLAIN) == text


def test_a_set_that_does_not_fit_is_a_line_a_member() -> None:
    assert value_lines(("a" * 20, "b" * 20), ROOM, PLAIN) == [f'"{"a" * 20}"', f'"{"b" * 20}"']
    assert value_lines({"x": "a" * 20, "y": "b" * 20}, ROOM, PLAIN) == [f'x = "{"a" * 20}"', f'y = "{"b" * 20}"']
    assert value_lines("c" * 60, ROOM, PLAIN) == [f'"{"c" * 60}"']


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ("a", "b", ['"a" → "b"']),
        (None, 600, ["(none) → 600"]),
        (True, False, ["true → false"]),
        ("1", 1, ['"1" → 1']),
        ("a" * 33, "b", [f'"{"a" * 33}"', '→ "b"']),
        (("a", "b", "c"), ("b", "c", "d"), ['+ "d"', '- "a"', "(2 others stay)"]),
        (("a", "b"), ("b",), ['- "a"', "(1 other stays)"]),
        (None, ("a",), ['+ "a"']),
        (("a",), (), ['- "a"']),
        ((), None, ["[] → (none)"]),
        (("b", "a"), ("a", "b"), ['["b", "a"] → ["a", "b"]']),
        ({"k": "a", "l": "b"}, {"k": "c", "m": "d"}, ['k = "a" → "c"', '- l = "b"', '+ m = "d"']),
        (None, {"k": "a"}, ['+ k = "a"']),
        ({"k": "a"}, None, ['- k = "a"']),
        (None, {}, ["(none) → {}"]),
        ({"k": "a" * 30}, {"k": "b" * 30}, [f'k = "{"a" * 30}"', f'    → "{"b" * 30}"']),
        ({"a b": "x"}, {"a b": "y"}, ['"a b" = "x" → "y"']),
    ],
)
def test_change_lines(before: object, after: object, lines: list[str]) -> None:
    assert change_lines(before, after, ROOM, PLAIN) == lines


def secret(
    action: Action,
    *steps: Step,
    cause: Cause = Cause.SECRET,
    depends_on: tuple[Address, ...] = (),
    manual: bool = False,
) -> list[str]:
    item = AttributeChange("client_secret", None, None, cause, sensitive=True)
    change = Change(
        ADDRESS, action, "", steps, {"client_secret": HANDLE}, (item,), depends_on=depends_on, manual=manual
    )
    return secret_lines(change, item, 200, PLAIN)


def test_what_happens_to_a_secret() -> None:
    create, rotate = Step(StepKind.CREATE), Step(StepKind.ROTATE)
    write = Step(StepKind.UPDATE, attributes={"client_secret": HANDLE})
    needs = (ADDRESS,)
    assert secret(Action.CREATE, create) == [f"(secret) made by the server and kept in {HANDLE}"]
    assert secret(Action.CREATE, create, depends_on=needs) == [f"(secret) written from {HANDLE}"]
    assert secret(Action.UPDATE, write) == [f"(secret) written from {HANDLE}"]
    assert secret(Action.UPDATE, write, cause=Cause.DRIFT) == [
        f"(secret) no longer the one last applied; written again from {HANDLE}"
    ]
    assert secret(Action.CREATE, create, depends_on=needs, manual=True) == [
        f"(secret) to be typed or imported from {HANDLE}"
    ]
    assert secret(Action.UPDATE, write, cause=Cause.DRIFT, manual=True) == [
        f"(secret) no longer the one last applied; to be typed or imported again from {HANDLE}"
    ]
    assert secret(Action.ADOPT, rotate) == [
        f"(secret) a new one is made by the server and kept in {HANDLE}; the old one stops working"
    ]

"""Where keys stand: every key of a document has a line, and it is the right one."""

from collections.abc import Iterator

import pytest
import tomli
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from reconciler.spec.position import KeyPath, find_lines, key_path, parse_key_path

TEXT = '''\
# [no]
a = 1.5 # b = 2
"b c".'d.e' = "x # [y]"
[t]
k = """
[no]
x = 1 \\""" ""more"""""
l = \'\'\'
 it's [x] = \'\'\'\'\'
arr = [ # c
  1, -2.5e3, # d
  { x = 1, y = [ 2,
   3 ] },
]
date = 1979-05-27 07:32:00.5
e = "" # empty

  [ t . "u\\"v" ]
  z = 'C:\\'
[[at]]
x = 1
[[at.b]]
y = 2
[at.b.c]
z = 3
[[at]]
[at.d]
e.f."g.h" = {}
e.f.i = { j.k = 1 }
'''

LINES = {
    "a": 2,
    '"b c"': 3,
    '"b c"."d.e"': 3,
    "t": 4,
    "t.k": 5,
    "t.l": 8,
    "t.arr": 10,
    "t.arr[0]": 11,
    "t.arr[1]": 11,
    "t.arr[2]": 12,
    "t.arr[2].x": 12,
    "t.arr[2].y": 12,
    "t.arr[2].y[0]": 12,
    "t.arr[2].y[1]": 13,
    "t.date": 15,
    "t.e": 16,
    't."u\\"v"': 18,
    't."u\\"v".z': 19,
    "at": 20,
    "at[0]": 20,
    "at[0].x": 21,
    "at[0].b": 22,
    "at[0].b[0]": 22,
    "at[0].b[0].y": 23,
    "at[0].b[0].c": 24,
    "at[0].b[0].c.z": 25,
    "at[1]": 26,
    "at[1].d": 27,
    "at[1].d.e": 28,
    "at[1].d.e.f": 28,
    'at[1].d.e.f."g.h"': 28,
    "at[1].d.e.f.i": 29,
    "at[1].d.e.f.i.j": 29,
    "at[1].d.e.f.i.j.k": 29,
}


def paths(value: object, above: KeyPath = ()) -> Iterator[KeyPath]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in items:
        yield (*above, key)
        yield from paths(below, (*above, key))


def test_every_kind_of_key_is_found() -> None:
    assert {key_path(*path): line for path, line in find_lines(TEXT).items()} == LINES


def test_line_ends_of_windows_do_not_matter() -> None:
    assert find_lines(TEXT.replace("\n", "\r\n")) == find_lines(TEXT)


KEYS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8)
SCALARS = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20),
    st.integers(-(2**40), 2**40),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.datetimes(),
)
VALUES = st.recursive(
    SCALARS,
    lambda below: st.one_of(st.lists(below, max_size=4), st.dictionaries(KEYS, below, max_size=4)),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_every_key_of_any_document_is_found(document: dict[str, object]) -> None:
    text = tomlkit.dumps(document)
    parsed = tomli.loads(text)
    lines = find_lines(text)
    assert set(lines) == set(paths(parsed))
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())


@given(st.dictionaries(KEYS, st.dictionaries(KEYS, SCALARS, max_size=4), max_size=4))
def test_a_key_stands_on_its_line(document: dict[str, dict[str, object]]) -> None:
    text = tomlkit.dumps(document)
    rows = text.split("\n")
    for path, line in find_lines(text).items():
        assert tomlkit.key(str(path[-1])).as_string() in rows[line - 1]


PARTS = st.one_of(KEYS, st.integers(0, 99))


@given(KEYS, st.lists(PARTS, max_size=4))
def test_a_key_path_survives_as_text(first: str, rest: list[str | int]) -> None:
    assert parse_key_path(key_path(first, *rest)) == (first, *rest)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("", ()),
        ("clavex/client/a", ("clavex",)),
        ("sso.jira and more", ("sso", "jira")),
        ('sso."jira', ("sso",)),
        ('sso."\\q"', ("sso",)),
        (".sso", ("sso",)),
        ("systems.jira.", ("systems", "jira")),
    ],
)
def test_a_key_path_ends_where_it_stops_being_one(text: str, path: KeyPath) -> None:
    assert parse_key_path(text) == path

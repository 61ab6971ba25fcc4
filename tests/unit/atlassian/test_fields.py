"""Tables of fields: canonical values out of a document, and JSON types kept on the way back."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.errors import ReconcilerError
from reconciler.providers.atlassian.fields import Field, Form, read_field, write_field
from reconciler.providers.atlassian.versions import is_below, parse


@pytest.mark.parametrize(
    ("form", "stored", "value"),
    [
        (Form.TEXT, "a b", "a b"),
        (Form.TEXT, None, ""),
        (Form.FLAG, True, True),
        (Form.FLAG, "true", True),
        (Form.FLAG, "False", False),
        (Form.FLAG, "", False),
        (Form.FLAG, None, False),
        (Form.INVERSE, False, True),
        (Form.INVERSE, "true", False),
        (Form.INVERSE, None, True),
        (Form.WORDS, "openid  email openid", ("email", "openid")),
        (Form.WORDS, None, ()),
        (Form.NAMES, ["b", "a", "b"], ("a", "b")),
        (Form.NAMES, [], ()),
        (Form.NAMES, "", ()),
        (Form.NAMES, None, ()),
    ],
)
def test_absent_null_and_empty_are_one(form: Form, stored: Any, value: Any) -> None:
    assert read_field({"S": {"K": stored}}, Field(("S", "K"), form)) == value
    if stored is None:
        assert read_field({}, Field(("S", "K"), form)) == value
        assert read_field({"S": "no section"}, Field(("S", "K"), form)) == value


@pytest.mark.parametrize(
    ("form", "stored"),
    [
        (Form.TEXT, 7),
        (Form.TEXT, ["hush"]),
        (Form.FLAG, "perhaps-hush"),
        (Form.FLAG, 1),
        (Form.INVERSE, {}),
        (Form.WORDS, ["hush"]),
        (Form.NAMES, "hush, hush"),
        (Form.NAMES, ["hush", 7]),
    ],
)
def test_another_form_is_an_error_that_names_the_place_and_not_the_value(form: Form, stored: Any) -> None:
    with pytest.raises(ReconcilerError, match=r"Section / KEY holds something else") as caught:
        read_field({"Section": {"KEY": stored}}, Field(("Section", "KEY"), form))
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("form", "stood", "value", "stored"),
    [
        (Form.TEXT, "old", "new", "new"),
        (Form.FLAG, False, True, True),
        (Form.FLAG, "false", True, "true"),
        (Form.FLAG, "TRUE", False, "false"),
        (Form.FLAG, "", True, "true"),
        (Form.INVERSE, False, False, True),
        (Form.INVERSE, "false", False, "true"),
        (Form.WORDS, "profile openid old", ("email", "openid", "profile"), "profile openid email"),
        (Form.WORDS, None, ("email", "groups", "openid"), "openid email groups"),
        (Form.WORDS, "a", (), ""),
        (Form.NAMES, ["z", "x", "a"], ("a", "b", "z"), ["z", "a", "b"]),
        (Form.NAMES, None, (), []),
    ],
)
def test_types_and_order_that_stood_there_are_kept(form: Form, stood: Any, value: Any, stored: Any) -> None:
    document: dict[str, Any] = {"S": {"K": stood, "OTHER": 1.5}}
    write_field(document, Field(("S", "K"), form), value)
    assert document == {"S": {"K": stored, "OTHER": 1.5}}
    assert read_field(document, Field(("S", "K"), form)) == value


@pytest.mark.parametrize(
    ("beside", "stored"), [({"A": "true"}, "true"), ({"A": "false"}, "true"), ({"A": "x"}, True)]
)
def test_a_new_flag_is_written_as_its_neighbours_are(beside: dict[str, Any], stored: Any) -> None:
    write_field(beside, Field(("K",), Form.FLAG), True)
    assert beside["K"] == stored


def test_missing_sections_are_made() -> None:
    document: dict[str, Any] = {}
    write_field(document, Field(("A", "B", "C")), "x")
    assert document == {"A": {"B": {"C": "x"}}}


def test_a_section_that_is_none_is_an_error() -> None:
    with pytest.raises(ReconcilerError, match="A is not a section"):
        write_field({"A": 1}, Field(("A", "B")), "x")


@pytest.mark.parametrize(
    ("version", "numbers"),
    [("9.4.11-m0001", (9, 4, 11)), ("10.3", (10, 3)), ("8", (8,)), ("", ()), ("unknown", ()), ("v9", ())],
)
def test_versions_are_their_leading_numbers(version: str, numbers: tuple[int, ...]) -> None:
    assert parse(version) == numbers


@pytest.mark.parametrize(
    ("version", "floor", "below"),
    [("8.14.9", "8.15", True), ("8.15", "8.15", False), ("10.0", "9.4", False), ("", "9.4", False)],
)
def test_an_unknown_version_is_below_nothing(version: str, floor: str, below: bool) -> None:
    assert is_below(version, floor) is below

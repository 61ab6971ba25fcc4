"""Tables of fields: where each attribute stands in a JSON document, and in which form.

Reading gives the canonical value; writing keeps the JSON type that stands there, and the order of what stays.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import JsonValue

from reconciler.core.resource import Attributes, Value, unordered
from reconciler.errors import ReconcilerError

JsonObject = dict[str, JsonValue]
_FLAGS = {"true": True, "false": False}


class Form(StrEnum):
    """How a value is written down."""

    TEXT = "text"
    FLAG = "truth value"
    INVERSE = "truth value of the opposite"
    WORDS = "text of words, in any order"
    NAMES = "list of texts, in any order"


@dataclass(frozen=True, slots=True)
class Field:
    """One place in a document. Absent, null and empty mean the same (facts atlassian 3.3)."""

    path: tuple[str, ...]
    form: Form = Form.TEXT


Fields = Mapping[str, Field]


def read_fields(document: JsonObject, fields: Fields) -> Attributes:
    """The canonical values of all `fields`. ReconcilerError, naming the place, for one of another form."""
    return {name: read_field(document, field) for name, field in fields.items()}


def read_field(document: JsonObject, field: Field) -> Value:
    """The canonical value of one field. ReconcilerError, naming the place but not the value, for another form."""
    value: JsonValue = document
    for key in field.path:
        value = value.get(key) if isinstance(value, dict) else None
    text = "" if value is None else value
    match field.form:
        case Form.TEXT if isinstance(text, str):
            return text
        case Form.WORDS if isinstance(text, str):
            return unordered(text.split())
        case Form.NAMES if text == "":
            return ()
        case Form.NAMES if isinstance(text, list):
            names = [item for item in text if isinstance(item, str)]
            if len(names) == len(text):
                return unordered(names)
        case Form.FLAG | Form.INVERSE if isinstance(text, bool | str):
            flag = text if isinstance(text, bool) else _FLAGS.get(text.lower() or "false")
            if flag is not None:
                return flag is (field.form is Form.FLAG)
    raise ReconcilerError(
        f"{' / '.join(field.path)} holds something else than a {field.form}",
        "is this a version of the plugin that nobody has looked at yet?",
    )


def write_field(document: JsonObject, field: Field, value: Value) -> None:
    """Puts the value of one field into `document`, which changes in place; sections that are missing are made."""
    section = document
    for key in field.path[:-1]:
        inner = section.setdefault(key, {})
        if not isinstance(inner, dict):
            raise ReconcilerError(f"{key} is not a section of its own", "the document is not of the known form")
        section = inner
    key = field.path[-1]
    section[key] = _spell(value, field.form, section.get(key), section)


def _spell(value: Value, form: Form, stood: JsonValue, section: JsonObject) -> JsonValue:
    members = value if isinstance(value, tuple) else ()
    match form:
        case Form.FLAG | Form.INVERSE:
            flag = (value is True) is (form is Form.FLAG)
            quoted = isinstance(stood, str) or (stood is None and not _FLAGS.keys().isdisjoint(_texts(section)))
            return str(flag).lower() if quoted else flag
        case Form.WORDS:
            return " ".join(_keep_order(members, stood.split() if isinstance(stood, str) else ()))
        case Form.NAMES:
            return [*_keep_order(members, _texts(stood))]
        case _:
            return str(value)


def _texts(value: JsonValue) -> Collection[str]:
    """The texts in a list, or among the values of a section."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [item for item in items if isinstance(item, str)]


def _keep_order(members: tuple[str, ...], stood: Collection[str]) -> Collection[str]:
    """What stays keeps its place; what is new follows, `openid` first, as people write it."""
    kept = [item for item in stood if item in members]
    return [*kept, *sorted(set(members) - set(kept), key=lambda item: (item != "openid", item))]

"""What pydantic says of a spec, for a person. No value is repeated that may be secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, get_args, get_origin

from pydantic import BaseModel

from reconciler.diagnostic import Diagnostic, error
from reconciler.spec.model import DAYS_PATTERN, NAME_PATTERN, SOURCE_PATTERN, WORD_PATTERN, ClientTable, keys_of
from reconciler.spec.position import key_path
from reconciler.spec.rules import shown
from reconciler.spec.suggestion import did_you_mean, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic_core import ErrorDetails

    from reconciler.spec.model import Model

_IS: Final = {
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "a table",
}
_WANTED: Final = {
    "string_type": "text in quotes",
    "bool_type": "true or false, without quotes",
    "int_type": "a whole number",
    "tuple_type": "a list, in [ ]",
    "dict_type": "a table",
    "model_type": "a table",
}
_LIMITS: Final = {
    "string_too_short": "must not be empty",
    "string_too_long": "at most {max_length} characters",
    "greater_than_equal": "must be {ge} or more",
}
_OF_KEYS: Final = {"string_pattern_mismatch", "string_too_short", "string_too_long"}
_PATTERNS: Final = {
    NAME_PATTERN: "a name has letters, digits, - and _ only, and begins with a letter or digit",
    WORD_PATTERN: "must be one word without blanks",
    DAYS_PATTERN: "must be a number of days, 1d to 9999d",
    SOURCE_PATTERN: "must be email, first_name, last_name, sub, groups, roles, attribute:NAME or value:TEXT",
}


def explain(errors: Iterable[ErrorDetails], root: Model, above: tuple[str, ...] = ()) -> Iterator[Diagnostic]:
    """A finding for each error of pydantic. `root` is the model that was used, for the table at `above`."""
    for each in errors:
        if each["type"] == "too_short" and each["input"]:
            continue  # a list that is only empty without its broken items, which have errors of their own
        loc = each["loc"]
        if loc[-1] == "[key]" and each["type"] in _OF_KEYS:  # the name of a table itself, or of a claim or group
            loc = loc[:-1]
        yield _explain(each, _model_at(root, loc[:-1]), (*above, *loc))


def unknown_key(path: tuple[str | int, ...], known: Iterable[str]) -> Diagnostic:
    """The error for a key that its table does not have."""
    return error("unknown key", key_path(*path), did_you_mean(str(path[-1]), known, "there are"))


def unknown_name(name: str, known: Iterable[str], noun: str, *table: str) -> Diagnostic:
    """The error for a provider or plugin that there is not."""
    return error(f"there is no {noun} {shown(name)}", key_path(*table, noun), did_you_mean(name, known, "there are"))


def _explain(each: ErrorDetails, model: Model, path: tuple[str | int, ...]) -> Diagnostic:
    where, given, context = key_path(*path), each["input"], each.get("ctx", {})
    match each["type"]:
        case "extra_forbidden":
            return unknown_key(path, keys_of(model))
        case "missing":
            return error("this key is missing", where, _example(model, str(path[-1])))
        case "literal_error" | "enum":
            words = context["expected"].split("'")[1::2]
            near = nearest(given, words) if isinstance(given, str) else None
            return error(f"must be {' or '.join(map(shown, words))}", where, f"did you mean {near}?" if near else "")
        case "string_pattern_mismatch":
            return error(_PATTERNS.get(context["pattern"], each["msg"]), where)
        case "too_short":
            return error("must not be empty", where, "leave the key out if it is not to be managed")
        case kind if kind in _LIMITS:
            return error(_LIMITS[kind].format(**context), where)
        case kind if kind in _WANTED:
            return error(f"must be {_WANTED[kind]}; this is {_IS.get(type(given), 'a date or time')}", where)
        case _:
            return error(each["msg"], where)


def _model_at(root: Model, loc: Iterable[str | int]) -> Model:
    """The model of the table at a place."""
    model, is_name = root, False
    for part in loc:
        field = None if is_name else keys_of(model).get(str(part))
        below = field and _model_in(field.annotation)
        is_name = field is not None and below is not None and get_origin(field.annotation) is dict
        model = below or model
    return model


def _model_in(annotation: object) -> Model | None:
    if isinstance(annotation, type) and (issubclass(annotation, BaseModel) or annotation is ClientTable):
        return annotation
    return next((model for part in get_args(annotation) if (model := _model_in(part))), None)


def _example(model: Model, key: str) -> str:
    field = keys_of(model)[key]
    words = field.examples or get_args(field.annotation)
    return f'add e.g. {key} = "{words[0]}"' if words else "add it"

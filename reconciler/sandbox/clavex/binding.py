"""Request bodies as the server reads and checks them: Go's JSON decoder, then validation tags.

A body is a dataclass; a field's metadata holds the validation tag of the server's source. The texts of errors quote
Go names and byte offsets, which the recordings hold (client-bodies, client-validation, client-redirect-uris).
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from collections.abc import Iterator
    from dataclasses import Field

    from _typeshed import DataclassInstance
    from starlette.requests import Request

    S = TypeVar("S", bound=DataclassInstance)
else:
    S = TypeVar("S")

Value = str | int | bool | list[str] | None
_KINDS = {"str": "string", "bool": "bool", "int": "int", "list[str]": "[]string"}
_INITIALS = {"id": "ID", "ip": "IP", "uris": "URIs", "url": "URL"}
_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x1f]*$")
_BAD = re.compile(r"//[^/?]*[ \\%]|%(?![0-9A-Fa-f]{2})")
"""A blank, backslash or escape in the host; a broken escape anywhere."""
_PATTERNS = {
    "slug": re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*"),
    "uuid": re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "email": re.compile(r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+"),
}
_OTHER_MEDIA = ("application/x-www-form-urlencoded", "multipart/form-data", "application/xml", "text/xml")


@dataclass(frozen=True, slots=True)
class _Found:
    """A JSON value and the characters it spans."""

    value: object
    start: int
    end: int


def tag(rules: str, key: str = "") -> dict[str, str]:
    """Metadata of a field: its validation tag, and its JSON key if that is not the field's name."""
    return {"rules": rules, "key": key}


async def bind(request: Request, struct: type[S], *, strict: bool = False) -> S:
    """The body as `struct`; unknown keys are ignored unless `strict`, keys match in any case.

    Raises HTTPException: 400 for what is no JSON of these types, 422 for what breaks a validation tag.
    """
    body = (await request.body()).decode()
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and media != "application/json" and media not in _OTHER_MEDIA:
        raise HTTPException(400, "code=415, message=Unsupported Media Type")
    bound = struct(**(_decode(body, struct, strict=strict) if media == "application/json" and body else {}))
    name = _go_name(struct)
    faults = [fault for one in fields(struct) for fault in _faults(one, getattr(bound, one.name))]
    if faults:
        text = "Key: '{0}.{1}' Error:Field validation for '{1}' failed on the '{2}' tag"
        raise HTTPException(422, "\n".join(text.format(name, path, rule) for path, rule in faults))
    return bound


def _go_name(struct: type[DataclassInstance]) -> str:
    return struct.__name__[0].lower() + struct.__name__[1:]


def _key(one: Field[Value]) -> str:
    return one.metadata.get("key") or one.name


def _decode(text: str, struct: type[DataclassInstance], *, strict: bool) -> dict[str, Value]:
    start = _skip(text, 0)
    if not text.startswith("{", start):
        found = _value(text, start)
        if found.value is not None:
            name = f"handler.{_go_name(struct)}"
            raise _type_error(text, found, name, "", f"value of type {name}")
        return {}
    known = {_key(one).lower(): one for one in fields(struct)}
    bound: dict[str, Value] = {}
    for key, found in _members(text, start):
        one = known.get(key.lower())
        if one is None and strict:
            raise HTTPException(400, f'json: unknown field "{key}"')
        if one is not None and found.value is not None:
            bound[one.name] = _typed(text, found, one, struct)
    return bound


def _typed(text: str, found: _Found, one: Field[Value], struct: type[DataclassInstance]) -> Value:
    """The value, if it is of the field's type; null items of a list are empty strings, as in Go."""
    kind = _KINDS[str(one.type).removesuffix(" | None")]
    match kind, found.value:
        case ("string", str() as value) | ("bool", bool() as value):
            return value
        case "int", int() as value if not isinstance(value, bool):
            return value
        case "[]string", list():
            items = list(_items(text, found.start))
            wrong = next((item for item in items if not isinstance(item.value, str | None)), None)
            if wrong is None:
                return [str(item.value or "") for item in items]
            found, kind = wrong, "string"
    key = _key(one)
    raise _type_error(text, found, kind, key, f"struct field {_go_name(struct)}.{key} of type {kind}")


def _type_error(text: str, found: _Found, expected: str, key: str, target: str) -> HTTPException:
    match found.value:
        case bool():
            got = "bool"
        case float() if expected == "int":
            got = f"number {found.value}"
        case int() | float():
            got = "number"
        case str():
            got = "string"
        case _:
            got = "array" if isinstance(found.value, list) else "object"
    read = text[: found.start + 1 if got in {"array", "object"} else found.end]
    return HTTPException(
        400,
        f"code=400, message=Unmarshal type error: expected={expected}, got={got}, field={key}, "
        f"offset={len(read.encode())}, internal=json: cannot unmarshal {got} into Go {target}",
    )


def _members(text: str, start: int) -> Iterator[tuple[str, _Found]]:
    """The members of the object that begins at `start`; what follows the object is not looked at."""
    at = _skip(text, start + 1)
    if text.startswith("}", at):
        return
    while True:
        if not text.startswith('"', at):
            raise _syntax_error(text, at, "looking for beginning of object key string")
        key = _value(text, at)
        at = _skip(text, key.end)
        if not text.startswith(":", at):
            raise _syntax_error(text, at, "after object key")
        found = _value(text, _skip(text, at + 1))
        yield str(key.value), found
        at = _skip(text, found.end)
        if text.startswith("}", at):
            return
        if not text.startswith(",", at):
            raise _syntax_error(text, at, "after object key:value pair")
        at = _skip(text, at + 1)


def _items(text: str, start: int) -> Iterator[_Found]:
    """The items of the array, known to be whole, that begins at `start`."""
    at = _skip(text, start + 1)
    while not text.startswith("]", at):
        found = _value(text, at)
        yield found
        at = _skip(text, found.end)
        at = _skip(text, at + 1) if text.startswith(",", at) else at


def _value(text: str, start: int) -> _Found:
    try:
        value, end = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        cut = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")
        raise _syntax_error(text, len(text) if cut else error.pos, "looking for beginning of value") from error
    return _Found(value, start, end)


def _skip(text: str, start: int) -> int:
    found = _SPACE.match(text, start)
    return found.end() if found else start


def _syntax_error(text: str, at: int, context: str) -> HTTPException:
    if at >= len(text):
        return HTTPException(400, "code=400, message=unexpected EOF, internal=unexpected EOF")
    fault = f"invalid character '{text[at]}' {context}"
    offset = len(text[: at + 1].encode())
    return HTTPException(400, f"code=400, message=Syntax error: offset={offset}, error={fault}, internal={fault}")


def _faults(one: Field[Value], value: Value) -> Iterator[tuple[str, str]]:
    """Path and tag of the first rule that the field breaks, or of the first one that each of its items breaks."""
    rules = one.metadata["rules"].split(",") if one.metadata else []
    path = "".join(_INITIALS.get(word, word.capitalize()) for word in one.name.split("_"))
    if rules[:1] == ["omitempty"]:
        if value is None or (value == "" and one.default is not None):
            return
        rules = rules[1:]
    for number, rule in enumerate(rules):
        if rule == "dive" and isinstance(value, list):
            for index, item in enumerate(value):
                broken = next((each for each in rules[number + 1 :] if not _keeps(item, each)), None)
                if broken:
                    yield f"{path}[{index}]", broken
            return
        if not _keeps(value, rule):
            yield path, rule.partition("=")[0]
            return


def _keeps(value: Value, rule: str) -> bool:
    name, _, limit = rule.partition("=")
    match name, value:
        case "required", _:
            return value is not None and value != ""
        case "min" | "max", str() | list() | int():
            size = value if isinstance(value, int) else len(value)
            return size >= int(limit) if name == "min" else size <= int(limit)
        case "oneof", _:
            return value in limit.split()
        case "alphanumunicode", str():
            return all(unicodedata.category(char)[0] in "LN" for char in value)
        case "slug" | "uuid" | "email", str():
            return _PATTERNS[name].fullmatch(value) is not None
        case "url", str():
            return _is_url(value)
        case _:  # redirect_uri, a rule of the server's own
            return _is_redirect_uri(str(value))


def _is_url(text: str) -> bool:
    """Validator's `url`: a scheme, and a host, a fragment or something right after the colon."""
    if not _is_request_uri(text):
        return False
    parts = urlsplit(text)
    return bool(parts.netloc or parts.fragment or (parts.path and not parts.path.startswith("/")))


def _is_redirect_uri(text: str) -> bool:
    """Any URI with a scheme; `*` only as the whole first label of an http(s) host; facts clavex 2.4."""
    if "*" not in text:
        return _is_request_uri(text)
    if not _is_request_uri(text.replace("*.", "wildcard.", 1)):
        return False
    parts = urlsplit(text)
    return (parts.hostname or "").startswith("*.") and parts.scheme in {"http", "https"}


def _is_request_uri(text: str) -> bool:
    """Go's `url.ParseRequestURI` takes it: a scheme, nothing bad before the query, a port of digits."""
    if not _SCHEME.match(text) or _BAD.search(text.partition("?")[0]):
        return False
    try:
        _ = urlsplit(text).port
    except ValueError:
        return False
    return True

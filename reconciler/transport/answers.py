"""What a system answered, and what to tell a person about it."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError

from reconciler.errors import BadAnswerError, RequestError, StatusError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from reconciler.ports import Answer

T = TypeVar("T")

QUOTED = 256
"""How much of an error message is quoted, in characters."""
_SMALL = 4096
"""Bytes of a body that may be nothing but an error."""
_LOGIN = re.compile(r"log-?in|sign-?in|\bsso\b|saml|oauth|authorize|authenticate", re.IGNORECASE)
_LOGIN_REMEDY = "this looks like a login page: is the token valid, and does a proxy in front want a login of its own?"
_SECRET_NAME = re.compile(r"secret|password|token", re.IGNORECASE)
_ERROR_KEYS = frozenset(
    {"error", "message", "error_description", "errorMessages", "errors", "status", "statusCode", "reason"}
)
_REMEDIES = {
    401: "the token was refused: is it valid, has it expired?",
    403: "the token is known, but may not do this: what is its account permitted?",
    404: "there is nothing at this path: is the url right, and what it should hold installed and enabled?",
    407: "the proxy wants a login: give http_proxy or https_proxy with user and password",
    429: "the system limits requests, and went on doing so: run again later",
}


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One answer: implements ports.Answer. `where` is method and URL, without the query."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    where: str
    hidden: tuple[str, ...] = field(default=(), repr=False)

    def json(self) -> Any:  # noqa: ANN401 - JSON is any value
        """The body as JSON. BadAnswerError if it is something else, or an error under a status of success."""
        return read_json(self, self.where, self.hidden)


def read_json(answer: Answer, where: str, hidden: Collection[str] = ()) -> Any:  # noqa: ANN401 - JSON is any value
    """The body as JSON. BadAnswerError if it is something else, or an error under a status of success.

    `hidden` are texts that the error must not repeat.
    """
    try:
        value = json.loads(answer.content)
    except (ValueError, RecursionError):
        value = _NOTHING
    if value is _NOTHING:
        raise no_json(answer, where)
    if answer.status < HTTPStatus.BAD_REQUEST and _is_error(value):
        text = known_message(value, hidden) or "no message of a known shape"
        raise BadAnswerError(
            f"the answer is {answer.status}, yet it holds an error: {text}",
            where,
            "look into the system's log; does a proxy in front answer for it?",
        )
    return value


_NOTHING = object()


def decode(answer: Answer, adapter: TypeAdapter[T], where: str) -> T:
    """The body as the type of `adapter`. BadAnswerError says what is wrong with it, and quotes no value."""
    try:
        return adapter.validate_json(answer.content)
    except ValidationError as invalid:
        problems = invalid.errors(include_url=False, include_context=False, include_input=False)
    read_json(answer, where)
    places = "; ".join(f"{_path(item['loc'])}: {item['msg']}" for item in problems[:3])
    raise BadAnswerError(
        f"the answer is not of the expected form ({clean(places)})",
        where,
        "is this the right URL, and a version of the system that is supported?",
    )


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "body"


def is_page(answer: Answer) -> bool:
    """Whether the answer is an HTML page."""
    start = answer.content[:512].lstrip().lower()
    return start.startswith((b"<!doctype html", b"<html")) or "html" in answer.headers.get("content-type", "")


def nonsense(answer: HttpAnswer, where: str) -> BadAnswerError | None:
    """The error for an answer that no request wants, whatever its status says: a page, or an error called success.

    A proxy or a login page speaks like that; taken at its word, a write would count as done and a 404 as absence.
    """
    if is_page(answer):
        return no_json(answer, where)
    if answer.status < HTTPStatus.BAD_REQUEST and answer.content[:1] == b"{" and len(answer.content) < _SMALL:
        try:
            read_json(answer, where, answer.hidden)
        except BadAnswerError as problem:
            return problem
    return None


def no_json(answer: Answer, where: str) -> BadAnswerError:
    """The error for an answer that is not JSON."""
    start = answer.content[:512].lstrip().lower()
    if is_page(answer):
        login = any(word in start for word in (b"login", b"log in", b"sign in"))
        remedy = _LOGIN_REMEDY if login else "is the URL right, and what does a browser show there?"
        return BadAnswerError("the answer is an HTML page, not JSON", where, remedy)
    if not start:
        return BadAnswerError("the answer is empty, JSON was expected", where)
    if start[:1] in b'{["':
        return BadAnswerError(
            "the answer is JSON that is cut short or broken", where, "run again; is a proxy in front?"
        )
    return BadAnswerError("the answer is not JSON", where, "is the URL right?")


def _is_error(value: object) -> bool:
    if not isinstance(value, dict) or not value.keys() <= _ERROR_KEYS:
        return False
    return bool(value.get("error") or value.get("errorMessages") or value.get("errors"))


def known_message(body: object, hidden: Collection[str] = ()) -> str:
    """The message in an error body of a known shape, fit to print and without `hidden`; empty for any other body.

    Nothing else of a body is ever quoted: it may hold anything.
    """
    if not isinstance(body, dict):
        return ""
    found = body.get("message") or body.get("error_description") or body.get("errorMessages") or ""
    if isinstance(found, list):
        found = "; ".join(item for item in found if isinstance(item, str))
    if not isinstance(found, str):
        return ""
    for secret in hidden:
        found = found.replace(secret, "***")
    return clean(found)


def clean(text: str) -> str:
    """`text` on one line, without characters that a terminal obeys, cut to 256."""
    line = "".join(char if char.isprintable() else " " for char in text)
    line = " ".join(line.split())
    return line if len(line) <= QUOTED else line[: QUOTED - 1] + "…"


def refusal(answer: HttpAnswer, hidden: Collection[str]) -> RequestError:
    """The error for a status that nobody expected. `hidden` are texts that it must not repeat."""
    status = answer.status
    if status in range(300, 400):
        return _redirect(answer)
    try:
        body = json.loads(answer.content)
    except (ValueError, RecursionError):
        body = None
    text = known_message(body, hidden)
    if status < HTTPStatus.MULTIPLE_CHOICES:
        if body is None:
            return no_json(answer, answer.where)
        named = f"the answer is {status} {_phrase(status)}".rstrip()
        return BadAnswerError(f"{named}, which is none to this request{text and f': {text}'}", answer.where)
    return StatusError(status, text or _phrase(status), answer.where, _remedy(answer))


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _redirect(answer: HttpAnswer) -> BadAnswerError:
    try:
        target = urlsplit(answer.headers.get("location", ""))
    except ValueError:  # it is no URL
        target = urlsplit("")
    host = clean(f"{target.scheme}://{target.netloc.rpartition('@')[2]}" if target.netloc else "the same host")
    elsewhere = not target.path or not answer.where.endswith(target.path)
    login = elsewhere and _LOGIN.search(f"{target.path}?{target.query}")
    remedy = _LOGIN_REMEDY if login else "give the URL at which the system answers itself; redirects are not followed"
    return BadAnswerError(f"the answer is a redirect ({answer.status}) to {host}", answer.where, remedy)


def _remedy(answer: HttpAnswer) -> str:
    reason = answer.headers.get("x-seraph-loginreason", "") + answer.headers.get("x-authentication-denied-reason", "")
    if "CAPTCHA" in reason:
        return "the account was locked by a CAPTCHA after failed logins: log in once with a browser"
    if answer.status == HTTPStatus.UNAUTHORIZED and b"websudo" in answer.content.lower():
        return "a secure administrator session (WebSudo) is wanted: use a personal access token, or turn WebSudo off"
    failed = "the system failed: look into its log, then run again"
    return _REMEDIES.get(answer.status, failed if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR else "")


def hidden_words(credentials: Iterable[str]) -> Iterator[str]:
    """The texts by which a credential can be known again: as it is sent, without its scheme, and out of Basic."""
    for text in credentials:
        scheme, _, word = text.rpartition(" ")
        yield from (text, word)
        if scheme.lower() == "basic":
            with suppress(ValueError):
                plain = b64decode(word).decode()
                yield from filter(None, (plain, plain.partition(":")[2]))


def secret_texts(body: object) -> Iterator[str]:
    """The texts in a request body that stand under a name of a secret."""
    items = body.items() if isinstance(body, Mapping) else ()
    for name, value in items:
        if isinstance(value, str) and value and _SECRET_NAME.search(str(name)):
            yield value
        elif isinstance(value, Mapping | list):
            yield from secret_texts(value)
    for value in body if isinstance(body, list) else ():
        yield from secret_texts(value)

"""A browser without a person: follows redirects step by step, and has no credential but the cookies it was given."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx
from pydantic import SecretStr

from reconciler.core.hosts import is_below
from reconciler.ports import Answer
from reconciler.transport.http import Access, open_http

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from reconciler.core.intent import System
    from reconciler.ports import Http
    from reconciler.transport.budget import Retries

MOST_STEPS = 10
"""Redirects in a row that a browser still takes for a way, not a circle."""
_ANSWERS = tuple(status for status in range(200, 600) if status not in {429, 503, 504})
"""What a person would get to see. The others pass by themselves, and are tried again."""
_BUSY = 429
"""An answer to a form, too: systems count forms that they refuse, so that sending one again makes it last."""


class End(Enum):
    """Why a walk ended."""

    PAGE = auto()
    """With an answer that leads no further."""
    STOPPED = auto()
    """Before an address that was not to be opened."""
    LOOP = auto()
    ELSEWHERE = auto()
    """Before an address of none of the systems."""


@dataclass(frozen=True, slots=True)
class Walk:
    """The addresses on a way, the last one reached or not, and the last answer; None if nothing was opened."""

    urls: tuple[str, ...]
    end: End
    answer: Answer | None = None


class Browser:
    """Opens pages of the given systems and of no other host. Cookies go back to the system that set them."""

    def __init__(self, systems: Sequence[tuple[System, Http]]) -> None:
        self._systems = sorted(systems, key=lambda item: -len(item[0].url))  # of nested base URLs the inner one
        self._cookies: dict[str, dict[str, str]] = {}

    def walk(self, url: str, *, stop: str = "") -> Walk:
        """Follows the redirects from `url`; an address that `stop` is the beginning of is not opened.

        RequestError if no answer came.
        """
        return self._follow([url], None, stop)

    def submit(self, url: str, form: Mapping[str, str]) -> Walk:
        """Sends a form to `url`, once, and follows the redirects from there.

        RequestError if no answer came, RefusedError in a browser that only reads.
        """
        found = self._owner(url)
        return self._follow([url], self._open(*found, url, form), "") if found else Walk((url,), End.ELSEWHERE)

    def session(self, system: System) -> SecretStr:
        """The cookies that the system set, as a header has them: whoever holds them is who logged in."""
        return SecretStr(_header(self._cookies.get(system.name, {})))

    def _owner(self, url: str) -> tuple[System, Http] | None:
        return next(((system, http) for system, http in self._systems if is_below(url, system.url)), None)

    def _follow(self, urls: list[str], answer: Answer | None, stop: str) -> Walk:
        """The rest of a way whose last address has been opened if there is an `answer`."""
        while True:
            if answer is not None:
                target = answer.headers.get("location", "")
                if answer.status not in range(300, 400) or not target:
                    return Walk(tuple(urls), End.PAGE, answer)
                urls.append(_join(urls[-1], target))
                if len(urls) > MOST_STEPS:
                    return Walk(tuple(urls), End.LOOP, answer)
            if stop and is_below(urls[-1], stop):
                return Walk(tuple(urls), End.STOPPED, answer)
            found = self._owner(urls[-1])
            if found is None:
                return Walk(tuple(urls), End.ELSEWHERE, answer)
            answer = self._open(*found, urls[-1])

    def _open(self, system: System, http: Http, url: str, form: Mapping[str, str] | None = None) -> Answer:
        kept = self._cookies.setdefault(system.name, {})
        headers = {"Accept": "text/html, application/json;q=0.9"} | ({"Cookie": _header(kept)} if kept else {})
        parts = urlsplit(url)
        path = parts.path[len(urlsplit(system.url).path) :] or "/"
        asked = dict(parse_qsl(parts.query, keep_blank_values=True)) or None
        if form is None:
            answer = http.get(path, params=asked, ok=_ANSWERS, headers=headers, anonymous=True, pages=True)
        else:
            answer = http.send(
                "POST",
                path,
                form=form,
                params=asked,
                ok=(*_ANSWERS, _BUSY),
                headers=headers,
                repeatable=False,
                anonymous=True,
                pages=True,
            )
        for header in httpx.Headers(answer.headers).get_list("set-cookie"):
            kept.update(_cookies(header))
        return answer


@contextmanager
def open_browser(
    systems: Sequence[System], retries: Retries | None = None, *, access: Access = Access.READ
) -> Iterator[Browser]:
    """A browser for the systems, until the context ends; it sends forms only with `Access.WRITE`.

    ReconcilerError if a CA or a proxy cannot be used.
    """
    with ExitStack() as stack:
        https = [stack.enter_context(open_http(system, {}, access=access, retries=retries)) for system in systems]
        yield Browser(list(zip(systems, https, strict=True)))


def _join(url: str, target: str) -> str:
    try:
        return urljoin(url, target)
    except ValueError:  # an address that is none leads nowhere that we know
        return target


def _header(cookies: Mapping[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


def _cookies(header: str) -> dict[str, str]:
    """The cookie that a header sets, whatever attributes follow (RFC 6265, 5.2); none that could not be sent back."""
    name, is_pair, value = (part.strip() for part in header.partition(";")[0].partition("="))
    return {name: value} if name and is_pair and header.isascii() and header.isprintable() else {}

"""A person with a browser: follows redirects, keeps cookies, presses links and buttons."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx

MOST_REDIRECTS = 10
VOID = {"br", "img", "input", "link", "meta"}
"""Elements that have no end."""


class Page(HTMLParser):
    """Where the visitor is. `trail` holds the addresses on the way, the page's own last."""

    def __init__(self, answer: httpx.Response, trail: list[str]) -> None:
        super().__init__()
        self.status, self.text, self.trail = answer.status_code, answer.text, trail
        self.texts: dict[str, str] = {}
        self.links: dict[str, str] = {}
        self.fields: dict[str, str] = {}
        self.items: list[str] = []
        self.action: str | None = None
        self.id = self.cause = ""
        self._inside: list[str] = []
        self.feed(answer.text)

    @property
    def url(self) -> str:
        return self.trail[-1]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        match tag:
            case "body":
                self.id, self.cause = given.get("id", ""), given.get("data-cause", "")
            case "form":
                self.action = given["action"]
            case "input":
                self.fields[given["name"]] = given.get("value", "")
            case "li":
                self.items.append("")
        if tag == "a" and "id" in given:
            self.links[given["id"]] = given["href"]
        if tag not in VOID:
            self._inside.append(given.get("id", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        for name in filter(None, self._inside):
            self.texts[name] = self.texts.get(name, "") + data
        if "groups" in self._inside and self.items:
            self.items[-1] += data


@dataclass
class Visitor:
    """One browser with its cookies; closed by `close`."""

    client: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False, timeout=20))

    def open(self, url: str) -> Page:
        """The page that an address leads to."""
        return self._follow(self.client.get(url), [url])

    def press(self, page: Page, link: str) -> Page:
        """The page behind a link."""
        return self.open(urljoin(page.url, page.links[link]))

    def send(self, page: Page, **fields: str) -> Page:
        """The page that the form leads to."""
        assert page.action is not None, page.text
        url = urljoin(page.url, page.action)
        return self._follow(self.client.post(url, data=page.fields | fields), [url])

    def _follow(self, answer: httpx.Response, trail: list[str]) -> Page:
        while answer.is_redirect:
            trail.append(urljoin(trail[-1], answer.headers["location"]))
            assert len(trail) <= MOST_REDIRECTS, trail
            answer = self.client.get(trail[-1])
        return Page(answer, trail)

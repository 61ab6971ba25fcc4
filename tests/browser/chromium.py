"""A headless Chromium, driven through its DevTools protocol: what a person sees, presses and types."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from threading import Timer
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from websockets.sync.client import ClientConnection, connect

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = "chromium", "chromium-browser", "google-chrome"
MISSING = "no Chromium is installed; on Debian: apt-get install --no-install-recommends chromium"
PATIENCE = 20
"""Seconds that a page, or an answer of the browser, may take."""
LOADED = "document.readyState === 'complete' && !window.left"


class ToldError(Exception):
    """The browser could not do what it was told."""


def find_program() -> str | None:
    """The path of a Chromium."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


@dataclass(frozen=True)
class Browser:
    """One running Chromium."""

    connection: ClientConnection
    numbers: count[int]

    def tell(self, method: str, session: str | None = None, **given: Any) -> dict[str, Any]:
        """The answer to one command; events in between are left unread."""
        number = next(self.numbers)
        told = {"id": number, "method": method, "params": given} | ({"sessionId": session} if session else {})
        self.connection.send(json.dumps(told))
        while True:
            answer = json.loads(self.connection.recv(PATIENCE))
            if answer.get("id") == number:
                if "error" in answer:
                    raise ToldError(f"{method}: {answer['error']['message']}")
                return dict(answer["result"])

    @contextmanager
    def visit(self) -> Iterator[Tab]:
        """A tab without cookies; what it keeps is forgotten at the end."""
        context = self.tell("Target.createBrowserContext")["browserContextId"]
        target = self.tell("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        yield Tab(self, self.tell("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])
        self.tell("Target.disposeBrowserContext", browserContextId=context)


@dataclass(frozen=True)
class Tab:
    """What one person looks at. An element is named by a CSS selector."""

    browser: Browser
    session: str

    def open(self, url: str) -> Tab:
        """Itself, at the page that the address leads to."""
        failed = self.browser.tell("Page.navigate", self.session, url=url).get("errorText")
        assert not failed, f"{url}: {failed}"
        self._wait(LOADED)
        return self

    def press(self, element: str) -> Tab:
        """Itself, at the page behind a link or a button."""
        self._run(f"window.left = true; {_find(element)}.click()")
        self._wait(LOADED)
        return self

    def press_in_vain(self, element: str) -> Tab:
        """Itself, after a press that the page's own policy stopped, as the browser says by an event."""
        stopped = "document.addEventListener('securitypolicyviolation', () => window.stopped = true)"
        self._run(f"{stopped}; {_find(element)}.click()")
        self._wait("window.stopped")
        return self

    def type(self, element: str, text: str) -> None:
        """Text is typed into a field."""
        self._run(f"{_find(element)}.focus()")
        self.browser.tell("Input.insertText", self.session, text=text)

    def has(self, element: str) -> bool:
        """Whether the page shows it."""
        return bool(self._run(f"!!{_find(element)}"))

    def text(self, element: str = "body") -> str:
        """What a person reads there."""
        return str(self._run(f"{_find(element)}.innerText"))

    def texts(self, element: str) -> list[str]:
        """The same of all that the selector finds."""
        return list(self._run(f"[...document.querySelectorAll({json.dumps(element)})].map(one => one.innerText)"))

    @property
    def url(self) -> str:
        """What stands in the address bar."""
        return str(self._run("location.href"))

    @property
    def status(self) -> int:
        """HTTP status of the page."""
        return int(self._run("performance.getEntriesByType('navigation')[0].responseStatus"))

    def _run(self, script: str) -> Any:
        answer = self.browser.tell("Runtime.evaluate", self.session, expression=script, returnByValue=True)
        if "exceptionDetails" in answer:
            seen = answer["exceptionDetails"]["exception"]["description"].splitlines()[0]
            raise ToldError(f"{script}: {seen}, at {self.url}, which says: {self.text()}")
        return answer["result"].get("value")

    def _wait(self, condition: str) -> None:
        deadline = monotonic() + PATIENCE
        while monotonic() < deadline:
            try:
                if self._run(condition):
                    return
            except ToldError:
                pass  # the page went away under the question
            sleep(0.02)
        raise TimeoutError(f"{condition} after {PATIENCE} seconds, at {self.url}")


@contextmanager
def browse(program: str) -> Iterator[Browser]:
    """A Chromium that reaches loopback alone, with a profile that is gone afterwards."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = [
            *("--headless", "--remote-debugging-port=0", f"--user-data-dir={profile}", "--no-first-run"),
            *("--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--no-proxy-server"),
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            "--no-sandbox",  # root has none, nor has a container; it sees our own pages only
        ]
        log = Path(profile, "log")
        with log.open("w") as told, subprocess.Popen([program, *options], stderr=told, stdout=told) as process:
            try:
                with connect(_find_address(process, log), proxy=None, max_size=None, open_timeout=PATIENCE) as made:
                    browser = Browser(made, count(1))
                    yield browser
                    browser.tell("Browser.close")
                    process.wait(PATIENCE)
            finally:
                if process.poll() is None:
                    process.terminate()
                    killer = Timer(PATIENCE, process.kill)
                    killer.start()
                    process.wait()
                    killer.cancel()


def _find_address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Where the browser listens, as it says itself."""
    deadline = monotonic() + PATIENCE
    while monotonic() < deadline and process.poll() is None:
        for line in log.read_text(errors="replace").splitlines():
            if line.startswith("DevTools listening on ws://"):
                return line.split()[-1]
        sleep(0.02)
    raise AssertionError(f"Chromium did not start; it says:\n{log.read_text(errors='replace')}")


def _find(element: str) -> str:
    return f"document.querySelector({json.dumps(element)})"

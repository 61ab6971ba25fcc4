"""A server on loopback that speaks as much of S3 as a backend needs, each conditional put checked and done at once.

moto's server checks the condition and then puts, without a lock between: of 20 puts at once two can win.
"""

from __future__ import annotations

import hashlib
import re
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from contract.loopback import Loopback

PAGE = 3
"""Names on one page of a list: few, so that pages are turned."""


@dataclass
class Stored:
    data: bytes
    etag: str
    written: float


@dataclass
class Buckets(Loopback):
    """The server, and what can be done to it.

    `lose` counts the puts whose answer is lost, `conflicts` those that are refused as being in each other's way.
    `ahead`: seconds that the server's clock is before everybody else's.
    """

    objects: dict[str, Stored] = field(default_factory=dict)
    lose: int = 0
    conflicts: int = 0
    ahead: float = 0.0
    down: bool = False
    forbidden: bool = False
    requests: list[tuple[str, str]] = field(default_factory=list)
    guard: Any = field(default_factory=Lock)

    def age(self, name: str, seconds: float) -> None:
        """Makes the object older."""
        (stored,) = (stored for key, stored in self.objects.items() if key.endswith(name))
        stored.written -= seconds


class _Handler(BaseHTTPRequestHandler):
    world: Buckets
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def handle_expect_100(self) -> bool:
        goes_on = super().handle_expect_100()
        self.wfile.flush()
        return goes_on

    def log_message(self, *_: object) -> None:
        pass

    def date_time_string(self, timestamp: float | None = None) -> str:
        return formatdate((timestamp or time.time()) + self.world.ahead, usegmt=True)

    def do_GET(self) -> None:
        self.handle_one(self.read)

    def do_PUT(self) -> None:
        self.handle_one(self.write)

    def do_POST(self) -> None:
        self.handle_one(self.delete)

    def handle_one(self, act: Any) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urlsplit(self.path)
        self.key, self.query = unquote(parts.path).lstrip("/"), parse_qs(parts.query)
        with self.world.guard:
            self.world.requests.append((self.command, self.key))
            if self.world.forbidden or "AWS4-HMAC-SHA256" not in self.headers.get("Authorization", ""):
                self.refuse(403, "AccessDenied")
            elif not self.key.startswith("states"):
                self.refuse(404, "NoSuchBucket")
            elif self.world.down:
                self.refuse(503, "ServiceUnavailable")
            else:
                act()

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, status: int, code: str) -> None:
        body = f"<Error><Code>{code}</Code><Message>no: {code}</Message></Error>"
        self.answer(status, body.encode(), Content_Type="application/xml")

    def read(self) -> None:
        if "list-type" in self.query:
            self.list()
        elif (stored := self.world.objects.get(self.key)) is None:
            self.refuse(404, "NoSuchKey")
        else:
            written = formatdate(stored.written + self.world.ahead, usegmt=True)
            self.answer(200, stored.data, ETag=stored.etag, Last_Modified=written)

    def list(self) -> None:
        start = f"states/{self.query.get('prefix', [''])[0]}"
        after = self.query.get("continuation-token", [""])[0]
        names = sorted(name for name in self.world.objects if name.startswith(start) and name > after)
        keys = "".join(
            f"<Contents><Key>{escape(name.removeprefix('states/'))}</Key></Contents>" for name in names[:PAGE]
        )
        more = len(names) > PAGE
        token = f"<NextContinuationToken>{escape(names[PAGE - 1])}</NextContinuationToken>" if more else ""
        body = f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>{token}{keys}</ListBucketResult>"
        self.answer(200, body.encode(), Content_Type="application/xml")

    def write(self) -> None:
        stored = self.world.objects.get(self.key)
        wanted = self.headers.get("If-Match")
        if self.world.conflicts:
            self.world.conflicts -= 1
            self.refuse(409, "ConditionalRequestConflict")
        elif wanted and stored is None:
            self.refuse(404, "NoSuchKey")
        elif (wanted and stored and wanted != stored.etag) or (self.headers.get("If-None-Match") == "*" and stored):
            self.refuse(412, "PreconditionFailed")
        else:
            etag = f'"{hashlib.md5(self.body).hexdigest()}"'
            self.world.objects[self.key] = Stored(self.body, etag, time.time())
            if self.world.lose:
                self.world.lose -= 1
                self.close_connection = True
            else:
                self.answer(200, ETag=etag)

    def delete(self) -> None:
        for name in re.findall(rb"<Key>([^<]*)</Key>", self.body):
            self.world.objects.pop(f"states/{name.decode()}", None)
        self.answer(200, b"<DeleteResult></DeleteResult>", Content_Type="application/xml")


Buckets.handler = _Handler

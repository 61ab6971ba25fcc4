"""A server on loopback that keeps documents as Terraform's `http` protocol has it, and one that does as GitLab does.

What GitLab does is taken from its documents and its public source (lib/api/terraform/state.rb and
app/services/terraform/remote_state_handler.rb): versions by serial, no two of one serial, the highest is the newest;
a lock by POST and DELETE at `/lock`; who finds it held is told its id, user and time, and his own words for the rest.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, urlsplit

from contract.loopback import Loopback

USER, TOKEN = "ci", "glpat-hunter2hunter2"


@dataclass
class Documents(Loopback):
    """The server, and what can be done to it.

    `gitlab`: whether it does as GitLab does. `lose`: how many answers are lost after the work was done.
    """

    gitlab: bool
    versions: dict[int, bytes] = field(default_factory=dict)
    holder: dict[str, str] = field(default_factory=dict)
    lose: int = 0
    refuse: int = 0
    md5: str = ""
    requests: list[tuple[str, str]] = field(default_factory=list)
    guard: Any = field(default_factory=Lock)

    @property
    def address(self) -> str:
        return f"{self.url}/api/v4/projects/7/terraform/state/sso-default"

    @property
    def newest(self) -> bytes | None:
        return self.versions[max(self.versions)] if self.versions else None


class _Handler(BaseHTTPRequestHandler):
    world: Documents
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.handle_one()

    do_POST = do_DELETE = do_LOCK = do_UNLOCK = do_GET  # noqa: N815 - names that the base class calls

    def handle_one(self) -> None:
        world = self.world
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urlsplit(self.path)
        self.id = parse_qs(parts.query).get("ID", [None])[0]
        pair = base64.b64encode(f"{USER}:{TOKEN}".encode()).decode()
        with world.guard:
            world.requests.append((self.command, parts.path))
            if world.refuse:
                self.answer(world.refuse, b'{"message":"no"}')
            elif self.headers.get("Authorization") != f"Basic {pair}":
                self.answer(401, b'{"message":"401 Unauthorized"}')
            elif not parts.path.startswith("/api/v4/projects/7/terraform/state/sso-default"):
                self.answer(404, b'{"message":"404 Project Not Found"}')
            else:
                self.act(parts.path.endswith("/lock"))

    def act(self, at_lock: bool) -> None:
        if self.world.gitlab:
            acts = {("GET", False): self.read, ("POST", False): self.write}
            acts |= {("POST", True): self.lock, ("DELETE", True): self.unlock}
            act = acts.get((self.command, at_lock))
        else:
            acts = {"GET": self.read, "POST": self.write, "LOCK": self.lock, "UNLOCK": self.unlock}
            act = None if at_lock else acts.get(self.command)
        if act is None:
            self.answer(405)
        else:
            act()

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        if self.world.lose and status == 200 and self.command != "GET":
            self.world.lose -= 1
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), "Content-Type": "application/json", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def read(self) -> None:
        newest = self.world.newest
        if newest is None:
            self.answer(*((404, b'{"message":"404 State Not Found"}') if self.world.gitlab else (204,)))
        else:
            self.answer(200, newest, **({"Content_MD5": self.world.md5} if self.world.md5 else {}))

    def write(self) -> None:
        digest = base64.b64encode(hashlib.md5(self.body).digest()).decode()
        assert self.headers["Content-MD5"] == digest
        serial = json.loads(self.body)["serial"] if self.world.gitlab else 1
        if self.id != self.world.holder.get("ID"):
            self.answer(409, b'{"message":"409 Conflict"}')
        elif self.world.gitlab and serial in self.world.versions:
            self.answer(422, b'{"message":"Version has already been taken"}')
        else:
            self.world.versions[serial] = self.body
            self.answer(200)

    def lock(self) -> None:
        asked = json.loads(self.body)
        assert {"ID", "Operation", "Info", "Who", "Version", "Created", "Path"} <= set(asked)
        held, world = bool(self.world.holder), self.world
        if not held:
            world.holder = asked | ({"Who": USER} if world.gitlab else {})
        said = asked | {key: world.holder[key] for key in ("ID", "Who", "Created")} if world.gitlab else world.holder
        self.answer(200 if not held else 409 if world.gitlab else 423, json.dumps(said).encode())

    def unlock(self) -> None:
        asked = self.id or (json.loads(self.body).get("ID") if self.body else None)
        if asked not in {None, self.world.holder.get("ID")}:
            self.answer(409)
        else:
            self.world.holder = {}
            self.answer(200)


Documents.handler = _Handler

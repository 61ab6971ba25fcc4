"""The state behind the protocol of Terraform's `http` backend, such as the states that GitLab manages.

The protocol has one document for each address, and a lock beside it. The document is ours (`document.py`): the
journal is a part of it, and so are the companions, so that a machine without a disk loses nothing; the cost is one
write of the whole document for each group of steps, and for each secret.

The protocol knows no compare-and-swap. What guards a write is the lock, whose id goes with it, and that the document
is read again before a snapshot takes the place of another. GitLab adds that no two documents can have one serial.
There is no lease either: the lock of a holder that died stays until somebody takes it away.
"""

from __future__ import annotations

import base64
import json
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from http import HTTPStatus
from threading import RLock
from typing import TYPE_CHECKING
from uuid import uuid4

from pydantic import SecretStr, TypeAdapter, ValidationError

from reconciler import __version__
from reconciler.backends.batches import Batches
from reconciler.backends.document import Document, digest, encode, md5, parse
from reconciler.backends.locks import NOBODY, lost, overtaken, refusal
from reconciler.core.intent import System
from reconciler.errors import ReconcilerError, RefusedError, RequestError, StateError
from reconciler.ports import Http
from reconciler.storage import LockInfo
from reconciler.transport.http import open_http

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reconciler.backends.opening import Surroundings
    from reconciler.ports import Answer
    from reconciler.spec.backends import HttpTable
    from reconciler.storage import Past

_WRITTEN = (HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT)
_TAKEN = (HTTPStatus.CONFLICT, HTTPStatus.LOCKED)


class HttpBackend:
    """Keeps one state in one document of a server."""

    def __init__(self, table: HttpTable, around: Surroundings) -> None:
        self._table = table
        self._around = around
        self._held: _Held | None = None

    @cached_property
    def _address(self) -> str:
        return self._around.address(self._table.address, "address", allow_http=self._table.allow_http)

    @cached_property
    def _lock_address(self) -> str:
        named = self._table.lock_address
        if named is None:
            return self._address
        return self._around.address(named, "lock_address", allow_http=self._table.allow_http)

    @property
    def where(self) -> str:
        """The URL."""
        return self._address

    # --- the snapshot ---------------------------------------------------------------------------------------------

    def get(self) -> tuple[bytes | None, str]:
        """The snapshot and its digest; (None, "") if there is none."""
        found = self._read()
        return found.snapshot, found.version

    def put(self, data: bytes, if_version: str) -> str:
        """Replaces the snapshot if its digest is still `if_version`; the new digest. Takes the lock if it is free."""
        with self._locked("put") as held, held.writing:
            found = self._read_again(held.document)
            if found.version != if_version:
                raise overtaken(self.where)
            held.document = self._write(replace(found, snapshot=data))
            return held.document.version

    def history(self) -> Sequence[Past]:
        """None: the protocol keeps one document."""
        raise self._no_past()

    def past(self, past_id: str) -> bytes:  # noqa: ARG002 - a duty of every backend
        """None: the protocol keeps one document."""
        raise self._no_past()

    def replace_past(self, past_id: str, data: bytes) -> None:  # noqa: ARG002 - a duty of every backend
        """None: the protocol keeps one document."""
        raise self._no_past()

    def _no_past(self) -> StateError:
        return StateError(
            f"{self.where}: this protocol keeps no past states",
            "GitLab lists its own under Operate > Terraform states; `reconciler state push FILE` puts one back",
        )

    # --- companions -----------------------------------------------------------------------------------------------

    def companions(self) -> Sequence[str]:
        """The names of those in the document."""
        return sorted(self._read().companions)

    def companion(self, name: str) -> tuple[bytes | None, str]:
        """A part of the document and its digest."""
        data = self._read().companions.get(name)
        return data, digest(data)

    def put_companion(self, name: str, data: bytes, if_version: str) -> str | None:
        """Replaces the part if its digest is still `if_version`, by a write of the whole document."""
        with self._locked("put a secret store") as held, held.writing:
            found = self._read_again(held.document)
            if digest(found.companions.get(name)) != if_version:
                return None
            held.document = self._write(replace(found, companions={**found.companions, name: data}))
            return digest(data)

    # --- the journal ----------------------------------------------------------------------------------------------

    def journal(self) -> bytes:
        """The journal, which is a part of the document."""
        return self._read().journal

    def append(self, line: bytes, *, wait: bool = True) -> None:
        """Adds a line. One write of the document carries what other threads append meanwhile."""
        self._current().batches.append(line, wait=wait)

    def _write_lines(self, lines: bytes) -> None:
        held = self._current()
        with held.writing:
            held.document = self._write(replace(held.document, journal=held.document.journal + lines))

    def clear_journal(self) -> None:
        """Removes the journal."""
        with self._locked("clear the journal") as held, held.writing:
            held.batches = Batches(self._write_lines)
            found = self._read()
            if found.journal:
                held.document = self._write(replace(found, journal=b""))

    # --- the lock -------------------------------------------------------------------------------------------------

    @contextmanager
    def lock(self, info: LockInfo) -> Iterator[None]:
        """Holds the lock."""
        with ExitStack() as stack:
            state, lock = (
                stack.enter_context(self._open(self._address)),
                stack.enter_context(self._open(self._lock_address)),
            )
            self._take(lock, info)
            try:
                self._held = held = _Held(info, state, Batches(self._write_lines))
                held.document = self._read()
                try:
                    yield
                except BaseException:
                    with suppress(StateError):
                        held.batches.flush()
                    raise
                held.batches.flush()
            except BaseException:
                with suppress(StateError):
                    self._release(lock, info.id)
                raise
            else:
                self._release(lock, info.id)
            finally:
                self._held = None

    def _take(self, lock: Http, info: LockInfo) -> None:
        with self._guard("taking the lock, which may be held now"):
            answer = lock.send(
                self._table.lock_method,
                "",
                json=_lock_body(info, self.where),
                headers=_JSON,
                ok=(HTTPStatus.OK, *_TAKEN),
            )
        if answer.status in _TAKEN:
            by = _parse_holder(answer)
            if by.id != info.id:  # else it is our own, and the first answer was lost
                raise refusal(self.where, by, _HELD_REMEDY)

    def _release(self, lock: Http, lock_id: str, also: tuple[HTTPStatus, ...] = _TAKEN) -> None:
        """Gives the lock back. `also` are answers that are none of our business: it is not ours any more."""
        body, names = json.dumps({"ID": lock_id}).encode(), {"ID": lock_id}
        with self._guard("releasing the lock, which may still be held"):
            lock.send(self._table.unlock_method, "", json=body, params=names, headers=_JSON, ok=(*_WRITTEN, *also))

    @contextmanager
    def _locked(self, operation: str) -> Iterator[_Held]:
        """What is held; the lock is taken for as long as it lasts if it is not held already."""
        if self._held is not None:
            yield self._held
            return
        since = datetime.now(UTC).isoformat(timespec="seconds")
        with self.lock(replace(NOBODY, id=str(uuid4()), operation=operation, since=since)):
            yield self._current()

    def _current(self) -> _Held:
        if self._held is None:
            raise lost(self.where, "it is not held")
        return self._held

    def holder(self) -> LockInfo | None:
        """Ourselves, if it is us: the protocol does not tell of others before the lock is tried."""
        return self._held.info if self._held is not None else None

    def unlock(self, lock_id: str) -> None:
        """Takes the lock away. Its holder's writes carry its id, and are refused from then on."""
        with self._open(self._lock_address) as lock:
            self._release(lock, lock_id, ())

    # --- the document ---------------------------------------------------------------------------------------------

    def _read(self) -> Document:
        with self._connected() as http, self._guard("reading"):
            answer = http.get("", ok=(HTTPStatus.OK, HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND))
            if answer.status != HTTPStatus.OK or not answer.content:
                return Document()
        digest = answer.headers.get("content-md5")
        if digest and digest != md5(answer.content):
            raise StateError(f"{self.where}: what was read is not what its Content-MD5 says", "run the command again")
        return parse(answer.content, self.where)

    def _read_again(self, known: Document) -> Document:
        """What is there now. StateError if it does not follow on what was known."""
        found = self._read()
        if found.serial < known.serial or (known.lineage and found.lineage != known.lineage):
            raise overtaken(self.where)
        return found

    def _write(self, document: Document) -> Document:
        """Writes the document with the next serial."""
        held = self._current()
        document = document.following
        data = encode(document)
        with self._guard("writing the document, which may or may not have been done"):
            try:
                held.http.send(
                    self._table.update_method,
                    "",
                    json=data,
                    params={"ID": held.info.id},
                    headers={**_JSON, "Content-MD5": md5(data)},
                    ok=_WRITTEN,
                )
            except RequestError:
                if not self._lies_there(document):  # else it is our own, and the first answer was lost
                    raise
        return document

    def _lies_there(self, document: Document) -> bool:
        try:
            return self._read() == document
        except StateError:
            return False

    @contextmanager
    def _connected(self) -> Iterator[Http]:
        if self._held is not None:
            yield self._held.http
        else:
            with self._open(self._address) as http:
                yield http

    @contextmanager
    def _open(self, url: str) -> Iterator[Http]:
        table, folder = self._table, self._around.folder
        headers = {}
        if table.username and table.password:
            password = self._around.secret(table.password, "password").get_secret_value()
            pair = base64.b64encode(f"{table.username}:{password}".encode()).decode()
            headers = {"Authorization": SecretStr(f"Basic {pair}")}
        system = System("backend", "http", url, ca_file=str(folder / table.ca_file) if table.ca_file else "")
        with ExitStack() as stack:
            try:
                http = stack.enter_context(open_http(self._around.routed(system), headers))
            except ReconcilerError as problem:
                kind = RefusedError if isinstance(problem, RefusedError) else StateError
                raise kind(_renamed(problem.message), _renamed(problem.remedy)) from None
            yield http

    @contextmanager
    def _guard(self, doing: str) -> Iterator[None]:
        try:
            yield
        except RequestError as problem:
            remedy = _renamed(problem.remedy) or "may these credentials read and write there, and is `address` right?"
            raise StateError(f"{doing}: {problem.message}", remedy) from None


_JSON = {"Content-Type": "application/json"}
_HELD_REMEDY = (
    "wait until it has ended; this protocol cannot tell whether it still runs: if it surely does not, "
    "`reconciler state unlock --force` takes the lock away"
)


@dataclass(slots=True)
class _Held:
    """A lock that is held: for whom, the connection that writes, and the document as it was last read or written.

    `writing` is held from a read of the document to the write that follows on it.
    """

    info: LockInfo
    http: Http
    batches: Batches
    document: Document = field(default_factory=Document)
    writing: RLock = field(default_factory=RLock)


@dataclass(frozen=True, slots=True)
class _Lock:
    """What a server says of a lock. GitLab repeats the `Operation` and `Info` of who asks: they are not looked at."""

    ID: str = ""
    Who: str = NOBODY.who
    Created: str = NOBODY.since


def _renamed(remedy: str) -> str:
    """What the transport advises, by the name of the table that it is about here."""
    return remedy.replace("[systems.backend]", "[backend]")


def _lock_body(info: LockInfo, where: str) -> bytes:
    return json.dumps(
        {
            "ID": info.id,
            "Operation": info.operation,
            "Info": f"process {info.pid}",
            "Who": f"{info.who}@{info.host}",
            "Version": __version__,
            "Created": info.since,
            "Path": where,
        }
    ).encode()


def _parse_holder(answer: Answer) -> LockInfo:
    try:
        lock = TypeAdapter(_Lock).validate_json(answer.content)
    except ValidationError:
        return NOBODY
    who, _, host = lock.Who.rpartition("@")
    return replace(NOBODY, id=lock.ID, who=who or host, host=host if who else NOBODY.host, since=lock.Created)

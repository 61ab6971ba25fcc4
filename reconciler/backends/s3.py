"""The state in a bucket of S3, by conditional puts alone: no table of locks, no other service.

```text
PREFIX/STACK/ENVIRONMENT/
  state.json               the snapshot, replaced only if its ETag is still the one that was read
  lock.json                who holds the lock; renewed while held, free once it was not for as long as its lease
  journal/000000000001     what an apply that has not ended yet did since, each put only where there is none
  past/00000001-TIME-ETAG  the snapshots before, the newest 20
  companions/NAME          encrypted stores of secrets, replaced like the snapshot
```

Before each write the lock is looked at. Its age is the difference of two times that the server says, so no other
clock matters.
"""

from __future__ import annotations

import json
import re
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache, cached_property
from threading import Lock
from time import sleep
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from pydantic import TypeAdapter, ValidationError

from reconciler.backends.batches import Batches
from reconciler.backends.lease import Lease
from reconciler.backends.locks import KEPT, NOBODY, lost, overtaken, refusal, unknown_past
from reconciler.errors import LockedError, StateError
from reconciler.storage import LockInfo, Past
from reconciler.transport.bodies import LARGEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reconciler.backends.opening import Surroundings
    from reconciler.spec.backends import S3Table

_ABSENT = {"NoSuchKey", "404"}
_REFUSED = {"PreconditionFailed", "412"}
_CONFLICT = {"ConditionalRequestConflict", "409"}
_PATIENCE = 5
"""How often a put is sent that others got in the way of."""
_AT_ONCE = 1000
"""Objects that one request may delete."""
_PAST = re.compile(r"(\d{8})-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-[0-9a-f]*")
_OPENING = Lock()
_FREE = b'{"holder": null}\n'


@dataclass(frozen=True, slots=True)
class _Object:
    """An object of the bucket. `age` is in seconds, by the server's clock."""

    data: bytes
    etag: str
    written: datetime
    age: float


class S3Backend:
    """Keeps one state below a prefix of a bucket."""

    def __init__(self, table: S3Table, around: Surroundings) -> None:
        self._table = table
        self._around = around
        self._root = f"{table.prefix.strip('/')}/{around.stack}/{around.environment}".lstrip("/")
        self._number, self._holds = 0, ""
        self._lease: Lease | None = None
        self._batches: Batches | None = None

    @property
    def where(self) -> str:
        """Bucket and prefix."""
        return f"s3://{self._table.bucket}/{self._root}"

    # --- the snapshot ---------------------------------------------------------------------------------------------

    def get(self) -> tuple[bytes | None, str]:
        """The snapshot and its ETag; (None, "") if there is none."""
        found = self._get("state.json")
        return (None, "") if found is None else (found.data, found.etag)

    def put(self, data: bytes, if_version: str) -> str:
        """Replaces the snapshot if its ETag is still `if_version`; the new ETag."""
        self._check_held()
        found = self._get("state.json")
        if (found.etag if found else "") != if_version:
            raise overtaken(self.where)
        kept = self._list("past/")
        if found is not None:
            number = int(kept[-1][:8]) + 1 if kept else 1
            name = f"{number:08}-{found.written:%Y%m%dT%H%M%SZ}-{re.sub('[^0-9a-f]', '', found.etag)[:12]}"
            self._put(f"past/{name}", found.data, "")
        version = self._put("state.json", data, if_version)
        if version is None:
            raise overtaken(self.where)
        with suppress(StateError):  # it is put; an old one too many harms nobody
            self._delete([f"past/{name}" for name in kept[: max(0, len(kept) + 1 - KEPT)]])
        return version

    def history(self) -> Sequence[Past]:
        """The snapshots before, the newest first."""
        names = [match for name in reversed(self._list("past/")) if (match := _PAST.fullmatch(name))]
        return [Past(each[1], "{1}-{2}-{3}T{4}:{5}:{6}+00:00".format(*each.groups())) for each in names]

    def past(self, past_id: str) -> bytes:
        """One of them."""
        return self._find_past(past_id)[1].data

    def replace_past(self, past_id: str, data: bytes) -> None:
        """Puts another object in its place; its time is in its name."""
        self._check_held()
        name, found = self._find_past(past_id)
        if self._put(name, data, found.etag) is None:
            raise overtaken(self.where)

    def _find_past(self, past_id: str) -> tuple[str, _Object]:
        for name in self._list("past/"):
            if name.partition("-")[0] == past_id and (found := self._get(f"past/{name}")):
                return f"past/{name}", found
        raise unknown_past(self.where, past_id)

    # --- companions -----------------------------------------------------------------------------------------------

    def companions(self) -> Sequence[str]:
        """The names of the objects beside the snapshot."""
        return self._list("companions/")

    def companion(self, name: str) -> tuple[bytes | None, str]:
        """One of them, and its ETag."""
        found = self._get(f"companions/{name}")
        return (None, "") if found is None else (found.data, found.etag)

    def put_companion(self, name: str, data: bytes, if_version: str) -> str | None:
        """Replaces one of them if its ETag is still `if_version`."""
        self._check_held()
        return self._put(f"companions/{name}", data, if_version)

    # --- the journal ----------------------------------------------------------------------------------------------

    def journal(self) -> bytes:
        """The journal. What is cleared meanwhile is of an older serial, and says nothing."""
        found = [self._get(f"journal/{name}") for name in self._list("journal/")]
        return b"".join(each.data for each in found if each is not None)

    def append(self, line: bytes, *, wait: bool = True) -> None:
        """Adds a line. One object carries what other threads append meanwhile."""
        if self._batches is None:
            raise lost(self.where, "it is not held")
        self._batches.append(line, wait=wait)

    def _write_lines(self, lines: bytes) -> None:
        self._check_held()
        self._number += 1
        if self._put(f"journal/{self._number:012}", lines, "") is None:
            raise lost(self.where, "somebody else writes the journal")
        if self._lease is not None and (reason := self._lease.lost):  # it took so long that others may be at work
            raise lost(self.where, reason)

    def clear_journal(self) -> None:
        """Removes the journal."""
        self._check_held()
        if self._batches is not None:
            self._batches = Batches(self._write_lines)
        self._delete([f"journal/{name}" for name in self._list("journal/")])

    # --- the lock -------------------------------------------------------------------------------------------------

    @contextmanager
    def lock(self, info: LockInfo) -> Iterator[None]:
        """Holds the lock, and renews it meanwhile."""
        found = self._get("lock.json")
        if (by := _live_holder(found)) is not None:
            raise self._refusal(by)
        held = _Held(self, info, found.etag if found else "")
        if not held.renew():
            raise self._refusal(self.holder() or NOBODY)
        self._lease, self._holds = Lease(self._table.lease, held.renew), info.id
        try:
            self._number = max((int(name) for name in self._list("journal/") if name.isdecimal()), default=0)
            self._batches = Batches(self._write_lines)
            try:
                yield
            except BaseException:
                with suppress(StateError):
                    self._batches.flush()
                raise
            self._batches.flush()
        finally:
            self._lease.end()
            self._lease = self._batches = None
            with suppress(StateError):  # then it ends with its lease
                self._put("lock.json", _FREE, held.etag)

    def _refusal(self, by: LockInfo) -> LockedError:
        seconds = self._table.lease
        remedy = (
            f"wait until it has ended; if it died, its lock is free {seconds} seconds after its last sign of life; "
            "`reconciler state unlock` takes the lock from one that hangs"
        )
        return refusal(self.where, by, remedy)

    def holder(self) -> LockInfo | None:
        """Who holds the lock now; nobody once its lease has ended."""
        return _live_holder(self._get("lock.json"))

    def unlock(self, lock_id: str) -> None:
        """Frees the lock; its holder finds out when it renews it, or writes, and writes nothing from then on."""
        for _ in range(_PATIENCE):  # it may be renewed in between
            found = self._get("lock.json")
            by = _live_holder(found)
            if found is None or by is None or by.id != lock_id or self._put("lock.json", _FREE, found.etag):
                return
        raise StateError(f"{self.where}: the lock is renewed all the time; it was not taken away", "say it again")

    def _check_held(self) -> None:
        """Holds while the lock is surely ours, or was not asked for."""
        if self._lease is None:
            return
        if reason := self._lease.lost:
            raise lost(self.where, reason)
        try:
            by = self.holder()
        except StateError as problem:
            raise lost(self.where, f"it cannot be looked at: {problem.message}") from None
        if by is None or by.id != self._holds:
            raise lost(self.where, "somebody took it away")

    # --- the bucket -----------------------------------------------------------------------------------------------

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - boto3 makes its classes when it runs
        table, around = self._table, self._around
        keys = {}
        if table.access_key and table.secret_key:
            keys = {
                "aws_access_key_id": around.secret(table.access_key, "access_key").get_secret_value(),
                "aws_secret_access_key": around.secret(table.secret_key, "secret_key").get_secret_value(),
            }
        with self._guard("opening it"), _OPENING:
            return _session().client(
                "s3",
                region_name=table.region,
                endpoint_url=table.endpoint,
                verify=str(around.folder / table.ca_file) if table.ca_file else None,
                config=Config(
                    connect_timeout=10,
                    read_timeout=30,
                    retries={"mode": "standard", "total_max_attempts": 5},
                    s3={"addressing_style": "path" if table.path_style else "auto"},
                    request_checksum_calculation="when_required",  # not every server knows the new ones
                    response_checksum_validation="when_required",
                ),
                **keys,
            )

    def _get(self, name: str) -> _Object | None:
        client = self._client
        with self._guard(f"reading {name}"):
            try:
                answer = client.get_object(Bucket=self._table.bucket, Key=f"{self._root}/{name}")
            except ClientError as problem:
                if _code(problem) in _ABSENT:
                    return None
                raise
            data: bytes = answer["Body"].read(LARGEST)
            if answer["Body"].read(1):  # at the end this also proves that nothing is missing
                raise ValueError(f"the object is larger than {LARGEST >> 20} MiB")
            if not {"LastModified", "ETag"} <= answer.keys():
                raise ValueError("the answer does not say when the object was written, or its ETag")
            written: datetime = answer["LastModified"]
            said = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
            now = parsedate_to_datetime(said).replace(tzinfo=UTC) if said else written  # HTTP has no other zone
            return _Object(data, answer["ETag"], written, (now - written).total_seconds())

    def _put(self, name: str, data: bytes, if_etag: str) -> str | None:
        """Puts an object if its ETag is `if_etag`, or for "" if there is none; the new ETag, None if it is not."""
        condition = {"IfMatch": if_etag} if if_etag else {"IfNoneMatch": "*"}
        client, place = self._client, {"Bucket": self._table.bucket, "Key": f"{self._root}/{name}"}
        with self._guard(f"writing {name}, which may or may not have been done"):
            for attempt in range(_PATIENCE):
                try:
                    etag: str = client.put_object(**place, Body=data, ContentType="application/json", **condition)[
                        "ETag"
                    ]
                except ClientError as problem:
                    if _code(problem) not in _REFUSED | _CONFLICT | (_ABSENT if if_etag else set()):
                        raise
                    found = self._get(name)
                    if found is not None and found.data == data:  # our own, whose answer was lost
                        return found.etag
                    if _code(problem) not in _CONFLICT or (found.etag if found else "") != if_etag:
                        return None
                    sleep(0.1 * attempt)
                else:
                    return etag
        return None

    def _list(self, folder: str) -> list[str]:
        """The names of the objects in a folder, sorted."""
        client, start = self._client, f"{self._root}/{folder}"
        with self._guard(f"listing {folder}"):
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=self._table.bucket, Prefix=start)
            return sorted(each["Key"].removeprefix(start) for page in pages for each in page.get("Contents", ()))

    def _delete(self, names: Sequence[str]) -> None:
        client = self._client
        with self._guard("removing old objects"):
            for first in range(0, len(names), _AT_ONCE):
                keys = [{"Key": f"{self._root}/{name}"} for name in names[first : first + _AT_ONCE]]
                client.delete_objects(Bucket=self._table.bucket, Delete={"Objects": keys, "Quiet": True})

    @contextmanager
    def _guard(self, doing: str) -> Iterator[None]:
        try:
            yield
        except (BotoCoreError, ClientError, OSError, ValueError) as problem:
            raise self._failure(problem, doing) from None

    def _failure(self, problem: Exception, doing: str) -> StateError:
        match problem:
            case ClientError():
                said = problem.response.get("Error", {})
                reason = f"{_code(problem)} {said.get('Message', '')}".strip()
                remedy = "may these credentials read and write there, and does the bucket exist?"
            case NoCredentialsError():
                reason, remedy = (
                    "no credentials",
                    "name them by `access_key` and `secret_key`, or as boto3 finds them",
                )
            case _:
                reason, remedy = str(problem), "is the server up, and are `endpoint` and `region` right?"
        return StateError(f"{self.where}: {doing}: {reason}", remedy)


class _Held:
    """The lock object while it is ours: each renewal puts a new one in its place."""

    def __init__(self, backend: S3Backend, info: LockInfo, etag: str) -> None:
        self._backend = backend
        self._info = info
        self._beat = 0
        self.etag = etag

    def renew(self) -> bool:
        """Puts it anew. False if somebody else has put one meanwhile."""
        self._beat += 1
        body = {"holder": asdict(self._info), "lease": self._backend._table.lease, "beat": self._beat}  # noqa: SLF001 - one thing in two classes
        etag = self._backend._put("lock.json", json.dumps(body).encode() + b"\n", self.etag)  # noqa: SLF001 - likewise
        self.etag = etag or self.etag
        return etag is not None


@dataclass(frozen=True, slots=True)
class _Lock:
    """What a lock object says."""

    holder: LockInfo | None
    lease: float = 60.0
    beat: int = 0


@cache
def _session() -> Any:  # noqa: ANN401 - boto3 makes its classes when it runs
    """What reads the description of S3, a megabyte, once. Not to be used by two threads at once."""
    return boto3.session.Session()


def _live_holder(found: _Object | None) -> LockInfo | None:
    if found is None:
        return None
    try:
        lock = TypeAdapter(_Lock).validate_json(found.data)
    except ValidationError:
        return NOBODY
    return lock.holder if found.age <= lock.lease else None


def _code(problem: ClientError) -> str:
    return str(problem.response.get("Error", {}).get("Code", ""))

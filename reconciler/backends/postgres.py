"""The state in a PostgreSQL database: one row for the snapshot, rows for the journal, an advisory lock.

```text
states      the snapshot of each stack and environment, with a version that every put counts up
past        the snapshots before, the newest 20
journal     what an apply that has not ended yet did since
companions  encrypted stores of secrets, with versions likewise
holders     who holds a lock, for messages, with the number of the session that does
```

The lock is an advisory lock of the session that also does the writing. It ends with that session: a holder that
died is one whose session the server ended, and who lost the session can write nothing any more.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING

import psycopg
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict
from pydantic import TypeAdapter, ValidationError

from reconciler.backends.batches import Batches
from reconciler.backends.locks import KEPT, NOBODY, lost, overtaken, refusal, unknown_past
from reconciler.errors import StateError
from reconciler.storage import LockInfo, Past

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import LiteralString

    from psycopg.rows import TupleRow
    from pydantic import SecretStr

    Connection = psycopg.Connection[TupleRow]

_ALIVE = {"keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3", "tcp_user_timeout": "60000"}
"""How either side finds out within about a minute that the other is gone."""
_SESSION = """
SET statement_timeout = '60s'; SET lock_timeout = '30s'; SET idle_in_transaction_session_timeout = '60s';
SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3;
SET client_min_messages = warning;
SELECT set_config('idle_session_timeout', '0', false) WHERE current_setting('server_version_num')::int >= 140000
"""
_TABLES = """
CREATE SCHEMA IF NOT EXISTS {schema};
CREATE TABLE IF NOT EXISTS {schema}.states (
  stack text, environment text, version bigint NOT NULL, data bytea NOT NULL,
  written timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (stack, environment));
CREATE TABLE IF NOT EXISTS {schema}.past (
  stack text, environment text, version bigint, data bytea NOT NULL, written timestamptz NOT NULL,
  PRIMARY KEY (stack, environment, version));
CREATE TABLE IF NOT EXISTS {schema}.journal (
  stack text, environment text, number bigint GENERATED ALWAYS AS IDENTITY, lines bytea NOT NULL,
  PRIMARY KEY (stack, environment, number));
CREATE TABLE IF NOT EXISTS {schema}.companions (
  stack text, environment text, name text, version bigint NOT NULL, data bytea NOT NULL,
  PRIMARY KEY (stack, environment, name));
CREATE TABLE IF NOT EXISTS {schema}.holders (
  stack text, environment text, session integer NOT NULL, info text NOT NULL, PRIMARY KEY (stack, environment))
"""
_HERE = sql.SQL("stack = %(stack)s AND environment = %(environment)s")
_SESSIONS = """
SELECT l.pid, h.info FROM pg_locks l
LEFT JOIN {schema}.holders h ON h.session = l.pid AND {here}
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.classid = %(high)s::bigint::oid
  AND l.objid = %(low)s::bigint::oid AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_HELD_REMEDY = "wait until it has ended; `reconciler state unlock` takes the lock from one that hangs"
_LOCAL_HOSTS = {"localhost", "127.0.0.1", "::1"}


class PostgresBackend:
    """Keeps one state in the tables of `schema`, which the first write makes where they are missing."""

    def __init__(
        self, dsn: SecretStr, schema: str, stack: str, environment: str, password: SecretStr | None = None
    ) -> None:
        self._dsn = dsn
        self._password = password
        self._schema = sql.Identifier(schema)
        named = json.dumps(["reconciler", schema, stack, environment])
        digest = int.from_bytes(hashlib.sha256(named.encode()).digest()[:8], "big", signed=False)
        self._names = {"stack": stack, "environment": environment, "high": digest >> 32, "low": digest & 0xFFFFFFFF}
        self._number = digest - (1 << 64) if digest >> 63 else digest
        self._held: Connection | None = None
        self._batches: Batches | None = None

    @cached_property
    def _target(self) -> dict[str, str]:
        """The parts of the connection string. Its text is never repeated: it may hold a password."""
        try:
            parts = conninfo_to_dict(self._dsn.get_secret_value())
        except psycopg.ProgrammingError:
            parts = None
        if parts is None:
            raise StateError(
                "the connection string that `dsn` of [backend] names is none",
                "write it as libpq has it, e.g. postgresql://USER@HOST/DATABASE?sslmode=verify-full",
            )
        found = {name: str(value) for name, value in parts.items() if value is not None}
        said = [found.get(name) or os.environ.get(f"PG{name.upper()}", "") for name in ("host", "hostaddr")]
        hosts = [host for text in said for host in text.split(",") if host]
        local = all(host.startswith("/") or host in _LOCAL_HOSTS for host in hosts)
        mode = found.get("sslmode") or os.environ.get("PGSSLMODE")
        if not mode and (found.get("service") or os.environ.get("PGSERVICE")):
            raise StateError(
                "the connection string names a service, and not whether TLS is wanted",
                "add sslmode=verify-full to it; only on this machine may it be disable",
            )
        if not local and not mode:
            found.setdefault("sslmode", "require")  # libpq's own default would go on without TLS
        if self._password is not None:
            found["password"] = self._password.get_secret_value()
        return {"connect_timeout": "10", "application_name": "reconciler", **_ALIVE, **found}

    @property
    def where(self) -> str:
        """Host and database, stack and environment."""
        host, name = self._target.get("host", "local socket"), self._target.get("dbname", "")
        stack, environment = self._names["stack"], self._names["environment"]
        return f"PostgreSQL {host}{f'/{name}' if name else ''}, state of {stack} in {environment}"

    # --- the snapshot ---------------------------------------------------------------------------------------------

    def get(self) -> tuple[bytes | None, str]:
        """The snapshot and its version; (None, "") if there is none."""
        found = self._read("SELECT data, version FROM {schema}.states WHERE {here}")
        return (found[0][0], str(found[0][1])) if found else (None, "")

    def put(self, data: bytes, if_version: str) -> str:
        """Replaces the snapshot if its version is still `if_version`; the new version."""
        doing = "putting the new snapshot, which may or may not have been done; the journal says the same"
        with self._writing(doing) as connection, connection.transaction():
            version = self._replace(connection, data, int(if_version)) if if_version else self._add(connection, data)
        return str(version)

    def _add(self, connection: Connection, data: bytes) -> int:
        added = self._execute(
            connection,
            "INSERT INTO {schema}.states (stack, environment, version, data) "
            "VALUES (%(stack)s, %(environment)s, 1, %(data)s) ON CONFLICT DO NOTHING RETURNING version",
            data=data,
        ).fetchone()
        if added is None:
            raise overtaken(self.where)
        return 1

    def _replace(self, connection: Connection, data: bytes, old: int) -> int:
        self._execute(
            connection,
            "INSERT INTO {schema}.past SELECT stack, environment, version, data, written FROM {schema}.states "
            "WHERE {here} AND version = %(old)s FOR UPDATE ON CONFLICT DO NOTHING",
            old=old,
        )
        replaced = self._execute(
            connection,
            "UPDATE {schema}.states SET data = %(data)s, version = version + 1, written = now() "
            "WHERE {here} AND version = %(old)s RETURNING version",
            data=data,
            old=old,
        ).fetchone()
        if replaced is None:
            raise overtaken(self.where)
        self._execute(connection, "DELETE FROM {schema}.past WHERE {here} AND version <= %(last)s", last=old - KEPT)
        return old + 1

    def history(self) -> Sequence[Past]:
        """The snapshots before, the newest first."""
        rows = self._read("SELECT version, written FROM {schema}.past WHERE {here} ORDER BY version DESC")
        return [Past(str(version), written.isoformat(timespec="seconds")) for version, written in rows]

    def past(self, past_id: str) -> bytes:
        """One of them."""
        rows = self._read(
            "SELECT data FROM {schema}.past WHERE {here} AND version::text = %(version)s", version=past_id
        )
        if not rows:
            raise unknown_past(self.where, past_id)
        data: bytes = rows[0][0]
        return data

    def replace_past(self, past_id: str, data: bytes) -> None:
        """Puts other bytes into its row."""
        with self._writing("rewriting a past state") as connection:
            row = self._execute(
                connection,
                "UPDATE {schema}.past SET data = %(data)s WHERE {here} AND version::text = %(version)s "
                "RETURNING version",
                data=data,
                version=past_id,
            ).fetchone()
        if row is None:
            raise unknown_past(self.where, past_id)

    # --- companions -----------------------------------------------------------------------------------------------

    def companions(self) -> Sequence[str]:
        """The names of those of this stack and environment."""
        return [name for (name,) in self._read("SELECT name FROM {schema}.companions WHERE {here} ORDER BY name")]

    def companion(self, name: str) -> tuple[bytes | None, str]:
        """One of them, and its version."""
        query: LiteralString = "SELECT data, version FROM {schema}.companions WHERE {here} AND name = %(name)s"
        found = self._read(query, name=name)
        return (found[0][0], str(found[0][1])) if found else (None, "")

    def put_companion(self, name: str, data: bytes, if_version: str) -> str | None:
        """Replaces one of them if its version is still `if_version`.

        In one statement: those of other threads in the same session are in no transaction with it.
        """
        add: LiteralString = (
            "INSERT INTO {schema}.companions (stack, environment, name, version, data) "
            "VALUES (%(stack)s, %(environment)s, %(name)s, 1, %(data)s) ON CONFLICT DO NOTHING RETURNING version"
        )
        change: LiteralString = (
            "UPDATE {schema}.companions SET data = %(data)s, version = version + 1 "
            "WHERE {here} AND name = %(name)s AND version = %(old)s RETURNING version"
        )
        query, old = (change, int(if_version)) if if_version else (add, 0)
        with self._writing(f"putting {name}, which may or may not have been done") as connection:
            row = self._execute(connection, query, name=name, data=data, old=old).fetchone()
        return None if row is None else str(row[0])

    # --- the journal ----------------------------------------------------------------------------------------------

    def journal(self) -> bytes:
        """The journal."""
        rows = self._read("SELECT lines FROM {schema}.journal WHERE {here} ORDER BY number")
        return b"".join(lines for (lines,) in rows)

    def append(self, line: bytes, *, wait: bool = True) -> None:
        """Adds a line. One commit carries what other threads append meanwhile."""
        if self._batches is None:
            raise lost(self.where, "it is not held")
        self._batches.append(line, wait=wait)

    def _insert(self, lines: bytes) -> None:
        with self._writing("writing the journal") as connection:
            self._execute(
                connection,
                "INSERT INTO {schema}.journal (stack, environment, lines) "
                "VALUES (%(stack)s, %(environment)s, %(lines)s)",
                lines=lines,
            )

    def clear_journal(self) -> None:
        """Removes the journal."""
        if self._batches is not None:
            self._batches = Batches(self._insert)
        with self._writing("clearing the journal") as connection:
            self._execute(connection, "DELETE FROM {schema}.journal WHERE {here}")

    # --- the lock -------------------------------------------------------------------------------------------------

    @contextmanager
    def lock(self, info: LockInfo) -> Iterator[None]:
        """Holds the lock. It ends with the session."""
        with self._writing("taking the lock") as connection:
            found = connection.execute("SELECT pg_try_advisory_lock(%s)", [self._number]).fetchone()
            if found is None or not found[0]:
                raise refusal(self.where, self.holder() or NOBODY, _HELD_REMEDY)
            self._execute(
                connection,
                "INSERT INTO {schema}.holders VALUES (%(stack)s, %(environment)s, pg_backend_pid(), %(info)s) "
                "ON CONFLICT (stack, environment) DO UPDATE SET session = excluded.session, info = excluded.info",
                info=json.dumps(asdict(info)),
            )
            self._held, self._batches = connection, Batches(self._insert)
            try:
                yield
            except BaseException:
                with suppress(StateError):
                    self._batches.flush()
                raise
            else:
                self._batches.flush()
            finally:
                self._held = self._batches = None
                with suppress(psycopg.Error):  # then it ends with the session, which takes a moment
                    connection.execute("SELECT pg_advisory_unlock(%s)", [self._number])

    def holder(self) -> LockInfo | None:
        """Who holds the lock now."""
        rows = self._read(_SESSIONS)
        return _parse_holder(rows[0][1]) if rows else None

    def unlock(self, lock_id: str) -> None:
        """Ends the session that holds the lock; its run can write nothing from then on."""
        for session, info in self._read(_SESSIONS):
            if _parse_holder(info).id == lock_id:
                self._read("SELECT pg_terminate_backend(%(session)s, 5000)", session=session)

    # --- the connection -------------------------------------------------------------------------------------------

    @contextmanager
    def _writing(self, doing: str) -> Iterator[Connection]:
        """The session of the lock, or one of its own while the lock is not held. The tables are there."""
        if self._held is not None:
            with self._guard(doing):
                yield self._held
            return
        with self._connected(doing) as connection:
            self._make_tables(connection)
            yield connection

    @contextmanager
    def _connected(self, doing: str) -> Iterator[Connection]:
        with self._guard(doing):
            connection = psycopg.connect(**self._target, autocommit=True)  # type: ignore[arg-type] # libpq's own names
        try:
            with self._guard(doing):
                connection.execute(_SESSION)
                yield connection
        finally:
            connection.close()

    def _make_tables(self, connection: Connection) -> None:
        found = self._execute(connection, "SELECT to_regclass('{schema}.companions')").fetchone()
        if found is not None and found[0] is None:
            with connection.transaction():  # of two at once, one waits
                connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('reconciler tables', 0))")
                connection.execute(sql.SQL(_TABLES).format(schema=self._schema))

    def _read(self, query: LiteralString, **values: object) -> list[TupleRow]:
        """The rows; none where the tables are not there yet."""
        with self._reading() as connection:
            try:
                return self._execute(connection, query, **values).fetchall()
            except errors.UndefinedTable:
                return []

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        if self._held is None:
            with self._connected("reading") as connection:
                yield connection
        else:
            with self._guard("reading"):
                yield self._held

    def _execute(self, connection: Connection, query: LiteralString, **values: object) -> psycopg.Cursor[TupleRow]:
        composed = sql.SQL(query).format(schema=self._schema, here=_HERE)
        return connection.execute(composed, {**self._names, **values})

    @contextmanager
    def _guard(self, doing: str) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as problem:
            raise self._failure(problem, doing) from None

    def _failure(self, problem: psycopg.Error, doing: str) -> StateError:
        """What went wrong, in the server's words."""
        reason = (problem.diag.message_primary or str(problem).strip()).splitlines()[0]
        if self._held is not None and self._held.closed:
            return lost(self.where, f"the connection broke while {doing}: {reason}")
        if isinstance(problem, psycopg.OperationalError) and problem.sqlstate is None:
            return StateError(f"{self.where}: cannot be reached: {reason}", "is the server up, and `dsn` right?")
        return StateError(f"{self.where}: {doing}: {reason}", "nothing was half-written; see what the server says")


def _parse_holder(info: str | None) -> LockInfo:
    """The holder; one of whom nothing is known while its row is being written."""
    try:
        return TypeAdapter(LockInfo).validate_json(info or "")
    except ValidationError:
        return NOBODY

"""The servers that backends are tested against, each on loopback and ended by who started it."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PATIENCE = 60
"""Seconds that a server may take to start or end."""


def find_postgres() -> Path | None:
    """The folder of PostgreSQL's programs, the newest version's."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    named = shutil.which("initdb")
    return found[-1].parent if found else Path(named).parent if named else None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Postgres:
    """A PostgreSQL server with a data folder of its own."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._data = folder / "data"
        self._as: list[str] = []
        self.port = free_port()
        if os.geteuid() == 0:  # which PostgreSQL refuses to run as
            user = pwd.getpwnam("nobody")
            self._as = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
            os.chown(folder, user.pw_uid, user.pw_gid)
        self._run("initdb", "--no-sync", "--auth=trust", "--username=reconciler", "--encoding=UTF8")
        self.process = self._start()

    @property
    def dsn(self) -> str:
        return f"postgresql://reconciler@127.0.0.1:{self.port}/postgres"

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [*self._as, self._programs / program, "-D", self._data, *arguments],
            check=True,
            capture_output=True,
            cwd="/",
            timeout=PATIENCE,
        )

    def _start(self) -> subprocess.Popen[bytes]:
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "fsync": "off",
        }
        settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        process = subprocess.Popen(
            [*self._as, self._programs / "postgres", "-D", self._data, *settings],
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        import psycopg

        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                psycopg.connect(self.dsn, connect_timeout=5).close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline or process.poll() is not None:
                    process.kill()
                    process.wait(PATIENCE)
                    raise
                time.sleep(0.05)
            else:
                return process

    def stop(self) -> None:
        """Ends it at once, as a power failure would."""
        self._run("pg_ctl", "stop", "-m", "immediate", "-w")
        self.process.wait(PATIENCE)

    def start(self) -> None:
        """Starts it anew on the same data and port."""
        self.process = self._start()


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A server; without one installed the test fails in CI, and is skipped elsewhere."""
    programs = find_postgres()
    if programs is None:
        reason = "PostgreSQL is not installed (apt-get install postgresql)"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="reconciler-postgres-"))
    try:
        folder.chmod(0o755)
        server = Postgres(programs, folder)
        try:
            yield server
        finally:
            if server.process.poll() is None:
                server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)

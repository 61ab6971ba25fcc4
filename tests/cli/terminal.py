"""The commands as processes of their own: with signals, pipes, a terminal, limits."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from acceptance.workplace import Ran, Workplace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROGRAM = [sys.executable, "-m", "reconciler"]
PATIENCE = 60
"""Seconds that anything may take: the machine may be busy."""


@dataclass
class Terminal(Workplace):
    """A workplace whose commands can also run in processes of their own."""

    @contextmanager
    def start(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """A command that runs; it is killed if it still does at the end."""
        process = subprocess.Popen(
            [*PROGRAM, *arguments],
            env=self.variables,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                yield process
            finally:
                process.kill()

    def launch(self, *arguments: str) -> Ran:
        """A command, run to its end in a process of its own."""
        with self.start(*arguments) as process:
            return self.end(process)

    def end(self, process: subprocess.Popen[str]) -> Ran:
        """How a command ended, when it has."""
        out, err = process.communicate(timeout=PATIENCE)
        self.shown += [out, err]
        return Ran(process.returncode, out, err)

    def wait_for(self, name: str, method: str, path: str = "", count: int = 1) -> None:
        """Returns once a system was asked so often for something by this method, at a path that ends so."""
        requests = getattr(self.sandbox, name).faults.requests
        wait_until(lambda: sum(got == method and at.endswith(path) for got, at in list(requests)) >= count)

    def converse(self, *arguments: str, answer: str = "", question: str = "") -> Ran:
        """A command on a terminal, where `answer` is typed after `question`. `out` is all that was seen."""
        pid, terminal = pty.fork()
        if not pid:  # the command
            os.chdir(self.folder)
            os.execve(sys.executable, [*PROGRAM, *arguments], {**self.variables, "TERM": "xterm", "COLUMNS": "100"})
        seen, deadline = b"", time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                ready, _, _ = select.select([terminal], [], [], 1)
                data = os.read(terminal, 65536) if ready else b""
            except OSError:  # Linux says so that the other end is closed
                break
            seen += data
            if question and question.encode() in seen:
                time.sleep(0.3)  # a person is no faster; between prompt and read no signal would be seen
                os.write(terminal, answer.encode())
                question = ""
        else:
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        os.close(terminal)
        self.shown.append(text := seen.decode())
        return Ran(os.waitstatus_to_exitcode(status), text, "")


def wait_until(holds: Callable[[], bool]) -> None:
    """Returns once something holds."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.005)


def flat(text: str) -> str:
    """The text on one line, however it was wrapped."""
    return " ".join(text.split())

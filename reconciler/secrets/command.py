"""Secrets that a command fetches and keeps: the way to Vault, pass and their like."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING

from pydantic import SecretStr

from reconciler.errors import SecretError
from reconciler.secrets.operator import PLACE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.secrets.operator import Command

_NAME = re.compile(r"\w[\w.@-]*(?:/\w[\w.@-]*)*", re.ASCII)
_PROBE = "reconciler-probe"
_WINDOW = 6
"""So many characters of a secret in a row are taken for a part of it."""
_TOKEN = re.compile(r"(?=[\w+/=-]*\d)(?=[\w+/=-]*[A-Za-z])[\w+/=-]{16,}")
_SHOWN = 300


class CommandStore:
    """The store that the operator's `command` speaks to.

    A command runs without a shell, in the root folder, with the environment `environ`, and with nothing but the
    secret's name in its arguments. Secrets that were given or kept once are not asked for again. Nothing that a
    command printed gets into an error if it could be a part of a secret.
    """

    def __init__(self, name: str, command: Command, environ: Mapping[str, str]) -> None:
        self._name = name
        self._command = command
        self._environ = environ
        self._known: dict[str, SecretStr] = {}
        self._putting = Lock()

    @property
    def writable(self) -> bool:
        """Whether a command is defined for keeping, and is there. Runs nothing."""
        put = self._command.put
        return put is not None and shutil.which(put[0], path=self._environ.get("PATH")) is not None

    def get(self, name: str) -> SecretStr | None:
        """The secret that `get` prints; None if it ended with the code that means absence."""
        if name in self._known:
            return self._known[name]
        value = self._fetch(name)
        if value is not None:
            self._known[name] = value
        return value

    def put(self, name: str, value: SecretStr) -> None:
        """Keeps the secret, one at a time, and reads it back: what a server shows once must not get lost here."""
        if self._command.put is None:
            raise SecretError(
                f"the command {self._name} can only read: it cannot keep the secret {name}",
                f"define put in [commands.{self._name}] of your configuration, or choose another store",
            )
        with self._putting:
            self._known.pop(name, None)
            code, _, said = self._run(self._command.put, name, value)
            if code:
                raise self._failure("put", name, code, _excerpt(said, value.get_secret_value()))
            kept = self._fetch(name)
        if kept != value:
            raise SecretError(
                f"the command {self._name} did not keep the secret {name}: get gives something else than put took",
                f"see that both of [commands.{self._name}] mean the same place, and that put reads standard input",
            )
        self._known[name] = value

    def check_writable(self) -> None:
        """Keeps a probe under a name of its own, and reads it back."""
        self.put(_PROBE, SecretStr("probe"))

    def _fetch(self, name: str) -> SecretStr | None:
        code, printed, said = self._run(self._command.get, name, None)
        if code and code == self._command.absent:
            return None
        if code:
            raise self._failure("get", name, code, _excerpt(said, printed.decode(errors="replace")))
        try:
            text = printed.decode().removesuffix("\n")
        except UnicodeDecodeError:
            text = ""
        if not text or "\0" in text:
            raise SecretError(
                f"the command {self._name} gave no text for the secret {name}",
                "if that means that there is no such secret, let it end with an exit code, and name that as `absent`",
            )
        return SecretStr(text)

    def _run(self, arguments: tuple[str, ...], name: str, value: SecretStr | None) -> tuple[int, bytes, bytes]:
        """Exit code, standard output, standard error."""
        if not _NAME.fullmatch(name):
            raise SecretError(
                f"{name!r} is no name for a secret of the command {self._name}",
                "use letters, digits and . _ - @, and / between words; a word begins with a letter or digit",
            )
        line = [arguments[0], *(argument.replace(PLACE, name) for argument in arguments[1:])]
        try:
            process = subprocess.Popen(  # noqa: S603 - the operator's own words, and a name that was checked
                line,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(self._environ),
                cwd="/",  # not where the spec lies: a program may take instructions from the folder it runs in
                start_new_session=True,  # so that all of it can be ended, and Ctrl-C does not end it half-way
            )
        except OSError as problem:
            raise SecretError(
                f"the command {self._name} cannot be run: {line[0]}: {problem.strerror}",
                f"install it, or correct [commands.{self._name}] of your configuration",
            ) from None
        answer: tuple[bytes, bytes] | None = None
        with process:
            try:
                given = value.get_secret_value().encode() if value else b""
                answer = process.communicate(given, timeout=self._command.timeout)
            except subprocess.TimeoutExpired:
                pass  # it holds what was printed, so it must not be the context of what is raised
            finally:
                if answer is None:
                    with suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
        if answer is None:
            raise SecretError(
                f"the command {self._name} took longer than {self._command.timeout:g} s over {name}",
                "see what it waits for: it cannot ask anybody; or give it a longer timeout",
            )
        return process.returncode, *answer

    def _failure(self, verb: str, name: str, code: int, said: str) -> SecretError:
        remedy = f"run {verb} of [commands.{self._name}] by hand to see why"
        if verb == "get" and self._command.absent is None and code > 0:
            remedy += f"; if that exit code means that there is no such secret, add absent = {code} there"
        end = f"exit code {code}" if code > 0 else f"signal {-code}"
        return SecretError(f"the command {self._name} failed to {verb} the secret {name}: {end}: {said}", remedy)


def _excerpt(said: bytes, secret: str) -> str:
    """What a command said on standard error, fit to be shown."""
    text = " ".join("".join(char if char.isprintable() else " " for char in said.decode(errors="replace")).split())
    for line in secret.splitlines():
        part = line.strip()
        if part and any(part[at : at + _WINDOW] in text for at in range(max(1, len(part) - _WINDOW + 1))):
            return "what it said holds a part of the secret and is not shown"
    return _TOKEN.sub("[not shown]", text)[:_SHOWN] or "it said nothing"

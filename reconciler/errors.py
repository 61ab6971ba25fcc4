"""Every way a command can fail, each with the exit code it ends with.

```text
ReconcilerError                1   something went wrong; the message says what, where and what to do
├── FindingsError              1   several things are wrong: all of them, as diagnostics
│   ├── SpecError                  the spec has problems
│   └── CredentialsError           credentials are missing or malformed
├── StateError                 1   the state cannot be read or written
│   ├── LockedError            4   somebody else holds the lock
│   └── StalePlanError         5   the saved plan no longer fits, or was edited
├── SecretError                1   a secret store cannot give or take a secret
├── ManualError                1   a removal that a person has to carry out
├── RefusedError               6   a hazard was not allowed
├── IncompleteError            7   a system could not be read
├── MisuseError               64   the command line is wrong
└── RequestError               7   one request to a system failed
    ├── UnreachableError           no answer: connection, time-out
    │   └── UntrustedError         no TLS with this system, or none that can be trusted
    ├── InDoubtError               the request may have been carried out, but no answer came
    ├── BadAnswerError             an answer that makes no sense: HTML, cut JSON, a redirect
    └── StatusError                an answer with a status that means refusal
```
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.diagnostic import Diagnostic


class ExitCode(IntEnum):
    """The exit codes of every command."""

    DONE = 0
    ERROR = 1
    CHANGES = 2
    PARTLY = 3
    LOCKED = 4
    STALE = 5
    REFUSED = 6
    INCOMPLETE = 7
    UNVERIFIED = 8
    MANUAL = 9
    USAGE = 64
    INTERRUPTED = 130
    TERMINATED = 143


class ReconcilerError(Exception):
    """A failure with a message for a person: what happened, where, what to do next."""

    exit_code = ExitCode.ERROR

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n{self.remedy}" if self.remedy else self.message


class FindingsError(ReconcilerError):
    """Several things are wrong; `diagnostics` holds all of them."""

    def __init__(self, message: str, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__(message)
        self.diagnostics = tuple(diagnostics)


class SpecError(FindingsError):
    """The spec has problems."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        count = len(diagnostics)
        super().__init__(f"{count} problem{'s' if count > 1 else ''} in the spec", diagnostics)


class CredentialsError(FindingsError):
    """Credentials are missing or malformed. The findings never hold one."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        count = len(diagnostics)
        super().__init__(
            f"{count} credential{'s' if count > 1 else ''} to set right; no system was asked", diagnostics
        )


class StateError(ReconcilerError):
    """The state cannot be read, or cannot be written."""


class LockedError(StateError):
    """Somebody else holds the lock of this state: its id is `lock_id`."""

    exit_code = ExitCode.LOCKED

    def __init__(self, message: str, remedy: str = "", *, lock_id: str = "") -> None:
        super().__init__(message, remedy)
        self.lock_id = lock_id


class StalePlanError(StateError):
    """A saved plan that no longer fits what it was made from, or that was edited."""

    exit_code = ExitCode.STALE


class SecretError(ReconcilerError):
    """A secret store cannot give or take a secret. The message never holds the secret."""


class ManualError(ReconcilerError):
    """A removal that no request can carry out: `instructions` says what a person has to do, line by line."""

    def __init__(self, instructions: Sequence[str]) -> None:
        super().__init__("a person has to remove it", "\n".join(instructions))
        self.instructions = tuple(instructions)


class RefusedError(ReconcilerError):
    """The plan holds hazards that were not allowed."""

    exit_code = ExitCode.REFUSED


class IncompleteError(ReconcilerError):
    """A system could not be read, so there is no whole plan."""

    exit_code = ExitCode.INCOMPLETE


class MisuseError(ReconcilerError):
    """The command line is wrong."""

    exit_code = ExitCode.USAGE


class RequestError(ReconcilerError):
    """One request to a system failed. `where` is method and URL, without query values."""

    exit_code = ExitCode.INCOMPLETE

    def __init__(self, message: str, where: str, remedy: str = "") -> None:
        super().__init__(f"{where}: {message}", remedy)
        self.where = where


class UnreachableError(RequestError):
    """No answer came, and the request was not carried out."""


class UntrustedError(UnreachableError):
    """There is no TLS with this system, or none that can be trusted."""


class InDoubtError(RequestError):
    """The request may have been carried out, but no answer came."""


class BadAnswerError(RequestError):
    """The answer makes no sense here: HTML for JSON, JSON cut short, a redirect."""


class StatusError(RequestError):
    """The system answered with a status that was not expected."""

    def __init__(self, status: int, message: str, where: str, remedy: str = "") -> None:
        super().__init__(f"{status} {message}".rstrip(), where, remedy)
        self.status = status

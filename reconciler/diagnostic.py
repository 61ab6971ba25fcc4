"""A finding for a person: how bad, what, where, what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a finding is: an error stops the run, a warning does not, a note only informs."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    `where` is a key path of the spec (`sso.jira.plugin`), an address, or a file; `file` and `line` (from 1)
    are known once the key path was looked up in the text of the spec.
    """

    severity: Severity
    message: str
    where: str = ""
    remedy: str = ""
    file: str = ""
    line: int = 0


def error(message: str, where: str = "", remedy: str = "") -> Diagnostic:
    """A finding that stops the run."""
    return Diagnostic(Severity.ERROR, message, where, remedy)


def warning(message: str, where: str = "", remedy: str = "") -> Diagnostic:
    """A finding that a person should know before going on."""
    return Diagnostic(Severity.WARNING, message, where, remedy)


def note(message: str, where: str = "", remedy: str = "") -> Diagnostic:
    """A finding that only informs."""
    return Diagnostic(Severity.NOTE, message, where, remedy)

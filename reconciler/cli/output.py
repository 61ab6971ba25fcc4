"""What a person or a program gets to see: results on stdout, everything else on stderr."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import suppress
from traceback import extract_tb
from typing import TYPE_CHECKING, TextIO

import click

from reconciler.errors import MisuseError, ReconcilerError
from reconciler.render.diagnostics import error_text
from reconciler.render.document import error_document, json_text
from reconciler.render.terminal import Style, choose_style

if TYPE_CHECKING:
    from reconciler.errors import ExitCode
    from reconciler.render.document import Document

_FRAMES = 8
"""So many lines of where a mistake happened are shown."""


def style_of(stream: TextIO) -> Style:
    """Colours only on a terminal, and never with NO_COLOR; plain symbols where the encoding knows no others."""
    return choose_style(terminal=stream.isatty(), encoding=stream.encoding or "ascii", environment=os.environ)


def width() -> int:
    """The columns to write for; 100 where there is no terminal."""
    return shutil.get_terminal_size((100, 24)).columns


def print_text(text: str) -> None:
    """A result for a person."""
    click.echo(text.rstrip("\n"))


def print_json(content: Document) -> None:
    """A result for a program: one JSON document."""
    click.echo(json_text(content).rstrip("\n"))


def report(problem: Exception, *, as_json: bool) -> ExitCode:
    """Prints a failure on stderr, `as_json` on stdout too; the exit code that it means."""
    known = problem if isinstance(problem, ReconcilerError) else _explain(problem)
    click.echo(error_text(known, style_of(sys.stderr), columns=width()).rstrip("\n"), err=True)
    if as_json:
        with suppress(OSError):  # that stdout takes nothing may be the failure itself
            print_json(error_document(known))
    return known.exit_code


def print_misuse(problem: click.UsageError) -> None:
    """A wrong command line on stdout, as JSON; a person reads it on stderr, where click prints it."""
    remedy = f"{problem.ctx.command_path} --help says what there is" if problem.ctx else ""
    print_json(error_document(MisuseError(problem.format_message(), remedy)))


def _explain(problem: Exception) -> ReconcilerError:
    """What nobody foresaw, in words. The text of a strange exception is left out: it may hold anything."""
    if isinstance(problem, OSError) and problem.strerror:
        where = f"{problem.filename}: " if problem.filename else ""
        return ReconcilerError(f"{where}{problem.strerror}", "see what is wrong there, then run the command again")
    frames = extract_tb(problem.__traceback__)[-_FRAMES:]
    places = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
    return ReconcilerError(
        f"an unexpected {type(problem).__name__}, which is a mistake in reconciler",
        "\n".join(["please report it with these lines; what an apply did until then is recorded", *places]),
    )

"""What a person or a program gets to see: results on stdout, everything else on stderr."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING, TextIO

import click

from reconciler.render.diagnostics import error_text
from reconciler.render.document import json_text
from reconciler.render.terminal import Style, choose_style

if TYPE_CHECKING:
    from reconciler.errors import ReconcilerError
    from reconciler.render.document import Document


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


def print_error(problem: ReconcilerError) -> None:
    """A failure, on stderr."""
    click.echo(error_text(problem, style_of(sys.stderr), columns=width()).rstrip("\n"), err=True)

"""What a person or a program gets to see: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import TYPE_CHECKING, TextIO

import click

from reconciler.render.diagnostics import error_text
from reconciler.render.terminal import Style

if TYPE_CHECKING:
    from reconciler.errors import ReconcilerError


def style_of(stream: TextIO) -> Style:
    """Colours only on a terminal, and never with NO_COLOR; plain symbols where the encoding knows no others."""
    colour = stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Style(colour=colour, unicode="utf" in (stream.encoding or "").lower())


def width() -> int:
    """The columns to write for; 100 where there is no terminal."""
    return shutil.get_terminal_size((100, 24)).columns


def print_text(text: str) -> None:
    """A result for a person."""
    click.echo(text)


def print_json(content: object) -> None:
    """A result for a program: one JSON document."""
    click.echo(json.dumps(content, indent=2, ensure_ascii=False))


def print_error(problem: ReconcilerError) -> None:
    """A failure, on stderr."""
    click.echo(error_text(problem, style_of(sys.stderr)), err=True)

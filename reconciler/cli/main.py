"""The command line: finds the command, runs it, and turns every failure into a sentence and an exit code."""

from __future__ import annotations

import gc
import os
import signal
import sys
from importlib import import_module
from io import TextIOWrapper
from itertools import pairwise
from typing import TYPE_CHECKING

import click

from reconciler import __version__
from reconciler.errors import ExitCode

if TYPE_CHECKING:
    from types import FrameType

_COMMANDS = {
    "validate": "Check the spec. Needs no network.",
    "plan": "Show what an apply would do, and what drifted.",
    "apply": "Make the systems what the spec says.",
    "rotate": "Give a client a new secret, and every sign-on with it.",
    "drift": "Say what somebody changed outside the spec.",
    "doctor": "Say what would stop a login, and what to do.",
    "verify": "Prove the login, as far as it goes without a password.",
    "show": "Print a saved plan.",
    "import": "Take one existing object into the state as it is.",
    "forget": "Let one object go and leave it where it is.",
    "state": "Look into the state.",
    "sandbox": "Serve an emulated Clavex, Jira and Confluence.",
}

_HELP = """Keep Jira and Confluence single sign-on with Clavex in Git.

One TOML spec says which OIDC clients, redirect URIs, SSO plugin settings and group mappings should exist.
`plan` shows what differs on both ends, `apply` makes it so, `drift` says what somebody changed by hand.

\b
Start here:
  reconciler validate     is the spec right?
  reconciler plan         what would happen?
  reconciler apply        do it, after asking
  reconciler drift        from cron: exit code 2 when something drifted
  reconciler doctor       why does a login not work?
  reconciler verify       does it? followed from the product to Clavex

\b
Exit codes:
  0    done; nothing to do; in sync
  1    error: the message says what happened, where, and what to do
  2    plan --detailed-exitcode: something to do; drift: something drifted
  3    apply: some changes failed or were skipped, the others were made
  4    the state is locked: somebody else is applying
  5    the saved plan is stale or was edited
  6    refused: a hazard was not allowed, see apply --allow
  7    a system could not be read
  8    doctor, verify, apply --verify: something would stop a login
  9    applied, but a person has something left to do
  64   the command line is wrong
  130  interrupted by Ctrl-C; 143: by SIGTERM

Results go to stdout, everything else to stderr. With --json, stdout holds one JSON document, also for an error
and a wrong command line; an interrupted command may leave it out.
Colours appear on a terminal only, and not with NO_COLOR.
"""


class Commands(click.Group):
    """The commands, each imported when it runs: `--version` answers in a blink."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The commands in the order in which one meets them."""
        return list(_COMMANDS)

    def invoke(self, ctx: click.Context) -> object:
        """What the command returned; an exit code for every failure, which was printed as sentences."""
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.Abort, click.UsageError, BrokenPipeError):
            raise
        except Exception as problem:  # noqa: BLE001 - whatever it is, a person gets a sentence
            from reconciler.cli.options import JSON_ASKED
            from reconciler.cli.output import report

            return report(problem, as_json=bool(ctx.meta.get(JSON_ASKED)))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The command of this name; None lets click say what there is."""
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"reconciler.cli.{cmd_name}_")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is called; UsageError, with the nearest one, if there is none of that name."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as problem:
            from reconciler.spec.suggestion import did_you_mean

            hint = did_you_mean(args[0], _COMMANDS, "the commands are")
            raise click.UsageError(f"{problem.message.rstrip('.')}: {hint}", ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """The list in the help text, without importing the commands."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.command(
    cls=Commands, help=_HELP, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="reconciler")
def main() -> None:
    """The program without a command shows its help."""


def run() -> None:
    """The entry point of the program."""
    signal.signal(signal.SIGTERM, _terminated)
    _travel_light()
    _prepare_streams()
    code = outcome(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # it was said already, or nobody listens; Python would try again, and make it 120
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    # At once: what was read is not worth being given back object by object, and nobody waits for a thread that still
    # waits for a system.
    os._exit(code)


def _prepare_streams() -> None:
    """Every stream is there, even where none was given, and takes names in any script."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))
        elif isinstance(stream, TextIOWrapper) and mode == "w":
            stream.reconfigure(errors="backslashreplace")


def _travel_light() -> None:
    """Leaves out what a short run pays for and does not use."""
    gc.set_threshold(500_000)  # what a run reads it keeps: looking through it again and again is a third of a plan
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # 10 ms; and no plugin shall see what is validated
    sys.modules["httpx._main"] = None  # type: ignore[assignment] # httpx's own command line: 40 ms, with all of rich


def outcome(arguments: list[str]) -> int:
    """The exit code that `arguments` lead to; every failure was printed to stderr as sentences."""
    try:
        result = main.main(arguments, prog_name="reconciler", standalone_mode=False)
        return int(result) if isinstance(result, int) else ExitCode.DONE
    except click.UsageError as problem:
        problem.show()
        if _asks_for_json(arguments):
            from reconciler.cli.output import print_misuse

            print_misuse(problem)
        return ExitCode.USAGE
    except click.Abort:
        click.echo("interrupted; nothing is half-written", err=True)
        return ExitCode.INTERRUPTED
    except Terminated:
        click.echo("terminated; nothing is half-written", err=True)
        return ExitCode.TERMINATED
    except OSError as problem:  # a help text that cannot be printed
        from reconciler.cli.output import report

        return report(problem, as_json=False)
    except SystemExit:  # by click: nobody reads what we print, which is nothing to complain about
        return ExitCode.ERROR


def _asks_for_json(arguments: list[str]) -> bool:
    """Whether JSON is asked for: by the words alone, since the command line could not be read as a whole."""
    return bool({"--json", "--format=json"} & {*arguments}) or ("--format", "json") in pairwise(arguments)


class Terminated(BaseException):
    """SIGTERM came."""


def _terminated(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a signal handler
    raise Terminated

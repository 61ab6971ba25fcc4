"""The command line: finds the command, runs it, and turns every failure into a sentence and an exit code."""

from __future__ import annotations

import gc
import os
import signal
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import click

from reconciler import __version__
from reconciler.errors import ExitCode, ReconcilerError

if TYPE_CHECKING:
    from types import FrameType

_COMMANDS = {
    "validate": "Check the spec. Needs no network.",
    "plan": "Show what an apply would do, and what drifted.",
    "apply": "Make the systems what the spec says.",
    "drift": "Say what somebody changed outside the spec.",
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

\b
Exit codes: 0 done, 1 error, 2 changes or drift, 3 some changes failed, 4 locked, 5 stale plan, 6 refused,
7 a system could not be read, 9 manual work is left, 64 misuse, 130 and 143 interrupted.
"""


class Commands(click.Group):
    """The commands, each imported when it runs: `--version` answers in a blink."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The commands in the order in which one meets them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of this name; None lets click say what there is."""
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"reconciler.cli.{cmd_name}_")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
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
    code = outcome(sys.argv[1:])
    gc.freeze()  # the process ends: nothing is worth a last collection
    sys.exit(code)


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
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.UsageError as problem:
        problem.show()
        return ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("\ninterrupted; nothing was left half-written", err=True)
        return ExitCode.INTERRUPTED
    except ReconcilerError as problem:
        from reconciler.cli.output import print_error

        print_error(problem)
        return problem.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return ExitCode.ERROR


def _terminated(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a signal handler
    raise SystemExit(ExitCode.TERMINATED)

"""A command line that is wrong: 64, what is wrong, and what was probably meant. And the help."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from cli.terminal import flat

from reconciler.cli.main import main
from reconciler.core.plan import HazardName
from reconciler.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.terminal import Terminal

MISUSES = {
    ("aply",): "did you mean apply?",
    ("xyzzy",): "the commands are apply,",
    ("plan", "--detailed-exit-code"): "--detailed-exitcode",
    ("plan", "--format", "yaml"): "'text', 'json', 'markdown'",
    ("plan", "--parallelism", "0"): "0 is not in the range",
    (
        "plan",
        "--allow",
        "lock-out",
    ): "no such hazard: lock-out; the hazards are deletes, replaces, rotates, takes-over",
    ("apply", "--allow", "=clavex/client/atlassian"): "the hazards are deletes",
    ("apply", "--allow", "deletes="): "deletes= names no subject",
    ("plan", "--allow", "de\x1b[2Jletes"): "no such hazard: de\\x1b[2Jletes",
    ("apply", "one", "two"): "unexpected extra argument",
    ("apply", "plan.json", "--destroy"): "leave out FILE",
    ("apply", "--json"): "add --auto-approve",
    ("show",): "Missing argument 'FILE'",
    ("import",): "Missing argument 'ADDRESS'",
    ("import", "client"): "write system/type/name, e.g. clavex/client/atlassian",
    ("forget", "a/b"): "write system/type/name",
    ("state", "show", "/b/c"): "write system/type/name",
    ("state",): "Usage: reconciler state",
    ("plan", "--stack", "../acme"): "no path",
    ("plan", "--stack", "specs/acme"): "no path",
    ("plan", "--env", "../../x"): "no path",
    (): "Usage: reconciler",
}


@pytest.mark.parametrize(("arguments", "said"), MISUSES.items(), ids=" ".join)
def test_misuse(terminal: Terminal, arguments: tuple[str, ...], said: str) -> None:
    ran = terminal.run(*arguments).ended(ExitCode.USAGE)
    assert said in flat(ran.err)
    assert not ran.out or "--json" in arguments
    assert not any(served.faults.requests for served in terminal.sandbox.served)


def test_a_stack_that_there_is_not(terminal: Terminal) -> None:
    for command in (("plan",), ("validate",), ("state", "list"), ("apply", "--auto-approve")):
        ran = terminal.run(*command, "--stack", "acmee").ended(ExitCode.ERROR)
        assert "no stack is called acmee" in flat(ran.err)
        assert "did you mean acme?" in ran.err


def test_the_state_of_a_stack_whose_spec_is_gone(applied: Terminal) -> None:
    (applied.folder / "specs" / "acme" / "acme.toml").unlink()
    (applied.folder / "specs" / "acme").rmdir()
    assert "clavex/client/atlassian" in applied.run("state", "list", "--stack", "acme").ended(ExitCode.DONE).out


def test_a_stack_that_is_not_named_where_there_are_several(terminal: Terminal) -> None:
    other = terminal.folder / "specs" / "other"
    other.mkdir()
    (other / "spec.toml").write_text("")
    ran = terminal.run("plan").ended(ExitCode.ERROR)
    assert "several stacks: acme, other" in flat(ran.err)
    assert "choose one with --stack" in ran.err
    terminal.run("plan", "--stack", "acme/").ended(ExitCode.DONE)  # as the shell completes it


def test_an_environment_that_there_is_not(terminal: Terminal) -> None:
    terminal.write_overlay("staging", {})
    ran = terminal.run("plan", "--env", "stagin").ended(ExitCode.ERROR)
    assert "did you mean staging?" in ran.err


def test_no_folder_of_specs(terminal: Terminal) -> None:
    ran = terminal.run("plan", "--specs", "none").ended(ExitCode.ERROR)
    assert "none: no stack here" in ran.err
    assert "name its parent with --specs" in flat(ran.err)


def test_a_hazard_may_be_allowed_for_one_subject(terminal: Terminal) -> None:
    ran = terminal.apply("locks-out=confluence/idp/other").ended(ExitCode.REFUSED)
    assert "nothing was done: 1 hazard of the plan needs permission" in ran.err
    refusal = ran.err[ran.err.index("error: ") :]
    assert refusal.count("--allow locks-out=confluence/idp/confluence") == refusal.count("locks-out") == 1
    assert "--allow locks-out=confluence/idp/other covers nothing" in ran.err
    terminal.apply("locks-out=confluence/idp/confluence").ended(ExitCode.DONE)


# --- help ---------------------------------------------------------------------------------------------------------


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        with click.Context(command) as context:
            for name in command.list_commands(context):
                found = command.get_command(context, name)
                assert found
                yield from commands(found, (*path, name))


ALL = dict(commands(main))


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_help(terminal: Terminal, path: tuple[str, ...]) -> None:
    """Fits a terminal of 80 columns; every option says what it is for; -h is the same."""
    ran = terminal.run(*path, "--help").ended(ExitCode.DONE)
    assert not ran.err
    assert max(map(len, ran.out.splitlines())) <= 80
    assert terminal.run(*path, "-h").out == ran.out
    for option in ALL[path].params:
        assert isinstance(option, click.Argument) or option.help


def test_no_command_takes_what_means_nothing_to_it(terminal: Terminal) -> None:
    for command, option in (
        ("validate", "--state-dir"),
        ("validate", "--parallelism"),
        ("state list", "--parallelism"),
    ):
        assert "No such option" in terminal.run(*command.split(), f"{option}=1").ended(ExitCode.USAGE).err


def test_the_help_lists_every_exit_code(terminal: Terminal) -> None:
    told = {int(code) for code in re.findall(r"\b\d+\b", terminal.run("--help").out.partition("Exit codes:")[2])}
    assert {int(code) for code in ExitCode} <= told


def test_the_help_names_every_hazard(terminal: Terminal) -> None:
    for command in ("plan", "apply"):
        told = re.sub(r"-\s+", "-", terminal.run(command, "--help").out)
        assert all(name in told for name in HazardName)


def test_every_command_is_in_the_help_and_has_a_file(terminal: Terminal) -> None:
    told = terminal.run("--help").out.partition("Commands:")[2]
    files = {path.stem.rstrip("_") for path in (Path(__file__).parents[2] / "reconciler/cli").glob("*[a-z]_.py")}
    assert set(re.findall(r"^  (\w+)  ", told, re.MULTILINE)) == files == {path[0] for path in ALL if path}


def test_version(terminal: Terminal) -> None:
    assert re.fullmatch(r"reconciler, version \d+\.\d+\.\d+\n", terminal.run("--version").ended(ExitCode.DONE).out)


def test_no_line_of_the_list_of_commands_is_cut(terminal: Terminal) -> None:
    for arguments in (("--help",), ("state", "--help")):
        assert "..." not in terminal.run(*arguments).ended(ExitCode.DONE).out.partition("Commands:")[2]

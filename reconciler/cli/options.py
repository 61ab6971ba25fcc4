"""The options that many commands share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from reconciler.errors import ReconcilerError, StalePlanError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reconciler.core.address import Address
    from reconciler.core.plan import Plan
    from reconciler.core.secret import Handle
    from reconciler.flows.place import Place
    from reconciler.transport.budget import Retries  # noqa: TC004 - nothing reads the annotations of Where

JSON_ASKED = "reconciler.json"
"""The key of click's `meta` that says whether the command was asked for JSON."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_STATES = Path("state")
_IN_FLIGHT = 20
_AGAIN = 200


@dataclass(frozen=True, slots=True)
class Where:
    """The options that say where a command works."""

    stack: str | None
    environment: str | None
    specs: Path
    states: Path
    parallelism: int
    retries: Retries

    def place(self) -> Place:
        """The place. ReconcilerError if there is no such stack, or none is named and there is not just one."""
        return self._at(self._known(self.stack) if self.stack else _only_stack(self.specs), self.environment)

    def _known(self, stack: str) -> str:
        """The stack; of one whose spec is gone there may still be a state."""
        if (self.specs / stack).is_dir() or (self.states / stack).is_dir():
            return stack
        from reconciler.spec.suggestion import did_you_mean

        remedy = did_you_mean(stack, _stacks(self.specs), "the stacks here are") or "name their folder with --specs"
        raise ReconcilerError(f"{self.specs}: no stack is called {stack}", remedy)

    def place_of(self, plan: Plan) -> Place:
        """The place that a saved plan was made for. UsageError if the command line names another."""
        for option, said, made in (
            ("--stack", self.stack, plan.stack),
            ("--env", self.environment, plan.environment),
        ):
            if not _NAME.fullmatch(made):
                raise StalePlanError(f"the plan is for {made!r}, which is no name of a stack or an environment")
            if said and said != made:
                raise click.UsageError(f"the plan is for {option} {made}, and you asked for {said}")
        return self._at(plan.stack, plan.environment)

    def _at(self, stack: str, environment: str | None) -> Place:
        from reconciler.flows.place import DEFAULT_ENVIRONMENT, Place

        overlay = None if environment == DEFAULT_ENVIRONMENT else environment
        return Place(stack, overlay, self.specs, self.states, parallelism=self.parallelism, retries=self.retries)


def _read_name(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """The name of a stack or an environment: a word, since folders are called so."""
    name = (value or "").rstrip("/")
    if name and not _NAME.fullmatch(name):
        raise click.BadParameter(f"{name!r} is no name: letters, digits, '.', '-' and '_', and no path")
    return name or None


def _remember(context: click.Context, _parameter: click.Parameter, value: bool) -> bool:
    """Whether JSON is wanted: an error is printed so too."""
    context.meta[JSON_ASKED] = context.meta.get(JSON_ASKED) or value
    return value


def _remember_form(context: click.Context, parameter: click.Parameter, value: str) -> str:
    _remember(context, parameter, value == "json")
    return value


def _read_allowed(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> frozenset[str]:
    """What is permitted: `HAZARD` or `HAZARD=SUBJECT`."""
    if values:
        from reconciler.core.plan import HazardName
        from reconciler.render.terminal import PLAIN

        if unknown := {value.partition("=")[0] for value in values} - set(HazardName):
            names = PLAIN.safe(", ".join(sorted(unknown)))
            raise click.BadParameter(f"no such hazard: {names}; the hazards are {', '.join(HazardName)}")
        if bare := [value for value in values if value.endswith("=")]:
            raise click.BadParameter(f"{bare[0]} names no subject; without the = it permits the hazard everywhere")
    return frozenset(values)


_SPEC = (
    click.option(
        "-s",
        "--stack",
        metavar="NAME",
        envvar="RECONCILER_STACK",
        show_envvar=True,
        callback=_read_name,
        help="Folder below --specs that holds the spec. Not needed where there is only one.",
    ),
    click.option(
        "-e",
        "--env",
        "environment",
        metavar="NAME",
        envvar="RECONCILER_ENV",
        show_envvar=True,
        callback=_read_name,
        help="Environment: its overlay is env/NAME.toml in the stack's folder, its state is its own.",
    ),
    click.option(
        "--specs",
        type=click.Path(path_type=Path),
        default=Path("specs"),
        envvar="RECONCILER_SPECS",
        show_envvar=True,
        show_default=True,
        help="Folder that holds the stacks.",
    ),
)
_STATE_DIR = click.option(
    "--state-dir",
    type=click.Path(path_type=Path),
    default=_STATES,
    envvar="RECONCILER_STATE_DIR",
    show_envvar=True,
    show_default=True,
    help="Folder that holds the states and the secrets of file stores.",
)
_PARALLELISM = click.option(
    "--parallelism",
    metavar="N",
    type=click.IntRange(1, 100),
    default=_IN_FLIGHT,
    show_default=True,
    help="At most so many requests at once to each system; fewer to one that says it is too many.",
)
_RETRIES = click.option(
    "--retries",
    metavar="N",
    type=click.IntRange(0, 10_000),
    default=_AGAIN,
    show_default=True,
    help="At most so many requests are sent again, all together; how many is said at the end.",
)
as_json = click.option(
    "--json",
    "as_json",
    is_flag=True,
    is_eager=True,
    callback=_remember,
    help="Print JSON (docs/plan.md), an error too.",
)
as_form = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    callback=_remember_form,
    help="For a person, for a program (docs/plan.md; the same as --json), or for a merge request.",
)
allow = click.option(
    "--allow",
    "allowed",
    multiple=True,
    metavar="HAZARD[=SUBJECT]",
    callback=_read_allowed,
    help="Permit a hazard, everywhere or for the one subject that the plan names. Can be repeated. Hazards: deletes, "
    "replaces, rotates, takes-over, locks-out, too-much, moves-host, new-host, incomplete.",
)


class Account(NamedTuple):
    """A test account of Clavex, and where its password lies; empty if none is named."""

    user: str = ""
    password: Handle | None = None


def with_account(function: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command the options that name a test account, as `account`."""

    @click.option(
        "--as", "user", metavar="USER", default="", help="Log in with this test account too, by every sign-on."
    )
    @click.option(
        "--password-from",
        "password",
        metavar="HANDLE",
        callback=_read_handle,
        help="Where its password lies: env:NAME, file:NAME#KEY or command:NAME#KEY.",
    )
    @wraps(function)
    def command(*, user: str, password: Handle | None, **rest: Any) -> Any:  # noqa: ANN401 - as above
        if bool(user) is not bool(password):
            raise click.UsageError("--as and --password-from belong together")
        return function(account=Account(user, password), **rest)

    return command


def _read_handle(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Handle | None:
    """Where a secret lies. What was typed is not shown: it may be the password itself."""
    from reconciler.spec.rules import BrokenRuleError, parse_handle

    try:
        return None if value is None else parse_handle(value)
    except BrokenRuleError:
        raise click.BadParameter("it is env:NAME, file:NAME#KEY or command:NAME#KEY, never the password") from None


def with_place(function: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command the options that say where it works, and passes them as `place`."""
    return _take((*_SPEC, _STATE_DIR, _PARALLELISM, _RETRIES), _placed(function))


def with_spec(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a command that reads the spec alone."""
    return _take(_SPEC, _placed(function))


def with_state(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a command that asks no system."""
    return _take((*_SPEC, _STATE_DIR), _placed(function))


def with_where(function: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command the options that say where it works, and passes them as `where`."""
    return _take((*_SPEC, _STATE_DIR, _PARALLELISM, _RETRIES), function)


def _placed(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def command(*, where: Where, **rest: Any) -> Any:  # noqa: ANN401 - its own options, and what it returns
        return function(place=where.place(), **rest)

    return command


def _take(options: Sequence[Callable[..., Any]], function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def command(
        *,
        stack: str | None,
        environment: str | None,
        specs: Path,
        state_dir: Path = _STATES,
        parallelism: int = _IN_FLIGHT,
        retries: int = _AGAIN,
        **rest: Any,  # noqa: ANN401 - its own options
    ) -> Any:  # noqa: ANN401 - what the command returns
        from reconciler.transport import budget

        spent = budget.Retries(retries)
        try:
            return function(where=Where(stack, environment, specs, state_dir, parallelism, spent), **rest)
        finally:
            if spent.summary:
                click.echo(spent.summary, err=True)

    taking: Callable[..., Any] = command
    for option in reversed(options):
        taking = option(taking)
    return taking


def read_address(text: str) -> Address:
    """The address that a person typed."""
    from reconciler.core.address import parse_address

    try:
        return parse_address(text)
    except ValueError as problem:
        raise click.BadParameter(str(problem), param_hint="ADDRESS") from None


def _stacks(specs: Path) -> list[str]:
    return sorted(path.name for path in specs.glob("*") if path.is_dir() and any(path.glob("*.toml")))


def _only_stack(specs: Path) -> str:
    found = _stacks(specs)
    if len(found) == 1:
        return found[0]
    if not found:
        raise ReconcilerError(
            f"{specs}: no stack here", "a stack is a folder with TOML files; name its parent with --specs"
        )
    raise ReconcilerError(f"{specs}: several stacks: {', '.join(found)}", "choose one with --stack")

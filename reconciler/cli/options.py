"""The options that many commands share."""

from __future__ import annotations

from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.errors import ReconcilerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.core.address import Address
    from reconciler.flows.place import Place


def with_place(function: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command the options that say where it works, and passes them as `place`."""

    @click.option("-s", "--stack", envvar="RECONCILER_STACK", help="Folder below --specs. Default: the only one.")
    @click.option("-e", "--env", "environment", envvar="RECONCILER_ENV", help="Overlay: specs/STACK/env/ENV.toml.")
    @click.option(
        "--specs",
        type=click.Path(path_type=Path),
        default=Path("specs"),
        envvar="RECONCILER_SPECS",
        show_default=True,
        help="Where the stacks are.",
    )
    @click.option(
        "--state-dir",
        type=click.Path(path_type=Path),
        default=Path("state"),
        envvar="RECONCILER_STATE_DIR",
        show_default=True,
        help="Where the local states are.",
    )
    @click.option(
        "--parallelism", type=click.IntRange(1, 100), default=20, show_default=True, help="Requests in flight."
    )
    @wraps(function)
    def command(
        *,
        stack: str | None,
        environment: str | None,
        specs: Path,
        state_dir: Path,
        parallelism: int,
        **rest: Any,  # noqa: ANN401 - its own options
    ) -> Any:  # noqa: ANN401 - what the command returns
        return function(place=_place(stack or _only_stack(specs), environment, specs, state_dir, parallelism), **rest)

    return command


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, described in docs/plan.md.")
allow = click.option(
    "--allow",
    "allowed",
    multiple=True,
    metavar="HAZARD[=SUBJECT]",
    help="Permit a hazard, everywhere or for one address. Can be repeated.",
)


def read_address(text: str) -> Address:
    """The address that a person typed."""
    from reconciler.core.address import parse_address

    try:
        return parse_address(text)
    except ValueError as problem:
        raise click.BadParameter(str(problem), param_hint="ADDRESS") from None


def _place(stack: str, environment: str | None, specs: Path, states: Path, parallelism: int) -> Place:
    from reconciler.flows.place import Place

    return Place(stack, environment or None, specs, states, parallelism=parallelism)


def _only_stack(specs: Path) -> str:
    found = sorted(path.name for path in specs.glob("*") if path.is_dir() and any(path.glob("*.toml")))
    if len(found) == 1:
        return found[0]
    if not found:
        raise ReconcilerError(
            f"{specs}: no stack here", "a stack is a folder with TOML files; name its parent with --specs"
        )
    raise ReconcilerError(f"{specs}: several stacks: {', '.join(found)}", "choose one with --stack")

"""`reconciler state`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import as_json as json_option
from reconciler.cli.options import read_address, with_state
from reconciler.errors import ReconcilerError, StateError

if TYPE_CHECKING:
    from reconciler.flows.place import Place


@click.group("state")
def command() -> None:
    """See, mend and move the state. Asks no system.

    docs/state.md says what each backend promises.
    """


@command.command("list", short_help="List the managed addresses.")
@with_state
@json_option
def list_(place: Place, as_json: bool) -> None:
    """List the managed addresses, each with how it came under management."""
    from reconciler.cli.output import print_json, print_text
    from reconciler.render.document import state_document
    from reconciler.render.state import entries_text

    state = place.state_store().read()
    if as_json:
        print_json(state_document(state))
    else:
        print_text(entries_text(state))


@command.command("show")
@with_state
@json_option
@click.argument("address")
def show(place: Place, as_json: bool, address: str) -> None:
    """Print what was last applied to ADDRESS. Secrets are recorded as handles and fingerprints only."""
    from reconciler.cli.output import print_json, print_text
    from reconciler.render.document import entry_document
    from reconciler.render.state import entry_text

    where = read_address(address)
    entry = place.state_store().read().entries.get(where)
    if entry is None:
        raise ReconcilerError(f"{where} is not in the state", "`reconciler state list` shows what is")
    if as_json:
        print_json(entry_document(where, entry))
    else:
        print_text(entry_text(where, entry))


_force = click.option("--force", is_flag=True, help="Also if it does not follow from what is there.")


@command.command("pull", short_help="Print the state as a file.")
@with_state
def pull(place: Place) -> None:
    """Print the state as a file, with what an interrupted apply recorded in it."""
    from reconciler.cli.output import print_text
    from reconciler.flows.states import pull
    from reconciler.render.document import in_ascii

    print_text(in_ascii(pull(place).decode()))


@command.command("push", short_help="Put the state in FILE in the place of the state.")
@with_state
@json_option
@_force
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
def push(place: Place, as_json: bool, force: bool, file: Path) -> None:
    """Put the state in FILE (- for standard input) in the place of the one that it was pulled from."""
    from reconciler.flows.states import push

    state = push(place, _read(file), str(file), force=force)
    _done(f"The state is the one in {file} now, with serial {state.serial}.", as_json, serial=state.serial)


@command.command("history", short_help="List the past states, the newest first.")
@with_state
@json_option
def history_(place: Place, as_json: bool) -> None:
    """List the past states, the newest first: what `restore` can bring back."""
    from reconciler.cli.output import print_json, print_text
    from reconciler.flows.states import history
    from reconciler.render.document import history_document
    from reconciler.render.state import history_text

    rows = [(each.past.id, each.past.written, each.state) for each in history(place)]
    if as_json:
        print_json(history_document(rows))
    else:
        print_text(history_text(rows))


@command.command("restore")
@with_state
@json_option
@_force
@click.argument("past", metavar="ID")
def restore(place: Place, as_json: bool, force: bool, past: str) -> None:
    """Put the past state ID in the place of the state. What was done since is known no more; plan shows what differs.

    --force also replaces a state that is damaged, and forgets what an interrupted apply left in the journal.
    """
    from reconciler.flows.states import restore

    state = restore(place, past, force=force)
    _done(f"The state is that of {past} again, with serial {state.serial}.", as_json, serial=state.serial)


@command.command("move", short_help="Rename ADDRESS to NEW in the state; the object stays.")
@with_state
@json_option
@click.argument("address")
@click.argument("new")
def move(place: Place, as_json: bool, address: str, new: str) -> None:
    """Rename ADDRESS to NEW in the state, after its table got another name in the spec; the object stays.

    What is named after it and needs it, such as the mappers of a client, moves along. ADDRESS and NEW may also be
    the names of a system, whose resources all move.
    """
    from reconciler.flows.states import move, move_system

    if "/" in address or "/" in new:
        renaming = move(place, read_address(address), read_address(new))
    else:
        renaming = move_system(place, address, new)
    names = {str(old): str(found) for old, found in sorted(renaming.items())}
    _done("\n".join(f"{old} is {found} now" for old, found in names.items()), as_json, moved=names)


@command.command("remove", short_help="Drop ADDRESS from the state without asking its system.")
@with_state
@json_option
@click.argument("address")
def remove(place: Place, as_json: bool, address: str) -> None:
    """Drop ADDRESS from the state without asking its system, for instance because that is gone.

    `reconciler forget` is what to use otherwise: it takes our mark off, too.
    """
    from reconciler.flows.states import remove

    where = read_address(address)
    state = remove(place, where)
    _done(f"{where} is not in the state any more; the object was not touched.", as_json, serial=state.serial)


@command.command("unlock", short_help="Say who holds the lock; with --force, take it.")
@with_state
@json_option
@click.option("--force", is_flag=True, help="Take the lock from a holder that may still be at work.")
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
def unlock(place: Place, as_json: bool, force: bool, auto_approve: bool) -> None:
    """Say who holds the lock; with --force, take it from a run that hangs. That run can write nothing any more.

    The lock of a run that died needs no unlocking, unless the backend is `http`, which cannot tell.
    """
    from reconciler.cli.output import style_of
    from reconciler.flows.states import unlock

    def confirm(holder: str) -> bool:
        if auto_approve:
            return True
        if not sys.stdin.isatty():
            raise ReconcilerError("there is no terminal to ask on; nothing was done", "say --auto-approve")
        return click.confirm(f"{style_of(sys.stderr).safe(holder)}\nTake the lock away?", err=True)

    held = unlock(place, confirm if force else None)
    _done(f"The lock was taken away. {held}" if held else "Nobody holds the lock.", as_json, held=held)


@command.command("migrate", short_help="Move the state to the backend that the spec names.")
@with_state
@json_option
@click.option(
    "--from",
    "source",
    metavar="local|FILE",
    required=True,
    help="Where the state lies now: in the local folder, or where the table [backend] of a TOML file says.",
)
def migrate(place: Place, as_json: bool, source: str) -> None:
    """Move the state from another backend to the one that the spec names by now, and leave a note where it was."""
    from reconciler.flows.states import migrate
    from reconciler.spec.load import Whereabouts, read_backend_file

    origin = Whereabouts() if source == "local" else read_backend_file(Path(source))
    there, here, state = migrate(place, origin)
    _done(f"The state moved from {there} to {here}.", as_json, **{"from": there, "to": here, "serial": state.serial})


def _read(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as problem:
        raise StateError(f"{file} cannot be read: {problem.strerror}", "name a file that holds a state") from None


def _done(text: str, as_json: bool, **content: object) -> None:
    """Says what was done to the state."""
    from reconciler.cli.output import print_json, print_text, style_of
    from reconciler.render.document import done_document

    if as_json:
        print_json(done_document(content))
    else:
        style = style_of(sys.stdout)
        print_text("\n".join(style.safe(line) for line in text.splitlines()))

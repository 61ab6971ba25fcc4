"""What people do to a state themselves: look at it, put another in its place, rename in it, move it elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reconciler.core.codec import encode_moved, is_moved
from reconciler.core.moving import moved, rename_resource, rename_system
from reconciler.core.state import State
from reconciler.errors import LockedError, ReconcilerError, SecretError, StateError
from reconciler.flows.place import lock_info
from reconciler.storage import Past

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reconciler.core.address import Address
    from reconciler.core.moving import Renaming
    from reconciler.engine.statestore import StateStore
    from reconciler.flows.place import Place
    from reconciler.spec.load import Whereabouts
    from reconciler.storage import Backend


@dataclass(frozen=True, slots=True)
class PastState:
    """A past snapshot, and what it holds; None if that cannot be read."""

    past: Past
    state: State | None


def pull(place: Place) -> bytes:
    """The state as a file, with what the journal says in it."""
    store = place.state_store()
    data = store.copy()
    if data is None:
        raise StateError(f"{store.backend.where}: there is no state yet", "the first apply makes it")
    return data


def push(place: Place, data: bytes, where: str, *, force: bool) -> State:
    """Puts the state that a file holds in the place of the one that it was made from."""
    store = place.state_store()
    state = store.codec.decode_state(data, where, "push a file that `reconciler state pull` printed")
    return store.supersede(lock_info("state push"), state, force=force)


def history(place: Place) -> Sequence[PastState]:
    """The snapshots before, the newest first."""
    store = place.state_store()
    backend = store.backend

    def read(past: Past) -> State | None:
        try:
            return store.codec.decode_state(backend.past(past.id), past.id)
        except (StateError, SecretError):
            return None

    return [PastState(past, read(past)) for past in backend.history()]


def restore(place: Place, past_id: str, *, force: bool) -> State:
    """Puts a past snapshot in the place of the state, as the newest."""
    store = place.state_store()
    data = store.backend.past(past_id)
    state = store.codec.decode_state(data, f"{store.backend.where}, past state {past_id}")
    return store.supersede(lock_info("state restore"), state, force=force, rewind=True)


def move(place: Place, old: Address, new: Address) -> Renaming:
    """Renames a resource in the state, and what is named after it."""
    with place.state_store().open(lock_info("state move")) as store:
        renaming = rename_resource(store.state, old, new)
        store.supersede(moved(store.state, renaming, {}))
    return renaming


def move_system(place: Place, old: str, new: str) -> Renaming:
    """Renames a system in the state, with all its resources."""
    with place.state_store().open(lock_info("state move")) as store:
        renaming = rename_system(store.state, old, new)
        store.supersede(moved(store.state, renaming, {old: new}))
    return renaming


def remove(place: Place, address: Address) -> State:
    """Drops a resource from the state. Asks no system, so our mark stays on the object."""
    with place.state_store().open(lock_info("state remove")) as store:
        if address not in store.state.entries:
            raise ReconcilerError(f"{address} is not in the state", "`reconciler state list` shows what is")
        entries = {key: entry for key, entry in store.state.entries.items() if key != address}
        doubt = {key: step for key, step in store.state.in_doubt.items() if key != address}
        return store.supersede(replace(store.state, entries=entries, in_doubt=doubt))


def unlock(place: Place, confirm: Callable[[str], bool] | None) -> str:
    """Takes the lock from its holder; what was said of him, empty if there was none.

    LockedError, naming him, if nobody is there to `confirm`.
    """
    backend = place.state_store().backend
    try:
        with backend.lock(lock_info("state unlock")):
            return ""
    except LockedError as held:
        if confirm is None:
            remedy = "wait until it has ended; --force takes the lock from it, and it can write nothing from then on"
            raise LockedError(held.message, remedy, lock_id=held.lock_id) from None
        if not confirm(held.message):
            raise ReconcilerError("nothing was done: the answer was no") from None
        backend.unlock(held.lock_id)
        return held.message


def migrate(place: Place, source: Whereabouts) -> tuple[str, str, State]:
    """Moves the state from another backend to the one that the spec names: from where, to where, and the state.

    Its companions go along. Both are locked meanwhile. A note is left where it was, so that whoever still has the old
    spec is told.
    """
    origin, target = place.state_store_in(source), place.state_store()
    there, here = origin.backend.where, target.backend.where
    if there == here:
        raise ReconcilerError(f"{here}: this is where the state lies already", "name the new place in [backend]")
    with origin.open(lock_info("state migrate")) as old, target.backend.lock(lock_info("state migrate")):
        if old.fresh:
            raise StateError(f"{there}: there is no state to move", "is --from right, and the environment?")
        state = old.commit() if old.unfinished else old.state
        _copy(state, target, origin.backend)
        old.leave(encode_moved(here))
    return there, here, state


def _copy(state: State, target: StateStore, origin: Backend) -> None:
    """The same state is in the target, with its companions, which come first: nobody finds it without its secrets.

    One that is there already stays; a copy of this very state will do.
    """
    data, (found, version) = target.codec.encode_state(state), target.backend.get()
    foreign = found is not None and not is_moved(found)
    if foreign and target.codec.decode_state(found or b"", target.backend.where) == state:
        return  # a move that was interrupted
    if foreign:
        raise StateError(
            f"{target.backend.where}: there is a state already; nothing was moved",
            "`reconciler state pull` shows it; give the stack a place of its own in [backend]",
        )
    _copy_companions(origin, target.backend)
    target.backend.clear_journal()
    target.backend.put(data, version)
    if target.backend.get()[0] != data:
        raise StateError(f"{target.backend.where}: what was put there does not come back", "nothing was removed")


def _copy_companions(origin: Backend, target: Backend) -> None:
    """What lies beside a state lies beside its copy too. Where no state is, nobody needs what is found there."""
    for name in origin.companions():
        data, (found, version) = origin.companion(name)[0], target.companion(name)
        if data is None or data == found:
            continue
        if target.put_companion(name, data, version) is None or target.companion(name)[0] != data:
            raise StateError(f"{target.where}: {name} does not come back as it was put there", "nothing was removed")

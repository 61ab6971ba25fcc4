"""What is written can be read: states, journals and specs survive there and back."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from acceptance.workplace import GUIDE, merged
from budget import tries
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.address import Address, parse_address
from reconciler.core.codec import decode_events, decode_state, encode_event, encode_state
from reconciler.core.intent import Intent
from reconciler.core.journal import Applied, Began, Event, Failed, InDoubt, Intended, fold
from reconciler.core.plan import StepKind
from reconciler.core.resource import OnRemove
from reconciler.core.secret import Handle, parse_handle
from reconciler.core.state import Entry, Origin, State, SystemRecord
from reconciler.errors import StateError
from reconciler.flows.place import Place
from specs import Spec, shuffled, specs

words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), min_size=1, max_size=8)
addresses = st.builds(Address, names, names, words)
values = st.one_of(
    words,
    st.integers(-(2**53), 2**53),
    st.booleans(),
    st.none(),
    st.lists(words, max_size=3).map(lambda items: tuple(sorted(set(items)))),
    st.dictionaries(words, words, max_size=2),
)
attributes = st.dictionaries(names, values, max_size=3)
entries = st.builds(
    Entry,
    words,
    st.sampled_from(Origin),
    attributes,
    st.dictionaries(names, words, max_size=2),
    st.lists(addresses, max_size=2).map(tuple),
    st.sampled_from(OnRemove),
    attributes,
    st.booleans(),
    st.lists(words, max_size=2).map(tuple),
    st.lists(names, max_size=2).map(tuple),
)
records = st.builds(SystemRecord, names, words, words, st.dictionaries(names, words, max_size=2))
states = st.builds(
    State,
    names,
    names,
    words,
    st.integers(0, 9),
    st.dictionaries(names, records, max_size=2),
    st.dictionaries(addresses, entries, max_size=3),
    st.dictionaries(addresses, st.sampled_from(StepKind), max_size=2),
)
kinds = st.sampled_from(StepKind)
events: st.SearchStrategy[Event] = st.one_of(
    st.builds(Began, words, st.integers(0, 9), st.dictionaries(names, records, max_size=2)),
    st.builds(Intended, addresses, kinds),
    st.builds(Applied, addresses, kinds, st.one_of(st.none(), entries)),
    st.builds(Failed, addresses, kinds, words),
    st.builds(InDoubt, addresses, kinds, words),
)


@tries(60)
@given(states)
def test_a_state_there_and_back(state: State) -> None:
    data = encode_state(state)
    assert decode_state(data, "state.json") == state
    assert encode_state(decode_state(data, "state.json")) == data


@tries(60)
@given(states, st.data())
def test_a_state_that_is_cut_short_is_an_error_and_never_a_smaller_state(state: State, data: st.DataObject) -> None:
    whole = encode_state(state)
    with pytest.raises(StateError, match=r"state\.json"):
        decode_state(whole[: data.draw(st.integers(0, len(whole) - 2))], "state.json")


@tries(60)
@given(states, st.lists(events, max_size=6), st.integers(0, 40))
def test_a_journal_there_and_back_whatever_was_cut_off_its_end(state: State, lines: list[Event], cut: int) -> None:
    whole = b"".join(map(encode_event, lines))
    assert decode_events(whole, "journal") == lines
    kept = decode_events(whole[: max(0, len(whole) - cut)], "journal")
    assert kept == lines[: len(kept)]
    state_after = fold(state, [Began(state.lineage, state.serial, {}), *kept])
    assert state_after.lineage == state.lineage
    assert fold(state, lines and [Began("another", state.serial, {}), *kept]).entries == state.entries or any(
        isinstance(event, Began) for event in kept
    )


@tries(60)
@given(addresses)
def test_an_address_there_and_back(address: Address) -> None:
    assert parse_address(str(address)) == address


@tries(60)
@given(
    st.sampled_from(["file:acme", "env", "command:vault"]),
    st.from_regex(r"[A-Za-z_.][A-Za-z0-9_.-]*", fullmatch=True),
)
def test_a_handle_there_and_back(store: str, name: str) -> None:
    assert parse_handle(str(Handle(store, name))) == Handle(store, name)


def read(folder: Path, files: dict[str, Spec]) -> Any:
    stack = folder / "specs" / "acme"
    stack.mkdir(parents=True, exist_ok=True)
    for path in stack.iterdir():
        path.unlink()
    for name, content in files.items():
        (stack / name).write_text(tomlkit.dumps(content))
    return Place("acme", specs=folder / "specs").read_spec()


def meaning(intent: Intent) -> Intent:
    """The intent without the places that name a group first."""
    return intent._replace(groups=tuple(group._replace(where="") for group in intent.groups))


@tries(40)
@given(specs(), st.randoms(use_true_random=False))
def test_a_spec_means_the_same_in_any_order_and_in_any_number_of_files(spec: Spec, chance: Any) -> None:
    systems = {name: {**table, "url": f"https://{name}.test"} for name, table in GUIDE["systems"].items()}
    whole = merged({"systems": systems}, spec)
    with tempfile.TemporaryDirectory() as folder:
        one = read(Path(folder), {"acme.toml": whole})
        other = read(Path(folder), {"acme.toml": shuffled(whole, chance)})
        split = read(Path(folder), {f"{key}.toml": {key: table} for key, table in whole.items()})
    assert split.digest == one.digest
    for again in (other, split):
        assert meaning(again.intent) == meaning(one.intent)
        assert again.secrets == one.secrets

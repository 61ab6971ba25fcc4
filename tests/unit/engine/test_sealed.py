"""The form of states and journals: both are read, one is written, and no downgrade is silent."""

from __future__ import annotations

import pytest

from reconciler.core.address import Address
from reconciler.core.journal import Failed, Intended
from reconciler.core.plan import StepKind
from reconciler.core.state import State
from reconciler.engine.sealed import SealedCodec, is_sealed
from reconciler.errors import StateError

ADDRESS = Address("clavex", "client", "a")
EVENTS = [Intended(ADDRESS, StepKind.UPDATE), Failed(ADDRESS, StepKind.UPDATE, "no")]
STATE = State("acme", "default", "l", 3)


class Mirror:
    """Encrypts by writing backwards."""

    def __init__(self, *, encrypts: bool = True, plain_is_meant: bool = False) -> None:
        self.encrypts, self.plain_is_meant = encrypts, plain_is_meant

    def encrypt(self, data: bytes) -> bytes:
        return data[::-1]

    def decrypt(self, data: bytes, where: str) -> bytes:
        assert where
        return data[::-1]


PLAIN, SEALED, READER, OFF = (
    SealedCodec(),
    SealedCodec(Mirror()),
    SealedCodec(Mirror(encrypts=False)),
    SealedCodec(Mirror(encrypts=False, plain_is_meant=True)),
)


def test_a_state_in_both_forms():
    for codec in (PLAIN, READER, OFF):
        assert codec.encode_state(STATE) == PLAIN.encode_state(STATE)
    data = SEALED.encode_state(STATE)
    assert is_sealed(data)
    assert not is_sealed(PLAIN.encode_state(STATE))
    assert data.count(b"\n") == 1
    assert b"acme" not in data
    for codec in (SEALED, READER, OFF):
        assert codec.decode_state(data, "here") == STATE
        assert codec.decode_state(PLAIN.encode_state(STATE), "here") == STATE


def test_a_journal_whose_lines_are_of_both_forms():
    journal = PLAIN.encode_event(EVENTS[0]) + SEALED.encode_event(EVENTS[1])
    assert READER.decode_events(journal, "here") == EVENTS
    assert READER.decode_events(journal + SEALED.encode_event(EVENTS[0])[:-1], "here") == EVENTS
    assert PLAIN.decode_events(PLAIN.encode_event(EVENTS[0]), "here") == EVENTS[:1]
    assert READER.decode_events(b"", "here") == []


def test_without_keys_what_is_encrypted_is_refused():
    with pytest.raises(StateError, match="here is encrypted"):
        PLAIN.decode_state(SEALED.encode_state(STATE), "here")


@pytest.mark.parametrize("old", [b'"version":1', b'"age"', b"}"])
def test_a_damaged_envelope_is_refused(old):
    with pytest.raises(StateError, match="an envelope that is damaged"):
        SEALED.decode_state(SEALED.encode_state(STATE).replace(old, b"x" if old == b"}" else b'"x":0'), "here")


@pytest.mark.parametrize("codec", [PLAIN, READER])
def test_no_downgrade_is_silent(codec):
    sealed, plain = SEALED.encode_state(STATE), PLAIN.encode_state(STATE)
    codec.refuse_downgrade(plain, "here")
    for allowed in (SEALED, OFF):
        allowed.refuse_downgrade(sealed, "here")
    with pytest.raises(StateError, match="here is encrypted, and the spec does not say whom for"):
        codec.refuse_downgrade(sealed, "here")
    with pytest.raises(StateError):
        codec.refuse_downgrade(PLAIN.encode_event(EVENTS[0]) + SEALED.encode_event(EVENTS[1]), "here")


def test_which_form_is_wanted():
    sealed, plain = SEALED.encode_state(STATE), PLAIN.encode_state(STATE)
    assert [codec.fits(plain) for codec in (PLAIN, SEALED, READER, OFF)] == [True, False, True, True]
    assert [codec.fits(sealed) for codec in (PLAIN, SEALED, READER, OFF)] == [True, True, True, False]
    assert SEALED.fits(None)

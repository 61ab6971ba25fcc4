"""States, events and plans as bytes: encrypted where the spec says so, and read in either form."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.core import codec
from reconciler.errors import StateError
from reconciler.storage import Sealing

if TYPE_CHECKING:
    from reconciler.core.journal import Event
    from reconciler.core.plan import Plan
    from reconciler.core.state import State

_BEGINNING = b'{"format":"reconciler sealed"'


@dataclass(frozen=True, slots=True)
class SealedCodec:
    """The codec of `core.codec`, in an envelope where `sealing` encrypts. Without it everything is plain.

    The envelope is JSON on one line, so that it is a journal line too, and fits where JSON is expected.
    """

    sealing: Sealing | None = None

    @property
    def encrypts(self) -> bool:
        """Whether what is written is encrypted."""
        return self.sealing is not None and self.sealing.encrypts

    def encode_state(self, state: State) -> bytes:
        """The state as a file."""
        return self.seal(codec.encode_state(state))

    def decode_state(self, data: bytes, where: str, remedy: str = codec.WAY_BACK) -> State:
        """The state that a file holds. StateError or SecretError, naming `where`, for anything else."""
        return codec.decode_state(self._unseal(data, where), where, remedy)

    def encode_event(self, event: Event) -> bytes:
        """One journal line."""
        return self.seal(codec.encode_event(event))

    def decode_events(self, data: bytes, where: str) -> list[Event]:
        """The events of a journal, whose lines may be of both forms. A last line without its end did not happen."""
        if _BEGINNING in data:
            lines = data.split(b"\n")[:-1]
            data = b"".join(self._unseal(line, where).rstrip(b"\n") + b"\n" for line in lines)
        return codec.decode_events(data, where)

    def encode_plan(self, plan: Plan) -> bytes:
        """The plan as a file."""
        return self.seal(codec.encode_plan(plan))

    def decode_plan(self, data: bytes, where: str) -> Plan:
        """The plan that a file holds, as `core.codec` reads it."""
        return codec.decode_plan(self._unseal(data, where), where)

    def fits(self, data: bytes | None) -> bool:
        """Whether a file has the form that the spec wants; where it says nothing, every form does."""
        if data is None or self.sealing is None:
            return True
        if is_sealed(data):
            return not self.sealing.plain_is_meant
        return not self.sealing.encrypts

    def refuse_downgrade(self, data: bytes, where: str) -> None:
        """StateError if what is encrypted would be written as plain text, and the spec does not say so."""
        if _BEGINNING not in data or (self.sealing and (self.sealing.encrypts or self.sealing.plain_is_meant)):
            return
        raise StateError(
            f"{where} is encrypted, and the spec does not say whom for; nothing was written",
            'say encrypt = "age:NAME" in [stack]; or encrypt = "off", if it shall be readable from now on',
        )

    def seal(self, data: bytes) -> bytes:
        """What is plain, in the form in which it is written."""
        if self.sealing is None or not self.sealing.encrypts:
            return data
        text = json.dumps(self.sealing.encrypt(data).decode("ascii"))
        return b'%s,"version":1,"age":%s}\n' % (_BEGINNING, text.encode())

    def _unseal(self, data: bytes, where: str) -> bytes:
        if not is_sealed(data):
            return data
        try:
            content = json.loads(data)
        except ValueError:
            content = {}
        sealed = content.get("age")
        if content.get("version") != 1 or not isinstance(sealed, str):
            raise StateError(
                f"{where}: an envelope that is damaged, or of a newer reconciler",
                "use the reconciler that wrote it, or put a backup in its place",
            )
        if self.sealing is None:
            raise StateError(f"{where} is encrypted", "read it with an age identity, as docs/security.md says")
        return self.sealing.decrypt(sealed.encode(), where)


def is_sealed(data: bytes) -> bool:
    """Whether a file or a journal line is encrypted."""
    return data.startswith(_BEGINNING)

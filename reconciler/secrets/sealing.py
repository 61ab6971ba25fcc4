"""What encrypts states and plans: the recipients of the spec, and the identities of the operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.secrets.operator import read_configuration

if TYPE_CHECKING:
    from reconciler.secrets.age import AgeKeys


@dataclass(frozen=True, slots=True)
class AgeSealing:
    """Implements storage.Sealing. Without `recipients` it only reads."""

    recipients: Sequence[str]
    plain_is_meant: bool
    environ: Mapping[str, str]

    @property
    def encrypts(self) -> bool:
        """Whether there is anybody to encrypt for."""
        return bool(self.recipients)

    def encrypt(self, data: bytes) -> bytes:
        """The data for the recipients, as ASCII text."""
        return self._keys().encrypt(data)

    def decrypt(self, data: bytes, where: str) -> bytes:
        """What was encrypted. SecretError, naming `where`, if this run cannot read it."""
        return self._keys().decrypt(data, where)

    def _keys(self) -> AgeKeys:
        from reconciler.secrets.age import AgeKeys, require_age  # noqa: PLC0415 - an extra

        require_age()
        identities = read_configuration(self.environ).identities
        return AgeKeys("encrypt in [stack]", self.recipients, identities, self.environ)

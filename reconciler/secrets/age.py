"""Encryption with age: for the recipients that the spec names, read with the identities that the operator has.

Recipients are public. An identity never stands in a spec: it comes from RECONCILER_AGE_IDENTITY, or from what the
operator's own configuration names under `[age]`. What was encrypted can lie anywhere; age proves that it was not
changed, but not who made it, since everybody may encrypt for a recipient.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler import files
from reconciler.errors import SecretError
from reconciler.secrets.operator import IDENTITY_VARIABLE, configuration_path

if TYPE_CHECKING:
    from pyrage import x25519

BEGINNING = b"-----BEGIN AGE ENCRYPTED FILE-----"


@dataclass(frozen=True)  # without slots: identities are kept once they were read
class AgeKeys:
    """The keys of one use. `title` is what messages call it, `sources` are where identities lie."""

    title: str
    recipients: Sequence[str]
    sources: Sequence[str]
    environ: Mapping[str, str]

    def encrypt(self, data: bytes) -> bytes:
        """The data for all recipients, as text. SecretError if there is none, or one that is no recipient."""
        import pyrage  # noqa: PLC0415 - an extra

        known = []
        for recipient in self.recipients:
            try:
                known.append(pyrage.x25519.Recipient.from_str(recipient))
            except pyrage.RecipientError:
                raise SecretError(
                    f"{self.title}: {recipient} is no recipient of age",
                    "write what `age-keygen -y` prints: age1 and 58 characters; was it copied whole?",
                ) from None
        if not known:
            raise SecretError(f"{self.title}: there is no recipient to encrypt for", "add recipients to its table")
        return pyrage.encrypt(data, known, armored=True)

    def decrypt(self, data: bytes, where: str) -> bytes:
        """The data. SecretError, naming `where`, without an identity that opens it, or if it was changed."""
        import pyrage  # noqa: PLC0415 - an extra

        if not self.identities:
            raise SecretError(
                f"{where} is encrypted, and this run has no age identity",
                f"set {IDENTITY_VARIABLE}, or name a file under [age] in {configuration_path(self.environ)}",
            )
        try:
            return pyrage.decrypt(data, self.identities)
        except pyrage.DecryptError as problem:
            foreign = "No matching keys" in str(problem)
        if foreign:
            raise SecretError(
                f"{where} is not encrypted for any age identity of this run",
                "let who can read it add this run's recipient and write it anew, or use another identity",
            )
        raise SecretError(
            f"{where} cannot be decrypted: it is damaged, or somebody changed it", "put it back from Git or a backup"
        )

    @cached_property
    def identities(self) -> Sequence[x25519.Identity]:
        """What this run can decrypt with. SecretError for a source that is named and cannot be used."""
        found: list[x25519.Identity] = []
        for source in self.sources:
            kind, _, name = source.partition(":")
            text = self.environ.get(name, "") if kind == "env" else _read(Path(name))
            found += _parse(text, name)
        return found


def require_age() -> None:
    """SecretError if the extra that brings age is not installed."""
    try:
        import pyrage  # noqa: F401, PLC0415 - an extra
    except ImportError:
        raise SecretError(
            "encryption with age is wanted, and pyrage is not installed", "pip install 'sso-reconciler[age]'"
        ) from None


def _read(path: Path) -> str:
    with files.failing_as(SecretError, path, "read", "name a file with an age identity, or leave it out"):
        data = files.read_private(path)
    if data is None:
        raise SecretError(f"{path}: there is no such file, and [age] names it", "make it with age-keygen")
    return data.decode("ascii", errors="replace")


def _parse(text: str, name: str) -> list[x25519.Identity]:
    """The identities in a text such as age-keygen writes; its comments say the recipients."""
    import pyrage  # noqa: PLC0415 - an extra

    lines = [line.strip() for line in text.splitlines()]
    found = []
    for line in lines:
        if not line or line.startswith("#"):
            continue
        try:
            found.append(pyrage.x25519.Identity.from_str(line))
        except pyrage.IdentityError:
            found.clear()
            break
    else:
        return found
    raise SecretError(
        f"{name} holds what is no age identity; it is not shown",
        "it must hold what age-keygen writes: a line that begins with AGE-SECRET-KEY-1",
    )

"""Secrets that somebody put into the environment, such as the tokens of a CI job. Existing ones only."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from pydantic import SecretStr

from reconciler.errors import SecretError

if TYPE_CHECKING:
    from collections.abc import Mapping


class EnvironmentStore:
    """Gives the variables of `environ`. An empty variable counts as missing: so CI shows a secret it withholds."""

    writable = False

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def get(self, name: str) -> SecretStr | None:
        """The variable's value."""
        value = self._environ.get(name)
        return SecretStr(value) if value else None

    def put(self, name: str, value: SecretStr) -> NoReturn:  # noqa: ARG002 - refused, whatever they are
        """Always refused: what we set would be gone with this process."""
        self.check_writable()

    def check_writable(self) -> NoReturn:
        """Always refused."""
        raise SecretError(
            "the environment cannot keep a new secret",
            'choose a store that can be written, such as secrets = "file:NAME" in [stack]',
        )

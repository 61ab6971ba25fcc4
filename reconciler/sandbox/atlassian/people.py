"""Who may log in to a product, and who is logged in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Person:
    """A user of a product; the groups are the world's (`groups_of`).

    subject: the identity provider's name for the person, once just-in-time provisioning saw it.
    """

    name: str
    email: str
    display_name: str
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """A login that was sent to the identity provider.

    provider: which one, as `Provider.key` has it.
    browser: value of the cookie of the browser that began it.
    """

    provider: str
    nonce: str
    redirect_uri: str
    browser: str


class LoginError(Exception):
    """Nobody is logged in.

    cause: a word for tests and for the page's `data-cause`.
    reason: what a real product writes into its log.
    """

    def __init__(self, cause: str, reason: str, status: int = 403) -> None:
        super().__init__(reason)
        self.cause = cause
        self.reason = reason
        self.status = status

"""An emulated system as the sandbox serves it: an ASGI application, its store, and its credentials."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from starlette.types import ASGIApp


class World(Protocol):
    """What an emulator remembers. Tests read and change it directly; the application holds the same object."""

    def reset(self) -> None:
        """The store is as new, in place: the seed data again, the same credentials accepted as before."""


W_co = TypeVar("W_co", bound=World, covariant=True)


@dataclass(frozen=True)
class Emulator(Generic[W_co]):
    """One emulated system.

    `issued_secrets` is the live set of every secret that the application ever gave out or accepted, its own
    credentials included; a reset does not shorten it, since a leak test greps what was written before.
    """

    name: str
    app: ASGIApp
    world: W_co
    token: str = field(repr=False)
    username: str
    password: str = field(repr=False)
    issued_secrets: set[str] = field(repr=False)

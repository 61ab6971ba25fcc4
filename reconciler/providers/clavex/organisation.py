"""One organisation of a Clavex as its handlers see it: paths, answers, and whether it is there at all."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from reconciler.core.observed import Absent, Unreadable
from reconciler.errors import BadAnswerError, InDoubtError, ReconcilerError
from reconciler.ports import Http
from reconciler.providers.clavex.wire import Dialect, WireOrganisation, adapter
from reconciler.transport.answers import decode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.core.address import Address
    from reconciler.core.observed import Observation
    from reconciler.ports import Answer

T = TypeVar("T")

PAGE_SIZE = 200
"""The most that the server gives at once (facts clavex 2.6, 3.1)."""
WORKERS = 8
"""Requests in flight where each object must be asked for by itself."""
ORGANISATIONS = "/api/v1/organizations"


@dataclass(slots=True)
class Organisation:
    """An organisation. `id` is empty where the server goes by the slug.

    `seen`: it is known to exist. The released server does not say so by itself: a super admin gets an empty list
    for an organisation that there is not (facts clavex 2.6).
    """

    http: Http
    slug: str
    id: str
    dialect: Dialect
    seen: bool

    def path(self, *parts: str) -> str:
        """The path of something in this organisation."""
        named = self.slug if self.dialect.by_slug else self.id
        return "/".join((ORGANISATIONS, *(quote(part, safe="") for part in (named, *parts))))

    def decode(self, answer: Answer, shape: type[T], method: str, path: str) -> T:
        """What an answer holds."""
        return decode(answer, adapter(shape), f"{method} {self.http.url}{path}")

    def decode_made(self, answer: Answer, shape: type[T], path: str) -> T:
        """What the answer to a POST holds. InDoubtError if it cannot be read: the server has acted all the same."""
        try:
            return self.decode(answer, shape, "POST", path)
        except BadAnswerError as problem:
            reason = problem.message.removeprefix(f"{problem.where}: ")
        raise InDoubtError(
            f"{reason}; yet it was carried out",
            f"POST {self.http.url}{path}",
            "plan again: it looks what became of it",
        )

    def ask(self, path: str, shape: type[T]) -> T | None:
        """One object; None if the server says that there is none."""
        answer = self.http.get(path, ok=(HTTPStatus.OK, HTTPStatus.NOT_FOUND))
        return None if answer.status == HTTPStatus.NOT_FOUND else self.decode(answer, shape, "GET", path)

    def vouch(self, found: dict[Address, Observation]) -> Mapping[Address, Observation]:
        """`found`, where nothing counts as absent from an organisation that may not exist."""
        if not self.seen and any(isinstance(item, Absent) for item in found.values()):
            try:
                self._check()
            except ReconcilerError as problem:
                unknown = unreadable(problem)
                return {key: unknown if isinstance(item, Absent) else item for key, item in found.items()}
        return found

    def _check(self) -> None:
        """Holds if the organisation exists; asked as a super admin, else as anybody may."""
        path = f"{ORGANISATIONS}/{self.id}"
        answer = self.http.get(path, ok=(HTTPStatus.OK, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND))
        slug = ""
        if answer.status == HTTPStatus.OK:
            slug = self.decode(answer, WireOrganisation, "GET", path)["slug"]
        elif answer.status == HTTPStatus.FORBIDDEN:  # only super admins may ask; others have no other organisation
            public = f"/{quote(self.slug, safe='')}/.well-known/openid-configuration"
            answer = self.http.get(public, ok=(HTTPStatus.OK, HTTPStatus.NOT_FOUND), anonymous=True)
            slug = self.slug if answer.status == HTTPStatus.OK else ""
        if slug != self.slug:
            raise ReconcilerError(
                f"{self.http.url} has no organisation {self.slug} with the id {self.id}",
                "is org right? If the organisation was made anew, give its new id as org_id in the system's table",
            )
        self.seen = True


def unreadable(problem: ReconcilerError) -> Unreadable:
    """What a failed read says of an address."""
    return Unreadable(problem.message, problem.remedy)


def is_bare(answer: Answer) -> bool:
    """Whether a list came without the page around it."""
    return answer.content[:1] == b"["

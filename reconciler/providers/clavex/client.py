"""OIDC clients: found by pages that are not trusted blindly, changed field by field (facts clavex 2)."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from pydantic import SecretStr

from reconciler.core.observed import Absent, Observation, Present
from reconciler.errors import BadAnswerError, InDoubtError, ReconcilerError, RequestError, StatusError
from reconciler.ports import Write, Written
from reconciler.providers.clavex.organisation import PAGE_SIZE, WORKERS, Organisation, is_bare, unreadable
from reconciler.providers.clavex.wire import (
    RELEASE_HEADERS,
    OneClient,
    Page,
    Secret,
    TokenError,
    WireClient,
    mark_headers,
    unwrap,
)
from reconciler.transport.answers import clean
from reconciler.transport.http import PROOF
from reconciler.transport.workers import side_by_side

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reconciler.core.address import Address
    from reconciler.core.observed import Lookup
    from reconciler.ports import Answer


class _Listing(NamedTuple):
    """The wanted clients that a listing gave, by id. `whole`: there are no others."""

    clients: Mapping[str, Present]
    whole: bool


@dataclass(frozen=True, slots=True)
class ClientHandler:
    """Implements ports.Handler and ports.RotatingHandler."""

    org: Organisation

    # --- reading --------------------------------------------------------------------------------------------------

    def read(self, wanted: Sequence[Lookup]) -> Mapping[Address, Observation]:
        """An answer for every address: from the list, and each that the list may have skipped by itself."""
        ids = [_ids(lookup) for lookup in wanted]
        listing = _Listing({}, whole=False)
        if len(wanted) > 1:  # a single one is quicker asked for by itself
            try:
                listing = self._list(set(chain.from_iterable(ids)))
            except ReconcilerError as problem:
                return dict.fromkeys((lookup.address for lookup in wanted), unreadable(problem))

        def look(own: tuple[str, ...]) -> Observation:
            try:
                return self._look(own, listing)
            except ReconcilerError as problem:
                return unreadable(problem)

        found = [self._look(own, listing) for own in ids] if listing.whole else side_by_side(look, ids, WORKERS)
        return self.org.vouch({lookup.address: item for lookup, item in zip(wanted, found, strict=True)})

    def _look(self, ids: tuple[str, ...], listing: _Listing) -> Observation:
        for client_id in ids:
            found = listing.clients.get(client_id)
            if found is None and not listing.whole:
                found = self._ask(client_id)
            if found is not None:
                return found
        return Absent()

    def _list(self, wanted: set[str]) -> _Listing:
        """The wanted clients, by pages; whole only if as many different ones came as there are.

        The order has no tie-break, so pages can repeat or skip clients of equal name (facts clavex 2.6).
        """
        path = self.org.path("clients")
        clients: dict[str, Present] = {}
        seen: set[str] = set()
        totals: set[int] = set()
        offset = 0
        while True:
            page = self._page(path, offset)
            before = len(seen)
            for client in page["items"]:
                client_id = client["client_id"]
                seen.add(client_id)
                if client_id in wanted:
                    clients[client_id] = self.org.dialect.present(client)
            totals.add(page.get("total", 0))
            offset += len(page["items"])
            if not page.get("has_more") or len(seen) == before:
                break
        self.org.seen = self.org.seen or bool(seen)
        return _Listing(clients, whole=totals == {len(seen)})

    def _page(self, path: str, offset: int) -> Page:
        answer = self.org.http.get(path, params={"limit": PAGE_SIZE, "offset": offset})
        if not is_bare(answer):
            return self.org.decode(answer, Page, "GET", path)
        items = self.org.decode(answer, list[WireClient], "GET", path)
        return {"items": items, "total": len({client["client_id"] for client in items})}

    def _ask(self, client_id: str) -> Present | None:
        answer = self.org.ask(self.org.path("clients", client_id), OneClient)
        return self.org.dialect.present(unwrap(answer)) if answer else None

    # --- writing --------------------------------------------------------------------------------------------------

    def create(self, write: Write) -> Written:
        """Makes the client; InDoubtError if it may exist without its secret having arrived."""
        dialect, path = self.org.dialect, self.org.path("clients")
        client_id = str(write.attributes["client_id"])
        late = frozenset(dialect.seconds) & write.attributes.keys()  # a create ignores these (facts clavex 2.1)
        body = dialect.sent({"name": client_id, **write.attributes}, frozenset({*write.attributes, "name"}) - late)
        headers = mark_headers(write.owner) if write.owner else {}
        try:
            answer = self.org.http.send("POST", path, json=body, ok=(201,), headers=headers, repeatable=False)
        except StatusError as problem:
            refusal = problem
        else:
            written = Written(client_id, self._secret(answer, path, public=bool(write.attributes.get("public"))))
            if late:
                self._complete(client_id, dialect.sent(write.attributes, late))
            return written
        raise self._explain(refusal, client_id)

    def _complete(self, client_id: str, body: Mapping[str, object]) -> None:
        """Sends what a create does not take. InDoubtError if that fails: the secret was shown, and is lost here."""
        try:
            self._patch(client_id, body, {})
        except RequestError as problem:
            failure = problem
        else:
            return
        reason = failure.message.removeprefix(f"{failure.where}: ")
        raise InDoubtError(f"{reason}; the client was made, but not all of it", failure.where, "plan again")

    def _secret(self, answer: Answer, path: str, *, public: bool) -> SecretStr | None:
        """The secret in an answer. InDoubtError if there should be one and is none: it is shown once."""
        secret = self.org.decode_made(answer, Secret, path).get("client_secret")
        if not secret and not public:
            where = f"POST {self.org.http.url}{path}"
            raise InDoubtError("it was carried out, but the answer holds no secret", where, "plan again")
        return SecretStr(secret) if secret else None

    def _explain(self, refusal: StatusError, client_id: str) -> StatusError:
        """What a refused create means: a 500 says that the id is taken, somewhere (facts clavex 9.2)."""
        if refusal.status not in {HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.CONFLICT}:
            return refusal
        if self._ask(client_id) is not None:
            return StatusError(refusal.status, f"the client {client_id} exists already", refusal.where, "plan again")
        return StatusError(
            refusal.status,
            f"the client id {client_id} is taken in another organisation of this Clavex, or the organisation is gone",
            refusal.where,
            "ids are unique in a whole installation: choose another client_id, or delete the other client",
        )

    def update(self, write: Write) -> Written:
        """Sends what changed, and the mark; with no owner and nothing changed, takes the mark off."""
        fixed = sorted(write.changed.intersection(("client_id", "public")))
        if fixed:
            raise ReconcilerError(
                f"{write.address}: {', '.join(fixed)} cannot be changed on an existing client",
                "give the client another client_id, or delete it first",
            )
        headers = mark_headers(write.owner) if write.owner else {} if write.changed else RELEASE_HEADERS
        self._patch(write.remote_id, self.org.dialect.sent(write.attributes, write.changed), headers)
        return Written(write.remote_id)

    def _patch(self, client_id: str, body: Mapping[str, object], headers: Mapping[str, str]) -> None:
        self.org.http.send("PATCH", self.org.path("clients", client_id), json=body, headers=headers)

    def delete(self, write: Write) -> None:
        """Removes the client, and with it its mappers. A 404 may hide a fault of the database (facts clavex 2)."""
        path = self.org.path("clients", write.remote_id)
        answer = self.org.http.send("DELETE", path, ok=(200, 204, 404))
        if answer.status == HTTPStatus.NOT_FOUND and self._ask(write.remote_id) is not None:
            raise StatusError(answer.status, "it was not deleted", f"DELETE {self.org.http.url}{path}", "run again")

    # --- the secret -----------------------------------------------------------------------------------------------

    def rotate(self, write: Write) -> Written:
        """Makes a new secret. Asked twice, the server makes two, and the last one holds."""
        path = self.org.path("clients", write.remote_id, "secret")
        answer = self.org.http.send("POST", path, ok=(200, 201))
        return Written(write.remote_id, self._secret(answer, path, public=False))

    def prove(self, write: Write) -> bool:
        """Asks the token endpoint with a made-up code: the secret is looked at first (facts clavex 5.3)."""
        path = f"/{self.org.slug}/token"
        uris = write.attributes.get("redirect_uris")
        form = {
            "grant_type": PROOF["grant_type"],
            "client_id": write.remote_id,
            "client_secret": write.secrets["client_secret"].get_secret_value(),
            "code": PROOF["code"],
            "redirect_uri": uris[0] if isinstance(uris, tuple) and uris else "https://invalid.invalid/",
        }
        answer = self.org.http.send("POST", path, form=form, ok=(400, 401), anonymous=True)
        found = self.org.decode(answer, TokenError, "POST", path)
        code, text = found["error"], found.get("error_description", "")
        if code == "invalid_grant":
            return True
        if (code, text) == ("invalid_client", "invalid client secret"):
            return False
        where = f"POST {self.org.http.url}{path}"
        said = text.replace(write.secrets["client_secret"].get_secret_value(), "***")
        raise BadAnswerError(f"the secret was neither taken nor refused, but: {clean(f'{code}: {said}')}", where)


def _ids(lookup: Lookup) -> tuple[str, ...]:
    """What to look for, in turn: the id that the state knows, then the one that the spec says."""
    key = str(lookup.attributes["client_id"])
    return (lookup.remote_id, key) if lookup.remote_id and lookup.remote_id != key else (key,)

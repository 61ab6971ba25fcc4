"""Protocol mappers: one list per client, and a PATCH that replaces everything (facts clavex 4.1)."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from reconciler.core.observed import Absent, Observation, Present, Unreadable
from reconciler.errors import ReconcilerError, StatusError
from reconciler.ports import Write, Written
from reconciler.providers.clavex.organisation import WORKERS, Organisation, is_bare, unreadable
from reconciler.providers.clavex.wire import Mappers, OneClient, WireMapper
from reconciler.transport.workers import side_by_side

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reconciler.core.address import Address
    from reconciler.core.observed import Lookup
    from reconciler.core.resource import Attributes, Value


@dataclass(frozen=True, slots=True)
class MapperHandler:
    """Implements ports.Handler."""

    org: Organisation

    def read(self, wanted: Sequence[Lookup]) -> Mapping[Address, Observation]:
        """An answer for every address, by one request for each client."""
        clients = sorted({str(lookup.attributes["client_id"]) for lookup in wanted})
        lists = dict(zip(clients, side_by_side(self._read_list, clients, WORKERS), strict=True))
        found: dict[Address, Observation] = {}
        for lookup in wanted:
            mappers = lists[str(lookup.attributes["client_id"])]
            found[lookup.address] = mappers if isinstance(mappers, Unreadable) else _find(lookup, mappers)
        return self.org.vouch(found)

    def _read_list(self, client_id: str) -> Sequence[WireMapper] | Unreadable:
        try:
            return self._list(client_id)
        except ReconcilerError as problem:
            return unreadable(problem)

    def _list(self, client_id: str) -> Sequence[WireMapper]:
        """The mappers of a client; none if there is no such client. StatusError if only they are not found."""
        path = self.org.path("clients", client_id, "mappers")
        answer = self.org.http.get(path, ok=(200, 404))
        if answer.status == HTTPStatus.NOT_FOUND:
            if self.org.ask(self.org.path("clients", client_id), OneClient) is None:
                return ()
            text, where = (
                f"the client {client_id} is there, and no list of its mappers",
                f"GET {self.org.http.url}{path}",
            )
            raise StatusError(answer.status, text, where, "run again; does this Clavex know mappers at all?")
        self.org.seen = True
        if is_bare(answer):
            return self.org.decode(answer, list[WireMapper], "GET", path)
        return self.org.decode(answer, Mappers, "GET", path)["items"]

    def create(self, write: Write) -> Written:
        """Makes the mapper; one of the same name is an error, not an answer."""
        path = self.org.path("clients", str(write.attributes["client_id"]), "mappers")
        body = {**_sent(write.attributes, {}), "mapper_type": write.attributes["mapper_type"]}
        answer = self.org.http.send("POST", path, json=body, ok=(201, 409), repeatable=False)
        if answer.status == HTTPStatus.CONFLICT:
            where = f"POST {self.org.http.url}{path}"
            raise StatusError(answer.status, f"a mapper named {write.attributes['name']} exists", where, "plan again")
        return Written(self.org.decode_made(answer, WireMapper, path)["id"])

    def update(self, write: Write) -> Written:
        """Replaces the mapper by what it is now and what changed, since a PATCH forgets what it does not hold."""
        client_id = str(write.attributes["client_id"])
        fixed = sorted(write.changed.intersection(("client_id", "mapper_type")))
        if fixed:
            raise ReconcilerError(
                f"{write.address}: {', '.join(fixed)} cannot be changed on an existing mapper",
                f"delete the mapper of client {client_id} that makes this claim, then plan again",
            )
        before = next((item for item in self._list(client_id) if item["id"] == write.remote_id), None)
        if before is None:
            raise ReconcilerError(f"{write.address}: the mapper is gone since the plan was made", "plan again")
        path = self.org.path("clients", client_id, "mappers", write.remote_id)
        self.org.http.send("PATCH", path, json=_sent(write.attributes, before))
        return Written(write.remote_id)

    def delete(self, write: Write) -> None:
        """Removes the mapper; it is found by its own id, whatever the client."""
        path = self.org.path("clients", str(write.attributes["client_id"]), "mappers", write.remote_id)
        self.org.http.send("DELETE", path, ok=(200, 204, 404))


def _find(lookup: Lookup, mappers: Sequence[WireMapper]) -> Observation:
    """The mapper of this id, else of this name, else the one that makes the claim."""
    client_id = str(lookup.attributes["client_id"])
    for field, value in (
        ("id", lookup.remote_id),
        ("name", lookup.attributes["name"]),
        ("claim_name", lookup.attributes["claim_name"]),
    ):
        matches = [item for item in mappers if item.get(field) == value]
        if len(matches) == 1:
            return _present(matches[0], client_id)
        if matches:
            names = ", ".join(sorted(item["name"] for item in matches))
            return Unreadable(
                f"several mappers of client {client_id} make the claim {value}: {names}",
                "delete all but one of them in Clavex",
            )
    return Absent()


def _present(mapper: WireMapper, client_id: str) -> Present:
    attributes: dict[str, Value] = {
        "client_id": client_id,
        "name": mapper["name"],
        "mapper_type": mapper["mapper_type"],
        "claim_name": mapper["claim_name"],
        "attribute_name": mapper.get("attribute_name"),
        "claim_value": mapper.get("claim_value"),
        "in_tokens": mapper.get("add_to_access_token", False),
    }
    return Present(mapper["id"], attributes)


def _sent(attributes: Attributes, before: WireMapper | Mapping[str, object]) -> dict[str, object]:
    """The whole body. Only `add_to_access_token` has an effect, on the ID token too; all three are always sent."""
    return {
        "name": attributes["name"],
        "claim_name": attributes["claim_name"],
        "attribute_name": attributes.get("attribute_name", before.get("attribute_name")),
        "claim_value": attributes.get("claim_value", before.get("claim_value")),
        "add_to_access_token": attributes["in_tokens"],
        "add_to_id_token": before.get("add_to_id_token", True),
        "add_to_userinfo": before.get("add_to_userinfo", False),
    }

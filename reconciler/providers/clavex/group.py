"""Groups: paged by a cursor that can vanish, and impossible to change (facts clavex 3.1)."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from reconciler.core.observed import Absent, Observation, Present
from reconciler.errors import BadAnswerError, ReconcilerError, StatusError
from reconciler.ports import Write, Written
from reconciler.providers.clavex.organisation import PAGE_SIZE, Organisation, is_bare, unreadable
from reconciler.providers.clavex.wire import (
    Groups,
    WireGroup,
    mark_headers,
    read_owner,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reconciler.core.address import Address
    from reconciler.core.observed import Lookup

_STARTS = 3
"""How often the list is begun, at most."""


@dataclass(frozen=True, slots=True)
class GroupHandler:
    """Implements ports.Handler."""

    org: Organisation

    def read(self, wanted: Sequence[Lookup]) -> Mapping[Address, Observation]:
        """An answer for every address, by the list alone: there is no search."""
        try:
            groups = self._list()
        except ReconcilerError as problem:
            return dict.fromkeys((lookup.address for lookup in wanted), unreadable(problem))
        by_name = {group["name"]: group for group in groups.values()}
        found: dict[Address, Observation] = {}
        for lookup in wanted:
            group = groups.get(lookup.remote_id or "") or by_name.get(str(lookup.attributes["name"]))
            found[lookup.address] = _present(group) if group else Absent()
        return self.org.vouch(found)

    def _list(self) -> dict[str, WireGroup]:
        """All groups by id. If the one that a page hangs on was deleted, that page is a 500: start again."""
        for _ in range(_STARTS):
            if (groups := self._pages()) is not None:
                return groups
        path = self.org.path("groups")
        raise BadAnswerError("the list changes while it is read", f"GET {self.org.http.url}{path}", "run again")

    def _pages(self) -> dict[str, WireGroup] | None:
        """All groups by id; None if a page could not be read on."""
        path = self.org.path("groups")
        groups: dict[str, WireGroup] = {}
        params: dict[str, str | int] = {"limit": PAGE_SIZE}
        while True:
            answer = self.org.http.get(path, params=params, ok=(200, 500) if groups else (200,))
            if answer.status != HTTPStatus.OK:
                return None
            if is_bare(answer):
                return {group["id"]: group for group in self.org.decode(answer, list[WireGroup], "GET", path)}
            page = self.org.decode(answer, Groups, "GET", path)
            before = len(groups)
            groups.update((group["id"], group) for group in page["items"])
            params["after"] = page.get("next_cursor", "")
            if not page.get("has_more") or not params["after"] or len(groups) == before:
                break
        self.org.seen = self.org.seen or bool(groups)
        return groups

    def create(self, write: Write) -> Written:
        """Makes the group, with the only mark that it can ever have."""
        path = self.org.path("groups")
        name = str(write.attributes["name"])
        body = {"name": name, "description": write.attributes.get("description", "")}
        headers = mark_headers(write.owner) if write.owner else {}
        try:
            answer = self.org.http.send("POST", path, json=body, ok=(201,), headers=headers, repeatable=False)
        except StatusError as problem:
            refusal = problem
        else:
            return Written(self.org.decode_made(answer, WireGroup, path)["id"])
        # A name that is taken is a 500 (facts clavex 9.2). Only a group with our mark can be the one just made.
        if refusal.status in {HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.CONFLICT}:
            found = next((group for group in self._list().values() if group["name"] == name), None)
            text = f"the group {name} exists already"
            if found is not None and write.owner == _present(found).owner:
                raise StatusError(refusal.status, text, refusal.where, "plan again")
            if found is not None:
                raise ReconcilerError(f"{write.address}: {text}", "plan again")
        raise refusal

    def update(self, write: Write) -> Written:
        """Nothing can be changed: ReconcilerError if something should be."""
        if write.changed:
            raise ReconcilerError(
                f"{write.address}: Clavex has no way to change the {' and '.join(sorted(write.changed))} of a group",
                "take it out of the spec; a new group would have none of the members",
            )
        return Written(write.remote_id)

    def delete(self, write: Write) -> None:
        """Removes the group. A system group answers 404 as if it were gone."""
        path = self.org.path("groups", write.remote_id)
        answer = self.org.http.send("DELETE", path, ok=(200, 204, 404))
        if answer.status == HTTPStatus.NOT_FOUND and self.org.ask(path, WireGroup) is not None:
            where = f"DELETE {self.org.http.url}{path}"
            raise StatusError(answer.status, "it was not deleted: is it a group of the system?", where)


def _present(group: WireGroup) -> Present:
    owner = read_owner(group.get("managed_by"), group.get("managed_ref"))
    return Present(group["id"], {"name": group["name"], "description": group.get("description") or ""}, owner)

"""The app's settings of the login page (facts atlassian 3.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import JsonValue, TypeAdapter

from reconciler.core.observed import Observation, Present
from reconciler.errors import ReconcilerError
from reconciler.ports import Http, Write, Written
from reconciler.providers.atlassian.fields import read_fields, write_field
from reconciler.providers.atlassian_sso.types import SETTINGS_FIELDS
from reconciler.providers.atlassian_sso.wire import ROOT, app_unreadable
from reconciler.transport.answers import decode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reconciler.core.address import Address
    from reconciler.core.observed import Lookup
    from reconciler.providers.atlassian.fields import JsonObject

_SSO = f"{ROOT}/sso"
_ADAPTER = TypeAdapter(dict[str, JsonValue])


@dataclass(frozen=True, slots=True)
class SettingsHandler:
    """Implements ports.Handler for the one resource of its type."""

    http: Http

    def read(self, wanted: Sequence[Lookup]) -> Mapping[Address, Observation]:
        """The settings, at every address."""
        found: Observation
        try:
            document = decode(self.http.get(_SSO), _ADAPTER, f"GET {self.http.url}{_SSO}")
            found = Present("sso", read_fields(document, SETTINGS_FIELDS))
        except ReconcilerError as problem:
            found = app_unreadable(problem)
        return {lookup.address: found for lookup in wanted}

    def create(self, write: Write) -> Written:
        """The same as an update: settings are always there."""
        return self.update(write)

    def update(self, write: Write) -> Written:
        """Sends what changed and nothing else."""
        body: JsonObject = {}
        for name in sorted(write.changed):
            write_field(body, SETTINGS_FIELDS[name], write.attributes[name])
        self.http.send("PATCH", _SSO, json=body)
        return Written("sso")

    def delete(self, write: Write) -> None:
        """Nothing: settings stay."""

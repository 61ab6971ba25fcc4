"""What stands in the plugin, by the word of a person, as long as the app itself is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.core.observed import Absent, Lookup, Observation, Present
from reconciler.errors import ManualError, ReconcilerError
from reconciler.ports import Fingerprinter, Write, Written
from reconciler.providers.atlassian.apps import PluginManager
from reconciler.providers.atlassian.groups import unreadable
from reconciler.providers.atlassian.sign_ons import TITLES
from reconciler.providers.resolution.app import keys_of
from reconciler.providers.resolution.checklist import checklist
from reconciler.providers.resolution.types import (
    APP_ENABLED,
    APP_KEY,
    CONFIRMATION,
    CONFIRMED,
    RESOLUTION,
    SECRET,
    Confirmation,
    parse_confirmation,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reconciler.core.address import Address
    from reconciler.core.resource import Attributes
    from reconciler.providers.atlassian.apps import App

_PREFIX = "idp:"
"""Begins the ids that we make up: the app has none that anybody could see."""


@dataclass(frozen=True, slots=True)
class ResolutionHandler:
    """Implements ports.Handler. `product` is the kind of product."""

    manager: PluginManager
    product: str
    fingerprinter: Fingerprinter

    def read(self, wanted: Sequence[Lookup]) -> Mapping[Address, Observation]:
        """An answer for every address: the app's from the plugin manager, the rest from the confirmation."""
        return {lookup.address: self._look(lookup) for lookup in wanted}

    def _look(self, lookup: Lookup) -> Observation:
        try:
            app = self._find(lookup.attributes)
        except ReconcilerError as problem:
            return unreadable(problem)
        said = parse_confirmation(str(lookup.attributes.get(CONFIRMATION, "")))
        whole = said is not None and said.values == lookup.attributes.get(CONFIRMED)
        known = lookup.remote_id if (lookup.remote_id or "").startswith(_PREFIX) else None
        if app is None or not (whole or known):
            return Absent()
        # A confirmation of other values says nothing of the single ones: what was last applied stands in for them.
        values = {name: lookup.attributes[name] for name in RESOLUTION.shown & lookup.attributes.keys()}
        return Present(
            known or _id_of(lookup.attributes),
            {**(values if whole else {}), CONFIRMED: said.values if said else "", APP_ENABLED: app.enabled},
            fingerprints={SECRET: said.secret} if said else {},
        )

    def create(self, write: Write) -> Written:
        """Nothing is written: a person gets a checklist."""
        return self.update(write)

    def update(self, write: Write) -> Written:
        """The same, and always whole: nobody knows which of the values a person typed in before."""
        attributes = write.attributes
        confirmation = Confirmation(str(attributes[CONFIRMED]), self.fingerprinter.of(write.secrets[SECRET]))
        lines = checklist(write.address.name, self._title, attributes, self._find(attributes), confirmation)
        return Written(write.remote_id or _id_of(attributes), manual=tuple(lines))

    def delete(self, write: Write) -> None:
        """Nothing if the app is gone; else ManualError."""
        if self._find(write.attributes) is not None:
            screen = f"{self._title}, Manage apps > SAML SSO > Configure"
            raise ManualError(
                (
                    f"{screen}: remove the identity provider {write.attributes['name']}",
                    f"When it is gone there, run `reconciler forget {write.address}`, then apply again",
                )
            )

    @property
    def _title(self) -> str:
        return TITLES.get(self.product, self.product)

    def _find(self, attributes: Attributes) -> App | None:
        return self.manager.find(keys_of(self.product, str(attributes.get(APP_KEY, ""))))


def _id_of(attributes: Attributes) -> str:
    """The id by the name in the app, so that a sign-on that is renamed in the spec only is known again."""
    return f"{_PREFIX}{attributes['name']}"

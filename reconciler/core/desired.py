"""What the spec wants, resource by resource."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from reconciler.core.address import Address
from reconciler.core.resource import Attributes, OnRemove, ResourceType

DesiredState = Mapping[Address, "Desired"]


class Desired(NamedTuple):
    """One wanted resource: a named tuple, since a spec may hold thousands (see `core.observed`).

    Attributes that the spec does not mention are absent and stay as they are. `shared` names the sets of which
    only our own members are managed: members of others are left alone. A `manual` resource is one that a person
    must change; what exactly, its handler says. `where` is the key path in the spec. `secret_days` is how many days
    old the secret that the server made for it may become; None for any age.
    """

    address: Address
    type: ResourceType
    attributes: Attributes
    depends_on: tuple[Address, ...] = ()
    shared: tuple[str, ...] = ()
    on_remove: OnRemove = OnRemove.DELETE
    manual: bool = False
    where: str = ""
    secret_days: int | None = None

    @property
    def handles(self) -> tuple[str, ...]:
        """The handles of all secrets that the resource names."""
        return tuple(str(self.attributes[name]) for name in self.type.handles if name in self.attributes)

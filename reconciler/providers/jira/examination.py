"""The checks of one Jira (facts atlassian 6)."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from pydantic import BaseModel, TypeAdapter

from reconciler.core.check import Check, examined
from reconciler.providers.atlassian.examination import ACCESS, TOKEN, administers, examine_access, examine_product
from reconciler.transport.answers import decode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.ports import Examination
    from reconciler.providers.atlassian.products import Product

_PERMISSIONS = "/rest/api/2/mypermissions"
_ROLES = "/rest/api/2/applicationrole"
_ADMINISTRATORS = ("ADMINISTER", "SYSTEM_ADMIN")


class _Permission(BaseModel):
    havePermission: bool = False  # noqa: N815 - the server's spelling


class _Held(BaseModel):
    permissions: dict[str, _Permission]


class _Role(BaseModel):
    key: str
    name: str = ""
    groups: tuple[str, ...] = ()


_HELD = TypeAdapter(_Held)
_LIST = TypeAdapter(list[_Role])


def examine(examination: Examination, product: Product) -> Iterator[Check]:
    """Version, base URL, whether the token is an administrator's, and application access."""
    if examination.facts.assumed:
        return
    name = examination.system.name
    yield from examine_product(examination, product)
    yield from examined(TOKEN, name, lambda: [_token(examination, product)])
    yield from examined(ACCESS, name, lambda: _access(examination))


def _token(examination: Examination, product: Product) -> Check:
    http = examination.http
    held = decode(http.get(_PERMISSIONS), _HELD, f"GET {http.url}{_PERMISSIONS}").permissions
    administrator = any(held[key].havePermission for key in _ADMINISTRATORS if key in held)
    return administers(examination.system.name, product.title, administrator=administrator)


def _access(examination: Examination) -> Iterator[Check]:
    http = examination.http
    opened: dict[str, list[str]] = defaultdict(list)
    for role in decode(http.get(_ROLES), _LIST, f"GET {http.url}{_ROLES}"):
        for group in role.groups:
            opened[group].append(role.name or role.key)
    yield from examine_access(
        examination,
        opened,
        f'add "{{}}" to an application under [systems.{examination.system.name}.applications] and apply, or by hand: '
        "Jira, Applications, Application access",
    )

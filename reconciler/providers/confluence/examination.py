"""The checks of one Confluence (facts atlassian 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, Field, TypeAdapter

from reconciler.core.check import Check, Source, examined, hidden
from reconciler.providers.atlassian.apps import PluginManager
from reconciler.providers.atlassian.examination import (
    ACCESS,
    TOKEN,
    administers,
    examine_access,
    examine_product,
    own_sign_ons,
)
from reconciler.transport.answers import decode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.ports import Examination
    from reconciler.providers.atlassian.products import Product

_USER = "/rest/api/user/current"
_PERMISSIONS = "/rest/api/permissions"
_SCREEN = "Confluence, General configuration, Global permissions"
_USE = ("application", "use")
_MISSING = 404


class _User(BaseModel):
    username: str = ""


class _Operation(BaseModel):
    key: str = Field(alias="operationKey")
    target: str = Field(alias="targetType")


class _Subject(BaseModel):
    type: str = ""
    name: str = Field("", alias="displayName")


class _Permission(BaseModel):
    operation: _Operation
    subject: _Subject = Field(default_factory=_Subject)


_ME = TypeAdapter(_User)
_LIST = TypeAdapter(list[_Permission])


def examine(examination: Examination, product: Product) -> Iterator[Check]:
    """Version, base URL, whether the token is an administrator's, and who may use Confluence."""
    if examination.facts.assumed:
        return
    name = examination.system.name
    yield from examine_product(examination, product)
    yield from examined(TOKEN, name, lambda: [_token(examination, product)])
    yield from examined(ACCESS, name, lambda: _access(examination))


def _token(examination: Examination, product: Product) -> Check:
    http = examination.http
    who = decode(http.get(_USER), _ME, f"GET {http.url}{_USER}").username
    return administers(examination.system.name, product.title, administrator=PluginManager(http).admits(), who=who)


def _access(examination: Examination) -> Iterator[Check]:
    http = examination.http
    answer = http.get(_PERMISSIONS, ok=(200, _MISSING))
    if answer.status == _MISSING:  # it came with 9.2.18 and 9.3.1 (facts atlassian 1.1)
        for sign_on in own_sign_ons(examination):
            seen = f"Confluence {examination.facts.version} has no REST that tells who may use it"
            groups = ", ".join(sorted(sign_on.groups.values())) or "the groups of those who log in"
            remedy = f"look in {_SCREEN}: {groups} must be there with Can use"
            yield hidden(ACCESS, sign_on.where, seen, remedy, Source.DOCUMENTED)
        return
    found = decode(answer, _LIST, f"GET {http.url}{_PERMISSIONS}")
    opened = {
        item.subject.name: ("Confluence",)
        for item in found
        if item.subject.type == "group" and (item.operation.target, item.operation.key) == _USE
    }
    yield from examine_access(
        examination,
        opened,
        f'add "{{}}" to may_use in [systems.{examination.system.name}] and apply, or by hand: {_SCREEN}',
    )

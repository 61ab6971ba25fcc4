"""Crowd: the directory that products share, where their groups are made once (facts atlassian 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from reconciler.core.intent import Facts
from reconciler.diagnostic import error
from reconciler.errors import SecretError
from reconciler.ports import Connection, Provider
from reconciler.providers.atlassian import credentials as basic
from reconciler.providers.atlassian.groups import GROUP, GroupHandler
from reconciler.providers.atlassian.products import Product
from reconciler.providers.crowd.groups import CrowdGroups

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import SecretStr

    from reconciler.core.intent import Intent, System
    from reconciler.ports import Credentials, Expansion, Http

CROWD = Product("Crowd", floor="", tokens_since="")
_ANY = "crowd-administrators"


class CrowdSettings(BaseModel):
    """A Crowd has no keys of its own in `[systems.*]`."""

    model_config = ConfigDict(extra="forbid")


def authenticate(credentials: Credentials) -> Mapping[str, SecretStr]:
    """Name and password of an application, not of a person. SecretError, without any value, for anything else."""
    if credentials.token is not None:
        raise SecretError(
            "Crowd knows no tokens",
            "give the name and the password that Crowd knows the application by: username and password",
        )
    return basic.authenticate(credentials)


def expand(intent: Intent, system: System, facts: Facts) -> Expansion:
    """The groups of the directory: its own, and those of all products that name it."""
    groups = CROWD.expand(intent, system, facts)
    wrong = (
        error("people sign on to a product, and this is a Crowd", f"{sign_on.where}.system", "name the product")
        for sign_on in intent.sign_ons.values()
        if sign_on.product.name == system.name
    )
    return groups._replace(diagnostics=(*groups.diagnostics, *wrong))


def connect(system: System, http: Http, known: Mapping[str, str], endpoints: bool) -> Connection:  # noqa: ARG001, FBT001 - the port's shape
    """One group is asked for, whether it exists or not: that shows a Crowd, and that it takes the password.

    RequestError if it does not. Nothing depends on the version.
    """
    groups = CrowdGroups(http)
    groups.find(_ANY)
    return Connection(Facts(assumed=False), {GROUP.name: GroupHandler(groups)})


provider = Provider(
    name="crowd",
    settings=CrowdSettings,
    types=(GROUP,),
    authenticate=authenticate,
    expand=expand,
    connect=connect,
)

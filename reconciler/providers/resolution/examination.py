"""The checks of a sign-on by resolution: the app, and the word of the person who set it up (facts atlassian 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.check import Check, Source, examined, hidden
from reconciler.providers.atlassian.apps import PluginManager
from reconciler.providers.atlassian.examination import APP, UPDATES, check_app, check_updates, look_at
from reconciler.providers.resolution.app import keys_of
from reconciler.providers.resolution.checklist import APP as TITLE
from reconciler.providers.resolution.types import RESOLUTION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.core.intent import SignOn
    from reconciler.ports import Examination

_SCREEN = "the update of users in the identity provider's settings"


def examine(sign_on: SignOn, examination: Examination) -> Iterator[Check]:
    """The app, and what was confirmed: nothing of its configuration can be read."""
    keys = keys_of(sign_on.product.provider, str(sign_on.options.get("app_key") or ""))
    find = PluginManager(examination.http).find
    yield from examined(APP, sign_on.where, lambda: [check_app(sign_on, find(keys), TITLE)])
    found = look_at(sign_on, RESOLUTION, examination)
    if isinstance(found, Check):
        yield found
    elif "update_on_login" in found:
        yield check_updates(sign_on, found["update_on_login"], _SCREEN, Source.ASSUMED)
    else:
        yield hidden(
            UPDATES,
            sign_on.where,
            "what the app does with names and addresses at a login cannot be read",
            f"look at {_SCREEN}, or say update_attributes_on_login = true in [{sign_on.where}] and apply",
            Source.ASSUMED,
        )

"""The checks of a sign-on by miniOrange (facts atlassian 4, 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from reconciler.core.check import Check, Source, doubtful, examined
from reconciler.core.login import Start
from reconciler.providers.atlassian.apps import PluginManager
from reconciler.providers.atlassian.examination import (
    APP,
    GROUPS,
    check_app,
    check_group_claim,
    check_updates,
    look_at,
    number_of,
)
from reconciler.providers.miniorange.types import MINIORANGE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.core.intent import SignOn
    from reconciler.ports import Examination

_NAME = "miniOrange OAuth/OIDC SSO"
_KEYS = {"jira": "com.miniorange.oauth.jira-oauth", "confluence": "com.miniorange.oauth.confluence-oauth"}


def examine(sign_on: SignOn, examination: Examination) -> Iterator[Check]:
    """The app, and what the provider in it holds; by key names that no document confirms."""
    if key := _KEYS.get(sign_on.product.provider):
        yield from examined(
            APP, sign_on.where, lambda: [check_app(sign_on, PluginManager(examination.http).find([key]), _NAME)]
        )
    found = look_at(sign_on, MINIORANGE, examination)
    if isinstance(found, Check):
        yield found
        return
    if sign_on.groups:
        yield check_group_claim(sign_on, found.get("group_attribute"), Source.ASSUMED)
        if found.get("on_the_fly_groups") is False:
            seen = "on-the-fly group mapping is off: people get in, and no group of Clavex arrives"
            yield doubtful(GROUPS, sign_on.where, seen, "reconciler apply turns it on", Source.ASSUMED)
    screen = "Update Existing User Profile in the plugin's User Profile settings"
    yield check_updates(sign_on, found.get("update_on_login"), screen, Source.ASSUMED)


def start(sign_on: SignOn, examination: Examination) -> Start | Check:
    """The servlet that public code shows; how it is told which provider is meant is assumed (facts atlassian 4.2)."""
    found = look_at(sign_on, MINIORANGE, examination)
    if isinstance(found, Check):
        return found
    asked = urlencode({"id": number_of(sign_on, MINIORANGE, examination)})
    return Start(f"{examination.http.url}/plugins/servlet/oauth/auth?{asked}", Source.ASSUMED)

"""The checks of a sign-on by jira-config.properties: what can be known of it (facts atlassian 10)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.core.check import Check, Source, broken, doubtful, examined, hidden
from reconciler.errors import ReconcilerError
from reconciler.providers.atlassian.apps import BUILT_IN, PluginManager
from reconciler.providers.atlassian.examination import APP, SETUP, check_app, look_at
from reconciler.providers.properties.document import prove_writable
from reconciler.providers.properties.types import KEYS, PROPERTIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.core.intent import SignOn
    from reconciler.ports import Examination


def examine(sign_on: SignOn, examination: Examination) -> Iterator[Check]:
    """The app that the keys are said to configure, and that nobody has seen Jira obey them."""
    yield from _check_file(sign_on)
    find = PluginManager(examination.http).find
    name = "SSO for Atlassian Data Center"
    yield from examined(APP, sign_on.where, lambda: [check_app(sign_on, find([BUILT_IN]), name)])
    found = look_at(sign_on, PROPERTIES, examination)
    if isinstance(found, Check):
        yield found
        return
    if sign_on.enabled and found.get("enabled") is False:
        seen = f"{KEYS['enabled']} is not true in the file"
        yield broken(SETUP, sign_on.where, seen, "reconciler apply sets it", Source.ASSUMED)
    yield hidden(
        "properties",
        sign_on.where,
        "the keys stand in the file, and whether Jira obeys them cannot be read: only the guide knows them",
        f'log in once, or say plugin = "atlassian" in [{sign_on.where}], which Atlassian documents',
        Source.ASSUMED,
    )


def _check_file(sign_on: SignOn) -> Iterator[Check]:
    """An apply could not write the file; the login is the same for it."""
    try:
        prove_writable(Path(str(sign_on.options.get("file", ""))))
    except ReconcilerError as problem:
        yield doubtful("file", sign_on.where, problem.message, problem.remedy)

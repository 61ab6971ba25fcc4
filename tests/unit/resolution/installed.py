"""The app by resolution in an emulated product, and a sign-on that uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unit.atlassian.product import Side, side, sign_on, system_of

from reconciler.providers import resolution
from reconciler.sandbox.atlassian.world import Plugin

if TYPE_CHECKING:
    from reconciler.ports import Http
    from reconciler.sandbox.serve import Served

JIRA_KEY = "com.resolution.atlasplugins.samlsso.Jira"
PATH = "/plugins/servlet/samlsso/oidc/made-up"


def install(served: Served[Any], key: str = JIRA_KEY, *, enabled: bool = True) -> None:
    served.world.plugins[key] = Plugin(key, "SAML SSO", "7.0.1", enabled=enabled)


def made(served: Served[Any], http: Http, **changes: Any) -> Side:
    wish = sign_on(system_of(served), "resolution", **{"callback": served.url + PATH, **changes})
    return side(resolution.plugin, http, wish, "resolution")


def confirmation(manual: tuple[str, ...]) -> str:
    """The text that ends a checklist."""
    return manual[-1].split('"')[1]

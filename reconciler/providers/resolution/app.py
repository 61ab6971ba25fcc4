"""Whether the app is there: the one thing that can be asked of it (facts atlassian 5, 9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, TypeAdapter

from reconciler.ports import Http
from reconciler.transport.answers import decode

if TYPE_CHECKING:
    from collections.abc import Sequence

_UPM = "/rest/plugins/1.0"
_ACCEPT = {"Accept": "application/vnd.atl.plugins.plugin+json"}
_MISSING = 404
_KEYS = {
    "jira": ("com.resolution.atlasplugins.samlsso.Jira",),
    # Nobody confirms the case of the last word (facts atlassian 9).
    "confluence": (
        "com.resolution.atlasplugins.samlsso.confluence",
        "com.resolution.atlasplugins.samlsso.Confluence",
    ),
}


class App(BaseModel):
    """An installed app, as the plugin manager lists it."""

    key: str
    name: str = ""
    version: str = ""
    enabled: bool


_ADAPTER = TypeAdapter(App)


def keys_of(product: str, stated: str) -> tuple[str, ...]:
    """The keys that the app may have in this kind of product; `stated` is the one that the spec gives, if any."""
    return (stated,) if stated else _KEYS.get(product, ())


@dataclass(frozen=True, slots=True)
class PluginManager:
    """The plugin manager of one product. Errors are those of ports.Http."""

    http: Http

    def find(self, keys: Sequence[str]) -> App | None:
        """The first of these apps that is installed; None if none is."""
        for key in keys:
            path = f"{_UPM}/{key}-key"
            answer = self.http.get(path, ok=(200, _MISSING), headers=_ACCEPT)
            if answer.status != _MISSING:
                return decode(answer, _ADAPTER, f"GET {self.http.url}{path}")
        return None

"""Whether an app is installed: what the products' plugin manager tells (facts atlassian 9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, TypeAdapter

from reconciler.errors import StatusError
from reconciler.ports import Http
from reconciler.transport.answers import decode

if TYPE_CHECKING:
    from collections.abc import Sequence

BUILT_IN = "com.atlassian.plugins.authentication.atlassian-authentication-plugin"
_UPM = "/rest/plugins/1.0"
_ACCEPT = {"Accept": "application/vnd.atl.plugins.plugin+json"}
_FORBIDDEN, _MISSING = 403, 404


class App(BaseModel):
    """An installed app, as the plugin manager lists it."""

    key: str
    name: str = ""
    version: str = ""
    enabled: bool


_ADAPTER = TypeAdapter(App)


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

    def admits(self) -> bool:
        """Whether the caller is an administrator: nobody else may ask."""
        try:
            self.find([BUILT_IN])
        except StatusError as problem:
            if problem.status == _FORBIDDEN:
                return False
            raise
        return True

"""The plugin's document, read whole, changed in place, handed over whole."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from reconciler.errors import InDoubtError, ReconcilerError
from reconciler.ports import Http
from reconciler.providers.atlassian.fields import JsonObject, read_field
from reconciler.providers.miniorange.keys import Keys, keys_of
from reconciler.providers.miniorange.routes import FileRoute, RestRoute, Route

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import JsonValue

    from reconciler.core.resource import Attributes

_MASK = re.compile(r"[*•●]+")


@dataclass(frozen=True, slots=True)
class Source:
    """How a document is reached, as the resources say it."""

    route: str
    export_file: str
    import_file: str
    accept_version: str

    @classmethod
    def of(cls, attributes: Attributes) -> Source:
        """What a resource carries. ReconcilerError if it carries nothing."""
        if "route" not in attributes:
            raise ReconcilerError("nothing says by which route it is reached", "put the sign-on back into the spec")
        return cls(*(str(attributes.get(name, "")) for name in ("route", "export", "import", "accept_version")))


@dataclass(frozen=True, slots=True)
class Document:
    """The whole configuration, with the key names of its version. ReconcilerError if it is not of the known form."""

    content: JsonObject
    keys: Keys

    @classmethod
    def of(cls, content: JsonObject, accept_version: str) -> Document:
        """A checked document."""
        keys = keys_of(content, accept_version)
        _listed(content, keys)
        return cls(content, keys)

    @property
    def providers(self) -> list[JsonObject]:
        """All providers, whoever made them."""
        return _listed(self.content, self.keys)

    def replace_providers(self, providers: list[JsonObject]) -> None:
        """These providers and no others."""
        self.content[self.keys.providers] = [*providers]

    def id_of(self, provider: JsonObject) -> str:
        """The provider's id; its name if it has none."""
        return str(provider.get(self.keys.id) or read_field(provider, self.keys.provider["name"]))

    def find(self, number: str) -> JsonObject | None:
        """The provider with this id."""
        return next((item for item in self.providers if self.id_of(item) == number), None)

    def secret_of(self, provider: JsonObject) -> str:
        """The client secret in clear; empty if it is hidden."""
        shown = str(read_field(provider, self.keys.secret))
        return "" if _MASK.fullmatch(shown) else shown

    def hidden(self) -> list[str]:
        """The names of the providers whose client secret is not shown."""
        name = self.keys.provider["name"]
        return [str(read_field(item, name)) for item in self.providers if not self.secret_of(item)]


def _listed(content: JsonObject, keys: Keys) -> list[JsonObject]:
    listed = content.get(keys.providers)
    found = [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    if not isinstance(listed, list) or len(found) < len(listed):
        raise ReconcilerError(
            f"the document has no list of {keys.providers}",
            "is it a configuration of miniOrange OAuth/OIDC SSO, and whole?",
        )
    return found


@dataclass(frozen=True, slots=True)
class Changed:
    """How a change went: what a person must do, or else the document as it was read afterwards."""

    manual: tuple[str, ...] = ()
    document: Document | None = None


@dataclass(slots=True)
class Documents:
    """The documents of one product. Changes come one after another: each is of the whole document."""

    http: Http
    product: str
    _routes: dict[Source, Route] = field(default_factory=dict, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    def load(self, source: Source) -> Document:
        """The document as the plugin has it."""
        return Document.of(self._route(source).load(), source.accept_version)

    def change(self, source: Source, edit: Callable[[Document], bool], ours: str = "") -> Changed:
        """Changes the document by `edit`, which says whether there is anything to hand over.

        Everything but the provider with the id `ours` must be found again unless `edit` changed it.
        """
        with self._lock:
            route = self._route(source)
            document = Document.of(route.begin(), source.accept_version)
            if not edit(document):
                return Changed(document=document)
            manual = route.store(document.content, document.hidden())
            if manual:
                return Changed(manual)
            try:
                again = self.load(source)
            except ReconcilerError as problem:  # it was taken, in whatever shape
                text = f"the document was sent and could not be read back: {problem.message}"
                raise InDoubtError(text, self.http.url, problem.remedy) from None
            if lost := _lost(document, again, ours):
                raise ReconcilerError(
                    f"the plugin took the document and does not show {', '.join(lost)} as it was sent",
                    "compare its screens with a backup: this version may not be one that we know",
                )
            return Changed(document=again)

    def _route(self, source: Source) -> Route:
        if source not in self._routes:
            files = Path(source.export_file).expanduser(), Path(source.import_file).expanduser()
            route: Route = RestRoute(self.http) if source.route == "rest" else FileRoute(self.product, *files)
            self._routes[source] = route
        return self._routes[source]


def _lost(sent: Document, shown: Document, ours: str) -> list[str]:
    """What was sent and is shown otherwise, but for our own provider. More than was sent may be shown."""
    lost = [
        f"provider {number}"
        for provider in sent.providers
        if (number := sent.id_of(provider)) != ours and not _holds(shown.find(number), provider)
    ]
    rest = (item for item in sent.content.items() if item[0] != sent.keys.providers)
    return lost + [key for key, value in rest if not _holds(shown.content.get(key), value)]


def _holds(shown: JsonValue, sent: JsonValue) -> bool:
    if isinstance(sent, dict) and isinstance(shown, dict):
        return all(_holds(shown.get(key), value) for key, value in sent.items())
    return shown == sent

"""Providers and sign-in settings in the plugin's document; what is not managed stays as it was read."""

from __future__ import annotations

import copy
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from pydantic import SecretStr

from reconciler.core.observed import Lookup, Observation, Present
from reconciler.errors import InDoubtError, ManualError, ReconcilerError
from reconciler.ports import Fingerprinter, Write, Written
from reconciler.providers.atlassian.fields import read_field, read_fields, write_field
from reconciler.providers.atlassian.groups import unreadable
from reconciler.providers.atlassian.matching import Candidate, observe
from reconciler.providers.miniorange.documents import Document, Documents, Source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reconciler.core.address import Address
    from reconciler.core.resource import Attributes
    from reconciler.providers.atlassian.fields import Fields, JsonObject

_SECRET = "client_secret"  # noqa: S105 - the name of an attribute


@dataclass(frozen=True, slots=True)
class ProviderHandler:
    """Implements ports.Handler for the providers of one product."""

    documents: Documents
    fingerprinter: Fingerprinter

    def read(self, wanted: Sequence[Lookup]) -> Mapping[Address, Observation]:
        """An answer for every address, from one document for each way to it: by id, by name, by client."""
        found: dict[Address, Observation] = {}
        by_source: dict[Source, list[Lookup]] = defaultdict(list)
        for lookup in wanted:
            try:
                by_source[Source.of(lookup.attributes)].append(lookup)
            except ReconcilerError as problem:
                found[lookup.address] = unreadable(problem)
        for source, lookups in by_source.items():
            found |= self._look(source, lookups)
        return found

    def _look(self, source: Source, lookups: Sequence[Lookup]) -> Mapping[Address, Observation]:
        try:
            document = self.documents.load(source)
        except ReconcilerError as problem:
            return dict.fromkeys((lookup.address for lookup in lookups), unreadable(problem))
        candidates = [Candidate(document.id_of(item), item) for item in document.providers]
        fields = document.keys.provider
        tiers = tuple(
            {name: fields[name] for name in names} for names in (("name",), ("client_id", "authorization_endpoint"))
        )
        return observe(lookups, candidates, tiers, partial(self._read, document))

    def _read(self, document: Document, candidate: Candidate) -> Present:
        secret = document.secret_of(candidate.content)
        prints = {_SECRET: self.fingerprinter.of(SecretStr(secret))} if secret else {}
        attributes = read_fields(candidate.content, document.keys.provider)
        return Present(candidate.id, attributes, fingerprints=prints)

    def create(self, write: Write) -> Written:
        """Adds a provider. Its id is ours, and the same each time, so that a file may be made more than once."""
        number = str(uuid5(NAMESPACE_URL, f"{self.documents.http.url}/{write.address}"))
        name = str(write.attributes["name"])

        def add(document: Document) -> bool:
            if document.find(number) or _named(document, name):
                raise ReconcilerError(f"a provider named {name} exists by now", "plan again")
            provider: JsonObject = {document.keys.id: number, **copy.deepcopy(document.keys.template)}
            _fill(provider, document, write, write.attributes)
            document.replace_providers([*document.providers, provider])
            return True

        changed = self.documents.change(Source.of(write.attributes), add, number)
        if changed.document is None:
            return Written(number, manual=changed.manual)
        made = changed.document.find(number) or _named(changed.document, name)
        if made is None:
            raise ReconcilerError(
                "the plugin took the document and does not show the new provider", "look at its screen"
            )
        try:
            _check(made, changed.document.keys.provider, write.attributes)
        except ReconcilerError as problem:  # it exists, and not as it should
            raise InDoubtError(problem.message, self.documents.http.url, problem.remedy) from None
        return Written(changed.document.id_of(made))

    def update(self, write: Write) -> Written:
        """Changes what changed in place: other keys, and the type of each value, stay."""
        changes = {name: write.attributes[name] for name in write.changed}

        def edit(document: Document) -> bool:
            provider = document.find(write.remote_id)
            if provider is None:
                raise ReconcilerError("the provider is gone", "plan again")
            _fill(provider, document, write, changes)
            return True

        changed = self.documents.change(Source.of(write.attributes), edit, write.remote_id)
        if changed.document is None:
            return Written(write.remote_id, manual=changed.manual)
        _check(changed.document.find(write.remote_id) or {}, changed.document.keys.provider, changes)
        return Written(write.remote_id)

    def delete(self, write: Write) -> None:
        """Takes the provider out; one that is gone is fine. ManualError where a person has to do it."""

        def remove(document: Document) -> bool:
            kept = [item for item in document.providers if document.id_of(item) != write.remote_id]
            gone = len(kept) == len(document.providers)
            document.replace_providers(kept)
            return not gone

        changed = self.documents.change(Source.of(write.attributes), remove, write.remote_id)
        if changed.manual:
            raise ManualError(changed.manual)
        if changed.document is not None and changed.document.find(write.remote_id):
            raise ReconcilerError("the plugin took the document and still shows the provider", "look at its screen")


@dataclass(frozen=True, slots=True)
class SignInHandler:
    """Implements ports.Handler for the sign-in settings, of which a product has one set."""

    documents: Documents

    def read(self, wanted: Sequence[Lookup]) -> Mapping[Address, Observation]:
        """The settings, at every address."""
        return {lookup.address: self._look(lookup) for lookup in wanted}

    def _look(self, lookup: Lookup) -> Observation:
        try:
            document = self.documents.load(Source.of(lookup.attributes))
            return Present("sign-in", read_fields(document.content, document.keys.sign_in))
        except ReconcilerError as problem:
            return unreadable(problem)

    def create(self, write: Write) -> Written:
        """The same as an update: settings are always there."""
        return self.update(write)

    def update(self, write: Write) -> Written:
        """Changes what changed in place."""

        def edit(document: Document) -> bool:
            for name, field in document.keys.sign_in.items():
                if name in write.changed:
                    write_field(document.content, field, write.attributes[name])
            return True

        changed = self.documents.change(Source.of(write.attributes), edit)
        return Written("sign-in", manual=changed.manual)

    def delete(self, write: Write) -> None:
        """Nothing: settings stay."""


def _named(document: Document, name: str) -> JsonObject | None:
    return next(
        (item for item in document.providers if read_field(item, document.keys.provider["name"]) == name), None
    )


def _fill(provider: JsonObject, document: Document, write: Write, attributes: Attributes) -> None:
    for name, field in document.keys.provider.items():
        if name in attributes:
            write_field(provider, field, attributes[name])
    if _SECRET in write.secrets:
        write_field(provider, document.keys.secret, write.secrets[_SECRET].get_secret_value())


def _check(provider: JsonObject, fields: Fields, expected: Attributes) -> None:
    shown = read_fields(provider, fields)
    if wrong := sorted(name for name, value in shown.items() if name in expected and expected[name] != value):
        raise ReconcilerError(
            f"the plugin took the document and did not keep {', '.join(wrong)}",
            "is this a version of the plugin that nobody has looked at yet?",
        )

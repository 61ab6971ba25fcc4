"""Six keys in a file among those of others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from reconciler.core.observed import Lookup, Observation, Present
from reconciler.errors import ReconcilerError
from reconciler.ports import Fingerprinter, Write, Written
from reconciler.providers.atlassian.fields import Field, read_fields, write_field
from reconciler.providers.atlassian.groups import unreadable
from reconciler.providers.atlassian.matching import Candidate, observe
from reconciler.providers.properties.document import change, load
from reconciler.providers.properties.types import FIELDS, KEYS, SECRET

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from javaproperties import PropertiesFile

    from reconciler.core.address import Address
    from reconciler.core.observed import Unreadable
    from reconciler.providers.atlassian.fields import JsonObject

_TIERS = ({"file": Field(("file",))},)


@dataclass(frozen=True, slots=True)
class PropertiesHandler:
    """Implements ports.Handler. The id of an object is the path of its file."""

    fingerprinter: Fingerprinter

    def read(self, wanted: Sequence[Lookup]) -> Mapping[Address, Observation]:
        """An answer for every address; each file is read once."""
        found: dict[str, Candidate] = {}
        failed: dict[str, Unreadable] = {}
        for name in sorted({name for lookup in wanted for name in _files(lookup)}):
            try:
                properties = load(Path(name))
            except ReconcilerError as problem:
                failed[name] = unreadable(problem)
                continue
            if _ours(properties):
                content: JsonObject = {**properties, "file": name}
                found[name] = Candidate(name, content)
        answers = dict(observe(wanted, [*found.values()], _TIERS, self._read))
        for lookup in wanted:
            problems = [failed[name] for name in _files(lookup) if name in failed]
            if problems and not isinstance(answers[lookup.address], Present):
                answers[lookup.address] = problems[0]
        return answers

    def _read(self, candidate: Candidate) -> Present:
        content = candidate.content
        attributes = {**read_fields(_values(content), FIELDS), "file": candidate.id}
        secret = SecretStr(str(content.get(KEYS[SECRET], "")))
        return Present(candidate.id, attributes, fingerprints={SECRET: self.fingerprinter.of(secret)})

    def create(self, write: Write) -> Written:
        """Adds the keys. ReconcilerError if any of them is there by now."""
        path = str(write.attributes["file"])

        def add(properties: PropertiesFile) -> None:
            if _ours(properties):
                raise ReconcilerError(f"{path} has {', '.join(_ours(properties))} by now", "plan again")
            _fill(properties, write, write.attributes.keys())

        change(Path(path), add)
        return Written(path)

    def update(self, write: Write) -> Written:
        """Writes what changed; every other line stays."""

        def edit(properties: PropertiesFile) -> None:
            if not _ours(properties):
                raise ReconcilerError(f"{write.remote_id} has none of the keys any more", "plan again")
            _fill(properties, write, write.changed)

        change(Path(write.remote_id), edit)
        return Written(write.remote_id)

    def delete(self, write: Write) -> None:
        """Takes out our keys, and nothing else."""

        def remove(properties: PropertiesFile) -> None:
            for key in _ours(properties):
                del properties[key]

        change(Path(write.remote_id), remove)


def _files(lookup: Lookup) -> list[str]:
    """Where the keys may stand: where they were, else where they shall be."""
    return [name for name in (lookup.remote_id, str(lookup.attributes["file"])) if name]


def _ours(properties: Mapping[str, object]) -> list[str]:
    return [key for key in KEYS.values() if key in properties]


def _values(content: Mapping[str, object]) -> JsonObject:
    """The values of our keys; what Java takes for false is `false`."""
    values: JsonObject = {key: str(content.get(key, "")) for key in KEYS.values()}
    enabled = KEYS["enabled"]
    values[enabled] = "true" if str(values[enabled]).lower() == "true" else "false"
    return values


def _fill(properties: PropertiesFile, write: Write, names: Collection[str]) -> None:
    values = _values(properties)
    for name, key in KEYS.items():
        if name not in names:
            continue
        if name == SECRET:
            values[key] = write.secrets[SECRET].get_secret_value()
        else:
            write_field(values, FIELDS[name], write.attributes[name])
        properties[key] = str(values[key])

"""A stack read and understood, or all that is wrong with it at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pydantic import BaseModel, ValidationError

from reconciler.core.intent import Intent
from reconciler.core.secret import AgeFile
from reconciler.diagnostic import Diagnostic, Severity, error
from reconciler.errors import SpecError
from reconciler.spec.backends import BackendTable, LocalTable, find_age_files
from reconciler.spec.compile import compile_intent
from reconciler.spec.explanation import explain
from reconciler.spec.files import Sources, read_file, read_files
from reconciler.spec.findings import Findings
from reconciler.spec.model import SpecTables
from reconciler.spec.rules import check_inside, parse_encryption
from reconciler.spec.validation import check_backend_table, validate

if TYPE_CHECKING:
    from pathlib import Path


class Kinds(NamedTuple):
    """What providers and plugins there are, and the models of the tables that only they understand.

    `providers` gives the model of a provider's own keys in `[systems.*]`, `plugins` that of `[sso.*.PLUGIN]`. A
    model is asked for only if the spec names it.
    """

    providers: Mapping[str, type[BaseModel]]
    plugins: Mapping[str, type[BaseModel]]


class Whereabouts(NamedTuple):
    """Where a state lies: the table of its backend, and the encrypted files that its credentials lie in."""

    table: BackendTable = LocalTable.model_construct()
    age: Mapping[str, AgeFile] = {}


@dataclass(frozen=True, slots=True)
class SpecRead:
    """What a stack means in one environment.

    `secrets` names the store that client secrets are kept in, `backend` says where the state lies. `diagnostics`
    are warnings. `age` holds the encrypted files by name; `encryption` names the one whose recipients the state is
    for: empty means that it is to be plain, None that nothing was said.
    """

    intent: Intent
    secrets: str
    backend: BackendTable
    diagnostics: tuple[Diagnostic, ...]
    sources: Sources = field(repr=False)
    age: Mapping[str, AgeFile] = field(default_factory=dict)
    encryption: str | None = None

    @property
    def whereabouts(self) -> Whereabouts:
        """Where the state lies."""
        return Whereabouts(self.backend, self.age)

    @property
    def digest(self) -> str:
        """SHA-256 of what the files say, whatever their comments and order. Made when it is asked for."""
        return self.sources.digest

    def locate(self, finding: Diagnostic) -> Diagnostic:
        """The finding with file and line, if its `where` is a key path of the spec."""
        return self.sources.locate(finding)


def read_spec(folder: Path, environment: str | None, kinds: Kinds) -> SpecRead:
    """The stack in `folder`, e.g. `specs/acme`, with the overlay of an environment, if one is named.

    No network, and nothing is written. SpecError holds everything that is wrong, in the order of the text.
    """
    sources, unfit = read_files(folder, environment)
    spec, invalid = validate(sources.tables, kinds)
    secrets = spec.tables.stack.secrets or f"file:{sources.stack}"
    intent, broken = compile_intent(spec, sources.stack, sources.environment, folder, secrets)
    findings = sources.locate_all([*unfit, *invalid, *broken])
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise SpecError(findings)
    age = {name: AgeFile(table.recipients, table.file or "") for name, table in spec.tables.age.items()}
    wanted = spec.tables.stack.encrypt
    encryption = None if wanted is None else parse_encryption(wanted)
    return SpecRead(intent, secrets, spec.backend, findings, sources, age, encryption)


def read_backend_file(path: Path) -> Whereabouts:
    """Where a state lies by the table `[backend]` of one TOML file. SpecError if the file does not say."""
    sources = read_file(path)
    if "backend" not in sources.tables:
        missing = error("this file has no table [backend]", "", "name the file that says where the state lay")
        raise SpecError(sources.locate_all([missing]))
    return _find_state(sources)


def read_backend(folder: Path, environment: str | None) -> Whereabouts:
    """Where the stack in `folder` keeps its state, whatever else is wrong in the spec. SpecError if that is."""
    sources, _ = read_files(folder, environment)
    return _find_state(sources)


def _find_state(sources: Sources) -> Whereabouts:
    table, broken = check_backend_table(sources.tables)
    age: dict[str, AgeFile] = {}
    for name in () if broken else find_age_files(table):
        try:
            own = SpecTables.model_validate({"age": {name: sources.tables["age"][name]}}).age[name]
        except ValidationError as problem:
            broken += explain(problem.errors(include_url=False), SpecTables)
            continue
        findings = Findings()
        findings.attempt(check_inside, own.file or "", "age", name, "file")
        broken += findings.items
        age[name] = AgeFile(own.recipients, own.file or "")
    if broken:
        raise SpecError(sources.locate_all(broken))
    return Whereabouts(table, age)

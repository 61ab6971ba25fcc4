"""A spec against its models, and the tables that only providers and plugins understand against theirs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from pydantic import BaseModel, ValidationError

from reconciler.diagnostic import Diagnostic, error
from reconciler.spec.backends import KINDS, BackendTable, LocalTable, check_backend, find_age_files
from reconciler.spec.explanation import explain, unknown_key, unknown_name
from reconciler.spec.findings import Findings
from reconciler.spec.model import SignOnTable, SpecTables, SystemTable, keys_of
from reconciler.spec.position import key_path

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from pydantic_core import ErrorDetails

    from reconciler.spec.files import Tables
    from reconciler.spec.load import Kinds


class Spec(NamedTuple):
    """The tables of a spec that are whole.

    `declared` has the names of all tables by section, broken ones included: a reference to one of them does not
    dangle. `settings` are the provider's own keys by system, without systems of an unknown provider; `options`
    those of the plugin by sign-on. In both, defaults are filled in.
    """

    tables: SpecTables
    backend: BackendTable
    declared: Mapping[str, Collection[str]]
    settings: Mapping[str, Mapping[str, str]]
    options: Mapping[str, Mapping[str, object]]


def validate(merged: Tables, kinds: Kinds) -> tuple[Spec, list[Diagnostic]]:
    """The whole tables of a spec, and what is wrong with the others."""
    findings: list[Diagnostic] = []
    declared = {section: names for section, names in merged.items() if isinstance(names, dict)}
    try:
        tables = SpecTables.model_validate(merged)
    except ValidationError as problem:
        errors = problem.errors(include_url=False)
        findings += explain((each for each in errors if each["loc"][0] != "backend"), SpecTables)
        tables = SpecTables.model_validate(_without(merged, errors))
    settings = {name: _check_settings(name, table, kinds, findings) for name, table in _tables(merged, "systems")}
    options = {name: _check_options(name, table, kinds, findings) for name, table in _tables(merged, "sso")}
    known = {name: own for name, own in settings.items() if own is not None}
    backend, misplaced = check_backend_table(merged)
    return Spec(tables, backend, declared, known, options), [*findings, *misplaced]


def check_backend_table(merged: Tables) -> tuple[BackendTable, list[Diagnostic]]:
    """Where the state lies, and what is wrong in saying so; with an error it is not what was meant."""
    values: Tables = merged.get("backend", {})
    findings = Findings()
    try:
        kind = SpecTables.model_validate({"backend": values}).backend.kind
    except ValidationError as problem:
        return LocalTable(), [*explain(problem.errors(include_url=False), SpecTables)]
    model = KINDS[kind]
    own = {key: value for key, value in values.items() if key != "kind"}
    known = keys_of(model)
    findings.items.extend(unknown_key(("backend", key), ("kind", *known)) for key in own if key not in known)
    try:
        table = model.model_validate({key: value for key, value in own.items() if key in known})
    except ValidationError as problem:
        return LocalTable(), [*findings.items, *explain(problem.errors(include_url=False), model, ("backend",))]
    check_backend(table, findings)
    _check_age_files(table, merged.get("age"), findings)
    return table, findings.items


def _check_age_files(table: BackendTable, tables: object, findings: Findings) -> None:
    """Holds if credentials of the backend lie in age stores with a file: one beside the state needs them itself."""
    declared = tables if isinstance(tables, dict) else {}
    for name, key in find_age_files(table).items():
        own = declared.get(name)
        if own is None:
            findings.fail(
                f"there is no table [age.{name}]", f'add [age.{name}] with recipients = ["age1…"]', "backend", key
            )
        elif isinstance(own, dict) and "file" not in own:
            findings.fail(
                f"age:{name} lies beside the state, so what opens the backend cannot lie in it",
                f'add file = "{name}.age" to [age.{name}], or name another store',
                "backend",
                key,
            )


def _tables(merged: Tables, section: str) -> Iterator[tuple[str, Tables]]:
    """The tables of a section as they were written, broken ones too."""
    tables = merged.get(section)
    if isinstance(tables, dict):
        yield from ((name, table) for name, table in tables.items() if isinstance(table, dict))


def _without(merged: Tables, errors: Iterable[ErrorDetails]) -> Tables:
    """The spec without the tables that have errors."""
    broken: dict[str, set[str]] = {}
    for each in errors:
        section, *rest = each["loc"]
        broken.setdefault(str(section), set()).update(str(name) for name in rest[:1])
    whole = {}
    for section, names in merged.items():
        if section not in broken:
            whole[section] = names
        elif section not in {"stack", "backend"} and broken[section]:
            whole[section] = {name: table for name, table in names.items() if name not in broken[section]}
    return whole


def _check_settings(name: str, table: Tables, kinds: Kinds, findings: list[Diagnostic]) -> Mapping[str, str] | None:
    common = keys_of(SystemTable)
    provider = table.get("provider")
    model = kinds.providers.get(provider) if isinstance(provider, str) else None
    if model is None:
        if isinstance(provider, str):
            findings.append(unknown_name(provider, kinds.providers, "provider", "systems", name))
        return None
    own = {key: value for key, value in table.items() if key not in common}
    own = _check_own(model, own, (*common, *keys_of(model)), ("systems", name), findings)
    stated = {key: value for key, value in own.items() if value is not None}
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in stated.items()}


def _check_options(name: str, table: Tables, kinds: Kinds, findings: list[Diagnostic]) -> Mapping[str, object]:
    where = ("sso", name)
    common = keys_of(SignOnTable)
    selected = table.get("plugin")
    if isinstance(selected, str) and selected not in kinds.plugins:
        findings.append(unknown_name(selected, kinds.plugins, "plugin", *where))
    known = (*common, *kinds.plugins)
    findings += (unknown_key((*where, key), known) for key in table if key not in known)
    options = {
        plugin: _check_own(kinds.plugins[plugin], table.get(plugin, {}), (), (*where, plugin), findings)
        for plugin in kinds.plugins
        if plugin in table or plugin == selected
    }
    return options.get(str(selected), {})


def _check_own(
    model: type[BaseModel],
    values: object,
    known: Collection[str],
    where: tuple[str, ...],
    findings: list[Diagnostic],
) -> dict[str, object]:
    """A table, or the part of one, that belongs to a provider or plugin. Unknown keys are errors whatever it says."""
    if not isinstance(values, dict):
        findings.append(error("must be a table", key_path(*where), f"write [{key_path(*where)}]"))
        return {}
    keys = keys_of(model)
    findings += (unknown_key((*where, key), known or keys) for key in values if key not in keys)
    try:
        own = model.model_validate({key: value for key, value in values.items() if key in keys})
    except ValidationError as problem:
        findings += explain(problem.errors(include_url=False), model, where)
        return {}
    return own.model_dump(mode="json")

"""Writes docs/spec.md: every key of the spec, from the models that check it. A test holds that it is current."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from reconciler.flows.registry import PLUGIN_RECORDS, PROVIDER_RECORDS, Models
from reconciler.spec.backends import KINDS
from reconciler.spec.model import (
    AgeTable,
    AttributesTable,
    BackendHead,
    ClientTable,
    GroupTable,
    SignOnTable,
    StackTable,
    SystemTable,
    keys_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reconciler.spec.model import Model

DOCUMENT = Path(__file__).parent.parent / "docs" / "spec.md"

INTRODUCTION = """\
# The spec

<!-- Made by tools/spec_docs.py from reconciler/spec/model.py and the models of the providers. Do not edit. -->

A *stack* is a folder of TOML files, `specs/<stack>/*.toml`, merged in the order of their names: tables are joined,
and a key that stands in two files is an error. [`specs/acme`](../specs/acme/acme.toml) is an example with comments.

An *environment* is an overlay, `specs/<stack>/env/<name>.toml`, chosen with `--env <name>`. It changes what the stack
says: tables are joined, any other value takes the place of the stack's. It cannot add a system, a client, a sign-on
or a group. Each environment has a state of its own; without an overlay the environment is called `default`.

`reconciler validate` checks a spec without a network. It names every problem at once, each with file and line.

- **Absent means not managed**, unless a default is shown. An empty list means: make it empty.
- **Names of tables** have letters, digits, `-` and `_`; those of groups may be any text.
- **Secrets never stand in a spec.** It says where they lie: `env:VARIABLE`, `file:NAME#KEY`, `age:NAME#KEY` or
  `command:NAME#KEY`. A file is `NAME.secrets` below `--state-dir`, whatever `[backend]` says; an age store is
  encrypted for the recipients of `[age.NAME]`. A command is defined in the operator's own configuration, so that a
  change of the spec cannot run code.
- **Nothing is converted**: a number in quotes is text. A key that is not known is an error.
"""


def document() -> str:
    """The whole page."""
    providers, plugins = Models(PROVIDER_RECORDS), Models(PLUGIN_RECORDS)
    sections: list[tuple[str, Model]] = [
        ("[stack]", StackTable),
        ("[age.NAME]", AgeTable),
        ("[backend]", BackendHead),
        *((f'[backend] with kind = "{name}"', model) for name, model in KINDS.items() if keys_of(model)),
        ("[systems.NAME]", SystemTable),
        *(
            (f'[systems.NAME] with provider = "{name}"', model)
            for name, model in sorted(providers.items())
            if keys_of(model)
        ),
        ("[clients.NAME]", ClientTable),
        ("[sso.NAME]", SignOnTable),
        ("[sso.NAME.attributes]", AttributesTable),
        *((f"[sso.NAME.{name}]", model) for name, model in sorted(plugins.items()) if keys_of(model)),
        ("[groups.NAME]", GroupTable),
    ]
    names = f"Providers: {_listed(providers)}. Plugins: {_listed(plugins)}.\n"
    return "\n".join([INTRODUCTION, names, *(_section(title, model) for title, model in sections)])


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def _section(title: str, model: Model) -> str:
    lines = [f"## `{title}`", "", " ".join(str(model.__doc__).split()), ""]
    lines += ["| key | value | default | meaning |", "|---|---|---|---|"]
    return "\n".join([*lines, *_rows(model), ""])


def _rows(model: Model) -> Iterator[str]:
    schema = TypeAdapter(model).json_schema()
    for key, field in keys_of(model).items():
        stated = schema["properties"][key].get("default")
        default = "" if stated in (None, {}, []) else f"`{json.dumps(stated)}`"
        if key in schema.get("required", ()):
            default = "**required**"
        meaning = " ".join(
            filter(None, [field.description, *(f"E.g. `{_toml(each)}`." for each in field.examples or ())])
        )
        yield f"| `{key}` | {_kind(schema['properties'][key])} | {default} | {meaning} |"


def _kind(schema: dict[str, Any]) -> str:
    """The type of a value in words."""
    schema = next((each for each in schema.get("anyOf", ()) if each.get("type") != "null"), schema)
    if words := schema.get("enum"):
        return " or ".join(f'`"{word}"`' for word in words)
    match schema.get("type"):
        case "string":
            return "text"
        case "boolean":
            return "`true` or `false`"
        case "integer":
            return "number"
        case "array":
            return "list of texts"
        case _:
            return "table"


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + " }"
    return json.dumps(value)


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")

"""Finds providers and plugins by entry point, and imports them only when a spec names them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from reconciler.ports import PluginProvider, Provider

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from pydantic import BaseModel

Record = TypeVar("Record", Provider, PluginProvider)
PROVIDERS = "reconciler.providers"
PLUGINS = "reconciler.plugins"


class Registry(Mapping[str, Record]):
    """Entry points of one group as a mapping; an item is imported when it is asked for."""

    def __init__(self, group: str, kind: type[Record]) -> None:
        self._group = group
        self._kind: type[Record] = kind

    def __getitem__(self, name: str) -> Record:
        loaded: object = _entry_points(self._group)[name].load()
        if not isinstance(loaded, self._kind):
            raise TypeError(f"entry point {name} of {self._group} is no {self._kind.__name__}")
        return loaded

    def __contains__(self, name: object) -> bool:
        return name in _entry_points(self._group)

    def __iter__(self) -> Iterator[str]:
        return iter(_entry_points(self._group))

    def __len__(self) -> int:
        return len(_entry_points(self._group))


@cache
def _entry_points(group: str) -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=group)}


class Models(Mapping[str, "type[BaseModel]"]):
    """The settings model of each provider, or the options model of each plugin, by name."""

    def __init__(self, registry: Registry[Provider] | Registry[PluginProvider]) -> None:
        self._registry = registry

    def __getitem__(self, name: str) -> type[BaseModel]:
        record: Provider | PluginProvider = self._registry[name]
        return record.settings if isinstance(record, Provider) else record.options

    def __contains__(self, name: object) -> bool:
        return name in self._registry

    def __iter__(self) -> Iterator[str]:
        return iter(self._registry)

    def __len__(self) -> int:
        return len(self._registry)


PROVIDER_RECORDS: Registry[Provider] = Registry(PROVIDERS, Provider)
PLUGIN_RECORDS: Registry[PluginProvider] = Registry(PLUGINS, PluginProvider)

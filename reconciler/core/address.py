"""Where a resource stands in the spec and in the state: `system/type/name`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

_PARTS = 3


class Address(NamedTuple):
    """The name of a resource, e.g. `clavex/client/atlassian`. Only the name may contain slashes."""

    system: str
    type: str
    name: str

    def __str__(self) -> str:
        return f"{self.system}/{self.type}/{self.name}"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> CoreSchema:  # pydantic's hook
        """In files an address is its text."""
        from pydantic_core import core_schema  # noqa: PLC0415 - only the codec needs it

        text: Any = core_schema.to_string_ser_schema()
        return core_schema.no_info_after_validator_function(
            parse_address, core_schema.str_schema(), serialization=text
        )


def parse_address(text: str) -> Address:
    """The address that `text` spells. ValueError, with a sentence for a person, for anything else."""
    parts = text.split("/", _PARTS - 1)
    if len(parts) != _PARTS or not all(parts):
        raise ValueError(f"{text!r} is no address: write system/type/name, e.g. clavex/client/atlassian")
    return Address(*parts)

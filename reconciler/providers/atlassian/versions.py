"""Versions of products and plugins, as far as they need to be compared."""

from __future__ import annotations

import re

_NUMBERS = re.compile(r"\d+(?:\.\d+)*")


def parse(version: str) -> tuple[int, ...]:
    """The numbers that a version begins with: `9.4.11-m0001` is (9, 4, 11). Empty if there are none."""
    found = _NUMBERS.match(version)
    return tuple(int(part) for part in found.group().split(".")) if found else ()


def is_below(version: str, floor: str) -> bool:
    """Whether `version` is known and older than `floor`."""
    numbers = parse(version)
    return bool(numbers) and numbers < parse(floor)

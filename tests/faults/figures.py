"""What tests of faults and deaths tried: counted, and with FIGURES=1, as `make faults` says, printed at the end."""

from __future__ import annotations

import os
from collections import Counter

COUNTS: Counter[str] = Counter()


def lines() -> list[str]:
    """What is to be printed."""
    if not os.environ.get("FIGURES"):
        return []
    return [f"{name:36} {count:>7,}" for name, count in COUNTS.items() if count and name]

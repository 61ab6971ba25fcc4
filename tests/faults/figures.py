"""What the tests of this folder tried, counted for the figures in docs/reliability.md."""

from __future__ import annotations

from collections import Counter

COUNTS: Counter[str] = Counter()

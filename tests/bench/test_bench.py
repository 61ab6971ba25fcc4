"""The benchmark runs, on sizes that say nothing: every row is there, and the exit code says whether one missed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parents[2] / "tools" / "bench.py"
ROWS = ["start-up", "plan", "plan", "growth", "memory", "memory", "apply", "apply", "journal"]


def test_every_row_is_measured() -> None:
    command = [sys.executable, str(BENCH), "--runs", "1", "--clients", "5", "20", "--creates", "5"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    head, *rows = ran.stdout.splitlines()
    assert head.split() == ["ours", "floor", "measured", "target"], ran.stderr
    assert [row.partition(":")[0] for row in rows] == ROWS
    assert ran.returncode == (1 if "MISSED" in ran.stdout else 0)

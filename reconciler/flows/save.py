"""Saved plans: written whole or not at all, readable by their owner only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler import files
from reconciler.core.codec import decode_plan, encode_plan
from reconciler.errors import ReconcilerError

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.core.plan import Plan


def save_plan(plan: Plan, path: Path) -> None:
    """Writes the plan to `path`, mode 0600, in one step."""
    with files.failing_as(ReconcilerError, path, "written", "name a file in a folder that you may write to"):
        files.replace(path, encode_plan(plan))


def load_plan(path: Path) -> Plan:
    """The plan in `path`. StateError or StalePlanError, naming the file, for anything else."""
    with files.failing_as(ReconcilerError, path, "read", "name a file that `plan --out` made"):
        data = path.read_bytes()
    return decode_plan(data, str(path))

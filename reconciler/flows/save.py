"""Saved plans: written whole or not at all, readable by their owner only."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from reconciler.core.codec import decode_plan, encode_plan
from reconciler.errors import ReconcilerError

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.core.plan import Plan


def save_plan(plan: Plan, path: Path) -> None:
    """Writes the plan to `path`, mode 0600, in one step."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(encode_plan(plan))
        partial.replace(path)
    except OSError as problem:
        partial.unlink(missing_ok=True)
        raise ReconcilerError(f"{path}: the plan could not be saved: {problem.strerror}") from None


def load_plan(path: Path) -> Plan:
    """The plan in `path`. StateError or StalePlanError, naming the file, for anything else."""
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise ReconcilerError(f"{path}: the plan could not be read: {problem.strerror}") from None
    return decode_plan(data, str(path))

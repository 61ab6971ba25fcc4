"""Saved plans: written whole or not at all, readable by their owner only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler import files
from reconciler.errors import ReconcilerError

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.core.plan import Plan
    from reconciler.engine.sealed import SealedCodec


def save_plan(plan: Plan, path: Path, codec: SealedCodec) -> None:
    """Writes the plan to `path`, mode 0600, in one step. What is no file there, such as /dev/stdout, stays."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise ReconcilerError(
            f"{path} cannot be written: it is no regular file", "name a file; `--json` prints the plan on stdout"
        )
    with files.failing_as(ReconcilerError, path, "written", "name a file in a folder that you may write to"):
        files.replace(path, codec.encode_plan(plan))


def load_plan(path: Path, codec: SealedCodec) -> Plan:
    """The plan in `path`. StateError, SecretError or StalePlanError, naming the file, for anything else."""
    with files.failing_as(ReconcilerError, path, "read", "name a file that `plan --out` made"):
        data = path.read_bytes()
    return codec.decode_plan(data, str(path))

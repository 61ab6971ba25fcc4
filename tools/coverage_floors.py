"""Checks branch coverage against its floors: core, spec and render whole, every other package above 95 %.

Also counts the lines that are excluded: those that nothing runs, and those that somebody excluded by hand, of which
there may be no more than MOST_BY_HAND.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

WHOLE = {"core", "spec", "render"}
FLOOR = 95.0
MOST_BY_HAND = 0


def main() -> int:
    """Exit code 1 if a floor is not met."""
    report = Path(".coverage.json")
    command = [sys.executable, "-m", "coverage", "json", "-q", "-o", str(report)]
    subprocess.run(command, check=True)  # noqa: S603 - our own interpreter, fixed arguments
    files = json.loads(report.read_text(encoding="utf-8"))["files"]
    report.unlink()
    hit: dict[str, int] = defaultdict(int)
    total: dict[str, int] = defaultdict(int)
    excluded = by_hand = 0
    for name, file in files.items():
        parts = Path(name).parts
        package = parts[1] if len(parts) > 2 else "(top)"  # noqa: PLR2004 - reconciler/PACKAGE/module.py
        summary = file["summary"]
        hit[package] += summary["covered_lines"] + summary["covered_branches"]
        total[package] += summary["num_statements"] + summary["num_branches"]
        excluded += summary["excluded_lines"]
        by_hand += len(set(file["excluded_lines"]) - never_run(Path(name).read_text(encoding="utf-8")))
    low = []
    for package in sorted(total):
        share = 100 * hit[package] / total[package] if total[package] else 100.0
        floor = 100.0 if package in WHOLE else FLOOR
        print(f"{package:12} {share:6.2f} %   floor {floor:.0f} %")
        if share < floor:
            low.append(package)
    print(f"excluded since nothing runs them (types, protocols): {excluded - by_hand:,} lines")
    print(f"excluded by hand: {by_hand:,} lines   at most {MOST_BY_HAND:,}")
    if low:
        print(f"below the floor: {', '.join(low)}; see `coverage report -m`", file=sys.stderr)
    if by_hand > MOST_BY_HAND:
        print("test those lines, or raise MOST_BY_HAND with a reason", file=sys.stderr)
    return 1 if low or by_hand > MOST_BY_HAND else 0


def never_run(source: str) -> set[int]:
    """The lines of blocks for type checkers, of protocols, and empty ones."""
    lines = {number for number, line in enumerate(source.splitlines(), 1) if not line.strip()}
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.If(test=ast.Name("TYPE_CHECKING")) | ast.ClassDef(bases=[*_, ast.Name("Protocol")]):
                first = min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", ()))])
                lines.update(range(first, (node.end_lineno or first) + 1))
    return lines


if __name__ == "__main__":
    sys.exit(main())

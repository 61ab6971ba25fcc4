"""Checks branch coverage against its floors: core, spec and render whole, every other package above 95 %.

Also prints how many lines the code excludes from being counted, so that an exclusion is never silent.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

WHOLE = {"core", "spec", "render"}
FLOOR = 95.0


def main() -> int:
    """Exit code 1 if a floor is not met."""
    report = Path(".coverage.json")
    command = [sys.executable, "-m", "coverage", "json", "-q", "-o", str(report)]
    subprocess.run(command, check=True)  # noqa: S603 - our own interpreter, fixed arguments
    files = json.loads(report.read_text(encoding="utf-8"))["files"]
    report.unlink()
    hit: dict[str, int] = defaultdict(int)
    total: dict[str, int] = defaultdict(int)
    excluded = 0
    for name, file in files.items():
        parts = Path(name).parts
        package = parts[1] if len(parts) > 2 else "(top)"  # noqa: PLR2004 - reconciler/PACKAGE/module.py
        summary = file["summary"]
        hit[package] += summary["covered_lines"] + summary["covered_branches"]
        total[package] += summary["num_statements"] + summary["num_branches"]
        excluded += summary["excluded_lines"]
    low = []
    for package in sorted(total):
        share = 100 * hit[package] / total[package] if total[package] else 100.0
        floor = 100.0 if package in WHOLE else FLOOR
        print(f"{package:12} {share:6.2f} %   floor {floor:.0f} %")
        if share < floor:
            low.append(package)
    print(f"{excluded} lines are excluded from the count")
    if low:
        print(f"below the floor: {', '.join(low)}; see `coverage report -m`", file=sys.stderr)
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())

"""Whatever is written into a spec, the answer is its meaning or a SpecError that says where."""

import copy
import random
from datetime import date
from pathlib import Path

import pytest
import tomli
import tomlkit

from reconciler.errors import SpecError
from reconciler.spec.load import Kinds, read_spec

EXAMPLE = Path(__file__).parents[3] / "specs" / "acme" / "acme.toml"
VALUES = (
    *(0, -1, 2**70, 1.5, float("nan"), True, date(1979, 5, 27)),
    *("", " ", "\x1b[31m", "a" * 500, "é", "https://", "http://[", "env:A", "jira", "clavex", "%", "*", "\n", "#"),
    *([], [[]], ["a", 1], [{}], {}, {"a": {"b": []}}, {"": ""}),
)
KEYS = ("", "a.b", "é", "[key]", "stack", "systems", "token", "name", "attributes", "miniorange", "0")


def broken(seed: int) -> dict[str, object]:
    """The example with a few values, keys and tables replaced, added or dropped."""
    chance = random.Random(seed)
    tables: dict[str, object] = copy.deepcopy(tomli.loads(EXAMPLE.read_text(encoding="utf-8")))
    for _ in range(chance.randint(1, 4)):
        table = tables
        while chance.random() < 0.8:
            below = [value for value in table.values() if isinstance(value, dict)]
            if not below:
                break
            table = chance.choice(below)
        match chance.randint(0, 2):
            case 0 if table:
                del table[chance.choice(list(table))]
            case 1 if table:
                table[chance.choice(list(table))] = copy.deepcopy(chance.choice(VALUES))
            case _:
                table[chance.choice(KEYS)] = copy.deepcopy(chance.choice(VALUES))
    return tables


@pytest.mark.parametrize("seed", range(0, 400, 50))
def test_any_spec_is_understood_or_explained(seed: int, tmp_path: Path, kinds: Kinds) -> None:
    folder = tmp_path / "acme"
    folder.mkdir()
    problems: list[SpecError] = []
    for number in range(seed, seed + 50):
        (folder / "acme.toml").write_text(tomlkit.dumps(broken(number)), encoding="utf-8")
        try:
            read_spec(folder, None, kinds)
        except SpecError as problem:
            problems.append(problem)
    assert len(problems) > 10
    for found in (found for problem in problems for found in problem.diagnostics):
        assert found.message
        assert found.message.isprintable()
        assert found.line or found.where == "systems"

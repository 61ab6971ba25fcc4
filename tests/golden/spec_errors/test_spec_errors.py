"""What a broken spec is answered with, as text: every problem at once, each with file, line, key and what to do."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict

from reconciler.diagnostic import Diagnostic
from reconciler.errors import SpecError
from reconciler.spec.load import Kinds, read_spec

HERE = Path(__file__).parent
CASES = sorted(path.name for path in HERE.iterdir() if any(path.glob("*.toml")))
ENVIRONMENTS = {"overlay": "sandbox", "unknown_environment": "sandbax"}


class Own(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class ClavexSettings(Own):
    org_id: str | None = None
    dialect: Literal["released", "guide"] | None = None


class MiniOrangeOptions(Own):
    route: Literal["file", "rest"] = "file"


class StrictOptions(Own):
    mode: Literal["on", "off"]
    limit: float = 1.5


KINDS = Kinds(
    {"clavex": ClavexSettings, "jira": Own, "confluence": Own},
    {"atlassian": Own, "miniorange": MiniOrangeOptions, "strict": StrictOptions},
)


def line(found: Diagnostic, folder: Path) -> str:
    place = str(Path(found.file).relative_to(folder)) if found.file else "(nowhere)"
    place += f":{found.line}" if found.line else ""
    where = f" {found.where}:" if found.where else ""
    return f"{place}: {found.severity}:{where} {found.message}\n" + (f"    {found.remedy}\n" if found.remedy else "")


@pytest.mark.parametrize("case", CASES)
def test_a_broken_spec_is_explained(case: str, golden: Callable[[str, str], None]) -> None:
    folder = HERE / case
    with pytest.raises(SpecError) as caught:
        read_spec(folder, ENVIRONMENTS.get(case), KINDS)
    text = "".join(line(found, folder) for found in caught.value.diagnostics)
    assert "canary" not in text + repr(caught.value)
    golden(f"spec_errors/{case}/expected.txt", text)

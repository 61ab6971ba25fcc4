"""Stacks in a temporary folder, and providers and plugins that stand for the real ones."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, Field

from reconciler.spec.load import Kinds, SpecRead, read_spec

SYSTEMS = """
[systems.clavex]
provider = "clavex"
url = "https://id.acme.eu/"
org = "acme"
token = "env:CLAVEX_TOKEN"

[systems.jira]
provider = "jira"
url = "https://jira.acme.eu/jira/"
token = "env:JIRA_TOKEN"
"""


class Nothing(BaseModel):
    pass


class ClavexSettings(BaseModel):
    org_id: str | None = None
    strict: bool = False


class PluginOptions(BaseModel):
    route: Literal["file", "rest"] = "file"
    keep_groups: bool = False
    import_: str | None = Field(None, alias="import")
    limit: float = 1.5


KINDS = Kinds(
    {"clavex": ClavexSettings, "jira": Nothing, "confluence": Nothing},
    {"atlassian": Nothing, "miniorange": PluginOptions},
)


@pytest.fixture
def systems() -> str:
    """A Clavex and a Jira."""
    return SYSTEMS


@pytest.fixture
def stack(tmp_path: Path) -> Callable[..., Path]:
    """Writes a stack: files by name, with __ for a slash and without their ending."""

    def write(**files: str) -> Path:
        folder = tmp_path / "specs" / "acme"
        for name, text in files.items():
            path = folder / f"{name.replace('__', '/')}.toml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return folder

    return write


@pytest.fixture
def read(stack: Callable[..., Path]) -> Callable[..., SpecRead]:
    """Writes a stack and reads it."""

    def run(*, environment: str | None = None, **files: str) -> SpecRead:
        return read_spec(stack(**files), environment, KINDS)

    return run


@pytest.fixture
def kinds() -> Kinds:
    """What providers and plugins there are."""
    return KINDS

"""The example plugin: installed beside the package, it is used by the real command line as any other."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import tomlkit
from acceptance.workplace import Ran, Workplace
from contract.suite import DUTIES, Case
from offline.sitecustomize import OFFLINE
from pydantic import SecretStr
from unit.atlassian.product import CLAVEX_FACTS, CLIENT_SECRET, FINGERPRINTER, sign_on, wanted

from reconciler.core.intent import Facts, System
from reconciler.core.observed import Lookup, Unreadable
from reconciler.diagnostic import Severity
from reconciler.errors import ExitCode, ReconcilerError
from reconciler.sandbox.serve import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import ModuleType

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "provider-plain-file"
ADDRESS = "jira/acme_sso/jira"
NAME = "imported-by-acme-sso.json"
"""Secrets live in files of such a name, and in no others: the whole test run is searched for them."""


def install(target: Path) -> None:
    """What `pip install --target` leaves of the example: its module, and its metadata from its own pyproject.toml."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())
    for module in project["tool"]["setuptools"]["py-modules"]:
        shutil.copy(EXAMPLE / f"{module}.py", target)
    name, version = project["project"]["name"], project["project"]["version"]
    folder = target / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    groups = project["project"]["entry-points"].items()
    lines = [
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in points.items()) for group, points in groups
    ]
    (folder / "entry_points.txt").write_text("\n".join(lines))


class Installed(Workplace):
    """A workplace whose commands run in a process of their own, with the example installed or not."""

    packages: str = ""

    def run(self, *arguments: str) -> Ran:
        tokens = {f"{name.upper()}_TOKEN": system["token"] for name, system in self.sandbox.describe().items()}
        environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(filter(None, (self.packages, OFFLINE))),
            "RECONCILER_SPECS": str(self.folder / "specs"),
            "RECONCILER_STATE_DIR": str(self.folder / "state"),
            "RECONCILER_FILES": str(self.folder),
            **tokens,
        }
        command = [sys.executable, "-m", "reconciler", *arguments]
        ran = subprocess.run(
            command, env=environ, cwd=self.folder, capture_output=True, text=True, timeout=120, check=False
        )
        self.shown += [ran.stdout, ran.stderr]
        return Ran(ran.returncode, ran.stdout, ran.stderr)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Installed]:
    (tmp_path / "packages").mkdir()
    install(tmp_path / "packages")
    with Sandbox() as sandbox:
        made = Installed(sandbox, tmp_path)
        made.packages = str(tmp_path / "packages")
        yield made


def spec(file: Path, **changes: Any) -> dict[str, Any]:
    jira = {"plugin": "acme-sso", "acme-sso": {"file": str(file)}, "groups": None, **changes}
    return {"sso": {"jira": jira, "confluence": None}}


def test_validate_plan_apply_drift_and_removal(place: Installed) -> None:
    file = place.folder / NAME
    place.write(spec(file))
    place.run("validate").ended(ExitCode.DONE)
    planned = {change["address"]: change for change in place.plan()["changes"]}
    assert planned[ADDRESS]["depends_on"] == ["clavex/client/atlassian"]
    assert planned["clavex/client/atlassian"]["wanted"]["redirect_uris"] == [
        f"{place.sandbox.jira.url}/plugins/servlet/acme-sso/callback"
    ]
    place.apply().ended(ExitCode.DONE)
    content = json.loads(file.read_text())
    (secret,) = [value for name, value in place.stored_secrets().items() if name.startswith("clients.")]
    assert content.pop("client_secret") == secret
    assert content == {
        "button": "Sign in with Clavex",
        "client_id": "atlassian",
        "issuer": f"{place.sandbox.clavex.url}/acme",
        "scopes": "email groups openid profile",
    }
    assert place.plan()["changes"] == []
    file.write_text(json.dumps({**json.loads(file.read_text()), "button": "By hand", "theirs": 1}))
    assert ADDRESS in place.run("drift").ended(ExitCode.CHANGES).out
    place.apply().ended(ExitCode.DONE)
    healed = json.loads(file.read_text())
    assert (healed["button"], healed["theirs"]) == ("Sign in with Clavex", 1)
    place.write({"sso": {"jira": None, "confluence": None}, "clients": {"atlassian": None}})
    place.apply("deletes").ended(ExitCode.DONE)
    assert not file.exists()
    assert not any(secret in text for text in place.shown)


def test_a_spec_is_checked_by_the_models_of_the_example(place: Installed) -> None:
    place.write(spec(place.folder / "x", **{"acme-sso": {"files": "x"}}))
    ran = place.run("validate").ended(ExitCode.ERROR)
    assert "sso.jira.acme-sso.files" in ran.err
    assert "did you mean file?" in ran.err


def test_without_the_package_there_is_no_such_plugin(place: Installed) -> None:
    place.packages = ""
    place.write(spec(place.folder / "x"))
    assert 'there is no plugin "acme-sso"' in place.run("validate").ended(ExitCode.ERROR).err


def test_the_readme_and_the_code_agree() -> None:
    readme = (EXAMPLE / "README.md").read_text()
    spec = tomlkit.loads(readme.partition("```toml\n")[2].partition("```")[0]).unwrap()["sso"]["jira"]
    module = load()
    assert spec["plugin"] == module.plugin.name
    assert module.Options.model_validate(spec["acme-sso"])
    for line in [line for line in readme.splitlines() if line.startswith("| `")]:
        assert hasattr(module.plugin, line.split("`")[1])
    for target in ("../../tests/contract/suite.py", "../../tests/examples", "acme_sso.py"):
        assert f"({target})" in readme
        assert (EXAMPLE / target).exists()
    assert len([line for line in (EXAMPLE / "acme_sso.py").read_text().splitlines() if line]) < 150


def test_the_package_does_not_know_the_example() -> None:
    assert not [path for path in (ROOT / "reconciler").rglob("*.py") if "acme" + "-sso" in path.read_text()]


# --- the handler --------------------------------------------------------------------------------------------------


def load() -> ModuleType:
    import importlib.util

    found = importlib.util.spec_from_file_location("acme_sso_example", EXAMPLE / "acme_sso.py")
    assert found
    assert found.loader
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module
    found.loader.exec_module(module)
    return module


MODULE = load()
JIRA = System("jira", "jira", "https://jira.acme.eu")


def desired(file: str) -> Any:
    wish = sign_on(JIRA, "acme-sso", options={"file": file})
    return MODULE.plugin.expand(wish, Facts(), CLAVEX_FACTS)


class Entrusted:
    """The handler with the secret in every update, as the engine gives it for whole documents."""

    def __init__(self) -> None:
        self._handler = MODULE.plugin.handlers(None, JIRA, (), FINGERPRINTER)["acme_sso"]
        self.read, self.create, self.delete = self._handler.read, self._handler.create, self._handler.delete

    def update(self, write: Any) -> Any:
        return self._handler.update(write._replace(secrets={"client_secret": SecretStr(CLIENT_SECRET)}))


@pytest.mark.parametrize("duty", DUTIES, ids=lambda duty: duty.__name__)
def test_example_duty(duty: Callable[[Case], None], tmp_path: Path) -> None:
    path = tmp_path / NAME
    (tmp_path / "other.json").write_text("{}")
    aside = tmp_path / f"aside-{NAME}"
    made = wanted(desired(str(path)), "acme_sso")

    def content() -> dict[str, Any]:
        return dict(json.loads(path.read_text())) if path.is_file() else {}

    def fail() -> None:
        path.rename(aside)
        path.mkdir()

    def dump() -> str:
        return (aside if path.is_dir() else path).read_text()

    def rest() -> Mapping[str, Any]:
        return {key: value for key, value in content().items() if key not in MODULE.ACME_SSO.attributes}

    duty(
        Case(
            type=made.type,
            handler=Entrusted(),
            address=made.address,
            attributes=made.attributes,
            changes={"button": "Enter", "scopes": ("openid",)},
            stranger={**made.attributes, "file": str(tmp_path / "stranger.json")},
            count=lambda: int(path.is_file()),
            rest=rest,
            dump=dump,
            requests=list,
            fail=fail,
            secrets={"client_secret": SecretStr(CLIENT_SECRET)},
        )
    )


def test_a_path_that_is_not_whole_is_an_error() -> None:
    (problem,) = desired(NAME).diagnostics
    assert (problem.severity, problem.where) == (Severity.ERROR, "sso.main.acme-sso.file")


def test_a_broken_file_is_unreadable_and_not_quoted(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_text('{"client_secret": "hush')
    made = wanted(desired(str(path)), "acme_sso")
    found = Entrusted().read([Lookup(made.address, made.attributes)])[made.address]
    assert isinstance(found, Unreadable)
    assert "hush" not in repr(found)


def test_two_sign_ons_never_share_a_file_unless_one_takes_over_from_the_other(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_text("{}")
    made = wanted(desired(str(path)), "acme_sso")
    old, new = made.address, made.address._replace(name="renamed")
    renamed = Entrusted().read([Lookup(old, made.attributes, str(path), leaving=True), Lookup(new, made.attributes)])
    assert {found.remote_id for found in renamed.values()} == {str(path)}
    both = Entrusted().read([Lookup(old, made.attributes, str(path)), Lookup(new, made.attributes)])
    assert all(isinstance(found, Unreadable) for found in both.values())


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    from reconciler.ports import Write

    made = wanted(desired(str(tmp_path / "none" / NAME)), "acme_sso")
    write = Write(
        made.address, made.attributes, frozenset(made.attributes), secrets={"client_secret": SecretStr("x")}
    )
    with pytest.raises(ReconcilerError, match="No such file or directory") as caught:
        Entrusted().create(write)
    assert caught.value.remedy == MODULE.REMEDY

"""docs/guide-coverage.md has every row of the guide, and names only tests, keys and checks that exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from reconciler.providers.miniorange.keys import NEWEST

ROOT = Path(__file__).parents[2]
TITLES = {
    "The guide's opening and prerequisites": [
        "One client for both products",
        "Shared Crowd user directory",
        "Data Center, not Cloud",
        "Jira 8, Confluence 7",
        "Plugin: miniOrange",
        "Plugin: resolution",
        "Plugin: built-in SSO, Jira 9.4",
        "Admin access to Jira and Confluence",
        "Clavex address and organisation",
    ],
    "Step 1, the client in Clavex": [
        "The request as a whole",
        "Authorization",
        "client_id",
        "client_name",
        "grant_types",
        "redirect_uris",
        "scopes",
        "token_endpoint_auth_method",
    ],
    "Step 2, miniOrange": [
        "Install miniOrange",
        "Configure OIDC, Custom OIDC",
        "Display Name",
        "Client ID",
        "Client Secret",
        "Discovery Endpoint",
        "Scope",
        "Username Attribute",
        "Email Attribute",
        "First Name Attribute",
        "Last Name Attribute",
        "Group Attribute",
        "Repeat for Confluence",
    ],
    "Step 3, groups": ["Group jira-administrators", "Group jira-software-users", "Group confluence-users"],
    "Step 4, jira-config.properties": [
        "The file",
        "jira.sso.oidc.enabled",
        "jira.sso.oidc.issuer",
        "jira.sso.oidc.clientId",
        "jira.sso.oidc.clientSecret",
        "jira.sso.oidc.scope",
        "jira.sso.oidc.usernameAttribute",
    ],
    "Troubleshooting": [
        "Users can't log in after SSO enabled",
        "Groups not syncing from Clavex",
        "Plugin redirect fails with 400",
        "Avatar or display name not updated",
    ],
}
"""Every step, field and row of the guide, by section."""


def read(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def rows() -> list[tuple[str, list[str]]]:
    """Section and cells of every row."""
    found: list[tuple[str, list[str]]] = []
    section = ""
    for line in read("guide-coverage.md").splitlines():
        if line.startswith("## "):
            section = line[3:]
        elif line.startswith("| ") and not line.startswith("| row |"):
            found.append((section, [cell.strip() for cell in line.strip("|").split("|")]))
    return found


def codes(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@cache
def find_tests(name: str) -> frozenset[str]:
    """The tests of a file: `test_name`, or `TestClass::test_name`."""
    tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
    found = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    for group in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        found |= {f"{group.name}::{node.name}" for node in group.body if isinstance(node, ast.FunctionDef)}
    return frozenset(test for test in found if test.rpartition("::")[2].startswith("test_"))


def test_every_row_of_the_guide_is_there() -> None:
    found: dict[str, list[str]] = {}
    for section, cells in rows():
        found.setdefault(section, []).append(cells[0])
    assert found == TITLES


@pytest.mark.parametrize("cells", [pytest.param(cells, id=cells[0]) for _, cells in rows()])
def test_what_a_row_names_exists(cells: list[str]) -> None:
    _, _, key, check, proof = cells
    spec, checks = read("spec.md"), read("doctor.md") + read("verify.md")
    assert [one for one in codes(key) if f"`{one.strip('[]')}`" not in spec and f"`{one}`" not in spec] == []
    assert [one for one in codes(check) if not re.search(rf"^\|[^|]*`{one}`", checks, re.MULTILINE)] == []
    assert codes(check) or check.startswith("plan")
    tests = [name.split("::", 1) for name in codes(proof)]
    assert tests
    assert [name for name in tests if name[1] not in find_tests(name[0])] == []


def test_what_is_said_not_to_be_managed_in_miniorange_is_not() -> None:
    managed = {field.path[-1] for field in (*NEWEST.provider.values(), *NEWEST.sign_in.values(), NEWEST.secret)}
    lines = [line for line in read("guide-coverage.md").splitlines() if line.startswith("- ")]
    named = {code for line in lines for code in codes(line) if code.isupper()}
    assert len(named) > 10
    assert named.isdisjoint(managed)

"""Files: which are read, how they are merged, and what is said of those that cannot be read."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.diagnostic import error, warning
from reconciler.errors import SpecError
from reconciler.spec import files
from reconciler.spec.load import Kinds, SpecRead, read_spec

Stack = Callable[..., Path]
Read = Callable[..., SpecRead]


def problem(folder: Path, kinds: Kinds, environment: str | None = None) -> tuple[str, str, str]:
    """The one finding: file, message, remedy."""
    with pytest.raises(SpecError) as caught:
        read_spec(folder, environment, kinds)
    (found,) = caught.value.diagnostics
    return found.file, found.message, found.remedy


def test_files_are_merged_by_name_and_hidden_ones_left_alone(read: Read, systems: str) -> None:
    spec = read(
        b='[clients.wiki]\nredirect_uris = ["https://wiki.acme.eu/cb"]',
        a=systems + '[clients.wiki]\nsystem = "clavex"\n',
        **{".#a": "no toml", "env__sandbox": "no toml either"},
    )
    assert spec.intent.clients["wiki"].redirect_uris == ("https://wiki.acme.eu/cb",)
    assert [Path(source.file).name for source in spec.sources.files] == ["a.toml", "b.toml"]


def test_an_overlay_joins_tables_and_takes_the_place_of_values(read: Read, systems: str) -> None:
    base = (
        systems
        + """
        [clients.wiki]
        system = "clavex"
        redirect_uris = ["https://a.acme.eu/cb", "https://b.acme.eu/cb"]
        claims = { name = "email" }
        """
    )
    overlay = """
        stack.secrets = "file:other"
        [systems]
        clavex.url = "http://127.0.0.1:18080"
        [clients.wiki]
        redirect_uris = ["http://127.0.0.1/cb"]
        claims.department = "attribute:department"
        """
    plain = read(spec=base, env__sandbox=overlay)
    assert plain.intent.environment == "default"
    assert plain.secrets == "file:acme"
    assert read(environment="default").intent == plain.intent
    sandbox = read(environment="sandbox")
    assert (sandbox.intent.stack, sandbox.intent.environment, sandbox.secrets) == ("acme", "sandbox", "file:other")
    assert sandbox.intent.systems["clavex"].url == "http://127.0.0.1:18080"
    assert sandbox.intent.systems["clavex"].org == "acme"
    assert sandbox.intent.clients["wiki"].redirect_uris == ("http://127.0.0.1/cb",)
    assert sandbox.intent.clients["wiki"].claims == {"name": "email", "department": "attribute:department"}
    assert plain.digest != sandbox.digest


def test_an_overlay_of_another_shape_is_explained_where_it_stands(stack: Stack, systems: str, kinds: Kinds) -> None:
    folder = stack(spec=systems, env__sandbox="clients = 1\nsystems.jira = 2\n")
    with pytest.raises(SpecError) as caught:
        read_spec(folder, "sandbox", kinds)
    assert [(Path(found.file).name, found.line, found.where) for found in caught.value.diagnostics] == [
        ("sandbox.toml", 1, "clients"),
        ("sandbox.toml", 2, "systems.jira"),
    ]


def test_the_digest_does_not_see_layout(read: Read, systems: str) -> None:
    digest = read(spec=systems).digest
    assert len(digest) == 64
    lines = systems.strip().split("\n\n")
    assert read(spec="# turned round\n" + "\n".join(reversed(lines))).digest == digest
    assert read(spec=systems.replace("CLAVEX_TOKEN", "OTHER_TOKEN")).digest != digest


def test_a_byte_order_mark_does_no_harm(read: Read, systems: str) -> None:
    assert read(spec="\ufeff" + systems).intent.systems


def test_the_line_of_a_bad_byte_is_right_after_a_byte_order_mark(stack: Stack, systems: str, kinds: Kinds) -> None:
    folder = stack(spec=systems)
    (folder / "spec.toml").write_bytes(b"\xef\xbb\xbf[stack]\n\n# \xff\n")
    with pytest.raises(SpecError) as caught:
        read_spec(folder, None, kinds)
    assert [(found.line, found.message) for found in caught.value.diagnostics] == [
        (3, "not UTF-8, which TOML must be")
    ]


def test_a_missing_stack_names_those_beside_it(stack: Stack, systems: str, kinds: Kinds) -> None:
    folder = stack(spec=systems)
    missing = folder.parent / "acmee"
    assert problem(missing, kinds) == (str(missing), "no such folder", "did you mean acme?")
    assert problem(folder / "spec.toml", kinds)[1] == "no such folder"
    assert problem(missing, kinds, "sandbox")[1] == "no such folder"


def test_a_stack_is_found_from_within(
    stack: Stack, systems: str, kinds: Kinds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(stack(spec=systems))
    assert read_spec(Path(), None, kinds).intent.stack == "acme"


def test_an_empty_folder_is_no_stack(tmp_path: Path, kinds: Kinds) -> None:
    assert problem(tmp_path, kinds)[1] == "no *.toml file in this folder"


def test_the_name_of_a_stack_is_plain(stack: Stack, systems: str, kinds: Kinds) -> None:
    folder = stack(spec=systems).rename(stack().parent / "ac me")
    assert problem(folder, kinds)[1] == "this cannot be the name of a stack"


def test_an_unknown_environment_names_those_there_are(stack: Stack, systems: str, kinds: Kinds) -> None:
    folder = stack(spec=systems)
    assert problem(folder, kinds, "prod")[2] == "leave out --env: there is none here"
    stack(env__sandbox="", env__staging="")
    assert problem(folder, kinds, "sandbx")[2] == "did you mean sandbox?"
    assert problem(folder, kinds, "prod")[2] == "the environments here are sandbox, staging"
    assert problem(folder, kinds, "../env/sandbox")[1] == "this stack has no environment '../env/sandbox'"


def test_default_is_no_overlay(stack: Stack, systems: str, kinds: Kinds) -> None:
    folder = stack(spec=systems, env__default="")
    assert problem(folder, kinds)[1] == "`default` is the environment without an overlay"


def test_a_file_that_cannot_be_read_is_named(stack: Stack, systems: str, kinds: Kinds) -> None:
    folder = stack(spec=systems)
    (folder / "dir.toml").mkdir()
    file, message, _ = problem(folder, kinds)
    assert file == str(folder / "dir.toml")
    assert message == "cannot be read: Is a directory"


@pytest.mark.parametrize("text", ["x = " + "[" * 5000, "x = " + "{a=" * 5000])
def test_what_is_nested_without_end_is_named(stack: Stack, kinds: Kinds, text: str) -> None:
    folder = stack(spec=text)
    file, message, remedy = problem(folder, kinds)
    assert file == str(folder / "spec.toml")
    assert message == "lists or tables stand in one another without end"
    assert remedy


def test_the_end_of_a_file_has_a_line_too(stack: Stack, kinds: Kinds) -> None:
    folder = stack(spec='a = 1\nb = "\n\n')
    with pytest.raises(SpecError) as caught:
        read_spec(folder, None, kinds)
    assert caught.value.diagnostics[0].line == 2
    (folder / "spec.toml").write_text("a = 1\n\nb", encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        read_spec(folder, None, kinds)
    assert caught.value.diagnostics[0].line == 3


def test_a_pasted_key_is_never_repeated_whatever_it_is_taken_for(stack: Stack, kinds: Kinds) -> None:
    key = "clv_" + "k" * 43
    for text in (f"[{key}]\n", f"[{key}]\n[{key}]\n", f'[sso.jira]\nsystem = "{key}"\n', f"{key} = \n"):
        with pytest.raises(SpecError) as caught:
            read_spec(stack(spec=text), None, kinds)
        messages = [found.message for found in caught.value.diagnostics]
        assert "this line holds what looks like an API key or a token" in messages
        assert key not in repr(caught.value.diagnostics)


def test_a_finding_is_located_where_its_value_comes_from(read: Read, systems: str) -> None:
    overlay = '[systems.jira]\nurl = "http://127.0.0.1:1"\n'
    spec = read(spec=systems, env__sandbox=overlay, environment="sandbox")

    def place(where: str) -> tuple[str, int]:
        found = spec.locate(warning("look", where))
        return Path(found.file).name, found.line

    assert place("systems.jira.url") == ("sandbox.toml", 2)
    assert place("systems.jira.token") == ("spec.toml", 11)
    assert place("systems.jira") == ("sandbox.toml", 1)
    assert place("systems.jira.missing.deeper") == ("spec.toml", 8)
    assert place("sso.jira") == ("", 0)
    assert place("clavex/client/atlassian") == ("", 0)
    assert place("") == ("", 0)
    known = error("look", "systems.jira")
    assert spec.locate(spec.locate(known)) == spec.locate(known)


def test_a_spec_without_findings_is_read_without_positions(
    read: Read, systems: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(text: str) -> None:
        raise AssertionError("positions are for findings")

    monkeypatch.setattr(files, "find_lines", refuse)
    assert read(spec=systems).intent.systems


def test_a_pipe_is_not_waited_for(tmp_path: Path, kinds: Kinds) -> None:
    stack = tmp_path / "acme"
    stack.mkdir()
    os.mkfifo(stack / "acme.toml")
    assert problem(stack, kinds)[1:] == ("a pipe, which may never end", "put a file here")

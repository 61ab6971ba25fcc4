"""The operator's own configuration of commands."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.errors import SecretError
from reconciler.secrets.operator import Command, configuration_path, read_configuration

GOOD = """
[commands.vault]
get = ["vault", "get", "{name}"]
put = ["/usr/bin/vault", "put", "kv/{name}"]
absent = 2
timeout = 5

[commands.reader]
get = ["pass", "show", "{name}"]
"""


@pytest.fixture
def configure(tmp_path):
    def write(text, mode=0o600):
        path = tmp_path / "reconciler" / "config.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        return {"XDG_CONFIG_HOME": str(tmp_path)}

    return write


def test_where_it_lies():
    assert configuration_path({"HOME": "/home/ann"}) == Path("/home/ann/.config/reconciler/config.toml")
    assert configuration_path({"HOME": "/h", "XDG_CONFIG_HOME": "/x"}) == Path("/x/reconciler/config.toml")
    assert configuration_path({"XDG_CONFIG_HOME": "/x", "RECONCILER_CONFIG": "/c.toml"}) == Path("/c.toml")
    assert configuration_path({}) == Path("/.config/reconciler/config.toml")


def test_what_it_says(configure):
    assert read_configuration(configure(GOOD)).commands == {
        "vault": Command(
            get=("vault", "get", "{name}"), put=("/usr/bin/vault", "put", "kv/{name}"), absent=2, timeout=5
        ),
        "reader": Command(get=("pass", "show", "{name}")),
    }
    assert read_configuration(configure("")).commands == {}


def test_without_one_there_are_no_commands(tmp_path, monkeypatch):
    assert read_configuration({"HOME": str(tmp_path)}).commands == {}
    (tmp_path / "file").write_text("")
    assert read_configuration({"HOME": str(tmp_path / "file")}).commands == {}

    def refuse(path, mode):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert read_configuration({"HOME": "/nowhere"}).commands == {}
    with pytest.raises(SecretError, match="Permission denied"):
        read_configuration({"RECONCILER_CONFIG": "/nowhere/config.toml"})


def test_one_that_was_named_must_be_there(tmp_path):
    with pytest.raises(SecretError, match="No such file"):
        read_configuration({"RECONCILER_CONFIG": str(tmp_path / "config.toml")})
    with pytest.raises(SecretError, match="directory"):
        read_configuration({"RECONCILER_CONFIG": str(tmp_path)})


def test_a_link_of_the_operator_is_followed(configure, tmp_path):
    configure(GOOD)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "reconciler" / "config.toml")
    assert set(read_configuration({"RECONCILER_CONFIG": str(link)}).commands) == {"vault", "reader"}


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_can_write_is_refused(configure, mode):
    with pytest.raises(SecretError, match="written by others") as caught:
        read_configuration(configure(GOOD, mode))
    assert "chmod" in caught.value.remedy
    assert read_configuration(configure(GOOD, 0o644)).commands


def test_the_file_of_another_user_is_refused(configure, monkeypatch):
    environ = configure(GOOD)
    if os.geteuid() == 0:  # root's own file is trusted by everybody
        os.chown(Path(environ["XDG_CONFIG_HOME"], "reconciler", "config.toml"), 65534, -1)
    else:
        mine = os.geteuid()
        monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    with pytest.raises(SecretError, match="another user"):
        read_configuration(environ)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("commands = 1", ["commands"]),
        ("[command.vault]\n", ["command: Extra"]),
        ("[commands.vault]\n", ["commands.vault.get: Field required"]),
        ("[commands.vault]\nget = []", ["commands.vault.get: name the program first"]),
        ("[commands.vault]\nget = ['', '{name}']", ["name the program first"]),
        ("[commands.vault]\nget = 'vault get {name}'", ["commands.vault.get"]),
        ("[commands.vault]\nget = ['vault', 1, '{name}']", ["commands.vault.get.1"]),
        ("[commands.vault]\nget = ['vault', 'name']", ["no argument holds {name}"]),
        ("[commands.vault]\nget = ['{name}']", ["no argument holds {name}"]),
        ("[commands.vault]\nget = ['./get', '{name}']", ["./get depends on the folder"]),
        (
            "[commands.a]\nget = ['x', '{name}']\nshell = true\nabsent = 0\ntimeout = '5'",
            ["commands.a.shell: Extra", "commands.a.absent", "commands.a.timeout"],
        ),
        ("[commands.vault\n", ["config.toml"]),
        (b"a = '\xff'", ["config.toml"]),
    ],
)
def test_what_cannot_be_used_is_named(configure, text, words):
    with pytest.raises(SecretError) as caught:
        read_configuration(configure(text))
    for word in (*words, "config.toml"):
        assert word in str(caught.value)
    assert "Value error" not in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "text",
    [
        "hosts = 5",
        '[hosts]\n"https://jira.acme.eu" = 5',
        '[hosts."https://jira.acme.eu"]\nca_file = "relative.pem"',
        '[hosts."https://jira.acme.eu"]\ncredentials = ["the token itself"]',
        '[age]\nidentities = ["AGE-SECRET-KEY-1X"]',
        'files = ["relative"]',
    ],
)
def test_other_tables_that_cannot_be_used_are_named(configure, text):
    with pytest.raises(SecretError) as caught:
        read_configuration(configure(text))
    assert "config.toml: " in caught.value.message
    assert "AGE-SECRET" not in str(caught.value)
    assert "the token itself" not in str(caught.value)
    assert "docs/security.md" in caught.value.remedy


def test_hosts_are_named_in_a_table_or_a_text(configure):
    found = read_configuration(configure('[hosts."https://a"]\ncredentials = ["env:A"]\n'))
    named = found.hosts_in(" https://b,https://c ")
    assert [(host.url, host.credentials) for host in named] == [
        ("https://a", ("env:A",)),
        ("https://b", ()),
        ("https://c", ()),
    ]

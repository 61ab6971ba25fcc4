"""The table `[backend]`: what may stand in it, and what is said of what may not."""

from __future__ import annotations

import pytest

from reconciler.core.secret import AgeFile
from reconciler.errors import SpecError
from reconciler.spec.backends import HttpTable, LocalTable, PostgresTable, S3Table
from reconciler.spec.load import Kinds, read_backend, read_spec

SYSTEMS = '[systems.jira]\nprovider = "jira"\nurl = "https://jira.acme.eu"\ntoken = "env:T"\n'
POSTGRES = '[backend]\nkind = "postgres"\ndsn = "env:STATE_DSN"\n'


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "acme" / "env").mkdir(parents=True)
    return tmp_path / "acme"


def problems(folder, text):
    (folder / "a.toml").write_text(text)
    with pytest.raises(SpecError) as caught:
        read_backend(folder, None)
    return [(item.where, item.message, item.remedy, item.line) for item in caught.value.diagnostics]


def test_without_the_table_the_state_is_local(folder):
    (folder / "a.toml").write_text(SYSTEMS)
    assert read_backend(folder, None).table == LocalTable()


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("[backend]\n", LocalTable()),
        ('[backend]\nkind = "local"\n', LocalTable()),
        (POSTGRES, PostgresTable(dsn="env:STATE_DSN")),
        (POSTGRES + 'schema = "sso"\n', PostgresTable(dsn="env:STATE_DSN", schema="sso")),
        ('[backend]\nkind = "s3"\nbucket = "b"\nlease = 30\n', S3Table(bucket="b", lease=30)),
        (
            (
                '[backend]\nkind = "s3"\nbucket = "b"\nendpoint = "http://127.0.0.1:9000"\n'
                'access_key = "env:A"\nsecret_key = "file:acme#s"\n'
            ),
            S3Table(bucket="b", endpoint="http://127.0.0.1:9000", access_key="env:A", secret_key="file:acme#s"),
        ),
        (
            '[backend]\nkind = "http"\naddress = "https://git.acme.eu/{environment}"\nlock_method = "POST"\n',
            HttpTable(address="https://git.acme.eu/{environment}", lock_method="POST"),
        ),
        (
            '[backend]\nkind = "http"\naddress = "env:STATE_A"\nusername = "ci"\npassword = "env:P"\n',
            HttpTable(address="env:STATE_A", username="ci", password="env:P"),
        ),
    ],
)
def test_each_kind_has_its_keys(folder, text, table):
    (folder / "a.toml").write_text(SYSTEMS + text)
    assert read_backend(folder, None).table == table


def test_an_environment_may_keep_its_state_elsewhere(folder):
    (folder / "a.toml").write_text(SYSTEMS)
    (folder / "env" / "production.toml").write_text(POSTGRES)
    assert read_backend(folder, None).table == LocalTable()
    assert read_backend(folder, "production").table == PostgresTable(dsn="env:STATE_DSN")


@pytest.mark.parametrize(
    ("text", "where", "message", "remedy"),
    [
        ("backend = 3\n", "backend", "must be a table", ""),
        ('[backend]\nkind = "postgre"\n', "backend.kind", 'must be "local" or', "did you mean postgres?"),
        ("[backend]\nkind = 3\n", "backend.kind", "must be", ""),
        ('[backend]\nkind = "postgres"\n', "backend.dsn", "this key is missing", "env:STATE_DSN"),
        (POSTGRES + 'shema = "x"\n', "backend.shema", "unknown key", "did you mean schema?"),
        ('[backend]\nbucket = "b"\n', "backend.bucket", "unknown key", "there are kind"),
        (
            '[backend]\nkind = "postgres"\ndsn = "postgresql://h"\n',
            "backend.dsn",
            "must not stand in the spec",
            "env:",
        ),
        (
            '[backend]\nkind = "postgres"\ndsn = "env:CI_COMMIT_TITLE"\n',
            "backend.dsn",
            "others fill",
            "begins with STATE_",
        ),
        ('[backend]\nkind = "postgres"\ndsn = "age:team#dsn"\n', "backend.dsn", "everybody can", "STATE_"),
        (
            '[backend]\nkind = "http"\naddress = "env:CI_TITLE"\n',
            "backend.address",
            "others fill",
            "env:STATE_CI_TITLE",
        ),
        (
            '[backend]\nkind = "http"\naddress = "env:STATE_A"\nlock_address = "env:CI_TITLE"\n',
            "backend.lock_address",
            "others fill",
            "",
        ),
        ('[backend]\nkind = "s3"\nbucket = "b"\nlease = 5\n', "backend.lease", "must be 10 or more", ""),
        (
            '[backend]\nkind = "s3"\nbucket = "b"\nendpoint = "ftp://h"\n',
            "backend.endpoint",
            "neither https nor http",
            "",
        ),
        (
            '[backend]\nkind = "s3"\nbucket = "b"\nendpoint = "http://h"\n',
            "backend.endpoint",
            "clear text",
            "allow_http",
        ),
        (
            '[backend]\nkind = "s3"\nbucket = "b"\naccess_key = "env:A"\n',
            "backend.secret_key",
            "missing",
            "access_key",
        ),
        (
            '[backend]\nkind = "s3"\nbucket = "b"\nsecret_key = "env:A"\n',
            "backend.access_key",
            "missing",
            "secret_key",
        ),
        ('[backend]\nkind = "http"\naddress = "env:"\n', "backend.address", "does not say where", ""),
        ('[backend]\nkind = "http"\naddress = "http://h/s"\n', "backend.address", "clear text", ""),
        ('[backend]\nkind = "http"\naddress = "https://u:p@h/s"\n', "backend.address", "credentials", ""),
        (
            '[backend]\nkind = "http"\naddress = "env:STATE_A"\nlock_address = "x"\n',
            "backend.lock_address",
            "no scheme",
            "",
        ),
        (
            '[backend]\nkind = "http"\naddress = "env:STATE_A"\npassword = "env:P"\n',
            "backend.username",
            "missing",
            "password",
        ),
        (
            '[backend]\nkind = "http"\naddress = "env:STATE_A"\nusername = "u"\npassword = "hunter2"\n',
            "backend.password",
            "must not stand in the spec",
            "",
        ),
    ],
)
def test_what_is_wrong_is_said_once_with_its_line(folder, text, where, message, remedy):
    ((found_where, found, advice, line),) = problems(folder, text)
    assert found_where == where
    assert message in found
    assert remedy in advice
    assert line
    assert "hunter2" not in found + advice


RECIPIENT = "age1zp8csrxjmtg84znugf7lke9qganv3lr66kuj6mpjk5sxsh30gfksmydy6r"
AGE = f'[age.team]\nrecipients = ["{RECIPIENT}"]\n'
DATABASE = POSTGRES + 'password = "age:team#db"\n'


def test_credentials_may_lie_in_an_age_file_of_the_stack(folder):
    (folder / "a.toml").write_text(SYSTEMS + DATABASE + AGE + 'file = "keys.age"\n[age.other]\nrecipients = []\n')
    found = read_backend(folder, None)
    assert found.table == PostgresTable(dsn="env:STATE_DSN", password="age:team#db")
    assert found.age == {"team": AgeFile((RECIPIENT,), "keys.age")}


@pytest.mark.parametrize(
    ("text", "where", "message", "remedy"),
    [
        (DATABASE, "backend.password", "there is no table [age.team]", "recipients"),
        (DATABASE + AGE, "backend.password", "lies beside the state", 'file = "team.age"'),
        (DATABASE + AGE + 'file = "../x.age"\n', "age.team.file", "outside of the folder of its stack", ""),
        (DATABASE + AGE + 'file = "x.age"\nfille = "y"\n', "age.team.fille", "unknown key", "file"),
        (DATABASE + "[age]\nteam = 3\n", "age.team", "must be a table", ""),
        (DATABASE + "[[age]]\n", "backend.password", "there is no table [age.team]", ""),
        (
            f'[backend]\nkind = "s3"\nbucket = "b"\naccess_key = "age:team#a"\nsecret_key = "age:team#b"\n{AGE}',
            "backend.secret_key",
            "lies beside the state",
            "",
        ),
        (
            f'[backend]\nkind = "postgres"\ndsn = "age:team#x"\n{AGE}',
            "backend.dsn",
            "everybody can encrypt",
            "STATE_",
        ),
        (
            f'[backend]\nkind = "http"\naddress = "age:team#x"\n{AGE}',
            "backend.address",
            "everybody can encrypt",
            "STATE_",
        ),
        (POSTGRES + 'password = "hunter2"\n', "backend.password", "must not stand in the spec", ""),
    ],
)
def test_an_age_store_that_cannot_hold_a_credential(folder, text, where, message, remedy):
    ((found_where, found, advice, line),) = problems(folder, SYSTEMS + text)
    assert found_where == where
    assert message in found
    assert remedy in advice
    assert line
    assert "hunter2" not in found + advice


def test_validate_says_it_too_and_nothing_twice(folder):
    (folder / "a.toml").write_text('[backend]\nkind = "postgre"\n' + SYSTEMS + 'nonsense = "x"\n')
    with pytest.raises(SpecError) as caught:
        read_spec(folder, None, Kinds({}, {}))
    assert [item.where for item in caught.value.diagnostics] == ["backend.kind", "systems.jira.provider"]
    (folder / "a.toml").write_text("backend = 3\n" + SYSTEMS)
    with pytest.raises(SpecError) as caught:
        read_spec(folder, None, Kinds({}, {}))
    assert [item.where for item in caught.value.diagnostics] == ["backend", "systems.jira.provider"]


def test_other_mistakes_do_not_hide_where_the_state_lies(folder):
    (folder / "a.toml").write_text(POSTGRES + "[systems.jira]\nnonsense = 3\n")
    assert read_backend(folder, None).table == PostgresTable(dsn="env:STATE_DSN")

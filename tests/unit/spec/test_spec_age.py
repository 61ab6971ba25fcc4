"""Encrypted files in a spec: recipients are public, identities are refused, and no path leads out of the stack."""

import pytest

from reconciler.core.secret import AgeFile, Handle
from reconciler.errors import SpecError
from reconciler.spec.rules import (
    BrokenRuleError,
    check_inside,
    check_recipient,
    holds_credential,
    masked,
    parse_handle,
)

RECIPIENT = "age1zp8csrxjmtg84znugf7lke9qganv3lr66kuj6mpjk5sxsh30gfksmydy6r"
TABLE = f'[age.team]\nrecipients = ["{RECIPIENT}"]\n'


def problems(read, **files):
    with pytest.raises(SpecError) as caught:
        read(**files)
    return {item.where: f"{item.message}; {item.remedy}" for item in caught.value.diagnostics}


def test_a_store_for_recipients(read, systems):
    spec = read(a=f'{systems}[stack]\nsecrets = "age:team"\nencrypt = "age:team"\n{TABLE}file = "kept/team.age"\n')
    assert spec.secrets == "age:team"
    assert spec.age == {"team": AgeFile((RECIPIENT,), "kept/team.age")}
    assert spec.encryption == "team"
    assert read(a=f"{systems}{TABLE}").age == {"team": AgeFile((RECIPIENT,))}


def test_encryption_is_off_only_where_it_is_said(read, systems):
    assert read(a=systems).encryption is None
    assert read(a=f'{systems}[stack]\nencrypt = "off"\n').encryption == ""


def test_an_environment_has_recipients_of_its_own(read, systems):
    other = RECIPIENT[:-1] + "q"
    files = {"a": f"{systems}{TABLE}", "env__prod": f'[age.team]\nrecipients = ["{other}"]\n'}
    assert read(**files, environment="prod").age["team"].recipients == (other,)


def test_every_table_that_is_named_must_be_there(read, systems):
    text = systems.replace("env:JIRA_TOKEN", "age:jira#token")
    text += '[stack]\nsecrets = "age:a"\nencrypt = "age:b"\n'
    text += '[clients.x]\nsystem = "clavex"\nsecret = "age:c#x"\nexternal = true\n'
    text += '[systems.wiki]\nprovider = "confluence"\nurl = "https://w.acme.eu"\n'
    text += 'username = "u"\npassword = "age:d#p"\n'
    found = problems(read, a=text)
    assert {"stack.secrets", "stack.encrypt", "systems.jira.token", "clients.x.secret", "systems.wiki.password"} == {
        *found
    }
    assert "there is no table [age.b]; add [age.b] with recipients" in found["stack.encrypt"]


def test_what_is_wrong_in_a_table_is_said_where_it_stands(read, systems):
    text = f'{systems}[age.team]\nrecipients = ["{RECIPIENT}", "bob"]\nfile = "../others.age"\n'
    text += '[age.none]\nrecipients = []\n[stack]\nencrypt = "team"\n'
    found = problems(read, a=text)
    assert "this is no recipient of age" in found["age.team.recipients[1]"]
    assert "a spec names no file outside of the folder of its stack" in found["age.team.file"]
    assert "age.none.recipients" in found
    assert 'write "age:NAME", or "off"' in found["stack.encrypt"]


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "a/..", "x\n", "/"])
def test_paths_that_lead_out(path):
    with pytest.raises(BrokenRuleError, match="outside of the folder"):
        check_inside(path)


@pytest.mark.parametrize("path", ["x.age", "a/b.age", "..x", "a..b/x"])
def test_paths_that_stay(path):
    check_inside(path)


@pytest.mark.parametrize("text", ["", "age1", RECIPIENT.upper(), RECIPIENT + "q", RECIPIENT.replace("z", "b")])
def test_recipients_that_are_none(text):
    with pytest.raises(BrokenRuleError):
        check_recipient(text)


def test_handles():
    assert parse_handle("age:team#a.b") == Handle("age:team", "a.b")
    for text in ("age:team", "age:#x", "age:../a#x"):
        with pytest.raises(BrokenRuleError, match="does not say where"):
            parse_handle(text)


def test_our_own_variables_are_sent_nowhere():
    with pytest.raises(BrokenRuleError, match="are reconciler's own variables"):
        parse_handle("env:RECONCILER_AGE_IDENTITY")


def test_an_identity_is_found_and_masked(read, systems):
    pasted = "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQ"
    assert holds_credential(f"x = '{pasted}'")
    assert masked(pasted) == "(not shown)"
    found = problems(read, a=f'{systems}[age.team]\nrecipients = ["{pasted}"]\n')
    assert not any("QQQQ" in text for text in found.values())

"""The command store: no shell, no guesses, nothing of a secret in what it says."""

from __future__ import annotations

import base64
import json
import os
import sys
import time
import traceback

import pytest
from pydantic import SecretStr

from reconciler.errors import SecretError
from reconciler.secrets.command import CommandStore
from reconciler.secrets.operator import Command

CANARY = "c4n4ry-Zk3vN0tInAnyOutput"


@pytest.fixture
def store(tmp_path):
    """A store whose commands are the Python texts `get` and `put`, with the secret's name as their argument."""

    def make(get="print('value')", put="import sys; sys.stdin.read()", **options):
        get, put = ((sys.executable, "-S", "-c", text, "{name}") if text else None for text in (get, put))
        return CommandStore("vault", Command(get=get, put=put, **options), {**os.environ, "MARK": "ours"})

    return make


def refusal(use):
    with pytest.raises(SecretError) as caught:
        use()
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    assert CANARY not in repr(caught.value.__context__)
    assert "vault" in str(caught.value)
    assert caught.value.remedy
    return str(caught.value)


@pytest.mark.parametrize(
    ("printed", "value"),
    [("value", "value"), ("value\n", "value"), ("value\n\n", "value\n"), (" v ", " v "), ("a\r\n", "a\r")],
)
def test_one_newline_at_the_end_is_taken_off(store, printed, value):
    found = store(f"import sys; sys.stdout.write({printed!r})").get("a")
    assert found.get_secret_value() == value


def test_a_name_is_one_argument_of_a_program_without_a_shell(store):
    command = store("import sys, os; print(len(sys.argv), sys.argv[1], os.getcwd(), os.environ['MARK'])")
    assert command.get("clients.a/b@c").get_secret_value() == "2 clients.a/b@c / ours"
    inside = CommandStore(
        "vault",
        Command(get=(sys.executable, "-c", "import sys; print(sys.argv[1:])", "kv/{name}={name}")),
        os.environ,
    )
    assert inside.get("a").get_secret_value() == "['kv/a=a']"


@pytest.mark.parametrize(
    "name",
    ["", "-rf", "a b", "a;id", "$(id)", "`id`", "../a", "a/../b", "a//b", "/a", "a/", "a\n", ".a", "é", "a\0b"],
)
def test_a_name_that_could_be_more_than_a_word_is_refused(store, name):
    assert "is no name for a secret" in refusal(lambda: store().get(name))
    assert "is no name for a secret" in refusal(lambda: store().put(name, SecretStr(CANARY)))


def test_only_the_agreed_exit_code_means_absence(store):
    assert store("import sys; sys.exit(3)", absent=3).get("a") is None
    text = refusal(lambda: store("import sys; sys.exit(4)", absent=3).get("a"))
    assert "exit code 4" in text
    assert "absent" not in text


def test_a_failure_says_how_absence_could_be_told(store):
    text = refusal(lambda: store("import sys; sys.exit('no such thing')").get("a"))
    assert "failed to get the secret a: exit code 1: no such thing" in text
    assert "add absent = 1" in text


def test_a_command_that_was_killed_is_a_failure(store):
    text = refusal(lambda: store("import os; os.kill(os.getpid(), 9)").get("a"))
    assert "signal 9: it said nothing" in text


@pytest.mark.parametrize(
    "code", ["pass", "print()", "print('a' + chr(0))", "import os; os.write(1, bytes([255, 10]))"]
)
def test_an_answer_without_text_is_no_absence(store, code):
    assert "gave no text" in refusal(lambda: store(code, absent=1).get("a"))


@pytest.mark.parametrize(
    "said",
    [
        CANARY,
        CANARY[:12],
        f"bad value {CANARY!r}",
        json.dumps({"value": CANARY}),
        base64.b64encode(CANARY.encode()).decode(),
        CANARY.encode().hex(),
        f"\x1b[31m{CANARY}\x1b[0m",
    ],
)
def test_what_a_command_says_shows_no_part_of_the_secret(store, said):
    fails = f"import sys; sys.stdin.read(); sys.exit({said!r})"
    prints = f"import sys; print({CANARY!r}); sys.exit({said!r})"
    for text in (
        refusal(lambda: store(put=fails).put("a", SecretStr(CANARY))),
        refusal(lambda: store(get=prints).get("a")),
    ):
        assert "exit code 1" in text
        for form in (CANARY[:8], base64.b64encode(CANARY.encode()).decode()[:12], CANARY.encode().hex()[:12], "\x1b"):
            assert form not in text


def test_what_a_command_says_is_one_short_line(store):
    text = refusal(lambda: store("import sys; sys.exit('no\\n\\n  such\\x07 ' + 'word ' * 500)").get("a"))
    assert "no such word word" in text
    assert len(text) < 600
    assert "\x07" not in text


def test_what_was_put_is_read_back(store, tmp_path):
    text = refusal(lambda: store(get="print('something else')").put("a", SecretStr(CANARY)))
    assert "did not keep the secret a" in text
    assert "did not keep" in refusal(lambda: store(get="exit(1)", absent=1).put("a", SecretStr(CANARY)))


def test_a_failed_put_is_not_remembered(store, tmp_path):
    kept = tmp_path / "kept"
    command = store(f"print(open({str(kept)!r}).read())", "import sys; sys.exit(5)")
    kept.write_text("old")
    assert command.get("a") == SecretStr("old")
    assert "exit code 5" in refusal(lambda: command.put("a", SecretStr(CANARY)))
    kept.write_text("older")
    assert command.get("a") == SecretStr("older")


def test_a_known_secret_is_not_asked_for_again(store, tmp_path):
    log = tmp_path / "log"
    command = store(f"open({str(log)!r}, 'a').write('x'); print('value')")
    for _ in range(3):
        assert command.get("a") == SecretStr("value")
    assert log.read_text() == "x"


def test_a_command_that_only_reads(store):
    command = store(put=None)
    assert not command.writable
    for use in (lambda: command.put("a", SecretStr(CANARY)), command.check_writable):
        assert "can only read" in refusal(use)


def test_a_program_that_is_missing():
    command = CommandStore("vault", Command(get=("not-there", "{name}"), put=("not-there", "{name}")), os.environ)
    assert not command.writable
    assert "not-there: No such file" in refusal(lambda: command.get("a"))


def test_a_command_that_hangs_is_ended_with_its_children(store, tmp_path):
    child = tmp_path / "child"
    code = (
        f"import os, sys, time, subprocess; print({CANARY!r}, flush=True); "
        f"p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
        f"open({str(child)!r}, 'w').write(str(p.pid)); time.sleep(60)"
    )
    started = time.monotonic()
    assert "took longer than 0.5 s" in refusal(lambda: store(code, timeout=0.5).get("a"))
    assert time.monotonic() - started < 10
    assert not _runs(int(child.read_text()))


def test_a_child_that_got_away_is_not_waited_for(store, tmp_path):
    """It keeps the pipe open, and nobody is left in the group."""
    child = tmp_path / "child"
    code = (
        "import sys, subprocess; "
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(20)'], start_new_session=True); "
        f"open({str(child)!r}, 'w').write(str(p.pid)); print('value')"
    )
    assert "took longer" in refusal(lambda: store(code, timeout=1).get("a"))
    os.kill(int(child.read_text()), 9)


def _runs(pid):
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123 - it vanishes while it is read
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return False
        except (FileNotFoundError, ProcessLookupError):
            return False
        time.sleep(0.01)
    return True

"""A spec from a stranger, as a merge request brings one: what it cannot make `validate`, `plan` and the others do."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from acceptance.cases import jira

from reconciler.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from acceptance.workplace import Ran, Workplace
    from contract.buckets import Buckets

CANARY = "c4n4ry-Zk3vN0tInAnyOutput"
EVIL = "http://jira.evil.test"
ONLINE = (("plan",), ("apply", "--auto-approve"), ("drift",), ("doctor",), ("verify",), ("import", "jira/group/x"))


class _Recorder(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Outside)
        self.seen: list[str] = []


class _Outside(BaseHTTPRequestHandler):
    """Stands for every host that is not this machine."""

    def do_GET(self) -> None:
        assert isinstance(self.server, _Recorder)
        self.server.seen.append(f"{self.path} {dict(self.headers)}")
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET  # noqa: N815 - as http.server has it
    do_CONNECT = do_GET  # noqa: N815 - the same

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def outside(place: Workplace) -> Iterator[list[str]]:
    """What is sent to hosts that are not this machine, by way of a proxy that sees all of it."""
    server = _Recorder()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    place.environ |= {"http_proxy": address, "https_proxy": address}
    try:
        yield server.seen
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


def moved(url: str, **more: Any) -> dict[str, Any]:
    return {"systems": {"jira": {"url": url, "allow_http": True, **more}}}


def said(ran: Ran) -> str:
    return " ".join(ran.err.split())


def refused(ran: Ran) -> str:
    """What is said of a refusal."""
    ran.ended(ExitCode.REFUSED)
    assert CANARY not in ran.out + ran.err
    return said(ran)


# --- whom a credential goes to ------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ONLINE, ids=lambda command: command[0])
def test_no_variable_of_the_environment_goes_to_a_host_that_nobody_named(
    place: Workplace, command: tuple[str, ...]
) -> None:
    place.environ["AWS_SECRET_ACCESS_KEY"] = CANARY
    place.write(moved(EVIL, token="env:AWS_SECRET_ACCESS_KEY"))
    with outside(place) as seen:
        told = refused(place.run(*command))
    assert f"new-host: no credential was sent. jira ({EVIL}): it was never applied to" in told
    assert "--allow new-host=NAME" in told
    assert "RECONCILER_HOSTS='http" in told
    assert seen == []
    assert not any(served.faults.requests for served in place.sandbox.served)


def test_a_spec_alone_is_checked_without_asking_anybody(place: Workplace) -> None:
    place.environ["AWS_SECRET_ACCESS_KEY"] = CANARY
    place.write(moved(EVIL, token="env:AWS_SECRET_ACCESS_KEY"))
    with outside(place) as seen:
        place.run("validate").ended(ExitCode.DONE)
    assert seen == []


@pytest.mark.parametrize(
    "backend",
    [
        {"kind": "http", "address": f"{EVIL}/state", "allow_http": True, "username": "ci", "password": "env:TOKEN"},
        {"kind": "s3", "bucket": "b", "endpoint": EVIL, "allow_http": True, "access_key": "env:TOKEN"}
        | {"secret_key": "env:TOKEN"},
    ],
    ids=lambda backend: backend["kind"],
)
@pytest.mark.parametrize("command", [("plan",), ("state", "list")], ids=" ".join)
def test_no_state_is_kept_with_a_host_that_nobody_named(
    place: Workplace, command: tuple[str, ...], backend: dict[str, Any]
) -> None:
    place.environ["TOKEN"] = CANARY
    place.write({"backend": backend})
    with outside(place) as seen:
        told = refused(place.run(*command))
    assert "a host that nobody named; nothing was sent" in told
    assert "RECONCILER_HOSTS" in told
    assert seen == []


def test_a_backend_is_asked_that_the_operator_named(place: Workplace) -> None:
    address = {"kind": "http", "allow_http": True, "username": "ci", "password": "env:TOKEN"}
    place.environ["TOKEN"] = "ordinary"
    place.write({"backend": address | {"address": f"{EVIL}/state"}})
    urls = [system["url"] for system in place.sandbox.describe().values()]
    place.environ["RECONCILER_HOSTS"] = " ".join([*urls, EVIL])
    with outside(place) as seen:
        place.run("state", "list")
        assert seen
    del place.environ["RECONCILER_HOSTS"]
    place.environ["STATE_ADDRESS"] = f"{EVIL}/state"
    place.write({"backend": address | {"address": "env:STATE_ADDRESS"}})
    with outside(place) as seen:
        place.run("state", "list")
        assert seen


def test_a_state_in_a_bucket_that_the_spec_chose_vouches_for_no_host(place: Workplace, buckets: Buckets) -> None:
    keys = {"access_key": "env:KEY", "secret_key": "env:KEY"}
    table = {"kind": "s3", "bucket": "states", "region": "eu-central-1", "path_style": True, **keys}
    place.environ |= {
        "KEY": "k",
        "AWS_ENDPOINT_URL_S3": buckets.url,
        "no_proxy": "127.0.0.1",
    }  # stands for AWS, where everybody has buckets
    url = place.write({"backend": table})["systems"]["jira"]["url"]
    place.apply("locks-out").ended(ExitCode.DONE)
    stored = buckets.objects["states/reconciler/acme/default/state.json"]
    stored.data = stored.data.replace(url.encode(), EVIL.encode())
    place.write(moved(EVIL), {"backend": table})
    with outside(place) as seen:
        told = refused(place.run("plan"))
        assert f"jira ({EVIL}): it was never applied to" in told
    assert seen == []


def test_what_was_permitted_is_sent(place: Workplace) -> None:
    place.write(moved(EVIL))
    for allowed in ("new-host", "new-host=jira", "moves-host=jira"):
        with outside(place) as seen:
            place.run("plan", "--allow", allowed).ended(ExitCode.INCOMPLETE)
        assert seen
    with outside(place) as seen:
        refused(place.run("plan", "--allow", "new-host=confluence"))
    assert seen == []


def test_hosts_that_the_operator_named_are_the_only_ones(place: Workplace) -> None:
    place.write(moved(EVIL))
    urls = [system["url"] for system in place.sandbox.describe().values()]
    place.environ["RECONCILER_HOSTS"] = ", ".join(urls)
    with outside(place) as seen:
        assert "jira (http://jira.evil.test): the operator did not name this host" in refused(place.run("plan"))
        assert seen == []
        place.environ["RECONCILER_HOSTS"] = f"{' '.join(urls)} {EVIL}"
        place.run("plan").ended(ExitCode.INCOMPLETE)
        assert seen
    place.environ["RECONCILER_HOSTS"] = urls[0]
    place.write()
    assert "the operator did not name this host" in refused(place.run("plan"))  # not even loopback


@pytest.mark.parametrize(
    "url",
    [
        "http://jira.acme.test.evil.test",
        "http://jira.acme.test:81",
        "https://jira.acme.test",
        "http://jira.acme.test/other",
        "http://jira.acme.test/jira/../other",
        "http://jira.acme.test/jira/%2E./other",
        "http://jira.acme.test/jiranot",
    ],
)
def test_a_host_is_named_whole(place: Workplace, url: str) -> None:
    urls = " ".join(system["url"] for system in place.sandbox.describe().values())
    place.environ["RECONCILER_HOSTS"] = f"{urls} http://jira.acme.test/jira"
    place.write(moved(url))
    with outside(place) as seen:
        refused(place.run("plan"))
    assert seen == []


def test_the_operator_says_which_credential_a_host_gets(place: Workplace) -> None:
    place.environ["OTHER"] = CANARY
    place.write({"systems": {"jira": {"token": "env:OTHER"}}})
    hosts = "".join(
        f'[hosts."{system["url"]}"]\ncredentials = ["env:{name.upper()}_TOKEN"]\n'
        for name, system in place.sandbox.describe().items()
    )
    operator(place, hosts)
    assert "env:OTHER is not among the credentials that [hosts] has for it" in refused(place.run("plan"))
    place.write()
    place.run("plan").ended(ExitCode.DONE)


def operator(place: Workplace, text: str) -> None:
    """The operator's own configuration."""
    path = place.folder / "operator.toml"
    path.write_text(text)
    path.chmod(0o600)
    place.environ["RECONCILER_CONFIG"] = str(path)


def test_a_proxy_and_a_ca_of_the_spec_are_no_way_around(place: Workplace) -> None:
    """With both a stranger would stand between us and a host that was named."""
    names = {name: system["url"] for name, system in place.sandbox.describe().items()}
    (place.folder / "specs" / "acme").mkdir(parents=True)
    (place.folder / "specs" / "acme" / "evil.pem").write_text("not looked at")
    place.write({"systems": {"jira": {"proxy": "http://evil.test:3128", "ca_file": "evil.pem"}}})
    place.environ["RECONCILER_HOSTS"] = " ".join(names.values())
    told = refused(place.run("plan"))
    assert "jira" in told
    assert "the spec wants the proxy http://evil.test:3128 and the CA " in told


def test_the_way_of_the_operator_goes_before_that_of_the_spec(place: Workplace) -> None:
    """The spec's proxy is not asked, its CA not even looked for; other hosts are none of its business."""
    place.write(moved(EVIL, proxy="http://nowhere.invalid:1", ca_file="evil.pem"))
    (place.folder / "specs" / "acme" / "evil.pem").symlink_to("/etc/passwd")
    trustme.CA().cert_pem.write_to_path(place.folder / "ca.pem")
    urls = [system["url"] for system in place.sandbox.describe().values()]
    with outside(place) as seen:
        way = f'ca_file = "{place.folder}/ca.pem"\nproxy = "{place.environ.pop("http_proxy")}"\n'
        operator(place, "".join(f'[hosts."{url}"]\n' for url in urls) + f'[hosts."{EVIL}"]\n{way}')
        place.run("plan").ended(ExitCode.INCOMPLETE)
    assert seen


def test_a_backend_gets_what_the_operator_said_of_its_host(place: Workplace) -> None:
    place.environ |= {"TOKEN": "ordinary", "OTHER": CANARY}
    address = {"kind": "http", "address": f"{EVIL}/state", "allow_http": True, "username": "ci"}
    urls = [system["url"] for system in place.sandbox.describe().values()]
    with outside(place) as seen:
        way = f'credentials = ["env:TOKEN"]\nproxy = "{place.environ.pop("http_proxy")}"\n'
        operator(place, "".join(f'[hosts."{url}"]\n' for url in urls) + f'[hosts."{EVIL}"]\n{way}')
        place.write({"backend": address | {"password": "env:OTHER"}})
        assert "env:OTHER is not among the credentials that [hosts] has for it" in refused(place.run("state", "list"))
        place.write({"backend": address | {"password": "env:TOKEN", "ca_file": "ca.pem"}})
        told = refused(place.run("state", "list"))
        assert "the spec wants the CA ca.pem, which only [hosts] can say" in told
        assert "give that host a ca_file in [hosts]" in told
        place.environ["STATE_ADDRESS"] = f"{EVIL}/state"  # the host is the operator's word, the credential is not
        place.write({"backend": address | {"address": "env:STATE_ADDRESS", "password": "env:OTHER"}})
        told = refused(place.run("state", "list"))
        assert "env:OTHER is not among the credentials that [hosts] has for it" in told
        assert EVIL not in told
        bucket = {"kind": "s3", "bucket": "states", "endpoint": EVIL, "allow_http": True, "ca_file": "ca.pem"}
        place.write({"backend": bucket})
        assert "name the file in AWS_CA_BUNDLE" in refused(place.run("state", "list"))
        assert seen == []
        place.write({"backend": address | {"password": "env:TOKEN"}})
        place.run("state", "list")
    assert seen


# --- files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"route": "file", "export": "/etc/passwd", "import": "/tmp/x.json"}, "export"),
        ({"route": "file", "export": "specs/acme/../../../x", "import": "i"}, "export"),
        ({"route": "file", "export": "~/.aws/credentials", "import": "i"}, "export"),
    ],
)
def test_no_sign_on_reads_a_file_outside_of_the_stack(
    place: Workplace, monkeypatch: pytest.MonkeyPatch, options: dict[str, str], key: str
) -> None:
    place.environ["RECONCILER_FILES"] = ""
    monkeypatch.chdir(place.folder)
    place.write(jira(miniorange={**options}))
    told = refused(place.run("plan"))
    assert f"sso.jira.miniorange.{key}: " in told
    assert "lies outside of the folder of the stack; it was neither read nor written" in told
    assert "RECONCILER_FILES" in told


def test_a_link_in_the_stack_leads_no_sign_on_outside(place: Workplace) -> None:
    place.environ["RECONCILER_FILES"] = ""
    stack = place.folder / "specs" / "acme"
    stack.mkdir(parents=True)
    (stack / "exports").symlink_to("/etc")
    options = {"route": "file", "export": str(stack / "exports" / "x"), "import": str(stack / "i.json")}
    place.write(jira(miniorange=options))
    assert "lies outside of the folder of the stack" in refused(place.run("plan"))
    options["export"] = str(stack / "export.json")
    place.write(jira(miniorange=options))
    place.run("plan").ended(ExitCode.INCOMPLETE)  # there is no export yet


def test_folders_of_the_operator_are_permitted(place: Workplace) -> None:
    place.environ["RECONCILER_FILES"] = ""
    operator(place, f'files = ["{place.folder}/exchange"]\n')
    (place.folder / "exchange").mkdir()
    options = {name: f"{place.folder}/exchange/{name}.json" for name in ("export", "import")}
    place.write(jira(miniorange={"route": "file", **options}))
    place.run("plan").ended(ExitCode.INCOMPLETE)


@pytest.mark.parametrize("name", ["other.toml", "env/prod.toml"])
def test_a_link_in_a_stack_reads_no_file_outside(place: Workplace, name: str) -> None:
    secret = place.folder / "credentials"
    secret.write_text(f"aws_secret_access_key = {CANARY}\n")
    place.write()
    path = place.folder / "specs" / "acme" / name
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(secret)
    ran = place.run("validate", "--env", "prod" if "/" in name else "default").ended(ExitCode.ERROR)
    assert "a link leads out of the folder that holds the stacks" in said(ran)
    assert CANARY not in ran.out + ran.err


def test_a_link_to_another_stack_is_read(place: Workplace) -> None:
    place.write()
    shared = place.folder / "specs" / "shared"
    shared.mkdir()
    (shared / "groups.toml").write_text('[groups.extra]\nsystem = "clavex"\n')
    (place.folder / "specs" / "acme" / "groups.toml").symlink_to("../shared/groups.toml")
    assert "clavex/group/extra" in place.run("plan", "--stack", "acme").ended(ExitCode.DONE).out


@pytest.mark.parametrize("path", ["/etc/ssl/certs/ca-certificates.crt", "../ca.pem"])
def test_a_ca_lies_in_the_stack(place: Workplace, path: str) -> None:
    place.write({"systems": {"jira": {"ca_file": path}}})
    assert "a spec names no file outside of the folder of its stack" in said(
        place.run("validate").ended(ExitCode.ERROR)
    )


@pytest.mark.parametrize("kind", ["http", "s3"])
@pytest.mark.parametrize("path", ["/etc/ssl/certs/ca-certificates.crt", "../ca.pem"])
def test_a_ca_of_a_backend_lies_in_the_stack(place: Workplace, kind: str, path: str) -> None:
    more = {"bucket": "b"} if kind == "s3" else {"address": "https://127.0.0.1:1/state"}
    place.write({"backend": {"kind": kind, "ca_file": path, **more}})
    for command in (("validate",), ("state", "list")):
        told = said(place.run(*command).ended(ExitCode.ERROR))
        assert "a spec names no file outside of the folder of its stack" in told


def test_a_ca_that_a_link_leads_out_to_is_not_read(place: Workplace) -> None:
    place.write({"systems": {"jira": {"ca_file": "ca.pem"}}})
    (place.folder / "specs" / "acme" / "ca.pem").symlink_to("/etc/passwd")
    assert "leads out of the folder of the stack" in refused(place.run("plan"))
    place.write({"backend": {"kind": "http", "address": "https://127.0.0.1:1/state", "ca_file": "ca.pem"}})
    assert "ca_file of [backend]: ca.pem leads out of the folder of the stack" in refused(place.run("plan"))


# --- code ---------------------------------------------------------------------------------------------------------


def test_a_spec_names_no_code(place: Workplace) -> None:
    """Providers and plugins are those that are installed; a command is one that the operator defined."""
    place.write({"systems": {"jira": {"provider": "os:system"}}, "sso": {"jira": {"plugin": "../evil"}}})
    told = said(place.run("validate").ended(ExitCode.ERROR))
    assert "os:system" in told
    place.write({"stack": {"secrets": "command:evil"}})
    (place.folder / "evil").write_text("#!/bin/sh\ntouch owned\n")
    assert "defines no such command" in said(place.run("plan").ended(ExitCode.ERROR))
    assert not (place.folder / "owned").exists()


def test_a_module_beside_the_spec_is_not_imported(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program does not put the working directory on its path, as `python -m` would."""
    import subprocess
    import sys
    from pathlib import Path

    place.write()
    for name in ("click", "tomli", "acme", "sitecustomize"):
        (place.folder / f"{name}.py").write_text("open('owned', 'w')\n")
    program = Path(sys.executable).with_name("reconciler")
    ran = subprocess.run(
        [program, "validate"], cwd=place.folder, env=place.variables, capture_output=True, check=False
    )
    assert ran.returncode == ExitCode.DONE
    assert not (place.folder / "owned").exists()


# --- a state from a stranger --------------------------------------------------------------------------------------


def test_a_state_that_came_with_a_checkout_vouches_for_no_host(place: Workplace) -> None:
    """Git writes files that others can read, and we never do."""
    known = '{"provider":"jira","url":"http://jira.evil.test","credential":"env#JIRA_TOKEN"}'
    state = f'{{"stack":"acme","environment":"default","lineage":"l","serial":1,"systems":{{"jira":{known}}}}}'
    place.home.mkdir(parents=True)
    path = place.home / "state.json"
    path.write_text(f'{{"format":"reconciler state","version":1,"state":{state}}}\n')
    place.write(moved(EVIL))
    path.chmod(0o644)
    with outside(place) as seen:
        refused(place.run("plan"))
        assert seen == []
        path.chmod(0o600)
        place.run("plan").ended(ExitCode.INCOMPLETE)
        assert seen
        place.write(moved(EVIL, token="env:OTHER"))
        assert "was asked with env:JIRA_TOKEN so far, and would now be sent env:OTHER" in refused(place.run("plan"))
        place.write(moved(EVIL, proxy="http://evil.test:1"))
        assert "by no way of its own so far, and now by the proxy http://evil.test:1" in refused(place.run("plan"))


def test_a_plan_and_a_state_are_data(place: Workplace) -> None:
    """Whatever stands in them, reading them runs nothing."""
    evil = "!!python/object/apply:os.system ['touch owned']"
    for path in (place.folder / "evil.plan", place.home / "state.json"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(evil)
    place.write()
    place.run("show", str(place.folder / "evil.plan")).ended(ExitCode.ERROR)
    place.run("plan").ended(ExitCode.ERROR)
    assert not (place.folder / "owned").exists()

"""The sandbox as a whole: start, ports, reset, a real Clavex in place of the emulated one, and its command."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from click.testing import CliRunner

from reconciler.cli.main import main
from reconciler.errors import ReconcilerError
from reconciler.sandbox.atlassian import Switches, jira
from reconciler.sandbox.clavex import Client
from reconciler.sandbox.faults import Fault, Kind
from reconciler.sandbox.serve import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = [sys.executable, "-c", "from reconciler.cli.main import run; run()", "sandbox"]


def free_base() -> int:
    """A port that was free a moment ago, and so were the two after it."""
    while True:
        try:
            with socket.socket() as first, socket.socket() as second, socket.socket() as third:
                first.bind(("127.0.0.1", 0))
                base: int = first.getsockname()[1]
                second.bind(("127.0.0.1", base + 1))
                third.bind(("127.0.0.1", base + 2))
        except (OSError, OverflowError):
            continue
        return base


class TestServing:
    def test_all_three_answer(self, sandbox: Sandbox) -> None:
        for one in sandbox.served:
            assert httpx.get(f"{one.url}/_sandbox/requests").json()["writes"] == 0
            assert one.token in sandbox.issued_secrets
            assert one.password in sandbox.issued_secrets

    def test_start_and_stop_take_no_time(self) -> None:
        starts, stops = [], []
        for _ in range(3):
            before = time.monotonic()
            with Sandbox() as sandbox:
                starts.append(time.monotonic() - before)
                url = sandbox.clavex.url
                assert httpx.get(f"{url}/healthz").json() == {"status": "ok"}
                before = time.monotonic()
            stops.append(time.monotonic() - before)
        assert min(starts) < 0.5
        assert min(stops) < 0.5
        with pytest.raises(httpx.ConnectError):
            httpx.get(url)

    def test_ports_follow_the_base(self) -> None:
        base = free_base()
        with Sandbox(port=base) as sandbox:
            assert [one.url for one in sandbox.served] == [f"http://127.0.0.1:{base + place}" for place in range(3)]

    def test_a_taken_port_is_named(self) -> None:
        port = free_base() + 1
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", port))
            taken.listen()
            with (
                pytest.raises(ReconcilerError, match=rf"cannot serve jira on 127\.0\.0\.1:{port}"),
                Sandbox(port=port - 1),
            ):
                pass

    def test_a_context_path_is_part_of_the_address(self) -> None:
        with Sandbox(jira=jira(switches=Switches(context_path="/jira"))) as sandbox:
            assert sandbox.jira.url.endswith("/jira")
            answer = httpx.get(f"{sandbox.jira.url}/rest/api/2/serverInfo")
            assert answer.json()["baseUrl"] == sandbox.jira.url

    def test_reset_empties_all_and_keeps_addresses_and_credentials(self, sandbox: Sandbox) -> None:
        before = sandbox.describe()
        world = sandbox.clavex.world
        world.add_client(Client("jira", world.org_id, "Jira", []), "a secret of before")
        httpx.get(sandbox.jira.url)
        sandbox.clavex.faults.add(Fault(kind=Kind.HTML))
        sandbox.reset()
        assert sandbox.describe() == before
        assert world.clients == {}
        assert sandbox.jira.faults.requests == []
        headers = {"X-API-Key": sandbox.clavex.token}
        answer = httpx.get(f"{sandbox.clavex.url}/api/v1/organizations", headers=headers)
        assert [org["id"] for org in answer.json()] == [world.org_id]
        assert "a secret of before" in sandbox.issued_secrets

    def test_every_secret_that_clavex_gives_out_is_known(self, sandbox: Sandbox, clavex: httpx.Client) -> None:
        org = f"/api/v1/organizations/{sandbox.clavex.world.org_id}"
        created = clavex.post(
            f"{org}/clients", json={"client_id": "a", "name": "A", "redirect_uris": ["https://a/b"]}
        )
        rotated = clavex.post(f"{org}/clients/a/secret")
        minted = clavex.post("/api/v1/superadmin/api-keys", json={"name": "x"})
        login = {"org_slug": "acme", "email": sandbox.clavex.username, "password": sandbox.clavex.password}
        session = clavex.post("/api/v1/auth/login", json=login).cookies["clavex_admin"]
        given = {created.json()["client_secret"], rotated.json()["client_secret"], minted.json()["key"], session}
        assert len(given) == 4
        assert given <= sandbox.issued_secrets

    def test_no_credential_is_in_a_repr(self, sandbox: Sandbox) -> None:
        assert not any(secret in repr(sandbox.served) for secret in sandbox.issued_secrets)


class TestARealClavex:
    def test_it_takes_the_emulated_ones_place(self) -> None:
        with Sandbox(clavex_url="https://id.acme.eu") as sandbox:
            assert sandbox.describe()["clavex"] == {"provider": "clavex", "url": "https://id.acme.eu"}
            assert [one.emulator.name for one in sandbox.served] == ["jira", "confluence"]
            with pytest.raises(ReconcilerError, match=r"the real one is at https://id\.acme\.eu"):
                _ = sandbox.clavex

    def test_ports_stay_where_they_were(self) -> None:
        base = free_base()
        with Sandbox(clavex_url="https://id.acme.eu", port=base) as sandbox:
            assert sandbox.jira.url == f"http://127.0.0.1:{base + 1}"


class TestCommand:
    @pytest.fixture
    def running(self) -> Iterator[subprocess.Popen[str]]:
        with subprocess.Popen([*PROGRAM, "--json"], stdout=subprocess.PIPE, text=True) as process:
            yield process
            process.kill()

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_it_prints_one_line_when_ready_and_stops_cleanly(
        self, running: subprocess.Popen[str], number: signal.Signals
    ) -> None:
        assert running.stdout
        systems = json.loads(running.stdout.readline())
        assert list(systems) == ["clavex", "jira", "confluence"]
        assert systems["clavex"]["org"] == "acme"
        assert set(systems["clavex"]["person"]) == {"email", "password"}
        for name, system in systems.items():
            assert system["provider"] == name
            assert httpx.get(f"{system['url']}/_sandbox/requests").status_code == 200
        headers = {"X-API-Key": systems["clavex"]["token"]}
        assert httpx.get(f"{systems['clavex']['url']}/api/v1/organizations", headers=headers).status_code == 200
        running.send_signal(number)
        assert running.stdout.read() == ""
        assert running.wait(5) == 0

    @pytest.fixture
    def stopped(self, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
        """A runner in which the wait for a signal ends at once."""

        def interrupted(_: float) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("reconciler.cli.sandbox_.time.sleep", interrupted)
        return CliRunner()

    def test_the_page_says_where_and_how(self, stopped: CliRunner) -> None:
        result = stopped.invoke(main, ["sandbox"])
        for text in ("Clavex      http://127.0.0.1:", "root@acme.test", "export JIRA_TOKEN=", "_sandbox/requests"):
            assert text in result.output
        assert re.search(r"log in as\n  demo@acme\.test / \S{12}\n", result.output)

    def test_versions_and_dialect_are_passed_on(self, stopped: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
        made: list[Sandbox] = []

        class Kept(Sandbox):
            def __enter__(self) -> Sandbox:
                made.append(self)
                return super().__enter__()

        monkeypatch.setattr("reconciler.sandbox.serve.Sandbox", Kept)
        options = ["--guide-dialect", "--jira-version", "9.12.1", "--confluence-version", "8.5.0"]
        assert "is ready" in stopped.invoke(main, ["sandbox", *options]).stdout
        assert made[0].clavex.world.switches.guide_dialect
        assert (made[0].jira.world.version, made[0].confluence.world.version) == ("9.12.1", "8.5.0")

    def test_a_real_clavex_is_named_without_credentials(self, stopped: CliRunner) -> None:
        result = stopped.invoke(main, ["sandbox", "--clavex-url", "https://id.acme.eu"])
        assert "https://id.acme.eu" in result.output
        assert "root@acme.test" not in result.output
        assert "log in as\n  a user of https://id.acme.eu\n" in result.output

    @pytest.mark.parametrize(
        "options", [["--clavex-url", "id.acme.eu"], ["--clavex-url", "http://a", "--guide-dialect"]]
    )
    def test_a_useless_address_is_refused(self, stopped: CliRunner, options: list[str]) -> None:
        result = stopped.invoke(main, ["sandbox", *options])
        assert result.exit_code == 2
        assert "--clavex-url takes an http(s) address" in result.output

    def test_a_missing_extra_is_named(self, stopped: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delitem(sys.modules, "reconciler.sandbox.serve")
        monkeypatch.setitem(sys.modules, "uvicorn", None)
        result = stopped.invoke(main, ["sandbox"])
        assert "the sandbox needs uvicorn, which is not installed" in result.stderr
        assert "pip install 'sso-reconciler[sandbox]'" in result.stderr

    def test_help_names_every_kind_of_fault(self) -> None:
        text = CliRunner().invoke(main, ["sandbox", "--help"]).output
        assert all(kind in text for kind in Kind)

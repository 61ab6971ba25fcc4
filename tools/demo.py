"""The main job on the guide's example, against emulated systems on loopback, with the real command line.

Starts the sandbox, runs plan, apply, plan, changes something by hand, then drift, doctor, apply, drift and verify;
prints what a person would see, ends by itself and stops what it started. The state lies in a temporary folder.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

PORT = 18080
LOCKS_OUT = "locks-out=confluence/idp/confluence"
SANDBOX = ["reconciler", "sandbox", "--json", "--port", str(PORT)]


def main() -> int:
    """Exit code 0 if every command ended as it should."""
    with sandbox() as systems, tempfile.TemporaryDirectory() as state:
        person = systems["clavex"]["person"]
        environ = os.environ | {
            "CLAVEX_TOKEN": systems["clavex"]["token"],
            "JIRA_TOKEN": systems["jira"]["token"],
            "CONFLUENCE_TOKEN": systems["confluence"]["token"],
            "DEMO_PASSWORD": person["password"],
            "RECONCILER_STATE_DIR": state,
            "RECONCILER_STACK": "acme",
            "RECONCILER_ENV": "sandbox",
        }
        say("The guide's example is specs/acme; its overlay env/sandbox.toml points it at the sandbox.")
        good = [
            run("plan", environ=environ, expect=0),
            run("apply", "--auto-approve", "--allow", LOCKS_OUT, environ=environ, expect=0),
            run("plan", environ=environ, expect=0),
        ]
        say("Somebody changes two things by hand: a button in Confluence, and a redirect URI in Clavex.")
        change_by_hand(systems)
        good += [
            run("drift", environ=environ, expect=2),
            run("doctor", environ=environ, expect=8),
            run("apply", "--auto-approve", environ=environ, expect=0),
            run("drift", environ=environ, expect=0),
        ]
        say("Can people log in? A test account tries, and it is told where it would land.")
        account = "--as", person["email"], "--password-from", "env:DEMO_PASSWORD"
        good += [run("verify", *account, environ=environ, expect=0)]
    say("Done. The sandbox is stopped, its state is gone.")
    return 0 if all(good) else 1


@contextmanager
def sandbox() -> Iterator[dict[str, Any]]:
    """The emulated systems, as `reconciler sandbox --json` describes them, while the context lasts."""
    with subprocess.Popen(SANDBOX, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - fixed arguments
        try:
            line = server.stdout.readline() if server.stdout else ""
            if not line:
                sys.exit("the sandbox did not start; its message is above")
            yield json.loads(line)
        finally:
            server.terminate()
            server.wait(10)


def run(*arguments: str, environ: dict[str, str], expect: int) -> bool:
    """Runs one command as a person would; whether it ended with the exit code it should."""
    say(f"$ reconciler {' '.join(arguments)}")
    done = subprocess.run(["reconciler", *arguments], env=environ, check=False)  # noqa: S603, S607 - our own program
    print(f"(exit code {done.returncode})", flush=True)
    if done.returncode != expect:
        print(f"expected exit code {expect}", file=sys.stderr)
    return done.returncode == expect


def change_by_hand(systems: dict[str, Any]) -> None:
    """What an administrator would do on two screens."""
    confluence, clavex = systems["confluence"], systems["clavex"]
    idps = f"{confluence['url']}/rest/authconfig/1.0/idps"
    first = ask("GET", idps, confluence)["results"][0]["id"]
    ask("PATCH", f"{idps}/{first}", confluence, {"buttonText": "Log in here"})
    client = f"{clavex['url']}/api/v1/organizations/{clavex['org_id']}/clients/atlassian"
    uris = ask("GET", client, clavex)["redirect_uris"]
    ask("PATCH", client, clavex, {"redirect_uris": uris[:1]})


def ask(method: str, url: str, system: dict[str, Any], body: object = None) -> Any:  # noqa: ANN401 - JSON
    """One request with the system's own credential."""
    token = system["token"]
    credential = {"X-API-Key": token} if token.startswith("clv_") else {"Authorization": f"Bearer {token}"}
    headers = {"Content-Type": "application/json", **credential}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
        return json.load(answer)


def say(text: str) -> None:
    """A line of the demo itself."""
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())

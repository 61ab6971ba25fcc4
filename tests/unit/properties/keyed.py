"""A file of properties, and a sign-on that stands in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unit.atlassian.product import CLAVEX_FACTS, FINGERPRINTER, Side, sign_on, wanted

from reconciler.core.intent import Facts, System
from reconciler.providers.properties import plugin

if TYPE_CHECKING:
    from pathlib import Path

JIRA = System("jira", "jira", "https://jira.acme.eu")
NAME = "jira-config.properties"
FOREIGN = b"""\
# Kept by the people of Jira: caf\xe9
jira.title  :  Caf\\u00e9 \\
    and bar

! odd, and fine
jira.sso.oidc.other=theirs
jira.websudo.is.disabled = true
"""
GUIDE = """\
jira.sso.oidc.enabled=true
jira.sso.oidc.issuer=https\\://id.acme.eu/acme
jira.sso.oidc.clientId=atlassian
jira.sso.oidc.clientSecret=cs_canary_of_the_client
jira.sso.oidc.scope=openid email groups profile
jira.sso.oidc.usernameAttribute=preferred_username
"""
"""What the guide prints, as Java writes it."""


def made(folder: Path, name: str = "main", **changes: Any) -> Side:
    options = {"file": str(folder / NAME), "secret_in_clear": True}
    wish = sign_on(JIRA, "properties", name=name, groups={}, options=options, **changes)
    handlers = plugin.handlers(None, JIRA, [wish], FINGERPRINTER)
    expansion = plugin.expand(wish, Facts("10.3.24", assumed=False), CLAVEX_FACTS)
    return Side(handlers["properties"], wanted(expansion, "properties"))


def given(folder: Path, content: bytes) -> Path:
    path = folder / NAME
    path.write_bytes(content)
    return path

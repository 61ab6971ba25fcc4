"""What single values of a spec must look like: URLs, redirect URIs, and the names of secrets.

A broken rule is raised with what is wrong and what to do. Values that could hold a secret are never repeated.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from reconciler.core.hosts import is_loopback
from reconciler.core.secret import KEY_NAME, Handle

_STORE_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_STORE = re.compile(rf"(?:file|age|command):{_STORE_NAME}")
_ENCRYPTION = re.compile(rf"age:({_STORE_NAME})")
_VARIABLE = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)")
_STORED = re.compile(rf"((?:file|age|command):{_STORE_NAME})#([^#\s]+)")
_PASTED = re.compile(r"clv_[\w-]{20,}|eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]+)*|AGE-SECRET-KEY-[\w-]{8,}")
_RECIPIENT = re.compile(r"age1[02-9ac-hj-np-z]{58}")
_OURS = "RECONCILER_"
_PROXY = re.compile(r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?/?")
_HOST = re.compile(r"[\w.-]+|[0-9a-f:.]+", re.IGNORECASE)
_SLUG = re.compile(r"(?=.{2,63}$)[a-z0-9]+(?:-[a-z0-9]+)*")
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_MADE_UP = re.compile(r"[A-Za-z0-9_-]{24}")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_CREDENTIALS = re.compile(r"[^/?#]*//[^/?#]*@")
_WILDCARD = re.compile(r"^(https?://)\*\.", re.IGNORECASE)
_ORDINARY_URI = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]+)?/[A-Za-z0-9._~/-]*")
# What Go's url.Parse takes (facts clavex 2.4; each branch was tried on the released server).
_PATH = r"(?:[^?\#%\x00-\x1f\x7f]|%[0-9A-Fa-f]{2})*"
_URI = rf"""(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):
    (?: //(?P<host>(?:[^/?\#@:\[\]\\^`{{}}|%\s\x00-\x1f\x7f]*|\[[0-9A-Fa-f:.]+\]) (?::[0-9]*)?) (?:/{_PATH})?
      | /(?!/){_PATH}
      | (?P<opaque>[^/?\#\x00-\x1f\x7f][^?\#\x00-\x1f\x7f]*)?
    )
    (?:\?[^\#\x00-\x1f\x7f]*)?
    (?:\#(?P<fragment>(?:[^%\x00-\x1f\x7f]|%[0-9A-Fa-f]{{2}})*))?"""  # compiled when a URI is not an ordinary one
_LONGEST_CLIENT_ID = 120
_LONGEST_SHOWN = 60

HANDLE_REMEDY = 'name where it lies: "env:VARIABLE", "file:NAME#KEY", "age:NAME#KEY" or "command:NAME#KEY"'


class BrokenRuleError(ValueError):
    """A value breaks a rule: what is wrong with it, and what to do."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


def holds_credential(text: str) -> re.Match[str] | None:
    """The first place that looks like an API key of Clavex, a JWT or an age identity."""
    # The plain searches keep the happy path fast.
    return _PASTED.search(text) if "clv_" in text or "eyJ" in text or "AGE-S" in text else None


def masked(text: str) -> str:
    """The text without what looks like an API key of Clavex, a JWT or an age identity."""
    return _PASTED.sub("(not shown)", text)


def shown(text: str) -> str:
    """How a value of the spec is quoted in a message; one that may be a secret is not."""
    text = masked(text) if text.isprintable() else "(not shown)"
    return f'"{text[:_LONGEST_SHOWN]}…"' if len(text) > _LONGEST_SHOWN else f'"{text}"'


def parse_url(text: str, *, allow_http: bool) -> str:
    """A system's base URL without its trailing slash."""
    scheme = _SCHEME.match(text)
    if not scheme:
        raise BrokenRuleError("this URL has no scheme", "write it whole, e.g. https://jira.acme.eu")
    if scheme[1].lower() not in {"http", "https"}:
        raise BrokenRuleError("this URL is neither https nor http", "e.g. https://jira.acme.eu")
    if scheme.end() == len(text):
        raise BrokenRuleError("this URL has no host", "write it whole, e.g. https://jira.acme.eu")
    if "@" in text:
        raise BrokenRuleError(
            "this URL has credentials in it", "take them out: they are named by `token`, or `username` and `password`"
        )
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host = ""
    if not _HOST.fullmatch(host) or not text.isprintable() or " " in text or "\\" in text:
        raise BrokenRuleError("this is no URL: its host or port makes no sense", "e.g. https://jira.acme.eu/jira")
    if "?" in text or "#" in text:
        raise BrokenRuleError("a base URL has no query and no fragment", "leave out what begins with ? or #")
    if parts.scheme == "http" and not allow_http and not is_loopback(host):
        raise BrokenRuleError(
            "http to a host that is not loopback would send credentials in clear text",
            "use https, or say `allow_http = true` in this table",
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def check_proxy(text: str) -> None:
    """Holds for the URL of a proxy that holds no credentials."""
    if not _PROXY.fullmatch(text):
        raise BrokenRuleError(
            "this is no proxy, or it has credentials in it",
            "write http://HOST:PORT; one that wants a login is named in https_proxy, or in [hosts] of the operator's "
            "own configuration",
        )


def parse_org(text: str) -> str:
    """An organisation's slug (facts clavex 1.5)."""
    if _UUID.fullmatch(text):
        raise BrokenRuleError(
            "this is the organisation's UUID, not its slug",
            "write the slug, which is part of the issuer; the UUID may stand beside it as `org_id`",
        )
    if not _SLUG.fullmatch(text):
        raise BrokenRuleError(
            "this is no slug of an organisation", "2 to 63 lower-case letters, digits and single hyphens, e.g. acme"
        )
    return text


def parse_store(text: str) -> str:
    """The name of a secret store that can be written: `file:NAME`, `age:NAME` or `command:NAME`."""
    if _STORE.fullmatch(text):
        return text
    if text.startswith("env"):
        raise BrokenRuleError(
            "new client secrets cannot be kept in the environment",
            'name a store: "file:NAME", "age:NAME" or "command:NAME"',
        )
    raise BrokenRuleError(
        "this is no name of a secret store",
        'write "file:NAME", "age:NAME", or "command:NAME" for a command of the operator\'s own configuration',
    )


def parse_handle(text: str) -> Handle:
    """Where one secret lies: `env:VARIABLE`, `file:NAME#KEY`, `age:NAME#KEY`, `command:NAME#KEY`."""
    if found := _VARIABLE.fullmatch(text):
        if found[1].startswith(_OURS):
            raise BrokenRuleError(
                f"{_OURS}* are reconciler's own variables: none is sent to a system", "give the secret its own"
            )
        return Handle("env", found[1])
    if found := _STORED.fullmatch(text):
        if found[2] == KEY_NAME:
            raise BrokenRuleError(f"{KEY_NAME} is the key of the fingerprints, and is sent nowhere", HANDLE_REMEDY)
        return Handle(found[1], found[2])
    if text.startswith("command:"):
        raise BrokenRuleError(
            "this is no name of a command", "commands stand in the operator's own configuration; " + HANDLE_REMEDY
        )
    if not text or text.startswith(("env:", "file:", "age:")):
        raise BrokenRuleError("this does not say where a secret lies", HANDLE_REMEDY)
    raise BrokenRuleError("a secret must not stand in the spec", HANDLE_REMEDY + "; a real one must be revoked now")


def parse_encryption(text: str) -> str:
    """The name of the `[age.*]` table in `age:NAME`; empty for `off`."""
    if text == "off":
        return ""
    if found := _ENCRYPTION.fullmatch(text):
        return found[1]
    raise BrokenRuleError("this does not say whom to encrypt for", 'write "age:NAME", or "off" for nobody')


def check_recipient(text: str) -> None:
    """Holds for what looks like a public key of age; its checksum is proved when it is used."""
    if not _RECIPIENT.fullmatch(text):
        raise BrokenRuleError(
            "this is no recipient of age", "write what `age-keygen -y` prints: age1 and 58 characters"
        )


def check_inside(text: str) -> None:
    """Holds for a path that cannot lead out of the folder it begins in, links apart."""
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or not text.isprintable():
        raise BrokenRuleError(
            "a spec names no file outside of the folder of its stack",
            "put the file there, and write its path from there",
        )


def is_ordinary(uri: str) -> bool:
    """Whether a redirect URI breaks no rule at first sight: most do not, and a spec may hold thousands."""
    return _ORDINARY_URI.fullmatch(uri) is not None


def check_redirect_uri(uri: str) -> None:
    """Holds for what the released Clavex takes as a redirect URI (facts clavex 2.4)."""
    plain, wildcards = _WILDCARD.subn(r"\1x.", uri)
    if "*" in uri and not wildcards:
        remedy = "e.g. https://*.acme.eu/callback"
        raise BrokenRuleError("a * can only be the whole first label of an http(s) host", remedy)
    _parse_uri(plain, "e.g. https://jira.acme.eu/plugins/servlet/oidc/callback")


def check_logout_uri(uri: str) -> None:
    """Holds for what the released Clavex takes as a post-logout redirect URI (facts clavex 2.1)."""
    remedy = "e.g. https://jira.acme.eu/login.jsp"
    parts = _parse_uri(uri, remedy)
    if not (parts["host"] or parts["opaque"] or parts["fragment"] or parts["scheme"] == "file"):
        raise BrokenRuleError("this URI leads nowhere", remedy)


def _parse_uri(uri: str, remedy: str) -> re.Match[str]:
    if parts := re.fullmatch(_URI, uri, re.VERBOSE):
        return parts
    if _CREDENTIALS.match(uri):
        raise BrokenRuleError("this URI has credentials in it", "take them out")
    raise BrokenRuleError("this is no absolute URI", remedy)


def check_client_id(client_id: str) -> str:
    """Empty if Clavex creates a client of this id, else why the client must exist (facts clavex 2.1, 5.6)."""
    if client_id.isalnum() and len(client_id) <= _LONGEST_CLIENT_ID:
        return ""
    if _MADE_UP.fullmatch(client_id):
        return "only Clavex itself makes up such ids: the client must exist, it cannot be created"
    raise BrokenRuleError(
        f"{shown(client_id)} cannot be a client id: letters and digits only, at most {_LONGEST_CLIENT_ID}",
        'choose one, e.g. client_id = "atlassian"',
    )

"""Acme SSO, a made-up plugin of Jira and Confluence that reads one JSON file for each sign-on."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, JsonValue, SecretStr, TypeAdapter, ValidationError

from reconciler import files
from reconciler.core.address import Address
from reconciler.core.desired import Desired
from reconciler.core.observed import Absent, Lookup, Observation, Present, Unreadable
from reconciler.core.resource import Mark, ResourceType, unordered
from reconciler.diagnostic import error
from reconciler.errors import ReconcilerError
from reconciler.ports import LOCAL_PATH, Expansion, Fingerprinter, PluginProvider, Write, Written

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reconciler.core.intent import Facts, SignOn
    from reconciler.core.resource import Value

SECRET = "client_secret"  # noqa: S105 - the name of an attribute
REMEDY = "may this user read and write there?"
TEXTS = ("button", "issuer", "client_id")
CONTENT = TypeAdapter(dict[str, JsonValue])


class Options(BaseModel):
    """The table `[sso.*.acme-sso]`."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)

    file: str = Field(
        min_length=1,
        description="The whole path of the file.",
        examples=["/srv/acme-sso/jira.json"],
        json_schema_extra=LOCAL_PATH,
    )


ACME_SSO = ResourceType(
    "acme_sso",
    key=("file",),
    attributes={
        "file": Mark.FORCE_NEW,
        **dict.fromkeys(TEXTS, Mark.PLAIN),
        "scopes": Mark.UNORDERED,
        SECRET: Mark.SECRET,
        "callback": Mark.LOCAL,
    },
    document=True,
)


def callback(sign_on: SignOn) -> str:
    """The redirect URI: Clavex gets it by itself."""
    return f"{sign_on.product.url}/plugins/servlet/acme-sso/callback"


def expand(sign_on: SignOn, product: Facts, clavex: Facts) -> Expansion:  # noqa: ARG001 - no version matters here
    """One resource. Pure: it asks nobody and reads no file."""
    client, issuer = sign_on.client, sign_on.issuer_system
    attributes: dict[str, Value] = {
        "file": str(sign_on.options["file"]),
        "button": sign_on.display_name,
        "issuer": f"{issuer.url}/{issuer.org}",
        "client_id": client.client_id,
        "scopes": unordered(sign_on.scopes),
        SECRET: str(client.secret),  # where it lies; the handler gets the value when it writes
        "callback": sign_on.callback or callback(sign_on),
    }
    address = Address(sign_on.product.name, ACME_SSO.name, sign_on.name)
    wanted = Desired(address, ACME_SSO, attributes, depends_on=(client.address,), where=sign_on.where)
    wrong = error("the path is not whole", f"{sign_on.where}.acme-sso.file", "begin with /")
    return Expansion((wanted,), () if PurePath(str(attributes["file"])).is_absolute() else (wrong,))


@dataclass(frozen=True, slots=True)
class FileHandler:
    """Implements ports.Handler: what it owes is in tests/contract/suite.py. An object's id is its path."""

    fingerprinter: Fingerprinter

    def read(self, wanted: Sequence[Lookup]) -> Mapping[Address, Observation]:
        """An answer for every address; none for one file of two, unless one of them leaves the spec."""
        paths = {lookup.address: lookup.remote_id or str(lookup.attributes["file"]) for lookup in wanted}
        uses = Counter(paths[lookup.address] for lookup in wanted if not lookup.leaving)
        twice = Unreadable("two sign-ons have this file", "give each its own")
        return {address: twice if uses[path] > 1 else self._look(path) for address, path in paths.items()}

    def _look(self, path: str) -> Observation:
        try:
            content = _load(path)
        except ReconcilerError as problem:  # a read that failed is never "nothing there"
            return Unreadable(problem.message, problem.remedy)
        if content is None:
            return Absent()
        attributes: dict[str, Value] = {name: str(content.get(name, "")) for name in TEXTS}
        attributes |= {"file": path, "scopes": unordered(str(content.get("scopes", "")).split())}
        secret = SecretStr(str(content.get(SECRET, "")))
        return Present(path, attributes, fingerprints={SECRET: self.fingerprinter.of(secret)})

    def create(self, write: Write) -> Written:
        """Never a second one: what is there by now is left alone."""
        path = str(write.attributes["file"])
        if _load(path) is not None:
            raise ReconcilerError(f"{path} exists by now", "plan again")
        return _store(path, {}, write)

    def update(self, write: Write) -> Written:
        """What changed; other keys stay as they are."""
        return _store(write.remote_id, _load(write.remote_id) or {}, write)

    def delete(self, write: Write) -> None:
        """Removes the file; one that is gone is fine."""
        with files.failing_as(ReconcilerError, Path(write.remote_id), "removed", REMEDY):
            files.remove(Path(write.remote_id))


def _load(path: str) -> dict[str, JsonValue] | None:
    with files.failing_as(ReconcilerError, Path(path), "read", REMEDY):
        data = files.read(Path(path))
    try:
        return None if data is None else CONTENT.validate_json(data)
    except ValidationError:  # its text would quote the file, and the file holds a secret
        pass
    raise ReconcilerError(f"{path} is no JSON object", "mend it, or move it away")


def _store(path: str, content: dict[str, JsonValue], write: Write) -> Written:
    for name in write.changed & ACME_SSO.shown - {"file"}:
        value = write.attributes[name]
        content[name] = " ".join(value) if isinstance(value, tuple) else str(value)
    if SECRET in write.changed:
        content[SECRET] = write.secrets[SECRET].get_secret_value()
    with files.failing_as(ReconcilerError, Path(path), "written", REMEDY):
        files.replace(Path(path), json.dumps(content, indent=2, sort_keys=True).encode())
    return Written(path)


plugin = PluginProvider(
    name="acme-sso",
    title="Acme SSO",
    options=Options,
    types=(ACME_SSO,),
    callback=callback,
    claims_from="userinfo",
    expand=expand,
    # The first of these is the product's open HTTP: a plugin that has an API asks that.
    handlers=lambda _http, _system, _sign_ons, fingerprinter: {ACME_SSO.name: FileHandler(fingerprinter)},
)

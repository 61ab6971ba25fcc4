"""Identity providers of the built-in app: found again, made disabled and checked, changed in part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.core.observed import Observation, Present, Unreadable
from reconciler.errors import InDoubtError, ReconcilerError, RequestError, SecretError, StatusError
from reconciler.ports import Write, Written
from reconciler.providers.atlassian.fields import read_fields, write_field
from reconciler.providers.atlassian.matching import Candidate, observe
from reconciler.providers.atlassian.sign_ons import LIMIT
from reconciler.providers.atlassian_sso.types import BUTTON_SPELLINGS, ENDPOINTS, IDP_FIELDS, JIT, SECRET, idp_fields
from reconciler.providers.atlassian_sso.wire import REFUSED, IdpApi, app_unreadable, id_of, path_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from reconciler.core.address import Address
    from reconciler.core.observed import Lookup
    from reconciler.core.resource import Attributes
    from reconciler.providers.atlassian.fields import JsonObject

_OIDC = "OIDC"
_TIERS = (
    {"name": IDP_FIELDS["name"]},
    {"issuer": IDP_FIELDS["issuer"], "client_id": IDP_FIELDS["client_id"]},
)


@dataclass(frozen=True, slots=True)
class IdpHandler:
    """Implements ports.Handler. The secret can be written and never read (facts atlassian 3.2)."""

    api: IdpApi

    def read(self, wanted: Sequence[Lookup]) -> Mapping[Address, Observation]:
        """An answer for every address from one list: by id, else by name, else by issuer and client id."""
        try:
            idps = self.api.all()
        except ReconcilerError as problem:
            return dict.fromkeys((lookup.address for lookup in wanted), app_unreadable(problem))
        return observe(wanted, [Candidate(id_of(idp), idp) for idp in idps], _TIERS, _observe)

    def create(self, write: Write) -> Written:
        """Makes it disabled, reads it back, compares, enables: a half-made one never lets anybody in."""
        name = str(write.attributes["name"])
        before = self.api.all()
        if any(idp.get("name") == name for idp in before):
            raise ReconcilerError(f"an identity provider named {name} exists by now", "plan again")
        try:
            self._post(write, *_spellings(before))
        except InDoubtError:
            if not self._stands(name):
                raise
        try:
            return Written(self._finish(write))
        except InDoubtError:
            raise
        except RequestError as problem:  # it exists, in whatever shape
            text = "the new identity provider could not be read back and enabled"
            raise InDoubtError(text, problem.where, problem.remedy) from None

    def _stands(self, name: str) -> bool:
        try:
            return bool(_named(name, self.api.all()))
        except ReconcilerError:  # nobody knows: the doubt remains
            return False

    def _post(self, write: Write, spelling: str, *others: str) -> None:
        idp: JsonObject = {"sso-type": _OIDC, SECRET: _secret(write)}
        _fill(idp, {**write.attributes, "enabled": False}, spelling)
        try:
            self.api.create(idp)
        except StatusError as problem:  # the other spelling may be the one (facts atlassian 3.2)
            if problem.status != REFUSED or not others:
                raise
            self._post(write, *others)

    def _finish(self, write: Write) -> str:
        made = _named(str(write.attributes["name"]), self.api.all())
        if len(made) != 1:
            raise ReconcilerError(
                f"{len(made)} identity providers are named {write.attributes['name']} after one was made",
                "look at them in the product's screen, then plan again",
            )
        number = id_of(made[0])
        if wrong := _unlike(made[0], {**write.attributes, "enabled": False}):
            self.api.delete(number)
            raise ReconcilerError(
                f"the product did not keep {', '.join(wrong)} of the new identity provider; it was removed again",
                "is this a version of the app that nobody has looked at yet?",
            )
        if write.attributes.get("enabled") is True:
            self.api.change(number, {"enabled": True})
            if _unlike(self.api.get(number), {"enabled": True}):
                where = f"PATCH {self.api.http.url}{path_of(number)}"
                raise InDoubtError("the new identity provider is there, and was not enabled", where, "plan again")
        return number

    def update(self, write: Write) -> Written:
        """Sends what changed and nothing else, in the spelling that the server's own answer has."""
        stood = self.api.get(write.remote_id)
        changes = {name: write.attributes[name] for name in write.changed}
        if changes.get("discovery") is False:  # those that discovery found are shown, and perhaps not kept
            changes |= {name: write.attributes[name] for name in ENDPOINTS if name in write.attributes}
        body: JsonObject = {}
        if any(name.startswith("jit_") for name in changes):
            # Nobody says whether a part of this section replaces it whole: all of it is sent (facts atlassian 3.3).
            section = stood.get(JIT)
            body[JIT] = {**section} if isinstance(section, dict) else {}
        _fill(body, changes, _spellings([stood])[0])
        if "client_secret" in changes:
            body[SECRET] = _secret(write)
        self._change(write.remote_id, body, changes)
        return Written(write.remote_id)

    def _change(self, number: str, body: JsonObject, expected: Attributes) -> None:
        self.api.change(number, body)
        if wrong := _unlike(self.api.get(number), expected):
            raise ReconcilerError(
                f"the product accepted the change and did not keep {', '.join(wrong)}",
                "is this a version of the app that nobody has looked at yet?",
            )

    def delete(self, write: Write) -> None:
        """Removes it; one that is gone already is fine."""
        self.api.delete(write.remote_id)


def _observe(candidate: Candidate) -> Present | Unreadable:
    if candidate.content.get("sso-type") != _OIDC:
        return Unreadable(
            f"identity provider {candidate.id} ({candidate.content.get('name')}) is not one of OpenID Connect",
            "rename it in the product's screen, or give the sign-on another name",
        )
    fields = idp_fields(_spellings([candidate.content])[0])
    return Present(candidate.id, read_fields(candidate.content, fields))


def _named(name: str, idps: Iterable[JsonObject]) -> list[JsonObject]:
    return [idp for idp in idps if idp.get("name") == name]


def _spellings(idps: Iterable[JsonObject]) -> Sequence[str]:
    """The spelling of the button text that the server's own answers have, else all that are known."""
    return next(((key,) for idp in idps for key in BUTTON_SPELLINGS if key in idp), BUTTON_SPELLINGS)


def _fill(body: JsonObject, attributes: Attributes, spelling: str) -> None:
    for name, field in idp_fields(spelling).items():
        if name in attributes:
            write_field(body, field, attributes[name])


def _unlike(idp: JsonObject, expected: Attributes) -> list[str]:
    """The names of the attributes that the server shows otherwise."""
    shown = read_fields(idp, idp_fields(_spellings([idp])[0]))
    return sorted(name for name, value in expected.items() if name in shown and shown[name] != value)


def _secret(write: Write) -> str:
    secret = write.secrets["client_secret"].get_secret_value()
    if len(secret) > LIMIT:
        raise SecretError(f"the client secret has {len(secret)} characters, and the product keeps {LIMIT}")
    return secret

"""The one resource type of the plugin: what a person types into its screens, and what the person says of it."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.core.resource import Mark, ResourceType
from reconciler.providers.atlassian.sign_ons import (
    FALLBACK,
    LOGIN_FORM,
    MAPPED_GROUPS,
    goes_off,
    loses_administrators,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reconciler.core.resource import Attributes, Value

SECRET = "client_secret"  # noqa: S105 - the name of an attribute
CONFIRMED = "confirmed"
"""The digest of the values that stand in the plugin, by the word of a person."""
CONFIRMATION = "confirmation"
"""The word of that person, as the spec has it."""
APP_ENABLED = "app_enabled"
APP_KEY = "app_key"
CALLBACK = "callback"

VALUES = {
    "name": "Name of the identity provider",
    "button_text": "Text of the login button",
    "issuer": "Issuer",
    "discovery": "Discovery document",
    "authorization_endpoint": "Authorization endpoint",
    "token_endpoint": "Token endpoint",
    "userinfo_endpoint": "UserInfo endpoint",
    "jwks_uri": "Keys (JWKS)",
    "client_id": "Client ID",
    "scopes": "Scopes",
    "username_attribute": "Claim for the user name",
    "email_attribute": "Claim for the e-mail address",
    "first_name_attribute": "Claim for the first name",
    "last_name_attribute": "Claim for the last name",
    "full_name_attribute": "Claim for the full name",
    "group_attribute": "Claim for the groups",
    "group_mapping": "Groups",
    "update_on_login": "Update of users at each login",
    "create_users": "Creation of users at their first login",
    "default_groups": "Groups of every new user",
    LOGIN_FORM: "The product's own login form",
    FALLBACK: "The special address of that form when it is off",
    "auto_redirect": "Redirect from the login page without a click",
}
"""What a person types in, in the order of the checklist, with what it is called there."""
_SETS = {"scopes", "default_groups"}
_CONFIRMATION = re.compile(r"([0-9a-f]{12})-([0-9a-f]{32})")


def locks_out(before: Attributes, after: Attributes) -> Iterable[str]:
    """The login form or its fallback goes off, or a mapped group of administrators goes."""
    yield from goes_off(before, after)
    yield from loses_administrators(before, after)


RESOLUTION = ResourceType(
    "resolution",
    key=("name",),
    attributes={
        **{name: Mark.UNORDERED if name in _SETS else Mark.PLAIN for name in VALUES},
        SECRET: Mark.SECRET,
        APP_ENABLED: Mark.PLAIN,
        CONFIRMED: Mark.PLAIN,
        CONFIRMATION: Mark.LOCAL,
        APP_KEY: Mark.LOCAL,
        CALLBACK: Mark.LOCAL,
        MAPPED_GROUPS: Mark.LOCAL,
    },
    # Not read as a whole, but typed in as a whole: each write needs the secret, for the confirmation it asks for.
    document=True,
    locks_out=locks_out,
    admits=MAPPED_GROUPS,
)


def digest_of(attributes: Attributes) -> str:
    """Twelve hex digits that differ when anything differs that a person types in or compares, but for the secret."""
    values: dict[str, Value] = {name: attributes[name] for name in (*VALUES, CALLBACK) if name in attributes}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What a person says was typed in: the digest of the values, and the fingerprint of the client secret."""

    values: str
    secret: str

    def __str__(self) -> str:
        return f"{self.values}-{self.secret}"


def parse_confirmation(text: str) -> Confirmation | None:
    """The confirmation that `str` spelled; None for anything else."""
    found = _CONFIRMATION.fullmatch(text)
    return Confirmation(found[1], found[2]) if found else None

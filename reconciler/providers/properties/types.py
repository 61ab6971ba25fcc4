"""The resource type of the plugin, and the keys of the guide's Step 4 (facts atlassian 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.resource import Mark, ResourceType
from reconciler.providers.atlassian.fields import Field, Form

if TYPE_CHECKING:
    from reconciler.providers.atlassian.fields import Fields

SECRET = "client_secret"  # noqa: S105 - the name of an attribute
KEYS = {
    "enabled": "jira.sso.oidc.enabled",
    "issuer": "jira.sso.oidc.issuer",
    "client_id": "jira.sso.oidc.clientId",
    SECRET: "jira.sso.oidc.clientSecret",
    "scopes": "jira.sso.oidc.scope",
    "username_attribute": "jira.sso.oidc.usernameAttribute",
}
"""The key of each attribute, in the guide's order."""
_FORMS = {"enabled": Form.FLAG, "scopes": Form.WORDS}
FIELDS: Fields = {name: Field((key,), _FORMS.get(name, Form.TEXT)) for name, key in KEYS.items() if name != SECRET}

PROPERTIES = ResourceType(
    "properties",
    key=("file",),
    attributes={
        "file": Mark.FORCE_NEW,
        **dict.fromkeys(FIELDS, Mark.PLAIN),
        "scopes": Mark.UNORDERED,
        SECRET: Mark.SECRET,
        "callback": Mark.LOCAL,
    },
    document=True,
    at_start=True,
)

"""What nobody outside the vendors knows about these products: one switch for each open question.

Where one reading is stricter or more awkward for a client, it is the default, so that a client which passes has not
leaned on a guess. Facts atlassian 12.1 and 14 list the questions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ButtonKey = Literal["buttonText", "button-text"]


@dataclass(frozen=True, slots=True)
class Switches:
    """How one emulated product answers where documents and public code are silent, and how it is installed."""

    context_path: str = ""
    """Empty, or where the product lives below its host, such as `/jira`."""
    anonymous: Literal[401, 302, 403] = 401
    """What the SSO app, miniOrange and the plugin manager answer to a caller without credentials."""
    sso_app_version: str = "5.0.0"
    """Version of the built-in SSO app; below 4.2.0 it has none of the paths that we use."""
    button_key: ButtonKey | None = None
    """How the button text is spelled; None follows the product's version."""
    other_button_key: Literal["refused", "accepted"] = "refused"
    """What a write gets that uses the other spelling."""
    other_fields: Literal["refused", "ignored"] = "refused"
    """What a write gets that has a field no document names."""
    unknown_idp: Literal[404, 400] = 404
    """Status for an identity provider id that does not exist."""
    duplicate_idp_names: Literal["accepted", "refused"] = "accepted"
    """What a second identity provider of one name gets."""
    discovered_endpoints: Literal["shown", "absent"] = "shown"
    """Whether a read shows the endpoints that discovery found."""
    emptied_lists: Literal["shown", "absent"] = "shown"
    """Whether `additional-scopes` without members is `[]` or left out."""
    nested_patch: Literal["replaces", "merges"] = "replaces"
    """What a PATCH with a part of `jit-configuration` does to the rest of it."""
    miniorange_version: str = "1.2.4"
    miniorange_secret: Literal["clear", "masked", "empty"] = "clear"  # noqa: S105 - a way to show one
    """How a read or an export shows `CLIENT_SECRET`."""
    miniorange_booleans: Literal["as sent", "strings"] = "as sent"
    """Whether a read shows booleans as they were sent, or all of them as "true" and "false"."""
    miniorange_post: Literal["json", "html", "redirect"] = "json"
    """What a POST that was obeyed answers."""
    miniorange_tokens: Literal["accepted", "unknown"] = "accepted"
    """Whether the servlet knows personal access tokens; only Basic is documented."""
    miniorange_extra_keys: Literal["present", "absent"] = "present"
    """Whether every level of the document has a key that no document names."""
    sso_app_claims: Literal["id_token", "userinfo"] = "id_token"
    """Where the built-in app reads claims."""
    sso_app_secret_in: Literal["header", "body"] = "header"  # noqa: S105 - a place
    """How the built-in app sends the client secret to the token endpoint."""
    miniorange_claims: Literal["userinfo", "id_token"] = "userinfo"
    """Where miniOrange reads claims, if it has a UserInfo endpoint."""
    id_token_algorithms: tuple[str, ...] = ("PS256", "RS256")
    """Algorithms of ID tokens that the product knows."""
    missing_groups: Literal["removes", "refused"] = "removes"
    """What just-in-time provisioning does when the claim of groups is missing: no groups, or no login."""

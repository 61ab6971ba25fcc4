"""The configuration that the built-in SSO app stores: identity providers and the login page's options.

Documented (facts atlassian 3.2, 3.3, 3.4): field names, types, enumerations. Seen in public code (3.2): limits of
255 characters, and that name, button text, issuer and enabled are never null. Assumed: an OIDC provider needs a
client id and, without discovery, its three endpoints; values of the wrong JSON type are refused.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

Text = Annotated[str, Field(max_length=255)]
Filled = Annotated[str, Field(min_length=1, max_length=255)]


def _hyphenate(name: str) -> str:
    return name.replace("_", "-")


class _Stored(BaseModel):
    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        alias_generator=_hyphenate,
        validate_assignment=True,
        hide_input_in_errors=True,
    )


class JitConfiguration(_Stored):
    """Just-in-time provisioning; empty strings and an empty list when it was never set (facts atlassian 3.3)."""

    user_provisioning_enabled: bool = False
    mapping_display_name: Text = ""
    mapping_email: Text = ""
    mapping_groups: Text = ""
    additional_openid_scopes: list[str] = Field(default_factory=list)


class Idp(_Stored):
    """One identity provider. Its fields may be set by hand; the secret is never part of a dump.

    It is made from the names of the wire, with `button-text`; which spelling the wire has is not its business.
    None stands for a field that this kind of provider does not have or that was never sent.
    """

    id: int
    last_updated: str
    name: Filled
    sso_type: Literal["NONE", "SAML", "OIDC"]
    enabled: bool
    button_text: Filled
    include_customer_logins: bool = False
    enable_remember_me: bool = False
    jit_configuration: JitConfiguration = Field(default_factory=JitConfiguration)

    issuer_url: Filled | None = None
    client_id: Filled | None = None
    client_secret: Annotated[SecretStr, Field(max_length=255)] | None = Field(default=None, exclude=True)
    discovery_enabled: bool | None = None
    authorization_endpoint: Text | None = None
    token_endpoint: Text | None = None
    userinfo_endpoint: Text | None = None
    additional_scopes: list[str] | None = None
    username_claim: Text | None = None

    idp_type: Literal["GENERIC", "CROWD"] | None = None
    sso_url: Text | None = None
    sso_issuer: Text | None = None
    crowd_url: Text | None = None
    certificate: str | None = None
    username_attribute: Text | None = None
    name_id_policy: Text | None = None
    sign_authnrequest: bool | None = None
    signature_algorithm: Text | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.sso_type != "OIDC":
            return self
        wanted = ["issuer_url", "client_id"]
        if not self.discovery_enabled:
            wanted += ["authorization_endpoint", "token_endpoint", "userinfo_endpoint"]
        if missing := [_hyphenate(name) for name in wanted if not getattr(self, name)]:
            raise ValueError(f"an OIDC identity provider needs {', '.join(missing)}")
        return self


class SsoConfig(_Stored):
    """What the login page offers besides identity providers. The default of the schedule is assumed."""

    show_login_form: bool = True
    show_login_form_for_jsm: bool = True
    enable_authentication_fallback: bool = False
    discovery_refresh_cron: str = "0 0 * * * ?"
    last_updated: str = ""

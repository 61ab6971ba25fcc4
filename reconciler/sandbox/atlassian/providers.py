"""The identity providers that a product's plugins are configured with.

Documented (facts atlassian 3.2, 3.3, 4.4): `openid` is implied in the built-in app, scopes of just-in-time
provisioning add to the others; miniOrange's Http Header or Http Body. Seen in public code (3.5, 4.2): the start
paths. Assumed: which claims each plugin reads and how the built-in app sends the secret (`Switches`), miniOrange's
query parameter at the start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.sandbox.atlassian.miniorange_document import is_on, section
from reconciler.sandbox.atlassian.relying_party import Provider
from reconciler.sandbox.atlassian.world import SSO_APP

if TYPE_CHECKING:
    from reconciler.sandbox.atlassian.idp import Idp
    from reconciler.sandbox.atlassian.miniorange_document import JsonObject
    from reconciler.sandbox.atlassian.world import ProductWorld

SSO_APP_START = "/plugins/servlet/external-login"
SSO_APP_CALLBACK = "/plugins/servlet/oidc/callback"
MINIORANGE_START = "/plugins/servlet/oauth/auth"
MINIORANGE_CALLBACK = "/plugins/servlet/oauth/callback"
_IDP, _MINIORANGE = "idp", "miniorange"


def idps(world: ProductWorld) -> list[Idp]:
    """The built-in app's enabled providers of OpenID Connect."""
    if world.plugin(SSO_APP) is None:
        return []
    return [idp for idp in world.idps.values() if idp.enabled and idp.sso_type == "OIDC"]


def miniorange_providers(world: ProductWorld) -> list[JsonObject]:
    """MiniOrange's providers, if it is installed and its login is on."""
    on = is_on(section(world.miniorange, "Sign In Settings").get("ENABLE_FOR_SOFTWARE"))
    found = world.miniorange["Identity Providers"]
    if world.plugin(world.miniorange_key) is None or not on or not isinstance(found, list):
        return []
    return [provider for provider in found if isinstance(provider, dict)]


def of_idp(world: ProductWorld, idp: Idp) -> Provider:
    """How the built-in app goes about it."""
    jit = idp.jit_configuration
    provisioning = jit.additional_openid_scopes if jit.user_provisioning_enabled else []
    wanted = ["openid", *(idp.additional_scopes or []), *provisioning]
    return Provider(
        key=f"{_IDP}-{idp.id}",
        label=idp.button_text,
        callback=SSO_APP_CALLBACK,
        client_id=idp.client_id or "",
        client_secret=idp.client_secret.get_secret_value() if idp.client_secret else "",
        scope=" ".join(dict.fromkeys(wanted)),
        issuer=(idp.issuer_url or "").rstrip("/"),
        discovery=bool(idp.discovery_enabled),
        authorization_endpoint=idp.authorization_endpoint or "",
        token_endpoint=idp.token_endpoint or "",
        userinfo_endpoint=idp.userinfo_endpoint or "",
        secret_in=world.switches.sso_app_secret_in,
        claims_from=world.switches.sso_app_claims,
    )


def of_miniorange(world: ProductWorld, stored: JsonObject) -> Provider:
    """How miniOrange goes about it; without a UserInfo endpoint it can read the ID token only."""
    application = {key: str(value) for key, value in section(stored, "Application Configuration").items()}
    sign_in = section(world.miniorange, "Sign In Settings")
    label = application.get("CUSTOM_APP_NAME") or str(sign_in.get("LOGIN_BUTTON_TEXT") or stored["Name"])
    userinfo = application.get("USERINFO_END_POINT", "")
    return Provider(
        key=f"{_MINIORANGE}-{stored['ID']}",
        label=label,
        callback=MINIORANGE_CALLBACK,
        client_id=application.get("CLIENT_ID", ""),
        client_secret=application.get("CLIENT_SECRET", ""),
        scope=application.get("SCOPE", ""),
        issuer=application.get("CUSTOM_ISSUER_VALUE", ""),
        discovery=False,
        authorization_endpoint=application.get("AUTHORIZE_END_POINT", ""),
        token_endpoint=application.get("ACCESSTOKEN_END_POINT", ""),
        userinfo_endpoint=userinfo,
        secret_in="body" if application.get("SEND_TOKEN_AUTHORIZATION_PARAMETERS_IN") == "HttpBody" else "header",
        claims_from=world.switches.miniorange_claims if userinfo else "id_token",
    )


def find_idp(world: ProductWorld, key: str) -> Idp | None:
    """The built-in app's provider of that key, if there still is one."""
    return next((idp for idp in idps(world) if f"{_IDP}-{idp.id}" == key), None)


def find_miniorange(world: ProductWorld, key: str) -> JsonObject | None:
    """MiniOrange's provider of that key, if there still is one."""
    return next((one for one in miniorange_providers(world) if f"{_MINIORANGE}-{one['ID']}" == key), None)

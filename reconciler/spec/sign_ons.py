"""Sign-ons: from their tables to their meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reconciler.core.intent import ClaimsFrom, Client, SignOn, System
from reconciler.spec.model import CLAVEX
from reconciler.spec.rules import BrokenRuleError, check_redirect_uri

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.spec.findings import Findings
    from reconciler.spec.model import SignOnTable
    from reconciler.spec.validation import Spec

_DEFAULT_SCOPES: Final = ("openid", "profile", "email")
_LOGIN_KEYS: Final = ("login_form", "login_fallback", "auto_redirect")


def compile_sign_ons(
    spec: Spec, systems: Mapping[str, System], clients: Mapping[str, Client], findings: Findings
) -> dict[str, SignOn]:
    """The sign-ons by table name, without those whose product or client is not known."""
    sign_ons: dict[str, SignOn] = {}
    for name, table in spec.tables.sso.items():
        where = ("sso", name)
        product = findings.resolve(table.system, systems, spec.declared.get("systems", ()), *where, "system")
        client = findings.resolve(table.client, clients, spec.declared.get("clients", ()), *where, "client")
        if product and product.provider == CLAVEX:
            findings.fail("people sign on to a product, and this is a Clavex", "name the product", *where, "system")
        if client and client.public:
            remedy = "take `public` out of the client, or name another"
            findings.fail("this client is public, and a plugin needs a secret", remedy, *where, "client")
        if product and client:
            issuer = systems[client.system]
            sign_ons[name] = _compile(name, table, product, client, issuer, spec.options[name], findings)
    _check_together(sign_ons, findings)
    return sign_ons


def _compile(
    name: str,
    table: SignOnTable,
    product: System,
    client: Client,
    issuer: System,
    options: Mapping[str, object],
    findings: Findings,
) -> SignOn:
    scopes = client.scopes or _DEFAULT_SCOPES if table.scopes is None else table.scopes
    if "openid" not in scopes:
        remedy = 'add "openid": without it a login is not OpenID Connect, and there is no ID token'
        findings.fail("the scopes lack openid", remedy, "sso", name, "scopes")
    return SignOn(
        name=name,
        product=product,
        plugin=table.plugin,
        client=client,
        issuer_system=issuer,
        display_name=table.display_name,
        scopes=scopes,
        attributes={key: claim for key, claim in table.attributes.model_dump().items() if claim},
        groups=table.groups,
        enabled=table.enabled,
        callback=_compile_callback(name, table.callback, product, findings),
        claims_from=ClaimsFrom(table.claims_from) if table.claims_from else None,
        update_attributes_on_login=table.update_attributes_on_login,
        create_users=table.create_users,
        default_groups=table.default_groups,
        login_form=table.login_form,
        login_fallback=table.login_fallback,
        auto_redirect=table.auto_redirect,
        options=options,
    )


def _compile_callback(name: str, callback: str | None, product: System, findings: Findings) -> str | None:
    where = ("sso", name, "callback")
    if callback is None or not product.url:  # a broken URL has an error of its own
        return None
    whole = product.url + callback if callback.startswith("/") else callback
    if findings.attempt(_check_callback, whole, *where) and not whole.startswith(product.url + "/"):
        remedy = f"is {product.url} right? A path such as /plugins/servlet/oidc/callback follows the URL by itself"
        findings.warn("this callback is not below the product's URL", remedy, *where)
    return whole


def _check_callback(uri: str) -> bool:
    check_redirect_uri(uri)
    if not uri.startswith(("https://", "http://")) or "*" in uri:
        raise BrokenRuleError("a callback is one address of the product", "write a path, or the whole URL")
    return True


def _check_together(sign_ons: Mapping[str, SignOn], findings: Findings) -> None:
    """Holds if no two sign-ons of a product are the same, or decide about its one login page."""
    same: dict[tuple[str, str, str], str] = {}
    deciding: dict[tuple[str, str], str] = {}
    for name, sign_on in sign_ons.items():
        product, plugin = sign_on.product.name, sign_on.plugin
        other = same.setdefault((product, plugin, sign_on.client.name), name)
        if other != name:
            remedy = "drop one of the two"
            findings.fail(f"sso.{other} joins this client and product by this plugin already", remedy, "sso", name)
        for key in (key for key in _LOGIN_KEYS if getattr(sign_on, key) is not None):
            other = deciding.setdefault((product, plugin), name)
            if other != name:
                remedy = "a product has one login page: let one sign-on decide"
                findings.fail(f"sso.{other} decides about the login page of {product}", remedy, "sso", name, key)

"""What every SSO plugin of the products asks of a sign-on, and what it gives back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.resource import unordered
from reconciler.diagnostic import error, warning
from reconciler.providers.atlassian.products import group_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from reconciler.core.address import Address
    from reconciler.core.intent import Facts, SignOn
    from reconciler.core.resource import Attributes, Value
    from reconciler.diagnostic import Diagnostic

TITLES: Mapping[str, str] = {"jira": "Jira", "confluence": "Confluence"}
"""What people call each kind of product."""
LIMIT = 255
"""Characters that the products' databases keep of one text (facts atlassian 3.2)."""
MAPPED_GROUPS = "mapped_groups"
LOGIN_FORM = "show_login_form"
FALLBACK = "authentication_fallback"


def title(sign_on: SignOn) -> str:
    """What people call the product."""
    return TITLES.get(sign_on.product.provider, sign_on.product.provider)


def issuer(sign_on: SignOn, clavex: Facts) -> str:
    """The issuer as discovery gives it, else as Clavex makes it (facts clavex 4)."""
    return clavex.values.get("issuer") or f"{sign_on.issuer_system.url}/{sign_on.issuer_system.org}"


def needed(sign_on: SignOn) -> tuple[Address, ...]:
    """What must exist before a sign-on: its client, and the groups that it names."""
    groups = sorted({*sign_on.groups.values(), *(sign_on.default_groups or ())})
    return (sign_on.client.address, *(group_address(sign_on.product, name) for name in groups))


def local(sign_on: SignOn, callback: str) -> dict[str, Value]:
    """What only the state keeps of a sign-on."""
    return {"callback": sign_on.callback or callback, MAPPED_GROUPS: unordered(sign_on.groups.values())}


def check(sign_on: SignOn, callback: str, why_same_names: str) -> Iterator[Diagnostic]:
    """What a plugin that knows its callback and takes groups by their names cannot do for this sign-on."""
    yield from check_secret(sign_on)
    yield from check_callback(sign_on, callback)
    for claimed, group in sorted(sign_on.groups.items()):
        if claimed != group:
            yield error(
                f"{claimed} is mapped to {group}, and the names must be equal: {why_same_names}",
                f"{sign_on.where}.groups",
                "rename one of the two groups",
            )


def check_secret(sign_on: SignOn) -> Iterator[Diagnostic]:
    """An error if the client has no secret."""
    if sign_on.client.secret is None:
        yield error(
            f"the client {sign_on.client.name} has no secret, and the plugin needs one",
            f"{sign_on.where}.client",
            f"say where it lies: secret in [clients.{sign_on.client.name}]; a public client cannot be used",
        )


def check_callback(sign_on: SignOn, callback: str) -> Iterator[Diagnostic]:
    """A warning if the spec gives another callback than the plugin is known by."""
    if sign_on.callback not in {None, callback}:
        yield warning(
            f"the plugin sends people back to {callback}, and the spec says {sign_on.callback}: unless this version "
            f"of the plugin differs, Clavex will refuse the login",
            f"{sign_on.where}.callback",
            "leave callback out",
        )


def check_lengths(sign_on: SignOn, attributes: Attributes) -> Iterator[Diagnostic]:
    """An error for each text that the product's database would not keep."""
    for name, value in sorted(attributes.items()):
        if isinstance(value, str) and len(value) > LIMIT:
            yield error(f"{name} has {len(value)} characters, and {LIMIT} at most are kept", sign_on.where)


def goes_off(before: Attributes, after: Attributes) -> Iterable[str]:
    """A sentence for each way to log in without Clavex that is switched off."""
    if before.get(LOGIN_FORM) is not False and after.get(LOGIN_FORM) is False:
        yield "the product's own login form goes off: if the sign-on fails, nobody gets in with a password"
    if before.get(FALLBACK) is not False and after.get(FALLBACK) is False:
        yield "the fallback goes off: the hidden login form can no longer be reached by its special address"


def renames_people(before: Attributes, after: Attributes, name: str) -> Iterable[str]:
    """A sentence if the claim that names people changes: they come back as others, and without their rights."""
    old, new = before.get(name), after.get(name)
    if old and new and old != new:
        yield f"{name} goes from {old} to {new}: people log in under other names, and are strangers to their accounts"


def moves_groups(before: Attributes, after: Attributes, name: str) -> Iterable[str]:
    """A sentence if groups come from another claim, or from none, and administrators are among the mapped ones."""
    mapped = before.get(MAPPED_GROUPS)
    administrators = [group for group in (mapped if isinstance(mapped, tuple) else ()) if "admin" in group.lower()]
    old, new = before.get(name), after.get(name)
    if administrators and old and old != new and after:
        yield (
            f"{name} goes from {old} to {new or 'nothing'}: unless that brings them too, no login maps anybody to "
            f"{', '.join(administrators)} any more"
        )


def loses_administrators(before: Attributes, after: Attributes) -> Iterable[str]:
    """A sentence for each mapped group that looks like one of administrators and is mapped no longer."""
    if after and MAPPED_GROUPS not in after:  # not said: nothing is known to change
        return
    first, second = before.get(MAPPED_GROUPS), after.get(MAPPED_GROUPS)
    lost = set(first if isinstance(first, tuple) else ()) - set(second if isinstance(second, tuple) else ())
    for name in sorted(lost):
        if "admin" in name.lower():
            yield f"{name} is no longer mapped, and it looks like a group of administrators"

"""Checks that Jira, Confluence and their SSO plugins have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.address import Address
from reconciler.core.check import Check, Source, broken, doubtful, fine, hidden, unread
from reconciler.core.observed import Absent, Present, Unreadable
from reconciler.core.redirects import accepts
from reconciler.core.resource import Kind
from reconciler.providers.atlassian.products import BASE_URL
from reconciler.providers.atlassian.sign_ons import title
from reconciler.providers.atlassian.versions import is_below
from reconciler.transport.answers import clean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from reconciler.core.intent import SignOn
    from reconciler.core.resource import Attributes, ResourceType, Value
    from reconciler.ports import Examination
    from reconciler.providers.atlassian.apps import App
    from reconciler.providers.atlassian.products import Product

VERSION, BASE, TOKEN, ACCESS = "version", "base-url", "token", "application-access"
APP, SETUP, UPDATES, GROUPS = "plugin", "sign-on", "update-on-login", "group-claim"


# --- a product ----------------------------------------------------------------------------------------------------


def examine_product(examination: Examination, product: Product) -> Iterator[Check]:
    """The version against the guide's prerequisites, and the product's own base URL against the spec's."""
    system, version = examination.system, examination.facts.version
    seen = f"{product.title} {clean(version) or 'of an unknown version'}"
    if is_below(version, product.floor):
        remedy = f"upgrade {product.title}: Clavex's guide begins with {product.floor}"
        yield doubtful(VERSION, system.name, seen, remedy, Source.DOCUMENTED)
    else:
        yield fine(VERSION, system.name, f"{seen}; the guide wants {product.floor} or later", Source.DOCUMENTED)
    yield _base_url(examination, product.title)


def _base_url(examination: Examination, name: str) -> Check:
    system = examination.system
    own = clean(examination.facts.values.get(BASE_URL, "")).rstrip("/")
    if not own:
        remedy = f"compare the base URL in {name}'s general configuration with {system.url}"
        return hidden(BASE, system.name, f"{name} does not say what it takes for its own URL", remedy)
    if own.lower() == system.url.lower():
        return fine(BASE, system.name, f"{own}, as in the spec", Source.ASSUMED)
    remedy = f"correct the base URL in {name}'s general configuration, or url in [systems.{system.name}]"
    seen = f"{name} takes {own} for its own URL, and the spec says {system.url}"
    refused = [uri for uri in _callbacks(examination, own) if not accepts(*uri)]
    if refused:
        seen += ": people come back to a redirect URI that Clavex refuses with 400"
        return broken(BASE, system.name, seen, remedy, Source.ASSUMED)
    return doubtful(BASE, system.name, seen, remedy, Source.ASSUMED)


def _callbacks(examination: Examination, own: str) -> Iterator[tuple[Collection[str], str]]:
    """For each sign-on whose client could be read: the redirect URIs it accepts, and what the product would send."""
    system = examination.system
    for sign_on in examination.intent.sign_ons.values():
        callback = sign_on.callback or ""
        if sign_on.product.name == system.name and callback.startswith(system.url):
            found = examination.observed.get(sign_on.client.address)
            uris = found.attributes.get("redirect_uris") if isinstance(found, Present) else None
            if isinstance(uris, tuple):
                yield uris, own + callback.removeprefix(system.url)


def administers(system: str, title_: str, *, administrator: bool, who: str = "") -> Check:
    """Whether the token is an administrator's. Until when it holds is nowhere shown (facts atlassian 2.2)."""
    named = f" ({clean(who)})" if who else ""
    if administrator:
        seen = f"an administrator's{named}; {title_} does not tell until when it holds"
        return fine(TOKEN, system, seen, Source.DOCUMENTED)
    return doubtful(
        TOKEN,
        system,
        f"not an administrator's{named}: apply would be refused, and some of this cannot be read",
        f"make a personal access token as an administrator of {title_}",
        Source.DOCUMENTED,
    )


def examine_access(examination: Examination, opened: Mapping[str, Collection[str]], remedy: str) -> Iterator[Check]:
    """For each sign-on whether the groups that it gives let people in. `opened`: what a group opens, by name."""
    doors = {name.casefold(): what for name, what in opened.items()}
    stated = {name.casefold() for name in _let_in(examination)}
    for sign_on in own_sign_ons(examination):
        named = sorted({*sign_on.groups.values(), *(sign_on.default_groups or ())})
        closed = [name for name in named if not doors.get(name.casefold())]
        if not named:
            yield hidden(
                ACCESS,
                sign_on.where,
                "the sign-on gives no groups, so it depends on each person's own",
                f"map groups under [{sign_on.where}.groups], or look at the groups of those who log in",
                Source.DOCUMENTED,
            )
        elif len(closed) == len(named):
            seen = f"{_listed(named)} may not use {title(sign_on)}: people log in, and are turned away"
            yield broken(ACCESS, sign_on.where, seen, _opens(named[-1], stated, remedy), Source.DOCUMENTED)
        elif closed:
            seen = f"{_listed(closed)} may not use {title(sign_on)}: who is in no other group is turned away"
            yield doubtful(ACCESS, sign_on.where, seen, _opens(closed[0], stated, remedy), Source.DOCUMENTED)
        else:
            what = sorted({door for name in named for door in doors[name.casefold()]})
            yield fine(ACCESS, sign_on.where, f"{_listed(named)} may use {_listed(what)}", Source.DOCUMENTED)


def _let_in(examination: Examination) -> Iterator[str]:
    """The groups that the spec lets in."""
    for address, wanted in examination.desired.items():
        if address.system == examination.system.name and wanted.type.kind is Kind.SETTINGS and wanted.type.admits:
            groups = wanted.attributes.get(wanted.type.admits)
            yield from groups if isinstance(groups, tuple) else ()


def _opens(group: str, stated: Collection[str], remedy: str) -> str:
    """What lets the group in: an apply is enough if the spec says it already."""
    return "reconciler apply lets it in" if group.casefold() in stated else remedy.format(group)


def own_sign_ons(examination: Examination) -> Sequence[SignOn]:
    """The sign-ons of the examined product, by name."""
    sign_ons = sorted(examination.intent.sign_ons.items())
    return [sign_on for _, sign_on in sign_ons if sign_on.product.name == examination.system.name]


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


# --- a plugin -----------------------------------------------------------------------------------------------------


def check_app(sign_on: SignOn, app: App | None, name: str, least: str = "") -> Check:
    """Whether the app is there, enabled, and not older than `least`."""
    screen = f"{title(sign_on)}, Manage apps"
    if app is None:
        return broken(APP, sign_on.where, f"{name} is not installed", f"{screen}: install it", Source.DOCUMENTED)
    seen = f"{name} {clean(app.version)}".rstrip()
    if not app.enabled:
        return broken(APP, sign_on.where, f"{seen} is disabled", f"{screen}: enable it", Source.DOCUMENTED)
    if is_below(app.version, least):
        return broken(APP, sign_on.where, f"{seen} is too old", f"{screen}: update it to {least}", Source.DOCUMENTED)
    return fine(APP, sign_on.where, f"{seen} is installed and enabled", Source.DOCUMENTED)


def look_at(sign_on: SignOn, kind: ResourceType, examination: Examination) -> Attributes | Check:
    """What the plugin holds of a sign-on; a check that says why it is not known or not there."""
    address = next((item for item in examination.desired if _belongs(item, kind, sign_on)), None)
    match examination.observed.get(address) if address else None:
        case Present(attributes=attributes):
            return attributes
        case Unreadable(reason=reason, remedy=remedy):
            return unread(SETUP, sign_on.where, reason, remedy)
        case Absent():
            manual = address is not None and examination.desired[address].manual
            remedy = "reconciler apply says what a person has to do" if manual else "reconciler apply sets it up"
            return broken(SETUP, sign_on.where, f"it is not set up in {title(sign_on)} yet", remedy)
        case _:
            return unread(SETUP, sign_on.where, "it was not looked at", "reconciler validate says why")


def _belongs(address: Address, kind: ResourceType, sign_on: SignOn) -> bool:
    return tuple(address) == (sign_on.product.name, kind.name, sign_on.name)


def number_of(sign_on: SignOn, kind: ResourceType, examination: Examination) -> str:
    """What the plugin calls the sign-on that `look_at` found."""
    found = examination.observed.get(Address(sign_on.product.name, kind.name, sign_on.name))
    return found.remote_id if isinstance(found, Present) else ""


def check_updates(sign_on: SignOn, value: Value, screen: str, source: Source) -> Check:
    """Whether a login brings a person's attributes up to date (the guide's row on a stale display name)."""
    if value is True:
        return fine(UPDATES, sign_on.where, "names and addresses are brought up to date at every login", source)
    return doubtful(
        UPDATES,
        sign_on.where,
        "names and addresses stay as they were at the first login",
        f"say update_attributes_on_login = true in [{sign_on.where}] and apply; by hand it is {screen}",
        source,
    )


def check_group_claim(sign_on: SignOn, found: Value, source: Source) -> Check:
    """Whether the plugin takes groups from the claim that the spec names."""
    wanted = sign_on.attributes.get("groups", "")
    if found == wanted:
        seen = f"groups from the claim {wanted}" if wanted else "no groups"
        return fine(GROUPS, sign_on.where, f"the plugin reads {seen}", source)
    held = clean(found) if isinstance(found, str) and found else "no claim"
    seen = f"the plugin reads groups from {held}, and the spec says {wanted or 'nothing'}: no group arrives"
    return broken(GROUPS, sign_on.where, seen, "reconciler apply sets it", source)

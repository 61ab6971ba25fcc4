"""What a person types where. Screens are named as the vendor's guides name them (facts atlassian 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from reconciler.core.secret import parse_handle
from reconciler.providers.resolution.types import CALLBACK, SECRET, VALUES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.core.resource import Attributes, Value
    from reconciler.providers.atlassian.apps import App
    from reconciler.providers.resolution.types import Confirmation

APP = "SAML Single Sign On (SSO) by resolution"


def checklist(
    sign_on: str, product: str, attributes: Attributes, app: App | None, confirmation: Confirmation
) -> Iterator[str]:
    """The instructions, a line each. Secrets are named, not shown."""
    if app is None:
        yield f"{product}, Manage apps: install {APP}"
    elif not app.enabled:
        yield f"{product}, Manage apps: enable {APP} {app.version}".rstrip()
    yield (
        f"{product}, Manage apps > SAML SSO > Configure: open the identity provider {attributes['name']}; if there "
        f"is none, add it with the provider Other and the protocol OpenID Connect"
    )
    yield (
        f"Compare the callback URL that the wizard shows with {attributes[CALLBACK]}. If they differ, stop: put the "
        f"one that is shown into callback of [sso.{sign_on}], and apply again"
    )
    for name, label in VALUES.items():
        if name in attributes:
            yield from _value(label, attributes[name], " " if name == "scopes" else ", ")
        if name == "client_id":
            yield f"Client secret: {_place(str(attributes[SECRET]))}; it is not shown here"
    yield "Leave out what the app does not ask for, and leave everything else as it is"
    yield (
        f"When all of this stands in the app, and not before, put the next line into [sso.{sign_on}.resolution]; "
        f"the apply after that settles this change"
    )
    yield f'confirmed = "{confirmation}"'


def _value(label: str, value: Value, separator: str) -> Iterator[str]:
    match value:
        case bool():
            yield f"{label}: {'on' if value else 'off'}"
        case tuple():
            words = sorted(value, key=lambda word: (word != "openid", word))
            yield f"{label}: {separator.join(words) or 'none'}"
        case Mapping():
            yield from (f"{label}: who has {claimed} in Clavex is in {group}" for claimed, group in value.items())
        case _:
            yield f"{label}: {value}"


def _place(handle: str) -> str:
    """Where a person finds a secret."""
    store, name = parse_handle(handle)
    kind, _, own = store.partition(":")
    match kind:
        case "env":
            return f"the value of the environment variable {name}"
        case "file":
            return f"the value of {name} in the file {own}.secrets beside the state"
        case _:
            return f"what the operator's command {own} gives for {name}"

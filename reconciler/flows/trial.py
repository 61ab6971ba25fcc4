"""The logins of the touched sign-ons, tried before an apply and after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.core.comparison import touched
from reconciler.core.intent import Intent, SignOn
from reconciler.core.policy import CALLBACK
from reconciler.core.resource import Mark
from reconciler.core.secret import parse_handle
from reconciler.flows.account import Account
from reconciler.flows.place import Place
from reconciler.flows.registry import PLUGIN_RECORDS
from reconciler.flows.verify import Proof, log_in_once
from reconciler.flows.way import Measure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.core.address import Address
    from reconciler.core.check import Diagnosis
    from reconciler.core.plan import Plan
    from reconciler.core.state import State
    from reconciler.ports import PluginProvider
    from reconciler.storage import Secrets


@dataclass(frozen=True, slots=True)
class Trials:
    """The logins to be tried. `intent` has the touched sign-ons only, as the spec wants them."""

    place: Place
    intent: Intent
    account: Account | None

    def before(self, state: State, stores: Secrets) -> Diagnosis:
        """How the logins go as things stand: through the plugins and clients on record, whatever they ask for."""
        return Proof(self.place, as_recorded(self.intent, state), self.account, Measure.LOGIN, log_in_once).run(
            state, stores
        )

    def after(self, state: State, stores: Secrets) -> Diagnosis:
        """How the logins go as the spec wants them."""
        return Proof(self.place, self.intent, self.account, log_in=log_in_once).run(state, stores)


def find_trials(place: Place, intent: Intent, plan: Plan, account: Account | None) -> Trials | None:
    """The logins that the plan may change; None if it changes none."""
    found = touched(intent.sign_ons, plan)
    return Trials(place, intent._replace(sign_ons=found), account) if found else None


def as_recorded(intent: Intent, state: State) -> Intent:
    """The intent with each sign-on as it was last applied: plugin, callback and client. New ones stay as they are."""
    clients, sign_ons = dict(intent.clients), dict(intent.sign_ons)
    for name, sign_on in intent.sign_ons.items():
        found = {plugin.name: (plugin, address) for plugin, address in _records(sign_on, state)}
        if found:
            plugin, address = found.get(sign_on.plugin) or next(iter(found.values()))
            old = _as_recorded(sign_on, plugin, address, state)
            clients[old.client.name], sign_ons[name] = old.client, old
    return intent._replace(clients=clients, sign_ons=sign_ons)


def _records(sign_on: SignOn, state: State) -> Iterator[tuple[PluginProvider, Address]]:
    """Where the state has the sign-on, and by which plugin."""
    kinds = {
        kind.name: plugin
        for _, plugin in sorted(PLUGIN_RECORDS.items())
        for kind in plugin.types
        if CALLBACK in kind.attributes
    }
    for address in state.entries:
        if (address.system, address.name) == (sign_on.product.name, sign_on.name) and address.type in kinds:
            yield kinds[address.type], address


def _as_recorded(sign_on: SignOn, plugin: PluginProvider, address: Address, state: State) -> SignOn:
    entry = state.entries[address]
    applied = entry.applied
    callback, secret = applied.get(CALLBACK), applied.get("client_secret")
    at = next((needed for needed in entry.depends_on if needed in state.entries and needed.type == "client"), None)
    client = sign_on.client
    if at is not None:
        number = state.entries[at].applied.get("client_id")
        client = client._replace(name=at.name, system=at.system, client_id=str(number or client.client_id))
    if isinstance(secret, str):
        client = client._replace(secret=parse_handle(secret))
    options = sign_on.options
    if plugin.name != sign_on.plugin:
        kind = next(kind for kind in plugin.types if kind.name == address.type)
        known = {field.alias or name for name, field in plugin.options.model_fields.items()}
        options = {name: applied[name] for name in kind.having(Mark.LOCAL) if name in known and name in applied}
    return sign_on._replace(
        plugin=plugin.name,
        callback=callback if isinstance(callback, str) else sign_on.callback,
        client=client,
        options=options,
        enabled=applied.get("enabled") is not False,
    )

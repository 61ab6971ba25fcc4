"""Specs that fit together: the guide's systems with other clients, sign-ons and groups."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Spec = dict[str, Any]

URIS = [f"https://{name}.acme.eu/cb" for name in ("a", "b", "c")]
GROUPS = ("jira-administrators", "jira-software-users", "confluence-users", "staff")
CLAIMS = {"preferred_username": "email"}
SOURCES = ("email", "first_name", "sub", "groups", "roles", "attribute:nick", "value:Acme")
LABELS = ("Sign in with Clavex", "Log in", "Ünïcode „quotes“ \\ 'x'")


def _some(draw: st.DrawFn, table: Spec, **choices: st.SearchStrategy[Any]) -> Spec:
    """The table, with some of these keys."""
    for key, values in choices.items():
        if draw(st.booleans()):
            table[key] = draw(values)
    return table


@st.composite
def _clients(draw: st.DrawFn, name: str) -> Spec:
    return _some(
        draw,
        {"system": "clavex", "redirect_uris": draw(st.lists(st.sampled_from(URIS), min_size=1, unique=True))},
        client_id=st.sampled_from([f"{name}1", f"{name}2"]),
        name=st.sampled_from(LABELS),
        grant_types=st.sampled_from([["authorization_code"], ["refresh_token", "authorization_code"]]),
        scopes=st.sampled_from([["openid", "profile", "email"], ["groups", "openid"]]),
        active=st.just(True),
        access_token_ttl=st.sampled_from([0, 600]),
        post_logout_redirect_uris=st.sampled_from([[URIS[0]], URIS[:2]]),
        claims=st.dictionaries(st.sampled_from(["nick", "team", "email"]), st.sampled_from(SOURCES), max_size=2),
    )


@st.composite
def _sign_ons(draw: st.DrawFn, product: str, client: str, plugin: str) -> Spec:
    table = _some(
        draw,
        {"system": product, "plugin": plugin, "client": client, "miniorange": {"route": "rest"}},
        display_name=st.sampled_from(LABELS),
        groups=st.sets(st.sampled_from(GROUPS), min_size=1).map(lambda names: {name: name for name in sorted(names)}),
        update_attributes_on_login=st.just(True),
        login_form=st.booleans(),
        login_fallback=st.booleans(),
        attributes=st.sampled_from([{"username": "email"}, {"username": "sub", "groups": "groups"}]),
        claims_from=st.sampled_from(["userinfo", "id_token"]),
    )
    if plugin == "atlassian":
        _some(draw, table, enabled=st.booleans(), atlassian=st.just({"name": f"Clavex for {product}"}))
    else:
        _some(draw, table["miniorange"], keep_groups=st.booleans())
        _some(draw, table, auto_redirect=st.booleans())
    return table


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    """The tables of a spec but for its systems."""
    names = draw(st.lists(st.sampled_from(["one", "two"]), min_size=1, unique=True))
    clients = {name: draw(_clients(name)) for name in names}
    sso: Spec = {}
    for product in ("jira", "confluence"):
        for plugin in draw(st.sampled_from([(), ("atlassian",), ("miniorange",), ("miniorange", "atlassian")])):
            sso[f"{product}-{plugin}"] = draw(_sign_ons(product, draw(st.sampled_from(names)), plugin))
    for table in sso.values():
        clients[table["client"]].setdefault("claims", {}).update(CLAIMS)
    unused = set(names) - {table["client"] for table in sso.values()}
    for name in sorted(unused):
        _some(draw, clients[name], public=st.just(True))
    groups = {}
    for name in draw(st.sets(st.sampled_from(["beta", "Gamma"]))):
        groups[name] = {
            "system": draw(st.sampled_from(["clavex", "jira", "confluence"])),
            "on_remove": draw(st.sampled_from(["forget", "delete"])),
        }
    return {"clients": clients, "sso": sso, "groups": groups}


def shuffled(value: Any, chance: Any) -> Any:
    """The same tables, their keys in another order."""
    if not isinstance(value, dict):
        return value
    items = [(key, shuffled(item, chance)) for key, item in value.items()]
    chance.shuffle(items)
    return dict(items)

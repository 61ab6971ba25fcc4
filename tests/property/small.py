"""Small worlds: what a spec may want of them, what may stand there, and what is recorded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from toys import (
    CLIENT_AT,
    EMPTY,
    GROUP_AT,
    HANDLE,
    IDP_AT,
    OURS,
    SETTINGS_AT,
    THEIRS,
    TYPES,
    client,
    entry,
    group,
    idp,
    seen,
    settings,
)

from reconciler.core.desired import Desired
from reconciler.core.observed import Absent, Observation, Owner, Unreadable
from reconciler.core.plan import StepKind
from reconciler.core.planner import Situation
from reconciler.core.resource import OnRemove
from reconciler.core.secret import SecretStatus
from reconciler.core.state import Origin

URIS = ("u1", "u2", "u3")
MARKS = (None, OURS, Owner(OURS.managed_by, OURS.ref + "+adopted"), THEIRS)
uris = st.sets(st.sampled_from(URIS), min_size=1).map(sorted).map(tuple)


def changed(wanted: Desired, **attributes: Any) -> Desired:
    return wanted._replace(attributes={**wanted.attributes, **attributes})


@st.composite
def clients(draw: st.DrawFn) -> Desired:
    made = changed(
        client,
        client_id=draw(st.sampled_from("ab")),
        public=draw(st.booleans()),
        name=draw(st.sampled_from("AB")),
        uris=draw(uris),
    )
    if made.attributes["public"]:
        made = made._replace(attributes={key: value for key, value in made.attributes.items() if key != "secret"})
    return made


@st.composite
def wishes(draw: st.DrawFn) -> tuple[Desired, ...]:
    """What a spec may want: always something that fits together."""
    made: list[Desired] = []
    if draw(st.booleans()):
        made.append(draw(clients()))
        if "secret" in made[0].attributes and draw(st.booleans()):
            attributes = {"name": draw(st.sampled_from("ab")), "button": draw(st.sampled_from("BC"))}
            callback = draw(st.sampled_from(made[0].attributes["uris"]))
            made.append(changed(idp, **attributes, callback=callback))
    if draw(st.booleans()):
        made.append(group._replace(on_remove=draw(st.sampled_from(OnRemove))))
    if draw(st.booleans()):
        made.append(changed(settings, form=draw(st.booleans())))
    return tuple(made)


def _there(draw: st.DrawFn, wanted: Desired, example: Desired) -> Observation:
    kind = draw(st.sampled_from(["absent", "unreadable", "as wanted", "otherwise"]))
    if kind == "unreadable":
        return Unreadable("502")
    if kind == "absent" and wanted.address != SETTINGS_AT:
        return Absent()
    owner = draw(st.sampled_from(MARKS)) if wanted.address == CLIENT_AT else None
    remote_id = draw(st.sampled_from([wanted.address.name, "another"]))
    return seen(example if kind == "otherwise" else wanted, owner, remote_id)


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    """Any situation, likely or not."""
    wanted, before = ({item.address: item for item in draw(wishes())} for _ in range(2))
    example = {
        CLIENT_AT: draw(clients()),
        IDP_AT: changed(idp, button="C"),
        GROUP_AT: group,
        SETTINGS_AT: changed(settings, form=draw(st.booleans())),
    }
    entries = {
        address: entry(
            item,
            draw(st.sampled_from(Origin)),
            awaiting=draw(st.booleans()),
            deposed=draw(st.sampled_from([(), ("another",)])) if address == CLIENT_AT else (),
        )
        for address, item in before.items()
    }
    observed = {
        address: _there(draw, wanted.get(address, before.get(address, example[address])), example[address])
        for address in wanted.keys() | before.keys()
    }
    doubt = draw(st.dictionaries(st.sampled_from(sorted(example)), st.sampled_from(StepKind), max_size=2))
    status = SecretStatus(
        draw(st.sampled_from(["f1", "f2", None])), draw(st.booleans()), draw(st.sampled_from([None, True, False]))
    )
    state = replace(EMPTY, entries=entries, in_doubt=doubt)
    return Situation(wanted, observed, state, TYPES, {HANDLE: status})

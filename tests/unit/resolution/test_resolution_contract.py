"""The handler does what every handler owes; a person does what its checklists say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from contract.suite import DUTIES, Case
from pydantic import SecretStr
from unit.atlassian.product import CLIENT_SECRET
from unit.resolution.installed import JIRA_KEY, install, made

from reconciler.sandbox.faults import Fault, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.ports import Http
    from reconciler.sandbox.serve import Sandbox


def case(sandbox: Sandbox, jira: Http) -> Case:
    world = sandbox.jira.world
    install(sandbox.jira)
    first, second = made(sandbox.jira, jira), made(sandbox.jira, jira, display_name="Enter")
    attributes: dict[str, Any] = dict(first.desired.attributes)
    changes = {name: second.desired.attributes[name] for name in ("button_text", "confirmed")}
    handler = Following(first.handler, attributes)
    return Case(
        type=first.desired.type,
        handler=handler,
        address=first.address,
        attributes=attributes,
        changes=changes,
        stranger={**attributes, "name": "a stranger"},
        count=lambda: int("confirmation" in attributes and JIRA_KEY in world.plugins),
        rest=lambda: {key: value for key, value in world.plugins.items() if key != JIRA_KEY},
        dump=lambda: repr((world.plugins, attributes)),
        requests=lambda: sandbox.jira.faults.requests,
        fail=lambda: sandbox.jira.faults.add(Fault(kind=Kind.SERVER_ERROR, status=500, times=None)),
        settle=lambda: handler.settle(world.plugins),
        secrets={"client_secret": SecretStr(CLIENT_SECRET)},
    )


class Following:
    """The handler, and the person who follows its checklist: types the values in, and confirms them in the spec."""

    def __init__(self, handler: Any, attributes: dict[str, Any]) -> None:
        self._handler, self._attributes, self._told = handler, attributes, ""
        self.read = handler.read

    def create(self, write: Any) -> Any:
        self._told = write.attributes["confirmed"]
        return self._handler.create(write)

    def update(self, write: Any) -> Any:
        self._told = write.attributes["confirmed"]
        return self._handler.update(write._replace(secrets={"client_secret": SecretStr(CLIENT_SECRET)}))

    def delete(self, write: Any) -> None:
        self._told = ""
        self._handler.delete(write)

    def settle(self, plugins: dict[str, Any]) -> None:
        if self._told:
            self._attributes["confirmation"] = f"{self._told}-{'f' * 32}"
        else:
            plugins.pop(JIRA_KEY, None)


@pytest.mark.parametrize("duty", DUTIES, ids=lambda duty: duty.__name__)
def test_resolution_duty(duty: Callable[[Case], None], sandbox: Sandbox, jira: Http) -> None:
    duty(case(sandbox, jira))

"""People who log in to Jira and Confluence while the tool is at work."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Lock, Thread
from time import monotonic
from typing import TYPE_CHECKING
from unittest.mock import patch

from acceptance.workplace import Spec, Workplace
from sandbox.visitor import Visitor

from reconciler.engine.performing import Performer
from reconciler.sandbox.clavex.records import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.core.plan import Change, Step
    from reconciler.engine.performing import End
    from reconciler.sandbox.clavex.records import User

EMAIL, PASSWORD = "ann@acme.test", "Ann-pass-1"
BOB, BOBS_PASSWORD = "bob@acme.test", "Bob-pass-1"
AS_BOB = ("--as", BOB, "--password-from", "env:TEST_PASSWORD")
LETS_BOB_IN: Spec = {
    "systems": {"jira": {"applications": {"jira-software": ["jira-software-users"]}}},
    "sso": {"jira": {"attributes": {"username": "email"}}},
}
"""Over the guide's example: he has no user name, and the users may use Jira."""


def add_ann(place: Workplace) -> None:
    """A user of Clavex with a user name, in the groups of users, who may use Jira."""
    place.sandbox.jira.world.application_roles["jira-software"].groups.append("jira-software-users")
    world = place.sandbox.clavex.world
    world.orgs[world.org_id].limits = Limits(10_000, 10_000, 10_000)
    world.limits.clear()
    user = world.add_user(EMAIL, PASSWORD, "Ann", "Lee")
    user.metadata["preferred_username"] = "ann"
    for group in world.groups.values():
        if "users" in group.name:
            group.members.add(user.id)


def add_bob(place: Workplace) -> User:
    """A user of Clavex in every group that there is; the commands know his password."""
    place.environ["TEST_PASSWORD"] = BOBS_PASSWORD
    world = place.sandbox.clavex.world
    user = world.add_user(BOB, BOBS_PASSWORD, "Bob", "Ross")
    for group in world.groups.values():
        group.members.add(user.id)
    return user


@dataclass
class People:
    """Everybody with a browser of their own, in each of `products`."""

    place: Workplace
    products: tuple[str, ...] = ("jira", "confluence")

    def causes(self) -> list[str]:
        """Why logins of now fail, product by product; empty if nobody is kept out."""
        return [cause for product in self.products if (cause := self.log_in(product))]

    def log_in(self, product: str) -> str:
        """Why a login from its very beginning fails; empty if it does not."""
        served = getattr(self.place.sandbox, product)
        visitor = Visitor()
        try:
            page = visitor.open(f"{served.url}{served.world.login_path}")
            if page.id == "login":
                page = visitor.press(page, next(link for link in page.links if link.startswith("sso-")))
            if page.action is not None:
                page = visitor.send(page, email=EMAIL, password=PASSWORD)
        finally:
            visitor.client.close()
        return "" if page.id == "home" else page.cause or page.text

    @contextmanager
    def logging_in_after_each_step(self) -> Iterator[list[tuple[str, list[str]]]]:
        """While it lasts, everybody logs in after each step but those of mappers: step and causes.

        Steps come one at a time meanwhile, so that none overtakes a login.
        """
        tried: list[tuple[str, list[str]]] = []
        perform, one = Performer.perform, Lock()

        def watched(performer: Performer, change: Change, step: Step) -> End:
            with one:
                end = perform(performer, change, step)
                if change.address.type != "mapper":
                    tried.append((f"{step.kind} {change.address}", self.causes()))
                return end

        with patch.object(Performer, "perform", watched):
            yield tried

    @contextmanager
    def logging_in_all_the_time(self) -> Iterator[list[tuple[float, float, str]]]:
        """While it lasts, one login follows the other in each product: when each began and ended, and its cause."""
        tried: list[tuple[float, float, str]] = []
        stop = Event()

        def keep_on(product: str) -> None:
            while not stop.is_set():
                began = monotonic()
                cause = self.log_in(product)
                tried.append((began, monotonic(), cause))

        threads = [Thread(target=keep_on, args=(product,)) for product in self.products]
        for thread in threads:
            thread.start()
        try:
            yield tried
        finally:
            stop.set()
            for thread in threads:
                thread.join(timeout=30)

"""One login with a test account whose code the product consumes: whom the product then takes the account for.

Only this proves the plugin's own copy of the client secret. It does to the product what any login does: an account
may be created there, brought up to date, put into groups and taken out of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from reconciler.core.check import PRODUCT_LOGIN, Check, Landing, Person, broken, doubtful, fine, hidden
from reconciler.core.hosts import is_below
from reconciler.core.intent import SignOn
from reconciler.core.login import Start, asked_by, bare, clean
from reconciler.flows.account import TOO_MANY, Account, form_number, limited
from reconciler.flows.registry import PROVIDER_RECORDS
from reconciler.flows.way import Way
from reconciler.transport.browsing import End, Walk, open_browser
from reconciler.transport.budget import Retries
from reconciler.transport.http import Access, open_http

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class ProductLogin:
    """A login through the product, which begins at `start`.

    `expected` is who the claims make the account, if that is known. `person` is who the product says was logged in,
    once it is through.
    """

    sign_on: SignOn
    account: Account
    start: Start
    retries: Retries
    expected: Landing | None = None
    person: Person | None = None

    def run(self) -> Iterator[Check]:
        """The check. RequestError if a system does not answer; the password goes to Clavex's form alone."""
        sign_on, product = self.sign_on, self.sign_on.product
        who = PROVIDER_RECORDS[product.provider].who
        with open_browser([product, sign_on.issuer_system], retries=self.retries, access=Access.WRITE) as browser:
            way = Way(sign_on, browser)
            walk = browser.walk(self.start.url)
            number = form_number(walk.answer.content) if walk.answer and is_below(walk.urls[-1], way.endpoint) else ""
            if not number:
                seen = f"not tried: the way from {product.name} does not lead to Clavex's login form"
                yield hidden(PRODUCT_LOGIN, sign_on.where, seen, "see the checks start and authorize")
                return
            walk = browser.submit(way.endpoint, self.account.fill_in(number))
            session = browser.session(product)
        if walk.answer is not None and walk.answer.status == TOO_MANY:
            yield limited(PRODUCT_LOGIN, sign_on.where)
            return
        if not any(is_below(url, sign_on.callback or product.url) for url in walk.urls):
            yield self._not_back(walk)
            return
        if who is None:
            seen = f"the login came back to {product.name}, which does not tell who is logged in"
            yield hidden(PRODUCT_LOGIN, sign_on.where, seen, "log in once with a browser")
            return
        if session.get_secret_value():  # who has no session was not logged in
            with open_http(product, {"Cookie": session}, access=Access.READ) as http:
                self.person = who(http)
        yield self._nobody(walk) if self.person is None else self._somebody(self.person)

    def _somebody(self, person: Person) -> Check:
        product, proof = self.sign_on.product.name, "this proves the plugin's own copy of the client secret"
        seen = f"{product} logged {self.account.user} in as {clean(person.username)}{_in_groups(person)}; {proof}"
        if self.expected is None:
            return fine(PRODUCT_LOGIN, self.sign_on.where, seen)
        name = self.expected.username
        if name and name.casefold() != person.username.casefold():
            seen = f"{seen}; the claims call the account {clean(name)}"
            remedy = "does the plugin look people up by another claim, or change the name?"
            return doubtful(PRODUCT_LOGIN, self.sign_on.where, seen, remedy)
        held = {group.casefold() for group in person.groups or ()}
        missing = sorted({ours for _, ours in self.expected.groups if ours and ours.casefold() not in held})
        if person.groups is not None and missing:
            seen = f"{seen}; missing, though Clavex sends them and the spec maps them: {', '.join(missing)}"
            remedy = "reconciler doctor: the checks group-claim and update-on-login; look into the log of the product"
            return doubtful(PRODUCT_LOGIN, self.sign_on.where, seen, remedy)
        return fine(PRODUCT_LOGIN, self.sign_on.where, seen)

    def _nobody(self, walk: Walk) -> Check:
        """The product had the code and logged nobody in; a product tells the reason in its log only."""
        product = self.sign_on.product.name
        told = next((asked["error"] for asked in map(asked_by, walk.urls) if asked.get("error")), "")
        seen = f"{product} had the answer of Clavex and logged nobody in: it {self._answered(walk)}"
        if told:
            seen = f"{seen}; Clavex had told it {clean(told)}"
        if self.expected is not None and not self.expected.username:
            return broken(PRODUCT_LOGIN, self.sign_on.where, seen, "see the check claims-arrived: no user name came")
        remedy = (
            f"the log of {product} says why. If it is invalid_client, the plugin's own copy of the secret is another "
            f"than the stored one: reconciler forget its address, then apply, writes it anew. Else: is there an "
            f"account of that name, or may the login create one (create_users), and is one of its groups let in (the "
            f"check application-access of reconciler doctor)?"
        )
        return broken(PRODUCT_LOGIN, self.sign_on.where, seen, remedy)

    def _answered(self, walk: Walk) -> str:
        reached, status = bare(walk.urls[-1]), walk.answer.status if walk.answer else 0
        match walk.end:
            case End.LOOP:
                return f"leads round in a circle, the last time to {reached}"
            case End.ELSEWHERE:
                return f"leads to {reached}, which was not opened"
            case _ if status >= HTTPStatus.BAD_REQUEST:
                return f"answers {status} at {reached}"
            case _ if "login" in urlsplit(reached).path.rpartition("/")[2].lower():
                return f"shows its login page again, {reached}"
            case _:
                return f"shows {reached} to somebody who is not logged in"

    def _not_back(self, walk: Walk) -> Check:
        """Clavex did not send the browser back to the plugin."""
        reached, status = bare(walk.urls[-1]), walk.answer.status if walk.answer else 0
        seen = f"Clavex does not send {self.account.user} back to {self.sign_on.product.name}"
        seen = f"{seen}: {status or 'no answer'} at {reached}"
        remedy = "is the password right, is the user active, and does Clavex want a second factor?"
        return broken(PRODUCT_LOGIN, self.sign_on.where, seen, remedy)


def _in_groups(person: Person) -> str:
    if person.groups is None:
        return ", with groups that it does not tell"
    return f", with the groups {clean(', '.join(person.groups))}" if person.groups else ", in no group"

"""The seams to the systems: what the engine asks of transports, providers and plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from reconciler.core.intent import Facts, Intent, SignOn, System

if TYPE_CHECKING:
    # Nothing evaluates the annotations of these records, and a plan checks no login.
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from pydantic import BaseModel, JsonValue, SecretStr

    from reconciler.core.address import Address
    from reconciler.core.check import Check, Person
    from reconciler.core.desired import Desired, DesiredState
    from reconciler.core.login import Start
    from reconciler.core.losses import Members
    from reconciler.core.observed import Lookup, Observation, ObservedState, Owner
    from reconciler.core.resource import Attributes, ResourceType
    from reconciler.diagnostic import Diagnostic


# --- talking to systems -------------------------------------------------------------------------------------------


class Answer(Protocol):
    """What a system answered."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers; names in lower case."""

    @property
    def content(self) -> bytes:
        """The body."""

    def json(self) -> Any:  # noqa: ANN401 - JSON is any value
        """The body as JSON; BadAnswerError if it is not."""


class Http(Protocol):
    """One system's HTTP: knows its base URL and credentials, retries what is safe, raises our errors only.

    `ok` are the statuses that are answers; any other raises StatusError. A path begins with a slash and is relative
    to the system's URL. A redirect is never followed: it raises BadAnswerError unless `ok` names its status.
    """

    @property
    def url(self) -> str:
        """The system's base URL, without a trailing slash."""

    def get(
        self,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        ok: Sequence[int] = (200,),
        headers: Mapping[str, str] | None = None,
        anonymous: bool = False,
        pages: bool = False,
    ) -> Answer:
        """Reads. Retried on connection errors, 429 and 5xx gateway answers. `anonymous` sends no credential."""

    def send(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        form: Mapping[str, str] | None = None,
        params: Mapping[str, str | int] | None = None,
        ok: Sequence[int] = (200,),
        headers: Mapping[str, str] | None = None,
        repeatable: bool = True,
        anonymous: bool = False,
        pages: bool = False,
    ) -> Answer:
        """Writes. `json` that is bytes is JSON already. A `repeatable` write is retried like a read.

        One that is not repeatable raises InDoubtError when its answer was lost, and is sent again only where it
        surely was not carried out (no connection, 429). An HTML page or an error under a status of success is no
        answer: BadAnswerError for a read, InDoubtError for a write, unless `pages` are expected.
        """

    def first_message(self, path: str) -> str:
        """Opens a WebSocket with the system's credentials, and gives the first text message."""


LOCAL_PATH: dict[str, JsonValue] = {"local_path": True}
"""`json_schema_extra` of an option that is a path of this machine: a spec may only name one where it is permitted."""


# --- providers ----------------------------------------------------------------------------------------------------


class Credentials(NamedTuple):
    """What a system is asked with: a token, or a user name and a password."""

    token: SecretStr | None = None
    username: str = ""
    password: SecretStr | None = None


class Write(NamedTuple):
    """What a handler is asked to write.

    `attributes` are the resource's attributes as they shall be; `changed` names those that differ (for a create:
    all). Secrets are in `secrets` by attribute name, and only as handles in `attributes`. `owner` is the mark to
    leave; None takes our mark off. `remote_id` is empty for a create.
    """

    address: Address
    attributes: Attributes
    changed: frozenset[str] = frozenset()
    remote_id: str = ""
    owner: Owner | None = None
    secrets: Mapping[str, SecretStr] = {}


class Written(NamedTuple):
    """What a write led to.

    `secret` is a secret that the server made and shows only now. `manual` is what a person must do now, line by
    line; empty when the work is done. `found`: a create found it there already, and who made it is not known.
    """

    remote_id: str
    secret: SecretStr | None = None
    manual: tuple[str, ...] = ()
    found: bool = False


class Handler(Protocol):
    """Reads and writes the resources of one type in one system. Never logs, sleeps or retries."""

    def read(self, wanted: Sequence[Lookup]) -> Mapping[Address, Observation]:
        """An answer for every address: present, absent or unreadable.

        Raises nothing of its own: what could not be read is Unreadable.
        """

    def create(self, write: Write) -> Written:
        """Makes the object; never a second one. What a read gives afterwards equals what was written."""

    def update(self, write: Write) -> Written:
        """Writes the `changed` attributes and keeps everything else as it is."""

    def delete(self, write: Write) -> None:
        """Removes the object; removing what is gone succeeds. `attributes` are those last applied.

        ManualError if a person has to do it.
        """


@runtime_checkable
class RotatingHandler(Protocol):
    """A handler whose objects have a secret that the server makes."""

    def rotate(self, write: Write) -> Written:
        """Makes a new secret; the old one is refused from then on."""

    def prove(self, write: Write) -> bool:
        """Asks the server whether `secrets` holds the secret in force. Changes nothing."""


@runtime_checkable
class MembersHandler(Protocol):
    """A handler of groups that can tell who is in one."""

    def members(self, name: str) -> Members | None:
        """Who is in the group; None if the system does not tell. ReconcilerError if it cannot be read."""


class Connection(NamedTuple):
    """An open system: what was found out about it, and its handlers by resource type."""

    facts: Facts
    handlers: Mapping[str, Handler]


class Expansion(NamedTuple):
    """What intents become for one provider or plugin: resources, and findings for a person."""

    resources: tuple[Desired, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()


class Fingerprinter(NamedTuple):
    """Gives the keyed fingerprint of a secret that a handler could read."""

    of: Callable[[SecretStr], str]


class Examination(NamedTuple):
    """What there is to look at for the checks of one system.

    `http` refuses every request but reads. `facts` are those of the connection; `assumed` if there was none, and then
    `observed` knows nothing of this system. `intent`, `desired` and `observed` are those of the whole stack.
    """

    system: System
    credentials: Credentials
    http: Http
    facts: Facts
    intent: Intent
    desired: DesiredState
    observed: ObservedState
    now: datetime


def examine_nothing(examination: Examination) -> Iterable[Check]:  # noqa: ARG001 - the default answer
    """Nothing is known to check."""
    return ()


def examine_no_sign_on(sign_on: SignOn, examination: Examination) -> Iterable[Check]:  # noqa: ARG001 - likewise
    """Nothing is known to check."""
    return ()


def asks_discovery(sign_on: SignOn) -> bool:  # noqa: ARG001 - likewise
    """The plugin asks discovery itself."""
    return False


class Provider(NamedTuple):
    """Our code for one kind of system. A record, not a base class: a new system is one such record.

    `settings` validates what only this provider understands in a `[systems.*]` table. `authenticate` gives the
    request headers for the credentials; SecretError, without the value, if they are malformed. `expand` is pure: it
    turns the intent into the resources of one system, and says what will and will not hold there. `connect` asks
    what it must (`known` are facts recorded before, which need not be asked again; `endpoints`: whether somebody
    needs the endpoints of discovery) and gives the handlers. `remembers` names the facts that never change, and so
    are kept in the state. `examine` gives the checks of `doctor` for one system; it only reads, and may raise
    ReconcilerError where a read fails. `who` asks a product who is logged in, over HTTP that has a person's session
    for a credential: None for nobody; the record has none where no product of the kind can tell.
    """

    name: str
    settings: type[BaseModel]
    types: tuple[ResourceType, ...]
    authenticate: Callable[[Credentials], Mapping[str, SecretStr]]
    expand: Callable[[Intent, System, Facts], Expansion]
    connect: Callable[[System, Http, Mapping[str, str], bool], Connection]
    assumed: Facts = Facts()
    remembers: tuple[str, ...] = ()
    examine: Callable[[Examination], Iterable[Check]] = examine_nothing
    who: Callable[[Http], Person | None] | None = None


class PluginProvider(NamedTuple):
    """Our code for one SSO plugin of the products.

    `callback` gives the redirect URI of a sign-on; `claims_from` is where the plugin is assumed to read claims, by
    default. `options` validates the table named after the plugin. `expand` turns one sign-on into resources of its
    product's system; it gets the facts of the product and of the Clavex that the client lives in. `handlers` are
    made from the product's open HTTP; their keys are the names of `types`. `needs_endpoints`: whether the endpoints
    of discovery are stored one by one for this sign-on. `examine` gives the checks of `doctor` for one sign-on of a
    product that could be connected, like that of a provider. `start` is where a login begins in such a product, or a
    check that says why nobody knows; it only reads, and may raise ReconcilerError. The record has none where nobody
    has written that down.
    """

    name: str
    title: str
    options: type[BaseModel]
    types: tuple[ResourceType, ...]
    callback: Callable[[SignOn], str]
    claims_from: str
    expand: Callable[[SignOn, Facts, Facts], Expansion]
    handlers: Callable[[Http, System, Sequence[SignOn], Fingerprinter], Mapping[str, Handler]]
    needs_endpoints: Callable[[SignOn], bool] = asks_discovery
    examine: Callable[[SignOn, Examination], Iterable[Check]] = examine_no_sign_on
    start: Callable[[SignOn, Examination], Start | Check] | None = None

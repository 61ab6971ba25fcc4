"""The seams: what the engine asks of providers, transports, backends, secret stores and clocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from pydantic import BaseModel, JsonValue, SecretStr

from reconciler.core.address import Address
from reconciler.core.check import Check, Person, hidden
from reconciler.core.desired import Desired, DesiredState
from reconciler.core.intent import Facts, Intent, SignOn, System
from reconciler.core.login import START, Start
from reconciler.core.observed import Lookup, Observation, ObservedState, Owner
from reconciler.core.resource import Attributes, ResourceType
from reconciler.diagnostic import Diagnostic

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from reconciler.core.losses import Members
    from reconciler.core.secret import SecretStatus


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


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a system is asked with: a token, or a user name and a password."""

    token: SecretStr | None = None
    username: str = ""
    password: SecretStr | None = None


@dataclass(frozen=True, slots=True)
class Write:
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
    secrets: Mapping[str, SecretStr] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Written:
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


@dataclass(frozen=True, slots=True)
class Connection:
    """An open system: what was found out about it, and its handlers by resource type."""

    facts: Facts
    handlers: Mapping[str, Handler]


@dataclass(frozen=True, slots=True)
class Expansion:
    """What intents become for one provider or plugin: resources, and findings for a person."""

    resources: tuple[Desired, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Fingerprinter:
    """Gives the keyed fingerprint of a secret that a handler could read."""

    of: Callable[[SecretStr], str]


@dataclass(frozen=True, slots=True)
class Examination:
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


def start_unknown(sign_on: SignOn, examination: Examination) -> Start | Check:  # noqa: ARG001 - likewise
    """Nobody knows at which address a login begins."""
    seen = f"at which address of {sign_on.product.name} a login begins nobody has written down"
    return hidden(START, sign_on.where, seen, "log in once with a browser")


@dataclass(frozen=True, slots=True)
class Provider:
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
    assumed: Facts = field(default_factory=Facts)
    remembers: tuple[str, ...] = ()
    examine: Callable[[Examination], Iterable[Check]] = examine_nothing
    who: Callable[[Http], Person | None] | None = None


@dataclass(frozen=True, slots=True)
class PluginProvider:
    """Our code for one SSO plugin of the products.

    `callback` gives the redirect URI of a sign-on; `claims_from` is where the plugin is assumed to read claims, by
    default. `options` validates the table named after the plugin. `expand` turns one sign-on into resources of its
    product's system; it gets the facts of the product and of the Clavex that the client lives in. `handlers` are
    made from the product's open HTTP; their keys are the names of `types`. `needs_endpoints`: whether the endpoints
    of discovery are stored one by one for this sign-on. `examine` gives the checks of `doctor` for one sign-on of a
    product that could be connected, like that of a provider. `start` is where a login begins in such a product, or a
    check that says why nobody knows; it only reads, and may raise ReconcilerError.
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
    start: Callable[[SignOn, Examination], Start | Check] = start_unknown


# --- what lies on our side ----------------------------------------------------------------------------------------


class SecretStore(Protocol):
    """Gives and takes secrets by name."""

    def get(self, name: str) -> SecretStr | None:
        """The secret, or None if the store has none of that name. SecretError if the store cannot be asked."""

    def put(self, name: str, value: SecretStr) -> None:
        """Keeps the secret; durable when it returns. SecretError otherwise."""

    def check_writable(self) -> None:
        """Proves that a secret could be kept now. SecretError, with what to do, if not."""


class Secrets(Protocol):
    """All secret stores behind their handles (`str(handle)`)."""

    def value(self, handle: str) -> SecretStr | None:
        """The secret, or None if its store has none of that name."""

    def put(self, handle: str, value: SecretStr) -> None:
        """Keeps the secret; durable when it returns."""

    def check_writable(self, handle: str) -> None:
        """Proves that this secret could be kept now."""

    def status(self, handle: str) -> SecretStatus:
        """Whether there is a value, its fingerprint, and whether the store can be written."""

    def fingerprint(self, value: SecretStr) -> str:
        """The keyed fingerprint of a value."""

    def ensure_key(self) -> str:
        """The store that now holds the key of the fingerprints; before the first of them is recorded."""


@dataclass(frozen=True, slots=True)
class LockInfo:
    """Who holds a lock."""

    id: str
    who: str
    host: str
    pid: int
    operation: str
    since: str


@dataclass(frozen=True, slots=True)
class Past:
    """A snapshot that another took the place of. `id` is a word; `written` is when it was put, in ISO 8601."""

    id: str
    written: str


class Backend(Protocol):
    """Keeps the bytes of one state. Dumb: all rules are in the state store above it.

    What goes wrong is a StateError that says what was and what was not recorded.
    """

    @property
    def where(self) -> str:
        """What to call it in a message. No credential is in it."""

    def get(self) -> tuple[bytes | None, str]:
        """The snapshot (None: there is none) and its version."""

    def put(self, data: bytes, if_version: str) -> str:
        """Replaces the snapshot if its version is still `if_version`, else StateError; the new version.

        Atomic, a compare-and-swap whether or not the lock is held, and the old snapshot is kept in the history.
        """

    def journal(self) -> bytes:
        """The journal; empty if there is none."""

    def append(self, line: bytes, *, wait: bool = True) -> None:
        """Adds to the journal; durable when it returns. Safe to call from many threads, while the lock is held.

        Without `wait` it may return before, and the line is durable no later than the next that waits, or than the
        lock ends.
        """

    def clear_journal(self) -> None:
        """Empties the journal."""

    def lock(self, info: LockInfo) -> AbstractContextManager[None]:
        """Holds the lock. LockedError, naming the holder, if somebody else does.

        The lock of a holder that died is free, by a rule of the backend and not by a guess. Who lost it meanwhile
        can write no more.
        """

    def holder(self) -> LockInfo | None:
        """Who holds the lock now. Changes nothing."""

    def unlock(self, lock_id: str) -> None:
        """Takes the lock of that id from its holder. StateError, with what to do, where that cannot be."""

    def history(self) -> Sequence[Past]:
        """The snapshots before, the newest first; at least twenty. StateError if none are kept here."""

    def past(self, past_id: str) -> bytes:
        """A snapshot of the history. StateError if it has none of that id."""

    def replace_past(self, past_id: str, data: bytes) -> None:
        """Puts other bytes in the place of a snapshot of the history, which keeps its id and its time."""

    def companions(self) -> Sequence[str]:
        """The names of what lies beside the snapshot."""

    def companion(self, name: str) -> tuple[bytes | None, str]:
        """What lies beside the snapshot under a name (None: nothing), and its version."""

    def put_companion(self, name: str, data: bytes, if_version: str) -> str | None:
        """Replaces a companion if its version is still `if_version`; the new version, None if it is not.

        Atomic as `put` is, and durable when it returns. Safe to call from many threads.
        """


class Sealing(Protocol):
    """Encrypts what others keep for us, and reads it again."""

    @property
    def encrypts(self) -> bool:
        """Whether new files are to be encrypted."""

    @property
    def plain_is_meant(self) -> bool:
        """Whether what is encrypted is to become plain again: the spec says so."""

    def encrypt(self, data: bytes) -> bytes:
        """The data, encrypted, as ASCII text."""

    def decrypt(self, data: bytes, where: str) -> bytes:
        """What was encrypted. SecretError, naming `where`, if this run cannot read it."""

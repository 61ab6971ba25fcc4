"""What lives for the length of a login: forms shown, browser sessions, codes, refresh tokens, revocations."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from uuid import uuid4

FORM_SECONDS = 600
CODE_SECONDS = 60
SESSION_SECONDS = 43_200


@dataclass(frozen=True, slots=True)
class Asked:
    """A valid authorization request."""

    slug: str
    org_id: str
    client_id: str
    redirect_uri: str
    scope: str
    state: str
    nonce: str
    challenge: str
    prompt: str
    max_age: int
    mode: str
    hint: str


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that is logged in; `since` in Unix seconds."""

    id: str
    slug: str
    user_id: str
    since: int

    def is_older(self, seconds: int) -> bool:
        """Whether the login was longer ago."""
        return time.time() - self.since > seconds


@dataclass(frozen=True, slots=True)
class Grant:
    """What a user let a client have, at `since` in Unix seconds."""

    asked: Asked
    user_id: str
    since: int


@dataclass(slots=True)
class Refresh:
    """A refresh token: the grant, the family it comes from, and the token that replaced it."""

    grant: Grant
    family: str
    successor: str | None = None
    revoked: bool = False


@dataclass(slots=True)
class Logins:
    """All of it. Codes are taken out when they are used; what is too old is not given out."""

    forms: dict[str, tuple[Asked, float]] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    codes: dict[str, tuple[Grant, float]] = field(default_factory=dict)
    refreshes: dict[str, Refresh] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)
    """The `jti` of access tokens."""

    def clear(self) -> None:
        """Nobody is logged in, nothing is under way."""
        for table in (self.forms, self.sessions, self.codes, self.refreshes, self.revoked):
            table.clear()

    def show_form(self, asked: Asked) -> str:
        """The id of a new login form."""
        form = str(uuid4())
        self.forms[form] = asked, time.monotonic() + FORM_SECONDS
        return form

    def form(self, form: str) -> Asked | None:
        """What was asked when the form was shown."""
        asked, until = self.forms.get(form, (None, 0.0))
        return asked if until > time.monotonic() else None

    def open_session(self, slug: str, user_id: str) -> Session:
        """A new session of a browser."""
        session = Session(str(uuid4()), slug, user_id, int(time.time()))
        self.sessions[session.id] = session
        return session

    def session(self, session_id: str, slug: str) -> Session | None:
        """The session, if it is one of that organisation and not too old."""
        session = self.sessions.get(session_id)
        fresh = session and session.slug == slug and not session.is_older(SESSION_SECONDS)
        return session if fresh else None

    def issue_code(self, asked: Asked, session: Session) -> str:
        """A code that is good for one minute and one use."""
        code = secrets.token_urlsafe(32)
        self.codes[code] = Grant(asked, session.user_id, session.since), time.monotonic() + CODE_SECONDS
        return code

    def issue_refresh(self, grant: Grant, family: str | None = None) -> str:
        """A refresh token, of a new family unless one is named."""
        token = secrets.token_urlsafe(32)
        self.refreshes[token] = Refresh(grant, family or str(uuid4()))
        return token

    def revoke_family(self, family: str) -> None:
        """No refresh token of the family is good any more."""
        for refresh in self.refreshes.values():
            if refresh.family == family:
                refresh.revoked = True

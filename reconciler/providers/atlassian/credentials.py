"""The request headers that Jira and Confluence know a caller by (facts atlassian 2.2)."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from pydantic import SecretStr

from reconciler.errors import SecretError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.ports import Credentials


def authenticate(credentials: Credentials) -> Mapping[str, SecretStr]:
    """A personal access token as Bearer, else user name and password as Basic.

    SecretError, without any value, if there are neither or they cannot be a header.
    """
    if credentials.token is not None:
        token = credentials.token.get_secret_value()
        if not token or not all("!" <= character <= "~" for character in token):
            raise SecretError(
                "the personal access token is empty, or holds a blank or a character that no token has",
                "copy it again, without quotes or a line break",
            )
        return {"Authorization": SecretStr(f"Bearer {token}")}
    password = credentials.password.get_secret_value() if credentials.password else ""
    if not credentials.username or not password:
        raise SecretError(
            "there are no credentials", "give a token, or a username and a password, in the system's table"
        )
    if ":" in credentials.username or not (credentials.username + password).isprintable():
        raise SecretError(
            "the username holds a colon, or it or the password a control character",
            "use a personal access token instead",
        )
    pair = f"{credentials.username}:{password}".encode()
    return {"Authorization": SecretStr(f"Basic {b64encode(pair).decode()}")}

"""Headers for Jira and Confluence."""

from __future__ import annotations

from base64 import b64decode

import pytest
from pydantic import SecretStr

from reconciler.errors import SecretError
from reconciler.ports import Credentials
from reconciler.providers.atlassian.credentials import authenticate


def header(credentials: Credentials) -> str:
    (name, value), *rest = authenticate(credentials).items()
    assert (name, rest) == ("Authorization", [])
    return value.get_secret_value()


def test_a_token_is_a_bearer() -> None:
    assert header(Credentials(SecretStr("NjY2+/="))) == "Bearer NjY2+/="


def test_a_token_goes_before_a_password() -> None:
    assert header(Credentials(SecretStr("t"), "admin", SecretStr("p"))) == "Bearer t"


def test_user_and_password_are_basic_in_utf_8() -> None:
    scheme, _, pair = header(Credentials(username="jürgen", password=SecretStr("pa:ss wörd"))).partition(" ")
    assert scheme == "Basic"
    assert b64decode(pair).decode() == "jürgen:pa:ss wörd"


@pytest.mark.parametrize(
    "credentials",
    [
        Credentials(SecretStr("")),
        Credentials(SecretStr("geheim\n")),
        Credentials(SecretStr("geheim geheim")),
        Credentials(SecretStr("geheim\x7f")),
        Credentials(SecretStr("gehéim")),
        Credentials(),
        Credentials(username="admin"),
        Credentials(username="admin", password=SecretStr("")),
        Credentials(password=SecretStr("geheim")),
        Credentials(username="ad:min", password=SecretStr("geheim")),
        Credentials(username="admin", password=SecretStr("geheim\r\nX: y")),
    ],
)
def test_malformed_credentials_are_an_error_without_the_value(credentials: Credentials) -> None:
    with pytest.raises(SecretError) as caught:
        authenticate(credentials)
    assert caught.value.remedy
    assert "geh" not in str(caught.value)

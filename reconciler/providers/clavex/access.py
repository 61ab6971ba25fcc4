"""What a `[systems.*]` table of a Clavex may hold, and the header that its token travels in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from reconciler.errors import SecretError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.ports import Credentials


def _canonical(text: str) -> str:
    """Only the lower-case form with dashes is taken from every caller (facts clavex 1.5)."""
    try:
        return str(UUID(text))
    except ValueError:
        raise ValueError("this is no UUID, such as 0f8fad5b-d9cb-469f-a165-70867728950e") from None


class ClavexSettings(BaseModel):
    """The keys of a `[systems.*]` table that only Clavex has."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)

    org_id: Annotated[str, AfterValidator(_canonical)] | None = Field(
        None,
        description="The organisation's UUID. Needed only where it cannot be found out by the slug.",
        examples=["0f8fad5b-d9cb-469f-a165-70867728950e"],
    )
    dialect: Literal["released", "guide"] | None = Field(
        None,
        description="How this Clavex is talked to: `released` as the public source has it, `guide` as the published "
        "guide prints it. Default: the server is asked.",
    )


def authenticate(credentials: Credentials) -> Mapping[str, SecretStr]:
    """An API key (`clv_…`) goes into a header of its own, any other token is a Bearer token (facts clavex 1.1).

    SecretError, without the value, if there is no token or it could be none.
    """
    if credentials.token is None:
        raise SecretError("there is no token", 'name one in its table, e.g. token = "env:CLAVEX_TOKEN"')
    token = credentials.token.get_secret_value()
    if not token or not all("!" <= char <= "~" for char in token):
        raise SecretError(
            "the token is empty, or holds a blank or a character that no token has",
            "copy it again, without quotes or a line break",
        )
    if token.startswith("clv_"):
        return {"X-API-Key": credentials.token}
    return {"Authorization": SecretStr(f"Bearer {token}")}

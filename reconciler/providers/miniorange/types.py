"""The resource types of miniOrange."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.resource import Kind, Mark, ResourceType
from reconciler.providers.atlassian.fields import Form
from reconciler.providers.atlassian.sign_ons import (
    FALLBACK,
    LOGIN_FORM,
    MAPPED_GROUPS,
    goes_off,
    loses_administrators,
    moves_groups,
    renames_people,
)
from reconciler.providers.miniorange.keys import NEWEST

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reconciler.core.resource import Attributes
    from reconciler.providers.atlassian.fields import Fields

SOURCE = {"route": Mark.LOCAL, "export": Mark.LOCAL, "import": Mark.LOCAL, "accept_version": Mark.LOCAL}
"""How the document is reached; kept in the state so that a sign-on that left the spec can still be read."""


def locks_out(before: Attributes, after: Attributes) -> Iterable[str]:
    """On-the-fly mapping that may remove groups comes on, or a mapped group of administrators goes."""
    if _removes_groups(after) and not _removes_groups(before):
        yield (
            "on-the-fly group mapping comes on, and may take away the groups that Clavex does not send; "
            "keep_groups = true in the miniorange table leaves memberships alone"
        )
    yield from renames_people(before, after, "username_attribute")
    yield from moves_groups(before, after, "group_attribute")
    yield from loses_administrators(before, after)


def _removes_groups(attributes: Attributes) -> bool:
    return attributes.get("on_the_fly_groups") is True and attributes.get("keep_groups") is not True


def _marks(fields: Fields) -> dict[str, Mark]:
    sets = {Form.WORDS, Form.NAMES}
    return {name: Mark.UNORDERED if field.form in sets else Mark.PLAIN for name, field in fields.items()}


MINIORANGE = ResourceType(
    "miniorange",
    key=("name",),
    attributes={
        **_marks(NEWEST.provider),
        "client_secret": Mark.SECRET,
        "callback": Mark.LOCAL,
        MAPPED_GROUPS: Mark.LOCAL,
        **SOURCE,
    },
    document=True,
    locks_out=locks_out,
    mends=("on_the_fly_groups", "keep_groups", "group_attribute"),
    admits=MAPPED_GROUPS,
)
SIGN_IN = ResourceType(
    "miniorange_sign_in",
    key=(),
    attributes={**_marks(NEWEST.sign_in), **SOURCE},
    kind=Kind.SETTINGS,
    document=True,
    locks_out=goes_off,
    doors=(LOGIN_FORM, FALLBACK),
)

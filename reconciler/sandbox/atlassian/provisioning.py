"""From claims to a person with groups: what each plugin does at a login.

Documented (facts atlassian 3.2, 3.3, 4.4): the built-in app takes `sub` where no claim is named; without
just-in-time provisioning the person must exist; with it, at every login, it renames, updates address and name, and
makes the groups those that were sent. miniOrange: on-the-fly groups of the same name, default groups, no update and
no creation where they are off. Seen in public code (3.2): `${claim}` in an expression. Assumed: a missing claim is an
empty text in an expression; a bare text in one stands for itself; groups that do not exist are left out (miniOrange
may create them); the built-in app knows a person again by `sub`; manual mappings are local group to values.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reconciler.sandbox.atlassian.miniorange_document import is_on, section
from reconciler.sandbox.atlassian.people import LoginError, Person

if TYPE_CHECKING:
    from pydantic import JsonValue

    from reconciler.sandbox.atlassian.idp import Idp
    from reconciler.sandbox.atlassian.miniorange_document import JsonObject
    from reconciler.sandbox.atlassian.world import ProductWorld

_CLAIM = re.compile(r"\$\{([^}]*)\}")
_KEEP = ("ON_THE_FLY_DO_NOT_REMOVE_GROUPS", "ON_THE_FLY_ASSIGN_NEW_GROUPS_ONLY", "KEEP_EXISTING_USER_ROLES")


def admit_by_idp(world: ProductWorld, idp: Idp, claims: JsonObject) -> Person:
    """Who logs in through the built-in app; with just-in-time provisioning, made or changed to fit the claims."""
    name = _needed("the user name", idp.username_claim or "${sub}", claims)
    jit = idp.jit_configuration
    person = world.find_user(name)
    if not jit.user_provisioning_enabled:
        if person is None:
            raise LoginError("unknown-user", f"there is no user {name}, and users are not created at login")
        return person
    display_name = _needed("the display name", jit.mapping_display_name, claims)
    email = _needed("the e-mail address", jit.mapping_email, claims)
    groups = _names(claims.get(jit.mapping_groups))
    if jit.mapping_groups not in claims and world.switches.missing_groups == "refused":
        raise LoginError("missing-claim", f"no claim {jit.mapping_groups!r}, which the groups are read from")
    subject = _text(claims.get("sub"))
    known = next((one for one in world.users.values() if one.subject == subject), None)
    if known and person is None:
        world.rename(known, name)
    person = known or person or world.add_user(name, email, display_name)
    person.email, person.display_name, person.subject = email, display_name, subject
    world.set_groups(person.name, groups)
    return person


def admit_by_miniorange(world: ProductWorld, stored: JsonObject, claims: JsonObject) -> Person:
    """Who logs in through miniOrange."""
    attributes, mapping = section(stored, "Attribute Mapping"), section(stored, "Group Mapping")
    by_email = attributes.get("LOGIN_USER_BY_ATTRIBUTE") == "email"
    name = _attribute(claims, attributes, "USERNAME_ATTRIBUTE")
    email = _attribute(claims, attributes, "EMAIL_ATTRIBUTE")
    login = email if by_email else name
    if not login:
        wanted = attributes.get("EMAIL_ATTRIBUTE" if by_email else "USERNAME_ATTRIBUTE")
        raise LoginError("missing-claim", f"no claim {wanted!r}, which the user is looked up by")
    person = world.find_user_by_email(email) if by_email else world.find_user(name)
    display_name = _display_name(claims, attributes)
    is_new = person is None
    if person is None:
        if is_on(mapping.get("RESTRICT_USER_CREATION")):
            raise LoginError("unknown-user", f"there is no user {login}, and users are not created at login")
        person = world.add_user(name or email, email, display_name or name)
    elif not is_on(attributes.get("KEEP_EXISTING_USER_ATTRIBUTES")):
        person.email, person.display_name = email or person.email, display_name or person.display_name
    sent = _names(claims.get(str(mapping.get("ROLE_ATTRIBUTE"))))
    kept = world.groups_of(person.name) if any(is_on(mapping.get(key)) for key in _KEEP) else []
    world.set_groups(person.name, [*kept, *_mapped(world, mapping, sent), *_defaults(mapping, is_new=is_new)])
    return person


def _mapped(world: ProductWorld, mapping: JsonObject, sent: list[str]) -> list[str]:
    """The product's groups for those that were sent."""
    if is_on(mapping.get("ON_THE_FLY_GROUP_MAPPING")):
        if is_on(mapping.get("CREATE_NEW_GROUPS")):
            for name in sent:
                world.groups.setdefault(world.find_group(name) or name, [])
        return sent
    manual = section(mapping, "ROLE_MAPPING")
    return [local for local, values in manual.items() if set(_names(values)) & set(sent)]


def _defaults(mapping: JsonObject, *, is_new: bool) -> list[str]:
    whom = mapping.get("ENABLE_DEFAULT_GROUPS_FOR")
    return _names(mapping.get("DEFAULT_GROUPS")) if whom == "allUsers" or (whom == "newUsers" and is_new) else []


def _display_name(claims: JsonObject, attributes: JsonObject) -> str:
    keys = ["FULL_NAME_ATTRIBUTE"]
    if is_on(attributes.get("USE_SEPARATE_NAME_ATTRIBUTE")):
        keys = ["FIRST_NAME_ATTRIBUTE", "LAST_NAME_ATTRIBUTE"]
    return " ".join(text for key in keys if (text := _attribute(claims, attributes, key)))


def _attribute(claims: JsonObject, attributes: JsonObject, key: str) -> str:
    return _text(claims.get(str(attributes.get(key))))


def _needed(what: str, expression: str, claims: JsonObject) -> str:
    """The expression with its claims filled in; LoginError if nothing comes of it."""
    text = _CLAIM.sub(lambda found: _text(claims.get(found[1])), expression).strip()
    if not text:
        raise LoginError("missing-claim", f"{what} is {expression or 'not mapped'}, which the claims do not fill")
    return text


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else ""


def _names(value: JsonValue) -> list[str]:
    """A list of names, or the one name."""
    values = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, str) and one]

"""Members as providers send them become the values that facts carry; bodies of groups and PATCH call it."""

import re
from functools import cache
from typing import Final

from rollbook_contracts.identifiers import kind_of
from rollbook_contracts.limits import KEY_CHARACTERS
from rollbook_contracts.urns import GROUP
from rollbook_gateway.dialect import okta
from rollbook_gateway.dialect.absence import is_absent
from rollbook_gateway.scim.compiled import Attribute, Target, group_schema
from rollbook_gateway.scim.errors import ErrorKind, ScimError, shown
from rollbook_gateway.scim.notes import Notes, note
from rollbook_gateway.scim.paths import provider_spelling
from rollbook_gateway.scim.simple_values import check_text
from rollbook_gateway.scim.values import Document, Json

_PLAIN: Final = re.compile(rf"[!-~]{{1,{KEY_CHARACTERS}}}")
"""Nearly every value: nothing can be wrong with it, so that it needs no closer look."""
_NAMES: Final = frozenset({"members", f"{GROUP}:members".lower()})


def is_members(name: str) -> bool:
    """Tell whether an attribute's name means the members of a group, in any case, with or without the URN."""
    return name.lower() in _NAMES


def take_members(sent: Document, notes: Notes) -> Json:
    """Take the members out of a group's body; of several names for them the last counts, a right one before others."""
    names = [name for name in sent if is_members(name)]
    misspelt = [name for name in sent.keys() - names if is_members(provider_spelling(name))]
    for name in misspelt:
        note(notes, f'{shown(name)} was read as "members"')
    members = [sent.pop(name) for name in (*misspelt, *names)]
    return members[-1] if members else None


def member_values(sent: Json) -> list[str]:
    """Return whom a list of members names, each value once; raise ``invalidValue`` for one that can be no member."""
    return _values(sent, groups_allowed=False)


def former_values(sent: Json) -> list[str]:
    """Return whom a list of members to be removed names; a group never was one, so that removing it is no error."""
    return _values(sent, groups_allowed=True)


def member_value(value: Json) -> str:
    """Return the value of one member, checked for what can be stored."""
    if type(value) is not str:
        raise _unfit(value, "text, such as the id of a user")
    if not value.strip():
        raise _unfit(value, "a value that is not empty, such as the id of a user")
    check_text(_value_attribute(), value)
    return value


@cache
def _value_attribute() -> Attribute:
    target = group_schema().resolve("members.value")
    assert isinstance(target, Target)
    return target.leaf


def _values(sent: Json, *, groups_allowed: bool) -> list[str]:
    if is_absent(sent):
        return []
    values: dict[str, None] = {}
    for member in okta.elements(sent):
        value = _value(member)
        if type(value) is not str or not _PLAIN.fullmatch(value):
            value = member_value(value)
        if not groups_allowed:
            _refuse_group(member, value)
        values[value] = None
    return list(values)


def _value(member: Json) -> Json:
    if type(member) is str:  # a reference as bare text, as Entra sends managers
        return member
    if type(member) is not dict:
        raise _unfit(member, 'an object with a "value"')
    return member["value"] if "value" in member else _part(member, "value")


def _refuse_group(member: Json, value: str) -> None:
    is_group = kind_of(value) == "grp" if value.startswith("grp_") else False
    if not is_group and type(member) is dict and len(member) > 1:
        kind, reference = _part(member, "type"), _part(member, "$ref")
        is_group = (isinstance(kind, str) and kind.lower() == "group") or (
            isinstance(reference, str) and "/groups/" in reference.lower()
        )
    if is_group:
        raise ScimError(
            ErrorKind.INVALID_VALUE,
            f"nested groups are not supported: member {shown(value)} is a group. Assign its users instead; nothing of "
            "this request was applied.",
        )


def _part(member: Document, name: str) -> Json:
    if name in member:
        return member[name]
    return next((value for key, value in member.items() if key.lower() == name), None)


def _unfit(value: Json, wanted: str) -> ScimError:
    return ScimError(ErrorKind.INVALID_VALUE, f'attribute "members.value" holds {shown(value)}: send {wanted}')

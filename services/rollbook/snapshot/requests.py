"""The SCIM request of each step; ``applying`` sends it, and the comparison works out by it what would change."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, assert_never

import msgspec

from rollbook.snapshot.steps import (
    AddMembers,
    ChangeGroup,
    ChangeUser,
    CreateGroup,
    CreateUser,
    DeactivateUser,
    GroupStep,
    Known,
    MembersStep,
    Named,
    RemoveMembers,
    SetManager,
    Step,
    UserStep,
)
from rollbook_contracts.urns import ENTERPRISE, GROUP, USER

PATCH_OP: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
MANAGER: Final = f"{ENTERPRISE}:manager"


class Request(NamedTuple):
    """A request to the Tenant URL; ``purpose`` is what it is counted as."""

    purpose: str
    method: str
    path: str
    body: Any


def request_of(step: Step, ids: Mapping[str, str]) -> Request | None:
    """Return a step's request; ``None`` while it is about somebody who could not be made.

    ``ids`` are those that creations answered, by the key that stood for them; a key that is not there is an id itself,
    unless it stands for a line. Members who could not be made are left out.
    """
    match step:
        case CreateUser() | ChangeUser() | DeactivateUser():
            return _user(step)
        case CreateGroup() | ChangeGroup():
            return _group(step)
        case AddMembers() | RemoveMembers():
            return _members(step, ids)
        case SetManager():
            return _manager(step, ids)
        case _:
            assert_never(step)


def user_patch(document: bytes, cleared: Iterable[str], *, lists_in_part: bool) -> dict[str, Any]:
    """Return the PATCH that writes the attributes of a document and clears others.

    Of lists that are known ``lists_in_part`` only the elements of the types in the document are written.
    """
    removals = [{"op": "remove", "path": path} for path in cleared]
    written = msgspec.json.decode(document)
    elements = [
        {"op": "replace", "path": f'{name}[type eq "{element["type"]}"].value', "value": element["value"]}
        for name in (("emails", "phoneNumbers") if lists_in_part else ())
        for element in written.pop(name, ())
    ]
    return patch(*([{"op": "replace", "value": written}] if written else []), *elements, *removals)


def patch(*operations: dict[str, Any]) -> dict[str, Any]:
    """Return a PATCH message."""
    return {"schemas": [PATCH_OP], "Operations": list(operations)}


def is_id(key: str) -> bool:
    """Tell whether a key is an id and not a line of a file."""
    return ":" not in key


def _user(step: UserStep) -> Request:
    match step:
        case CreateUser():
            return Request("create user", "POST", "Users", _created(step.document))
        case ChangeUser():
            body = user_patch(step.document, step.cleared, lists_in_part=step.lists_in_part)
            return Request("change user", "PATCH", f"Users/{step.key}", body)
        case DeactivateUser():
            body = patch({"op": "replace", "value": {"active": False}})
            return Request("deactivate user", "PATCH", f"Users/{step.key}", body)
        case _:
            assert_never(step)


def _group(step: GroupStep) -> Request:
    if isinstance(step, ChangeGroup):
        body = patch({"op": "replace", "value": dict(step.changed)})
        return Request("change group", "PATCH", f"Groups/{step.key}", body)
    head = {"displayName": step.name} | ({"externalId": step.external_id} if step.external_id else {})
    return Request("create group", "POST", "Groups", {"schemas": [GROUP], **head, "members": []})


def _created(document: bytes) -> dict[str, Any]:
    body = msgspec.json.decode(document)
    return {"schemas": [USER, *(name for name in body if name.startswith("urn:"))], **body}


def _members(step: MembersStep, ids: Mapping[str, str]) -> Request | None:
    group = _id(step.key, ids)
    values = [{"value": value} for member in step.members if (value := _value(member, ids)) is not None]
    if group is None or not values:
        return None
    verb = "add" if isinstance(step, AddMembers) else "remove"
    operation = {"op": verb, "path": "members", "value": values}
    return Request(f"{verb} members", "PATCH", f"Groups/{group}", patch(operation))


def _manager(step: SetManager, ids: Mapping[str, str]) -> Request | None:
    user = _id(step.key, ids)
    if user is None:
        return None
    if step.manager is None:
        return Request("clear manager", "PATCH", f"Users/{user}", patch({"op": "remove", "path": MANAGER}))
    value = _value(step.manager, ids)
    if value is None:
        return None
    operation = {"op": "replace", "path": MANAGER, "value": {"value": value}}
    return Request("set manager", "PATCH", f"Users/{user}", patch(operation))


def _value(named: Named, ids: Mapping[str, str]) -> str | None:
    return _id(named.key, ids) if isinstance(named, Known) else named


def _id(key: str, ids: Mapping[str, str]) -> str | None:
    return ids.get(key) or (key if is_id(key) else None)

"""Steps as rows to print: for people one line each, for scripts one object each."""

from collections.abc import Mapping
from typing import Any, Final

from rollbook.snapshot.steps import (
    AddMembers,
    ChangeGroup,
    ChangeUser,
    CreateGroup,
    CreateUser,
    DeactivateUser,
    Known,
    Named,
    RemoveMembers,
    SetManager,
    Step,
)

_VERBS: Final[Mapping[type[Step], str]] = {
    CreateUser: "create user",
    ChangeUser: "change user",
    DeactivateUser: "deactivate user",
    CreateGroup: "create group",
    ChangeGroup: "change group",
    AddMembers: "add members",
    RemoveMembers: "remove members",
    SetManager: "set manager",
}


def told(step: Step) -> dict[str, Any]:
    """Return a step as a row: what is done, about whom, by which line of the snapshot."""
    row: dict[str, Any] = {"step": _VERBS[type(step)], "name": step.name}
    match step:
        case ChangeUser():
            row["changed"] = step.changed
        case ChangeGroup():
            row["changed"] = [name for name, _ in step.changed]
        case SetManager():
            row["manager"] = None if step.manager is None else _named(step.manager)
        case AddMembers() | RemoveMembers():
            row["members"] = [_named(member) for member in step.members]
    if not isinstance(step, DeactivateUser | AddMembers | RemoveMembers):
        row["line"] = str(step.place)
    return row


def _named(named: Named) -> str:
    return named.key if isinstance(named, Known) else named

"""The operations of a PATCH message, checked for their form before any of them is applied."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from rollbook_gateway.dialect import entra
from rollbook_gateway.scim.errors import ErrorKind, ScimError, shown
from rollbook_gateway.scim.notes import Notes, note
from rollbook_gateway.scim.values import Document, Json

Verb: TypeAlias = Literal["add", "replace", "remove"]

_VERBS: Final[dict[str, Verb]] = {verb: verb for verb in get_args(Verb)}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; ``path`` is ``None`` where the value's own names say what is meant."""

    verb: Verb
    path: str | None
    value: Json


def read_operations(message: Document, max_operations: int, notes: Notes | None = None) -> list[Operation]:
    """Return a message's operations; raise ``tooMany`` beyond the limit and ``invalidSyntax`` for what is none."""
    notes = [] if notes is None else notes
    sent = _member(message, "Operations")
    if not isinstance(sent, list) or not sent:
        raise ScimError(
            ErrorKind.INVALID_SYNTAX, 'a PATCH body needs "Operations", an array of one or more operations: send it'
        )
    if len(sent) > max_operations:
        raise ScimError(
            ErrorKind.TOO_MANY,
            f"the PATCH has {len(sent)} operations: send {max_operations} at most in one request",
        )
    return [_operation(operation, notes) for operation in sent]


def _operation(sent: Json, notes: Notes) -> Operation:
    if not isinstance(sent, dict):
        raise ScimError(ErrorKind.INVALID_SYNTAX, f"the operation {shown(sent)} is no object: send one")
    name = _member(sent, "op")
    verb = _VERBS.get(entra.operation_name(name)) if isinstance(name, str) else None
    if verb is None:
        raise ScimError(ErrorKind.INVALID_SYNTAX, f"there is no operation {shown(name)}: use add, replace or remove")
    if name != verb:
        note(notes, f"the operation {shown(name)} was read as {verb}")
    path = _member(sent, "path")
    if path is not None and not isinstance(path, str):
        raise ScimError(ErrorKind.INVALID_PATH, f"the path {shown(path)} is not text: send an attribute path")
    path = path.strip() if path else None
    if verb == "remove":
        if not path:
            raise ScimError(ErrorKind.NO_TARGET, "a remove operation without a path removes nothing: send its path")
    elif "value" not in sent and "value" not in (name.lower() for name in sent):
        raise ScimError(
            ErrorKind.INVALID_VALUE,
            f"the {verb} operation on {shown(path or '')} has no value: send one, null to clear",
        )
    return Operation(verb, path or None, _member(sent, "value"))


def _member(holder: Document, name: str) -> Json:
    """Return a member by its name in any case (RFC 7643, 2.1)."""
    if name in holder:
        return holder[name]
    return next((value for key, value in holder.items() if key.lower() == name.lower()), None)

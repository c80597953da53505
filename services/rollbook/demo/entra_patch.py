"""PATCH as Microsoft Entra ID writes it: the default form, and that of the flag ``aadOptscim062020``."""

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

from rollbook.demo.entra_mapping import MANAGER, Attributes

Dialect: TypeAlias = Literal["default", "flag"]

_PATCH_OP: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


def differences(wanted: Attributes, present: Attributes) -> Attributes:
    """Return the target attributes whose values the target system lacks or has otherwise."""
    return {path: value for path, value in wanted.items() if present.get(path) != value}


def patch_body(changes: Attributes, present: Attributes, dialect: Dialect) -> dict[str, Any]:
    """Return the body that writes changed attributes over what the target system has."""
    operations = _default(changes, present) if dialect == "default" else _flag(changes, present)
    return {"schemas": [_PATCH_OP], "Operations": operations}


def manager_body(manager: str, *, present: str | None, dialect: Dialect) -> dict[str, Any]:
    """Return the body that sets a manager: the id as a bare string, in both forms."""
    verb = "Replace" if present else "Add"
    operation = {"op": verb if dialect == "default" else verb.lower(), "path": MANAGER, "value": manager}
    return {"schemas": [_PATCH_OP], "Operations": [operation]}


def _default(changes: Attributes, present: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One operation for each attribute, its verb with a capital; booleans as the texts ``True`` and ``False``."""
    return [
        {
            "op": "Replace" if path in present else "Add",
            "path": path,
            "value": str(value) if isinstance(value, bool) else value,
        }
        for path, value in changes.items()
    ]


def _flag(changes: Attributes, present: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Operations for filtered paths; the others of a verb in one without a path, unless there is but one."""
    operations: list[dict[str, Any]] = []
    for verb, known in (("add", False), ("replace", True)):
        of_verb = {path: value for path, value in changes.items() if (path in present) is known}
        plain = {path: value for path, value in of_verb.items() if "[" not in path}
        alone = plain if len(plain) == 1 else {}
        operations += [
            {"op": verb, "path": path, "value": value}
            for path, value in of_verb.items()
            if "[" in path or path in alone
        ]
        if len(plain) > 1:
            operations.append({"op": verb, "value": plain})
    return operations

"""Microsoft Entra ID's departures on single values; the SCIM rooms call each where the RFC says otherwise."""

import json
import re
from typing import Any, Final

from rollbook_contracts.urns import ENTERPRISE

_BOOLEANS: Final = {"true": True, "false": False}
_MANAGER: Final = re.compile(r"manager(\.[$\w]+)?", re.IGNORECASE)


def boolean_from_text(text: str) -> bool | None:
    """Read ``"True"`` and ``"False"``, which Entra's default mapping sends for booleans (C03, P01, P11)."""
    return _BOOLEANS.get(text.lower())


def operation_name(text: str) -> str:
    """Read ``Add``, ``Replace`` and ``Remove``, which Entra capitalises without its flag (P01, P04, P24)."""
    return text.lower()


def manager_path(path: str) -> str:
    """Read ``manager`` without its URN as the enterprise manager, and its ``id`` as ``value`` (M07, P19, P21, P22)."""
    urn, _, name = path.rpartition(":")
    if urn.lower() not in {"", ENTERPRISE.lower()} or not _MANAGER.fullmatch(name):
        return path
    attribute, dot, sub_attribute = name.partition(".")
    if sub_attribute.lower() == "id":
        sub_attribute = "value"
    return f"{ENTERPRISE}:{attribute}{dot}{sub_attribute}"


def reference_object(text: str, sub_attributes: Any) -> dict[str, str] | None:
    """Read a manager sent as a bare string: ``value`` of the enterprise one, ``id`` of the LMS's (C02, P14 to P16).

    ``None`` where the complex attribute has neither of the two sub-attributes, so that a string cannot stand for it.
    """
    if "value" in sub_attributes:
        return {"value": text}
    return {"id": text} if "id" in sub_attributes else None


def value_of_reference(value: dict[str, Any]) -> Any:
    """Read ``{"$ref": null, "value": "x"}``, in which Entra wraps values of custom attributes, as what is wrapped.

    An object that says anything else is returned as it stands.
    """
    parts = {name.lower(): part for name, part in value.items()}
    return parts["value"] if parts.keys() | {"$ref"} == {"$ref", "value"} and parts.get("$ref") is None else value


def text_from_number(number: float) -> str:
    """Read a number that was sent for text, such as an employee number from a typed source, as JSON writes it."""
    return json.dumps(number)


def role_from_json_text(element: dict[str, Any]) -> dict[str, Any]:
    """Read a role whose ``value`` is an object written as text, as Entra's PATCH of roles has it (P12).

    The object's ``value`` is the role's value, its ``displayName`` the role's display; its ``id`` means nothing here.
    """
    text = element.get("value")
    if not (isinstance(text, str) and text.startswith("{")):
        return element
    try:
        role = json.loads(text)
    except (ValueError, RecursionError):
        return element
    if not isinstance(role.get("value"), str):
        return element
    display = role.get("displayName")
    return {**element, "value": role["value"], **({"display": display} if isinstance(display, str) else {})}

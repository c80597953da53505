"""Microsoft Entra ID's attribute mappings: from a person to target attributes and a body, and back.

A target attribute is named as in Entra's mapping table: a SCIM path such as ``emails[type eq "work"].value``.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from rollbook.demo.directory import Person
from rollbook_contracts.urns import ENTERPRISE, ILMS, USER

Attributes: TypeAlias = dict[str, str | bool]
"""Values by target attribute."""

MANAGER: Final = f"{ENTERPRISE}:manager"
WORK_EMAIL: Final = 'emails[type eq "work"].value'
EMPLOYEE_NUMBER: Final = f"{ENTERPRISE}:employeeNumber"
_PRIMARY: Final = frozenset({"emails"})
_PATH: Final = re.compile(r'(?:(?P<urn>urn:.+):)?(?P<name>\w+)(?:\[type eq "(?P<type>\w+)"\])?(?:\.(?P<sub>\w+))?')


class Target(NamedTuple):
    """A target attribute, taken apart."""

    urn: str | None
    name: str
    type: str | None
    sub: str | None


def attributes(person: Person) -> Attributes:
    """Map a person by the default mappings and those that the iLMS asks for."""
    return {
        "externalId": person.object_id,
        "userName": person.user_name,
        "active": person.active,
        'addresses[type eq "work"].country': person.country,
        'addresses[type eq "work"].formatted': f"{person.street}, {person.postal_code} {person.locality}",
        'addresses[type eq "work"].locality': person.locality,
        'addresses[type eq "work"].postalCode': person.postal_code,
        'addresses[type eq "work"].streetAddress': person.street,
        "displayName": person.display_name,
        WORK_EMAIL: person.email,
        "name.familyName": person.family_name,
        "name.formatted": person.display_name,
        "name.givenName": person.given_name,
        'phoneNumbers[type eq "mobile"].value': person.mobile,
        'phoneNumbers[type eq "work"].value': person.phone,
        "preferredLanguage": "en-US",
        "title": person.title,
        EMPLOYEE_NUMBER: person.employee_number,
        f"{ENTERPRISE}:department": person.department,
        f"{ENTERPRISE}:division": person.division,
        f"{ILMS}:region": person.region,
        # employeeHireDate is a DateTimeOffset; Microsoft's own tests write seven digits of a second's fraction.
        f"{ILMS}:hireDate": f"{person.hire_date.isoformat()}T08:00:00.0000000Z",
        f"{ILMS}:customField1": person.cost_center,
        f"{ILMS}:customField2": person.locality,
    }


def create_body(wanted: Attributes) -> dict[str, Any]:
    """Return the body of POST: the custom extension nested under its URN, which ``schemas`` does not list."""
    body: dict[str, Any] = {"schemas": [USER, ENTERPRISE]}
    for path, value in wanted.items():
        _put(body, target(path), value)
    return body | {"meta": {"resourceType": "User"}, "roles": []}


def read(resource: Mapping[str, Any], paths: Attributes) -> Attributes:
    """Return those of the target attributes that a resource of the target system has."""
    found = {path: _get(resource, target(path)) for path in paths}
    return {path: value for path, value in found.items() if value is not None}


def manager_of(resource: Mapping[str, Any]) -> str | None:
    """Return the id of the manager that the target system knows of, as Entra reads it: an object under the URN."""
    manager = resource.get(ENTERPRISE, {}).get("manager")
    return manager.get("value") if manager else None


def target(path: str) -> Target:
    """Take a target attribute apart."""
    match = _PATH.fullmatch(path)
    assert match is not None, f"the mapping has no such target attribute: {path}"
    return Target(**match.groupdict())


def _put(body: dict[str, Any], at: Target, value: str | bool) -> None:
    parent = body.setdefault(at.urn, {}) if at.urn else body
    if at.type:
        parent = _element(parent.setdefault(at.name, []), at)
    elif at.sub:
        parent = parent.setdefault(at.name, {})
    parent[at.sub or at.name] = value


def _element(elements: list[dict[str, Any]], at: Target) -> dict[str, Any]:
    for element in elements:
        if element["type"] == at.type:
            return element
    made: dict[str, Any] = {"primary": True} if at.name in _PRIMARY else {}
    elements.append(made | {"type": at.type})
    return elements[-1]


def _get(resource: Mapping[str, Any], at: Target) -> Any:
    parent: Any = resource.get(at.urn, {}) if at.urn else resource
    value = parent.get(at.name)
    if at.type:
        value = next((element for element in value or () if element.get("type") == at.type), None)
    return value.get(at.sub) if at.sub and value else value

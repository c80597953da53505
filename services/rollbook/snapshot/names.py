"""Whom a value names: the rule by which the projector links references, over the people as they will be."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from rollbook_contracts.emails import principal_email
from rollbook_contracts.folding import fold, fold_name
from rollbook_contracts.urns import ENTERPRISE, ILMS

_SEVERAL: Final = ""
"""Stands where two people have a value: it names neither."""


class NameSet(NamedTuple):
    """Those values of a person that references may name the person by, in the order in which they are tried."""

    external_id: str | None
    user_name: str
    email: str | None
    employee_number: str | None
    display_name: str | None


def names_of(document: Mapping[str, Any]) -> NameSet:
    """Return a document's names."""
    return NameSet(
        document.get("externalId"),
        document["userName"],
        principal_email(document.get("emails", ())),
        document.get(ENTERPRISE, {}).get("employeeNumber"),
        document.get("displayName"),
    )


def manager_values(document: Mapping[str, Any]) -> list[str]:
    """Return the values by which a document names the manager, the first that links first."""
    enterprise = document.get(ENTERPRISE, {}).get("manager") or {}
    ilms = document.get(ILMS, {}).get("manager") or {}
    sent = (enterprise.get("value"), ilms.get("id"), ilms.get("email"), ilms.get("displayName"))
    return [value for value in sent if value]


class Names:
    """Everybody's names; a *key* stands for a person: the id, or a text of the caller's for one who has none yet."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._external_ids: dict[str, str] = {}
        self._user_names: dict[str, str] = {}
        self._emails: dict[str, str] = {}
        self._employee_numbers: dict[str, str] = {}
        self._display_names: dict[str, str] = {}
        self._links: dict[str, str | None] = {}
        """What was answered already: a member of many groups is asked for many times."""

    def add(self, key: str, names: NameSet, *, has_id: bool) -> None:
        """Take a person in."""
        self._links.clear()
        if has_id:
            self._ids.add(key)
        for table, value in (
            (self._external_ids, names.external_id),
            (self._user_names, fold_name(names.user_name)),
            (self._emails, names.email and fold(names.email)),
            (self._employee_numbers, names.employee_number),
            (self._display_names, names.display_name and fold(names.display_name)),
        ):
            if value:
                table[value] = key if table.get(value, key) == key else _SEVERAL

    def link(self, value: str) -> str | None:
        """Return the key of the person whom a value names; the first kind of name with any holder decides."""
        if value not in self._links:
            self._links[value] = self._link(value)
        return self._links[value]

    def _link(self, value: str) -> str | None:
        if value in self._ids:
            return value
        folded = fold(value)
        for table, wanted in (
            (self._external_ids, value),
            (self._user_names, fold_name(value)),
            (self._emails, folded),
            (self._employee_numbers, value),
            (self._display_names, folded),
        ):
            found = table.get(wanted)
            if found is not None:
                return found or None
        return None

    def first_link(self, values: list[str]) -> str | None:
        """Return the person whom the first value that links names."""
        return next((found for value in values if (found := self.link(value)) is not None), None)

    def person(self, value: str) -> str | None:
        """Return the person whose externalId or userName a value is, in this order."""
        found = self._external_ids.get(value) or self._user_names.get(fold_name(value))
        return found or None

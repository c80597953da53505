"""CSV as a directory exports it: the columns' names say what each row is, and where each cell goes in SCIM."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from rollbook_contracts.urns import ENTERPRISE, ILMS
from rollbook_gateway.scim.compiled import Target, user_schema
from rollbook_gateway.scim.paths import meaning

Kind: TypeAlias = Literal["user", "group", "membership", "manager"]
Put: TypeAlias = Callable[[dict[str, Any], str], None]
"""Puts a cell's text where it belongs in the object of its row."""

KINDS: Final[tuple[Kind, ...]] = ("user", "group", "membership", "manager")
FIELDS: Final[Mapping[Kind, tuple[str, ...]]] = {
    "group": ("displayName", "externalId"),
    "membership": ("group", "member"),
    "manager": ("user", "manager"),
}
"""The columns of a row that is no person, in their spelling."""
ALIASES: Final = {
    "givenname": "name.givenName",
    "firstname": "name.givenName",
    "familyname": "name.familyName",
    "lastname": "name.familyName",
    "email": 'emails[type eq "work"].value',
    "mail": 'emails[type eq "work"].value',
    "phone": 'phoneNumbers[type eq "work"].value',
    "mobile": 'phoneNumbers[type eq "mobile"].value',
    "employeeid": f"{ENTERPRISE}:employeeNumber",
    **{
        name.lower(): f"{ENTERPRISE}:{name}"
        for name in ("employeeNumber", "costCenter", "organization", "division", "department")
    },
    **{
        name.lower(): f"{ILMS}:{name}"
        for name in ("region", "hireDate", *(f"customField{number}" for number in range(1, 5)))
    },
}
"""Short names of columns; any SCIM path of a single value does as well."""
_ELEMENTS: Final = {
    f'{name}[type eq "{kind}"].value': (name, kind)
    for name, kind in (("emails", "work"), ("phoneNumbers", "work"), ("phoneNumbers", "mobile"))
}
_BOOLEANS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class UnfitHeaderError(Exception):
    """A header line that says nothing of its rows."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class UnfitRowError(Exception):
    """A row that its header does not fit."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What a header line means: the kind of every row (``None``: each names its own), and where each column goes."""

    kind: Kind | None
    names: list[str]

    def object(self, cells: list[str]) -> "dict[str, Any] | UnfitRowError":
        """Return a row as an object with a ``type``; empty cells say nothing."""
        if len(cells) != len(self.names):
            return UnfitRowError(
                f"cells: {len(cells)}, columns: {len(self.names)}; a row has as many, empty ones counted"
            )
        given = {name: cell.strip() for name, cell in zip(self.names, cells, strict=True) if cell.strip()}
        kind = self.kind or _kind(given.pop("type", ""))
        if isinstance(kind, UnfitRowError):
            return kind
        body: dict[str, Any] = {"type": kind}
        try:
            for name, cell in given.items():
                _cell(kind, name)(body, cell)
        except UnfitRowError as error:
            return error
        return body


def layout(header: list[str]) -> Layout:
    """Read a header line; raises ``UnfitHeaderError`` with everything that is wrong with it."""
    names = ["type" if name.strip().lower() == "type" else name.strip() for name in header]
    kind = None if "type" in names else _kind_of_all(names)
    problems = [f"column {name!r} stands twice" for name in sorted({n for n in names if n and names.count(n) > 1})]
    problems += [
        f"column {number} has no title: give it one, or delete the column"
        for number, name in enumerate(names, start=1)
        if not name
    ]
    problems += [] if "type" in names or kind else [_UNKNOWN]
    if not problems:
        kinds = (kind,) if kind else KINDS
        problems += [
            f"column {name!r} is none of a {' or a '.join(kinds)}; leave it out or give it the name of a SCIM attribute"
            for name in names
            if name != "type" and all(isinstance(_known(each, name), UnfitRowError) for each in kinds)
        ]
    if problems:
        raise UnfitHeaderError(problems)
    return Layout(kind, names)


_UNKNOWN: Final = (
    "the columns do not say what the rows are: there must be type, or userName (people), displayName (groups), "
    "group and member (memberships), user and manager (managers)"
)


def _kind_of_all(names: list[str]) -> Kind | None:
    present = {name.lower() for name in names}
    if {"group", "member"} <= present:
        return "membership"
    if "username" in present:
        return "user"
    if {"user", "manager"} <= present:
        return "manager"
    return "group" if "displayname" in present else None


def _kind(text: str) -> "Kind | UnfitRowError":
    for kind in KINDS:
        if kind == text.lower():
            return kind
    return UnfitRowError(f"type {text!r} is none of {', '.join(KINDS)}")


def _cell(kind: Kind, name: str) -> Put:
    put = _known(kind, name)
    if isinstance(put, UnfitRowError):
        raise put
    return put


def _known(kind: Kind, name: str) -> "Put | UnfitRowError":
    """Return where a column goes in a row of a kind."""
    if kind != "user":
        for known in FIELDS[kind]:
            if known.lower() == name.lower():
                return lambda body, cell: body.update({known: cell})
        return UnfitRowError(f"column {name!r} means nothing for a {kind}")
    if name.lower() == "manager":
        return lambda body, cell: body.update({"manager": cell})
    return _attribute(ALIASES.get(name.lower(), name))


def _attribute(path: str) -> "Put | UnfitRowError":
    if path in _ELEMENTS:
        attribute, kind = _ELEMENTS[path]
        return lambda body, cell: body.setdefault(attribute, []).append(_element(attribute, kind, cell))
    target = meaning(path, user_schema())
    if not isinstance(target, Target) or target.attribute.multi_valued or target.leaf.type == "complex":
        return UnfitRowError(f"column {path!r} means nothing for a user")
    return lambda body, cell: _place(body, target, cell)


def _element(attribute: str, kind: str, cell: str) -> dict[str, Any]:
    return {"value": cell, "type": kind} | ({"primary": True} if attribute == "emails" else {})


def _place(body: dict[str, Any], target: Target, cell: str) -> None:
    attribute, part = target.attribute, target.sub_attribute
    holder = body.setdefault(attribute.schema, {}) if attribute.extension else body
    if part is not None:
        holder = holder.setdefault(attribute.name, {})
    holder[(part or attribute).name] = _value(target, cell)


def _value(target: Target, cell: str) -> str | bool:
    if target.leaf.type != "boolean":
        return cell
    value = _BOOLEANS.get(cell.lower())
    if value is None:
        raise UnfitRowError(f"{target.path} is {cell!r}: write true or false")
    return value

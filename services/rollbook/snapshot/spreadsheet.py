"""CSV as a directory exports it: the columns' names say what each row is, and where each cell goes in SCIM."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, TypeAlias

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
    "userprincipalname": "userName",
    "accountenabled": "active",
    "jobtitle": "title",
    "givenname": "name.givenName",
    "firstname": "name.givenName",
    "familyname": "name.familyName",
    "lastname": "name.familyName",
    "surname": "name.familyName",
    "email": 'emails[type eq "work"].value',
    "mail": 'emails[type eq "work"].value',
    "phone": 'phoneNumbers[type eq "work"].value',
    "telephonenumber": 'phoneNumbers[type eq "work"].value',
    "mobile": 'phoneNumbers[type eq "mobile"].value',
    "mobilephone": 'phoneNumbers[type eq "mobile"].value',
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
"""Short names of columns, and those of Entra; any SCIM path of a single value does as well."""
_ENTRA_DOWNLOAD: Final = frozenset({"userprincipalname", "objectid", "accountenabled"})
"""Columns that the file of Entra's Download users has, and that show that a file is one."""
_ENTRA_ONLY: Final = frozenset(
    [
        "objectid",
        "usagelocation",
        "streetaddress",
        "state",
        "country",
        "physicaldeliveryofficename",
        "officelocation",
        "city",
        "postalcode",
        "authenticationphonenumber",
        "authenticationalternativephonenumber",
        "authenticationemail",
        "alternateemailaddress",
        "agegroup",
        "consentprovidedforminor",
        "legalagegroupclassification",
        "companyname",
        "creationtype",
        "directorysynced",
        "invitationstate",
        "identityissuer",
        "issuer",
        "createddatetime",
    ]
)
"""Its columns that are no attribute here, or a part of a list such as ``addresses``."""
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


class Column(NamedTuple):
    """What a column says, in SCIM's spelling, and how a cell of it gets into the object of its row."""

    says: str
    put: Put


@dataclass(frozen=True, slots=True)
class Layout:
    """What a header line means: the kind of every row (``None``: each names its own), and where each column goes."""

    kind: Kind | None
    names: list[str]
    left_out: frozenset[str] = frozenset()
    """Columns that are known and not taken in."""

    def object(self, cells: list[str]) -> dict[str, Any]:
        """Return a row as an object with a ``type``; empty cells say nothing. Raises ``UnfitRowError``."""
        if len(cells) != len(self.names):
            raise UnfitRowError(
                f"cells: {len(cells)}, columns: {len(self.names)}; a row has as many, empty ones counted"
            )
        given = {
            name: cell.strip()
            for name, cell in zip(self.names, cells, strict=True)
            if cell.strip() and name not in self.left_out
        }
        kind = self.kind or _kind(given.pop("type", ""))
        body: dict[str, Any] = {"type": kind}
        for name, cell in given.items():
            _column(kind, name).put(body, cell)
        return body


def layout(header: list[str]) -> Layout:
    """Read a header line; raises ``UnfitHeaderError`` with everything that is wrong with it."""
    names = ["type" if name.strip().lower() == "type" else name.strip() for name in header]
    kind = None if "type" in names else _kind_of_all(names)
    kinds = (kind,) if kind else KINDS
    problems = [f"column {at} has no title: give it one, or delete it" for at, name in enumerate(names, 1) if not name]
    problems += _repeated(names, kinds)
    problems += [] if "type" in names or kind else [_UNKNOWN]
    left_out = _left_out(names)
    if not problems:
        problems += [
            f"column {name!r} is none of a {' or a '.join(kinds)}; leave it out or give it the name of a SCIM attribute"
            for name in names
            if name not in {"type", *left_out} and not any(_says(each, name) for each in kinds)
        ]
    if problems:
        raise UnfitHeaderError(problems)
    return Layout(kind, names, left_out)


def _left_out(names: list[str]) -> frozenset[str]:
    if not {name.lower() for name in names} >= _ENTRA_DOWNLOAD:
        return frozenset()
    return frozenset(name for name in names if name.lower() in _ENTRA_ONLY)


def _repeated(names: list[str], kinds: tuple[Kind, ...]) -> list[str]:
    """Return a problem for each column that says what one before it says: the same name, in any case, or an alias."""
    problems = dict[str, None]()
    for kind in kinds:
        seen: dict[str, str] = {}
        for name in filter(None, names):
            says = _says(kind, name) or name.lower()
            if says in seen:
                also = "" if seen[says] == name else f", as {seen[says]!r}"
                problems[f"column {name!r} stands twice{also}"] = None
            seen.setdefault(says, name)
    return list(problems)


_UNKNOWN: Final = (
    "the columns do not say what the rows are: there must be type, or userName (people), displayName (groups), "
    "group and member (memberships), user and manager (managers)"
)


def _kind_of_all(names: list[str]) -> Kind | None:
    present = {name.lower() for name in names}
    present |= {ALIASES[name].lower() for name in present & ALIASES.keys()}
    if {"group", "member"} <= present:
        return "membership"
    if "username" in present:
        return "user"
    if {"user", "manager"} <= present:
        return "manager"
    return "group" if "displayname" in present else None


def _kind(text: str) -> Kind:
    for kind in KINDS:
        if kind == text.lower():
            return kind
    raise UnfitRowError(f"type {text!r} is none of {', '.join(KINDS)}")


def _says(kind: Kind, name: str) -> str | None:
    try:
        return _column(kind, name).says
    except UnfitRowError:
        return None


def _column(kind: Kind, name: str) -> Column:
    """Return what a column says in a row of a kind; raises ``UnfitRowError`` where that is nothing."""
    if kind != "user":
        for known in FIELDS[kind]:
            if known.lower() == name.lower():
                return _text(known)
        raise UnfitRowError(f"column {name!r} means nothing for a {kind}")
    return _text("manager") if name.lower() == "manager" else _attribute(ALIASES.get(name.lower(), name))


def _text(name: str) -> Column:
    return Column(name, lambda body, cell: body.update({name: cell}))


def _attribute(path: str) -> Column:
    if path in _ELEMENTS:
        attribute, kind = _ELEMENTS[path]
        return Column(path, lambda body, cell: body.setdefault(attribute, []).append(_element(attribute, kind, cell)))
    target = meaning(path, user_schema())
    if not isinstance(target, Target) or target.attribute.multi_valued or target.leaf.type == "complex":
        raise UnfitRowError(f"column {path!r} means nothing for a user")
    return Column(target.path, lambda body, cell: _place(body, target, cell))


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

"""Table ``lms.users``: one row for each person of the log."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from rollbook_contracts.datetimes import parse_datetime
from rollbook_contracts.emails import principal_email
from rollbook_contracts.facts.user import (
    UserClaimsChanged,
    UserCreated,
    UserDeactivated,
    UserDeleted,
    UserFact,
    UserReactivated,
    UserUpdated,
)
from rollbook_contracts.folding import fold, fold_name
from rollbook_contracts.search_document import search_text
from rollbook_contracts.tables import lms
from rollbook_contracts.urns import ENTERPRISE, ILMS
from rollbook_projector.changes import UserState
from rollbook_projector.halts import broken_chain
from rollbook_projector.projections.references import check_references
from rollbook_projector.projections.storable import Storable
from rollbook_projector.recorded import Recorded
from rollbook_projector.references.people import Keys
from rollbook_projector.session import Connection
from rollbook_projector.statements import Growth, copy, execute, execute_many, fetch, insert, update

UserKey: TypeAlias = tuple[str, str]
UserRow: TypeAlias = tuple[Any, ...]
"""The values of a row in the order of the table's columns."""

_NUL: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
"""The character's escape in JSON text, and not a backslash before ``u0000``."""
_DOCUMENT: Final = msgspec.json.Decoder(dict[str, Any])
_NONE: Final[Mapping[str, Any]] = MappingProxyType({})


class Person(NamedTuple):
    """A person as a fact has it: the row, but for manager and last change, and the values sent for the manager."""

    row: UserRow
    keys: Keys
    managers: tuple[str | None, ...]


@dataclass(slots=True)
class Users:
    """The people whom a batch touches: their states before it, moved on fact by fact, and the last row of each."""

    states: dict[UserKey, UserState]
    rows: dict[UserKey, UserRow | None] = field(default_factory=dict)
    reassigned: set[UserKey] = field(default_factory=set)
    """Those whose manager changed."""
    buried: list[UserKey] = field(default_factory=list)
    """Those who were deleted, and the ids of those who never came."""
    before: set[UserKey] = field(init=False)
    _read: dict[int, Person | Exception | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.before = set(self.states)

    def read(self, recorded: Recorded) -> Person | Exception | None:
        """Return whom a fact leaves: a person, nobody, or why that cannot be said."""
        if recorded.sequence not in self._read:
            self._read[recorded.sequence] = _read(recorded)
        return self._read[recorded.sequence]

    @property
    def known(self) -> frozenset[UserKey]:
        """Those who have a row and are known."""
        return frozenset(self.before)

    def know(self, states: Mapping[UserKey, UserState]) -> None:
        """Take in people whom no fact of the batch is about, but whose manager may change."""
        self.states |= states
        self.before |= states.keys()

    def apply(self, recorded: Recorded, version: str, predecessor: int | None = None) -> UserState | None:
        """Apply one fact, whose change has a version; return the person's state after it.

        ``predecessor`` replaces the sequence of the last applied fact where that one was discarded. Raises ``Halt``
        where the chain of facts is broken, anything else for a reason of the fact's own; then nothing is changed here.
        """
        key = (recorded.tenant, recorded.resource)
        before = self.states.get(key)
        last = predecessor if predecessor is not None else before.fact_seq if before else 0
        if recorded.prev != last:
            raise broken_chain(recorded, last)
        person = self.read(recorded)
        if isinstance(person, Exception):
            raise person
        if person is None:
            self.rows[key] = None
            self.states.pop(key, None)
            self.buried.append(key)
            return None
        manager_id = before.manager_id if before else None
        self.rows[key] = person.row
        self.states[key] = UserState(recorded.sequence, person.row[_ACTIVE], version, manager_id, person.keys)
        return self.states[key]


def _read(recorded: Recorded) -> Person | Exception | None:
    try:
        person = REACTIONS[type(recorded.fact)](recorded)
        if person is not None:
            _STORABLE.check(person.row)
            check_references(recorded, "manager", [value for value in person.managers if value is not None])
    except Exception as error:  # noqa: BLE001  # whatever a fact raises is its own reason, told when its turn has come
        return error
    return person


def put(recorded: Recorded) -> Person:
    """Return a person whose fact carries the whole document."""
    fact = recorded.fact
    assert isinstance(fact, UserFact)
    document = _DOCUMENT.decode(fact.document)
    enterprise, ilms = document.get(ENTERPRISE, _NONE), document.get(ILMS, _NONE)
    name = document.get("name", _NONE)
    emails = document.get("emails", ())
    email = principal_email(emails)
    employee_id = enterprise.get("employeeNumber")
    user_name = document["userName"]
    display_name = document.get("displayName")
    external_id = document.get("externalId")
    keys = Keys(fact.id, external_id, fold_name(user_name), _folded(email), employee_id, _folded(display_name))
    row = (
        recorded.tenant,
        fact.id,
        user_name,
        keys.user_name,
        email,
        keys.email,
        len(emails) > 1,
        employee_id,
        _folded(employee_id),
        external_id,
        display_name,
        keys.display_name,
        name.get("givenName"),
        name.get("familyName"),
        document.get("active", True),
        ilms.get("region"),
        enterprise.get("division"),
        enterprise.get("department"),
        _hire_date(ilms.get("hireDate")),
        ilms.get("customField1"),
        ilms.get("customField2"),
        ilms.get("customField3"),
        ilms.get("customField4"),
        None,
        bytes(fact.document).decode(),
        _search(document),
        fact.created,
        recorded.time,
        recorded.sequence,
        "",
    )
    return Person(row, keys, _managers(enterprise, ilms))


def remove(_recorded: Recorded) -> None:
    """Return what is left of a deleted person."""


REACTIONS: Final[Mapping[Any, Callable[[Recorded], Person | None]]] = MappingProxyType(
    {
        UserCreated: put,
        UserUpdated: put,
        UserDeactivated: put,
        UserReactivated: put,
        UserClaimsChanged: put,
        UserDeleted: remove,
    }
)
_COLUMNS: Final = [column.name for column in lms.users.columns]
_STORABLE: Final = Storable(lms.users)
_ACTIVE, _MANAGER_ID = _COLUMNS.index("active"), _COLUMNS.index("manager_id")


class UserTable:
    """Reads and writes the rows, in ``lms.users`` or in a table of the same shape."""

    def __init__(self, name: str = "lms.users", deleted_name: str = "lms.deleted_users") -> None:
        self._load = (
            "SELECT tenant, id, fact_seq, active, last_change, manager_id,"  # noqa: S608  # the name is the caller's own
            " external_id, user_name_folded, email_folded, employee_id, display_name_folded"
            f" FROM unnest($1::text[], $2::text[]) AS wanted (tenant, id) JOIN {name} USING (tenant, id)"
        )
        self._delete = (
            f"DELETE FROM {name} AS users USING unnest($1::text[], $2::text[]) AS gone (tenant, id)"  # noqa: S608
            " WHERE users.tenant = gone.tenant AND users.id = gone.id"
        )
        self._reassign = (
            f"UPDATE {name} AS users SET manager_id = new.manager_id, last_change = new.last_change"  # noqa: S608
            " FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS new (tenant, id, manager_id, last_change)"
            " WHERE users.tenant = new.tenant AND users.id = new.id"
        )
        self._bury = f"{insert(lms.deleted_users, deleted_name)} ON CONFLICT DO NOTHING"
        self._update = update(lms.users, name)
        self._name = name
        self.growth = Growth(name)

    async def load(self, connection: Connection, keys: Collection[UserKey]) -> dict[UserKey, UserState]:
        """Return the states of those people who have a row."""
        if not keys:
            return {}
        return {
            (tenant, user_id): UserState(fact_seq, active, last_change, manager_id, Keys(user_id, *others))
            for tenant, user_id, fact_seq, active, last_change, manager_id, *others in await fetch(
                connection, self._load, keys
            )
        }

    async def write(self, connection: Connection, users: Users) -> None:
        """Bring the rows to their last state: new, replaced, gone, or with another manager."""
        present = {key: _complete(row, users.states[key]) for key, row in users.rows.items() if row is not None}
        if new := [row for key, row in present.items() if key not in users.before]:
            await copy(connection, lms.users, self._name, new)
            self.growth.noted(len(new))
        if replaced := [row for key, row in present.items() if key in users.before]:
            await execute_many(connection, self._update, replaced)
        if gone := [key for key in users.rows if key not in present and key in users.before]:
            await execute(connection, self._delete, gone)
        if buried := users.buried:
            await execute(connection, self._bury, buried)
        if reassigned := [key for key in users.reassigned if key not in users.rows]:
            states = ((*key, users.states[key].manager_id, users.states[key].last_change) for key in reassigned)
            await execute(connection, self._reassign, states)


def _complete(row: UserRow, state: UserState) -> UserRow:
    return (*row[:_MANAGER_ID], state.manager_id, *row[_MANAGER_ID + 1 : -1], state.last_change)


def _managers(enterprise: Mapping[str, Any], ilms: Mapping[str, Any]) -> tuple[str | None, ...]:
    """Return the values that name a person's manager, in the order in which they count."""
    if "manager" not in enterprise and "manager" not in ilms:
        return ()
    sent, own = enterprise.get("manager"), ilms.get("manager")
    values = (
        sent.get("value") if isinstance(sent, dict) else sent,
        *((own.get(name) for name in ("id", "email", "displayName")) if isinstance(own, dict) else (own,)),
    )
    return tuple(value if isinstance(value, str) and value else None for value in values)


def _search(document: Mapping[str, Any]) -> str:
    text = search_text(document)
    # An index reads this as jsonb, which cannot hold the character.
    if "\\u0000" in text and _NUL.search(text):
        raise ValueError("the document holds U+0000")
    return text


def _folded(text: Any) -> Any:
    return fold(text) if isinstance(text, str) else text  # what is no text is refused by its own column


def _hire_date(text: str | None) -> date | None:
    if text is None:
        return None
    moment = parse_datetime(text)
    if moment is None:
        raise ValueError(f"hireDate {text!r} is no date")
    return moment.date()

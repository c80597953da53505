"""Table ``lms.users``: one row for each person of the log."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any, Final, TypeAlias

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
from rollbook_contracts.folding import fold
from rollbook_contracts.search_document import search_text
from rollbook_contracts.tables import lms
from rollbook_contracts.urns import ENTERPRISE, ILMS
from rollbook_projector.changes import Cause, OutboxRow, UserState, user_change
from rollbook_projector.halts import Halt
from rollbook_projector.projections.storable import Storable
from rollbook_projector.recorded import Recorded
from rollbook_projector.session import Connection
from rollbook_projector.statements import columns_of, copy, update

UserKey: TypeAlias = tuple[str, str]
UserRow: TypeAlias = tuple[Any, ...]
"""The values of a row in the order of the table's columns."""

_NUL: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
"""The character's escape in JSON text, and not a backslash before ``u0000``."""
_DOCUMENT: Final = msgspec.json.Decoder(dict[str, Any])
_NONE: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(slots=True)
class Users:
    """The people whom a batch touches: their states before it, moved on fact by fact, and the last row of each."""

    states: dict[UserKey, UserState]
    rows: dict[UserKey, UserRow | None] = field(default_factory=dict)
    before: frozenset[UserKey] = field(init=False)

    def __post_init__(self) -> None:
        self.before = frozenset(self.states)

    def apply(self, recorded: Recorded, cause: Cause, predecessor: int | None = None) -> OutboxRow | None:
        """Apply one fact; return the change it makes, if any.

        ``predecessor`` replaces the sequence of the last applied fact where that one was discarded. Raises ``Halt``
        where the chain of facts is broken, anything else for a reason of the fact's own; then nothing is changed here.
        """
        key = (recorded.tenant, recorded.resource)
        before = self.states.get(key)
        last = predecessor if predecessor is not None else before.fact_seq if before else 0
        if recorded.prev != last:
            raise Halt(
                "chain_broken",
                f"fact {recorded.sequence} of {recorded.resource} names {recorded.prev} as its predecessor, "
                f"but the last one applied is {last}",
            )
        row = REACTIONS[type(recorded.fact)](recorded, cause)
        if row is not None:
            _STORABLE.check(row)
        told = _told(recorded, before, predecessor)
        if row is not None and before is not None and not told:
            row = (*row[:-1], before.last_change)
        after = _state(row)
        change = user_change(before, after, recorded, cause) if told else None
        self.rows[key] = row
        if after is None:
            self.states.pop(key, None)
        else:
            self.states[key] = after
        return change


def put(recorded: Recorded, cause: Cause) -> UserRow:
    """Return the row of a person whose fact carries the whole document."""
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
    return (
        recorded.tenant,
        fact.id,
        user_name,
        fold(user_name),
        email,
        _folded(email),
        len(emails) > 1,
        employee_id,
        _folded(employee_id),
        document.get("externalId"),
        display_name,
        _folded(display_name),
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
        str(cause.key),
    )


def remove(_recorded: Recorded, _cause: Cause) -> None:
    """Return what is left of a deleted person."""


REACTIONS: Final[Mapping[Any, Callable[[Recorded, Cause], UserRow | None]]] = MappingProxyType(
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
_FIRST_ANALYSIS: Final = 500
_NEXT_ANALYSIS: Final = 8
_ACTIVE, _FACT_SEQ, _LAST_CHANGE = (_COLUMNS.index(name) for name in ("active", "fact_seq", "last_change"))


class UserTable:
    """Reads and writes the rows, in ``lms.users`` or in a table of the same shape."""

    def __init__(self, name: str = "lms.users") -> None:
        self._load = (
            "SELECT tenant, id, fact_seq, active, last_change"  # noqa: S608  # the name is the caller's own
            f" FROM unnest($1::text[], $2::text[]) AS wanted (tenant, id) JOIN {name} USING (tenant, id)"
        )
        self._delete = (
            f"DELETE FROM {name} AS users USING unnest($1::text[], $2::text[]) AS gone (tenant, id)"  # noqa: S608
            " WHERE users.tenant = gone.tenant AND users.id = gone.id"
        )
        self._update = update(lms.users, name)
        self._name = name
        self._copied = 0
        self._analyze_at = _FIRST_ANALYSIS

    async def load(self, connection: Connection, keys: Collection[UserKey]) -> dict[UserKey, UserState]:
        """Return the states of those people who have a row."""
        if not keys:
            return {}
        rows = await connection.fetch(self._load, *columns_of(keys))
        return {
            (tenant, user_id): UserState(fact_seq, active, last_change)
            for tenant, user_id, fact_seq, active, last_change in rows
        }

    async def write(self, connection: Connection, users: Users) -> None:
        """Bring the rows to their last state: new, replaced, or gone."""
        present = {key: row for key, row in users.rows.items() if row is not None}
        if new := [row for key, row in present.items() if key not in users.before]:
            await copy(connection, lms.users, self._name, new)
            await self._analyze(connection, len(new))
        if replaced := [row for key, row in present.items() if key in users.before]:
            await connection.executemany(self._update, replaced)
        if gone := [key for key in users.rows if key not in present and key in users.before]:
            await connection.execute(self._delete, *columns_of(gone))

    async def _analyze(self, connection: Connection, copied: int) -> None:
        """Let PostgreSQL look at a table that grew.

        To a planner without statistics every index that begins with the tenant is as good as the key, and it keeps
        that plan; its own look comes a minute later, when a burst has made thousands of people.
        """
        self._copied += copied
        if self._copied >= self._analyze_at:
            await connection.execute(f"ANALYZE {self._name}")
            self._analyze_at = self._copied * _NEXT_ANALYSIS


def _told(recorded: Recorded, before: UserState | None, predecessor: int | None) -> bool:
    """Whether consumers hear of a fact: not where claims alone differ from what they were told before."""
    return before is None or predecessor is not None or not isinstance(recorded.fact, UserClaimsChanged)


def _state(row: UserRow | None) -> UserState | None:
    return None if row is None else UserState(row[_FACT_SEQ], row[_ACTIVE], row[_LAST_CHANGE])


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

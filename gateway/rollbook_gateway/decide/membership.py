"""Decisions on members: from operations in their order to facts; pure, and blind: who is a member is never loaded."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import msgspec

from rollbook_contracts.facts.catalog import Fact
from rollbook_contracts.facts.membership import MOST_MEMBERS, MembersAdded, MembersRemoved, MembersReplaced
from rollbook_contracts.identifiers import kind_of
from rollbook_gateway.scim.errors import ErrorKind, ScimError
from rollbook_gateway.scim.patch.members import MemberOperation

MOST_VALUES: Final = 250_000
"""Members that one request may name."""
MOST_ALTERNATIONS: Final = 500
"""Additions and removals in turn that one request may hold: its facts must fit into one batch."""
MOST_BYTES: Final = 256 * 1024
"""Bytes of the values in one fact; a message of the log holds a megabyte."""

Values: TypeAlias = tuple[str, ...]
_Kind: TypeAlias = Literal["added", "removed", "replaced"]
_Run: TypeAlias = tuple[_Kind, dict[str, None]]


@dataclass(frozen=True, slots=True)
class Delta:
    """Members added or removed, in pieces that fit into facts."""

    kind: Literal["added", "removed"]
    pieces: tuple[Values, ...]


@dataclass(frozen=True, slots=True)
class Membership:
    """What a request does to the members: at first they are replaced, perhaps, then deltas follow in order.

    ``replaced`` is ``None`` where they are not; no pieces mean that all of them go.
    """

    replaced: tuple[Values, ...] | None = None
    deltas: tuple[Delta, ...] = ()

    @property
    def changes_nothing(self) -> bool:
        return self.replaced is None and not self.deltas

    @property
    def staged(self) -> tuple[Values, ...]:
        """The pieces that are too many for one fact, so that they go ahead as chunks of a staging."""
        return self.replaced if self.replaced is not None and len(self.replaced) > 1 else ()


UNTOUCHED: Final = Membership()


def replacement(values: Sequence[str]) -> Membership:
    """Return what a whole group in a body does: all members are replaced."""
    return merge([MemberOperation("replace", list(values))])


def merge(operations: Iterable[MemberOperation]) -> Membership:
    """Bring operations into as few steps as have their effect; raise ``tooMany`` for more than a request may hold.

    What stands before a replacement has no effect; additions behind one another are one.
    """
    runs: list[_Run] = []
    named = 0
    for operation in operations:
        named += len(operation.values)
        if named > MOST_VALUES:
            raise ScimError(
                ErrorKind.TOO_MANY,
                f"the request names more than {MOST_VALUES:,} members: send them in several requests",
            )
        _add(runs, operation)
    if len(runs) > MOST_ALTERNATIONS:
        runs = _commuted(runs)
    if len(runs) > MOST_ALTERNATIONS:
        raise ScimError(
            ErrorKind.TOO_MANY,
            f"the operations change {len(runs):,} times between adding and removing members: send {MOST_ALTERNATIONS} "
            "changes at most in one request, additions together and removals together",
        )
    replaced = _cut(runs.pop(0)[1]) if runs and runs[0][0] == "replaced" else None
    return Membership(replaced, tuple(Delta(kind, _cut(values)) for kind, values in runs if kind != "replaced"))


def member_facts(membership: Membership, group_id: str, staging: str) -> list[Fact]:
    """Return the facts on the members' subject, in order; ``staging`` holds a replacement that is too large for one."""
    facts: list[Fact] = []
    if membership.staged:
        facts.append(MembersReplaced(group_id, staging=staging))
    elif membership.replaced is not None:
        facts.append(MembersReplaced(group_id, membership.replaced[0] if membership.replaced else ()))
    for delta in membership.deltas:
        fact_type = MembersAdded if delta.kind == "added" else MembersRemoved
        facts += [fact_type(group_id, piece) for piece in delta.pieces]
    return facts


def _add(runs: list[_Run], operation: MemberOperation) -> None:
    values = dict.fromkeys(operation.values)
    if operation.verb == "replace":
        runs[:] = [("replaced", values)]
    elif not values:
        return
    elif runs and (runs[-1][0] == "removed") == (operation.verb == "remove"):
        runs[-1][1].update(values)
    else:
        runs.append(("added" if operation.verb == "add" else "removed", values))


def _commuted(runs: list[_Run]) -> list[_Run]:
    """Bring many alternations to few where all values are ids.

    Two ids never name one person, so that an addition and a removal of different ones may change places. Of one id only
    the last addition counts, and only if no removal follows.
    """
    fewer: list[_Run] = []
    removed: dict[str, None] = {}
    added: dict[str, None] = {}

    def conclude() -> None:
        nonlocal removed, added
        steps: list[_Run] = [("removed", removed), ("added", added)]
        fewer.extend(step for step in steps if step[1])
        removed, added = {}, {}

    for kind, values in runs:
        if kind == "replaced" or any(kind_of(value) != "usr" for value in values):
            conclude()
            fewer.append((kind, values))
        elif kind == "added":
            added.update(values)
        else:
            removed.update(values)
            added = {value: None for value in added if value not in values}
    conclude()
    return fewer


def _cut(values: Iterable[str]) -> tuple[Values, ...]:
    every = tuple(values)
    pieces = []
    for start in range(0, len(every), MOST_MEMBERS):
        pieces += _halved(every[start : start + MOST_MEMBERS])
    return tuple(pieces)


def _halved(piece: Values) -> list[Values]:
    if len(piece) == 1 or len(msgspec.json.encode(piece)) <= MOST_BYTES:
        return [piece]
    middle = len(piece) // 2
    return [*_halved(piece[:middle]), *_halved(piece[middle:])]

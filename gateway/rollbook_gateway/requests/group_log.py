"""What the log's leader has of a group: its head, and where its members' subject ends; asked by the group requests."""

import asyncio
from collections import OrderedDict
from typing import Final

from rollbook_contracts import subjects
from rollbook_contracts.facts.catalog import FACTS
from rollbook_contracts.facts.codec import decode_envelope, decode_fact
from rollbook_contracts.facts.membership import MembersClosed
from rollbook_gateway.decide.state import AbsentGroup, GroupState, PresentGroup, group_state
from rollbook_gateway.decide.user import Tenant
from rollbook_gateway.log.port import EventLog, Stored
from rollbook_gateway.scim.errors import ErrorKind, ScimError

CAPACITY: Final = 65_536
"""Groups whose end is remembered, some 200 bytes each."""


class GroupLog:
    """Reads of groups; it remembers where members' subjects end, as an ack or a refusal told.

    What is remembered may be out of date: a guard on it is refused then, and the leader is asked.
    """

    def __init__(self, log: EventLog, capacity: int = CAPACITY) -> None:
        self._log = log
        self._capacity = capacity
        self._ends: OrderedDict[tuple[str, str], int] = OrderedDict()

    async def head(self, tenant: Tenant, group_id: str) -> GroupState:
        """Return a group's head; raises ``UnavailableError``."""
        stored = await self._log.last(tenant.partition, subjects.group(tenant.partition, tenant.id, group_id))
        if stored is None:
            return AbsentGroup(0)
        fact = decode_fact(stored.headers, stored.body)
        return group_state(fact, sequence=stored.sequence, time=decode_envelope(stored.headers).time)

    async def members_end(self, tenant: Tenant, group_id: str) -> int:
        """Return the last sequence of the members' subject, 0 for none; raise ``notFound`` where it is closed."""
        subject = subjects.group_members(tenant.partition, tenant.id, group_id)
        stored = await self._log.last(tenant.partition, subject)
        if stored is None:
            return 0
        if _closes(stored):
            self.forget(tenant, group_id)
            raise not_found(group_id)
        self.remember(tenant, group_id, stored.sequence)
        return stored.sequence

    async def whole(self, tenant: Tenant, group_id: str) -> tuple[PresentGroup, int]:
        """Return both; raise ``notFound`` where there is no such group."""
        state, end = await asyncio.gather(
            self.head(tenant, group_id), self.members_end(tenant, group_id), return_exceptions=True
        )
        if isinstance(state, BaseException):
            raise state
        present = present_group(group_id, state)
        if isinstance(end, BaseException):
            raise end
        return present, end

    async def guard(self, tenant: Tenant, group_id: str) -> int:
        """Return the sequence by which the next fact of members is guarded; raise ``notFound`` for no group.

        Whether there is a group is known where its members' subject is; an empty one has nothing to say, so that the
        head is asked.
        """
        known = self._ends.get((tenant.id, group_id))
        if known is not None:
            return known
        end = await self.members_end(tenant, group_id)
        if end == 0:
            present_group(group_id, await self.head(tenant, group_id))
            self.remember(tenant, group_id, 0)
        return end

    def remember(self, tenant: Tenant, group_id: str, sequence: int) -> None:
        """Keep where a members' subject ends, unless a later end is known."""
        key = tenant.id, group_id
        self._ends[key] = max(sequence, self._ends.get(key, 0))
        self._ends.move_to_end(key)
        if len(self._ends) > self._capacity:
            self._ends.popitem(last=False)

    def forget(self, tenant: Tenant, group_id: str) -> None:
        """Drop what turned out to be out of date."""
        self._ends.pop((tenant.id, group_id), None)


def present_group(group_id: str, state: GroupState) -> PresentGroup:
    """Return the state of a group that is there; raises ``notFound`` otherwise."""
    if not isinstance(state, PresentGroup):
        raise not_found(group_id)
    return state


def not_found(group_id: str) -> ScimError:
    """Return the refusal of an id that names no group."""
    return ScimError(ErrorKind.NOT_FOUND, f"There is no group with the id {group_id[:100]!r} in this organization.")


def _closes(stored: Stored) -> bool:
    return FACTS.get(stored.headers["ce-type"]) is MembersClosed

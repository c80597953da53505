"""What a search works with, in the hands of a test: the log's head, the notices and the checkpoint."""

import asyncio
from dataclasses import dataclass, field

import asyncpg

from rollbook_gateway.log.port import Stored
from rollbook_gateway.scim.compiled import group_schema, user_schema
from rollbook_gateway.scim.filters import Filter, parse_filter
from rollbook_gateway.search.groups import GroupSearch
from rollbook_gateway.search.rows import Membership
from rollbook_gateway.search.users import UserSearch

PARTITION = 0
HEAD = 7
CREATED = "2026-11-24T03:44:43Z"


@dataclass(slots=True)
class Log:
    """A log whose head the test sets."""

    sequence: int = HEAD
    asked: int = 0
    facts: dict[str, Stored] = field(default_factory=dict)
    """Subject → its last message."""

    async def head(self, partition: int) -> int:
        assert partition == PARTITION
        self.asked += 1
        return self.sequence

    async def holds(self, partition: int, sequence: int, created: str) -> bool:
        assert partition == PARTITION
        return created == CREATED and sequence <= self.sequence

    async def last(self, partition: int, subject: str) -> Stored | None:
        assert partition == PARTITION
        return self.facts.get(subject)


@dataclass(slots=True)
class Notices:
    """Notices that the test gives."""

    waiting: list["asyncio.Future[int]"] = field(default_factory=list)

    def upcoming(self, partition: int) -> "asyncio.Future[int]":
        assert partition == PARTITION
        self.waiting.append(asyncio.get_running_loop().create_future())
        return self.waiting[-1]

    def give(self, sequence: int) -> None:
        """Wake whoever waits."""
        for future in self.waiting:
            if not future.done():
                future.set_result(sequence)


@dataclass(frozen=True, slots=True)
class Searching:
    """Searches on a test's database, and what they depend on."""

    search: UserSearch
    groups: GroupSearch
    database: asyncpg.Connection
    log: Log
    notices: Notices

    async def applied(self, sequence: int, *, halted: str | None = None) -> None:
        """Move the partition's checkpoint, as the projector does with the rows of a batch."""
        await move_checkpoint(self.database, sequence, halted=halted)

    async def parked(self, tenant: str, resource: str) -> None:
        """Set a fact of a resource aside."""
        await self.database.execute(
            """
            INSERT INTO provisioning.parked
                (partition, seq, tenant, resource, type, reason, queued, discarded, since, code_version)
            VALUES ($1, (SELECT count(*) FROM provisioning.parked), $2, $3,
                    'user.updated.v9', 'unknown', false, false, '2026-11-24T03:44:43Z', '1')
            """,
            PARTITION,
            tenant,
            resource,
        )

    async def groups_of(self, tenant: str, user_id: str) -> tuple[Membership, ...]:
        """Return a person's groups."""
        return await self.search.groups(tenant, PARTITION, user_id)

    async def groups_found(self, tenant: str, text: str, *, members: bool = False) -> list[str]:
        """Return the ids of all groups that a filter finds."""
        condition = parse_filter(text, group_schema())
        page = await self.groups.page(tenant, PARTITION, condition, 1, 1000, members=members)
        assert page.total == len(page.rows)
        return [row.id for row in page.rows]

    async def found(self, tenant: str, text: str) -> list[str]:
        """Return the ids of all whom a filter finds."""
        page = await self.search.page(tenant, PARTITION, condition(text), 1, 1000)
        assert page.total == len(page.rows)
        return [row.id for row in page.rows]


async def move_checkpoint(database: asyncpg.Connection, sequence: int, *, halted: str | None = None) -> None:
    """Say how far the partition is applied."""
    await database.execute(
        """
        INSERT INTO provisioning.checkpoints (partition, epoch, stream_created, seq, fact_id, silent_until, halted)
        VALUES ($1, 1, $4, $2, 'req_x.0', 0, $3)
        ON CONFLICT (partition) DO UPDATE SET seq = excluded.seq, halted = excluded.halted
        """,
        PARTITION,
        sequence,
        halted,
        CREATED,
    )


def condition(text: str) -> Filter:
    """Parse a filter on people."""
    return parse_filter(text, user_schema())

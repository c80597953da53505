"""Tables ``provisioning.stagings`` and ``provisioning.staged_members``: replacements of members on their way."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from rollbook_contracts.facts.membership import MembersReplaced, StagingAbandoned, StagingChunk, StagingCommitted
from rollbook_contracts.tables import provisioning
from rollbook_projector.halts import broken_chain
from rollbook_projector.projections.references import check_references
from rollbook_projector.recorded import Recorded
from rollbook_projector.session import Connection
from rollbook_projector.statements import copy, execute, fetch, upsert

StagingKey: TypeAlias = tuple[str, str, str]
"""Tenant, group, staging."""
Chunk: TypeAlias = tuple[int, Sequence[str]]


class Staging(NamedTuple):
    """A replacement that is neither committed nor abandoned: how many chunks are here, the last one's place."""

    chunks: int
    last_seq: int
    last_time: str


NO_STAGING: Final = Staging(0, 0, "")


@dataclass(slots=True)
class Stagings:
    """The stagings that a batch touches, and the chunks of those that it commits."""

    states: dict[StagingKey, Staging]
    chunks: dict[StagingKey, list[Chunk]] = field(default_factory=dict)
    """Of those that are committed by the batch those in the table, and of all those that the batch brought."""
    brought: list[tuple[str, str, str, int, Sequence[str]]] = field(default_factory=list)
    before: set[StagingKey] = field(init=False)

    def __post_init__(self) -> None:
        self.before = set(self.states)

    def apply(self, recorded: Recorded, predecessor: int | None = None) -> None:
        """Apply a fact of a staging; what is raised is as for people."""
        fact, key = recorded.fact, staging_key(recorded)
        state = self.states.get(key, NO_STAGING)
        last = predecessor if predecessor is not None else state.last_seq
        if recorded.prev != last:
            raise broken_chain(recorded, last)
        match fact:
            case StagingChunk():
                check_references(recorded, "member", fact.values)
                if fact.index != state.chunks:
                    raise ValueError(f"chunk {fact.index} came when {state.chunks} chunks were there")
                self.states[key] = Staging(fact.index + 1, recorded.sequence, recorded.time)
                self.chunks.setdefault(key, []).append((fact.index, fact.values))
                self.brought.append((*key, fact.index, fact.values))
            case StagingCommitted():
                if fact.chunks != state.chunks:
                    raise ValueError(f"a staging of {fact.chunks} chunks, of which {state.chunks} are there")
            case _:
                self.end(key)

    def values(self, key: StagingKey) -> list[str]:
        """Return all that a replacement consists of; raises ``ValueError`` where it is not there."""
        chunks = self.chunks.get(key, [])
        if len(chunks) != self.states.get(key, NO_STAGING).chunks or not chunks:
            raise ValueError(f"staging {key[2]} is not there")
        return [value for _, values in chunks for value in values]

    def end(self, key: StagingKey) -> None:
        """Forget a staging: it was taken up, or given up."""
        self.states.pop(key, None)
        self.chunks.pop(key, None)
        self.brought = [row for row in self.brought if row[:3] != key]


def staging_key(recorded: Recorded) -> StagingKey:
    """Return the staging that a fact is about; raises ``TypeError`` where it is about none."""
    match recorded.fact:
        case (
            StagingChunk(staging=str(name)) | StagingCommitted(staging=str(name)) | StagingAbandoned(staging=str(name))
        ):
            pass
        case MembersReplaced(staging=str(name)):
            pass
        case other:
            raise TypeError(f"a {type(other).__name__} is about no staging")
    return (recorded.tenant, recorded.resource, name)


class StagingTable:
    """Reads and writes the rows, in the two tables or in others of their shapes."""

    def __init__(self, name: str = "provisioning.stagings", members_name: str = "provisioning.staged_members") -> None:
        self._load = (
            "SELECT tenant, group_id, staging, chunks, last_seq, last_time"  # noqa: S608  # our own names
            f" FROM unnest($1::text[], $2::text[], $3::text[]) AS wanted (tenant, group_id, staging)"
            f" JOIN {name} USING (tenant, group_id, staging)"
        )
        self._load_chunks = (
            "SELECT tenant, group_id, staging, chunk, members"  # noqa: S608
            f" FROM unnest($1::text[], $2::text[], $3::text[]) AS wanted (tenant, group_id, staging)"
            f" JOIN {members_name} USING (tenant, group_id, staging) ORDER BY chunk"
        )
        self._deletes = [
            f"DELETE FROM {table} AS staged USING unnest($1::text[], $2::text[], $3::text[])"  # noqa: S608
            " AS ended (tenant, group_id, staging)"
            " WHERE staged.tenant = ended.tenant AND staged.group_id = ended.group_id"
            " AND staged.staging = ended.staging"
            for table in (name, members_name)
        ]
        self._upsert = upsert(provisioning.stagings, name)
        self._members_name = members_name

    async def load(self, connection: Connection, keys: Collection[StagingKey]) -> Stagings:
        """Return the states of stagings."""
        rows = await fetch(connection, self._load, keys)
        return Stagings({(tenant, group, name): Staging(*state) for tenant, group, name, *state in rows})

    async def load_chunks(self, connection: Connection, stagings: Stagings, committed: Collection[StagingKey]) -> None:
        """Take in the chunks of those that are committed."""
        for key in stagings.states.keys() & set(committed):
            for tenant, group, name, chunk, members in await fetch(connection, self._load_chunks, [key]):
                stagings.chunks.setdefault((tenant, group, name), []).append((chunk, members))

    async def write(self, connection: Connection, partition: int, stagings: Stagings) -> None:
        """Bring the rows to their last state."""
        if ended := [key for key in stagings.before if key not in stagings.states]:
            for statement in self._deletes:
                await execute(connection, statement, ended)
        if stagings.brought:
            await copy(connection, provisioning.staged_members, self._members_name, stagings.brought)
            changed = {row[:3] for row in stagings.brought}
            rows = [(partition, *key, *stagings.states[key]) for key in sorted(changed)]
            await execute(connection, self._upsert, rows)

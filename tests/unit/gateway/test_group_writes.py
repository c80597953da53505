"""The writes of groups over the in-memory log: names, deltas in chains, staged replacements, deletions."""

import asyncio
import itertools
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import pytest

from rollbook_contracts import subjects
from rollbook_contracts.claims import ClaimKey
from rollbook_contracts.facts.catalog import Fact
from rollbook_contracts.facts.codec import decode_envelope, decode_fact
from rollbook_contracts.facts.group import GroupCreated, GroupDeleted, GroupUpdated
from rollbook_contracts.facts.membership import (
    MembersAdded,
    MembersClosed,
    MembersReplaced,
    StagingAbandoned,
    StagingChunk,
    StagingCommitted,
)
from rollbook_contracts.identifiers import new_id
from rollbook_contracts.settings import TenantSettings
from rollbook_gateway.decide.group import GroupDecider
from rollbook_gateway.decide.membership import UNTOUCHED, Membership, merge, replacement
from rollbook_gateway.decide.state import PresentGroup
from rollbook_gateway.decide.user import Decision, PlannedFact, Tenant
from rollbook_gateway.decide.write import assemble
from rollbook_gateway.log.memory import MemoryEventLog
from rollbook_gateway.log.port import Stored, UnavailableError, Write
from rollbook_gateway.requests.group_log import GroupLog
from rollbook_gateway.requests.group_writes import GroupWrites, GroupWritten, Order
from rollbook_gateway.scim.errors import ErrorKind, ScimError
from rollbook_gateway.scim.patch.members import MemberOperation

TENANT = Tenant("ten_0000000000000000000000000a", "acme", 0, TenantSettings())
NOW = "2026-11-24T08:00:00.000000Z"
_requests = itertools.count()


def added(*values: str) -> Membership:
    return merge([MemberOperation("add", list(values))])


class CountingLog(MemoryEventLog):
    """Remembers the writes; each takes as many turns of the loop as a round trip."""

    def __init__(self) -> None:
        super().__init__(1)
        self.writes: list[Write] = []

    async def append(self, write: Write, *, deadline: float) -> int:
        for _ in range(5):
            await asyncio.sleep(0)
        self.writes.append(write)
        return await super().append(write, deadline=deadline)


@dataclass
class Gateway:
    """The writes of one process."""

    log: MemoryEventLog
    writes: GroupWrites = field(init=False)

    def __post_init__(self) -> None:
        self.writes = GroupWrites(self.log, ClaimKey(bytes(32)), lambda: NOW, GroupLog(self.log))

    async def create(self, name: str = "Learners", membership: Membership = UNTOUCHED) -> str:
        order = self.order(new_id("grp"), membership)
        await self.writes.create(order, {"displayName": name})
        return order.group_id

    async def add(self, group_id: str, *values: str) -> None:
        await self.writes.append(self.order(group_id, added(*values)))

    async def put(self, group_id: str, values: list[str], **document: Any) -> GroupWritten:
        def decide(decider: GroupDecider, _group: PresentGroup) -> Decision | None:
            return decider.change(_group, {"displayName": "Learners", **document})

        return await self.writes.change(self.order(group_id, replacement(values)), decide)

    async def delete(self, group_id: str) -> None:
        await self.writes.delete(self.order(group_id, UNTOUCHED))

    def order(self, group_id: str, membership: Membership) -> Order:
        return Order(TENANT, f"req{next(_requests)}", group_id, membership)


async def fine(_state: PresentGroup) -> None:
    """Find that a condition holds."""


@pytest.fixture
def log() -> CountingLog:
    return CountingLog()


async def stored(log: MemoryEventLog) -> list[tuple[Stored, Fact]]:
    found = [await log.at(0, sequence) for sequence in range(1, await log.head(0) + 1)]
    return [(one, decode_fact(one.headers, one.body)) for one in found if one is not None]


async def facts(log: MemoryEventLog) -> list[Fact]:
    return [fact for _, fact in await stored(log)]


async def assert_every_fact_knows_its_predecessor(log: MemoryEventLog) -> None:
    last: dict[str, int] = {}
    for one, _ in await stored(log):
        prev = decode_envelope(one.headers).prev
        assert last.get(one.subject, 0) == (prev if prev >= 0 else one.sequence + prev)
        last[one.subject] = one.sequence


async def test_group_is_created_with_its_claim_and_its_members(log: CountingLog) -> None:
    """Claim, head and members are one write; without members their subject stays empty."""
    gateway = Gateway(log)
    written = await gateway.writes.create(
        gateway.order("grp_0000000000000000000000000a", replacement(["u1"])), {"displayName": "Learners"}
    )
    await gateway.create("Others")

    assert [type(fact).__name__ for fact in await facts(log)] == [
        "ClaimTaken",
        "GroupCreated",
        "MembersReplaced",
        "ClaimTaken",
        "GroupCreated",
    ]
    assert (written.sequence, written.members_sequence) == (2, 3)
    await assert_every_fact_knows_its_predecessor(log)


async def test_name_belongs_to_one_group(log: CountingLog) -> None:
    """Of ten at once, in any case, one is created; the others are told who has it; deleted, it is free again."""
    gateways = [Gateway(log), Gateway(log)]
    outcomes = await asyncio.gather(
        *(gateways[number % 2].create(("Learners", "LEARNERS")[number % 2]) for number in range(10)),
        return_exceptions=True,
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, ScimError)]
    assert {error.kind for error in refused} == {ErrorKind.UNIQUENESS}
    assert "another group" in refused[0].detail
    (group_id,) = [outcome for outcome in outcomes if isinstance(outcome, str)]

    await gateways[0].delete(group_id)
    assert await gateways[1].create("learners") != group_id


async def test_head_that_stays_the_same_writes_nothing(log: CountingLog) -> None:
    """A PUT of the same head writes the members alone, and answers with both versions."""
    gateway = Gateway(log)
    group_id = await gateway.create()
    before = await log.head(0)

    written = await gateway.put(group_id, ["u1"])

    assert await log.head(0) == before + 1
    assert (written.sequence, written.members_sequence) == (before, before + 1)
    renamed = await gateway.put(group_id, [], displayName="Renamed")
    assert [type(fact) for fact in (await facts(log))[-2:]] == [GroupUpdated, MembersReplaced]
    assert (renamed.sequence, renamed.members_sequence) == (await log.head(0) - 1, await log.head(0))


@pytest.mark.parametrize(
    ("membership", "name", "plain", "conditional"),
    [
        (UNTOUCHED, "Renamed", ["ClaimReleased", "ClaimTaken", "GroupUpdated"], ["MembersAdded"]),
        (added("u2"), "Learners", ["MembersAdded"], ["MembersAdded"]),
        (merge([MemberOperation("remove", ["u1"]), MemberOperation("add", ["u2"])]), "Learners", None, []),
        (added("u2"), "Renamed", ["ClaimReleased", "ClaimTaken", "GroupUpdated", "MembersAdded"], []),
        (UNTOUCHED, "Learners", [], []),
    ],
)
async def test_condition_guards_what_is_not_written(
    membership: Membership, name: str, plain: list[str] | None, conditional: list[str]
) -> None:
    """It costs one message, an addition of nobody, where no other can carry the guard; without one nothing is added."""
    plain = plain if plain is not None else ["MembersRemoved", "MembersAdded"]
    for check in (None, fine):
        gateway = Gateway(log := CountingLog())
        group_id = await gateway.create(membership=replacement(["u1"]))
        writes = len(log.writes)

        await gateway.writes.change(
            gateway.order(group_id, membership),
            lambda decider, group: decider.change(group, {"displayName": name}),
            check,
        )

        new = log.writes[writes:]
        written = [message for write in new for message in write.messages]
        expected = [*plain, *(conditional if check else [])]
        assert expected == [type(decode_fact(one.headers, one.body)).__name__ for one in written]
        guarded = {message.guarded for message in written if message.expected is not None}
        both = {subjects.group(0, TENANT.id, group_id), subjects.group_members(0, TENANT.id, group_id)}
        assert both <= guarded or not (check and written)
        await assert_every_fact_knows_its_predecessor(log)


@pytest.mark.parametrize("gateways", [1, 2])
@pytest.mark.parametrize("callers", [64, 2_000])
async def test_additions_at_once_are_all_kept_in_few_writes(log: CountingLog, gateways: int, callers: int) -> None:
    """Each value stands in the log once; those that wait go together, whoever else writes to the group."""
    processes = [Gateway(log) for _ in range(gateways)]
    group_id = await processes[0].create()
    writes = len(log.writes)

    await asyncio.gather(*(processes[number % gateways].add(group_id, f"u{number}") for number in range(callers)))

    values = Counter(value for fact in await facts(log) if isinstance(fact, MembersAdded) for value in fact.values)
    assert values == {f"u{number}": 1 for number in range(callers)}
    assert len(log.writes) - writes <= 4 + 6 * (gateways - 1) + callers // 100
    await assert_every_fact_knows_its_predecessor(log)
    assert len({one.headers["ce-id"] for one, _ in await stored(log)}) == await log.head(0)


async def test_delta_to_no_group_is_not_found(log: CountingLog) -> None:
    """An unknown group, and one deleted by another process that this one has seen alive, are 404."""
    one, other = Gateway(log), Gateway(log)
    with pytest.raises(ScimError, match="no group"):
        await one.add(new_id("grp"), "u1")
    for members in (UNTOUCHED, replacement(["u0"])):
        group_id = await one.create(membership=members)
        await one.add(group_id, "u1")
        await other.add(group_id, "u2")
        await other.delete(group_id)
        for gateway in (one, other, Gateway(log)):
            with pytest.raises(ScimError, match="no group"):
                await gateway.add(group_id, "u3")
            with pytest.raises(ScimError, match="no group"):
                await gateway.delete(group_id)


async def test_nothing_follows_a_deletion(log: CountingLog) -> None:
    """Additions that race with a deletion stand before it or are 404; all that were answered are in the log."""
    gateways = [Gateway(log), Gateway(log)]
    group_id = await gateways[0].create()

    outcomes = await asyncio.gather(
        *(gateways[number % 2].add(group_id, f"u{number}") for number in range(40)),
        gateways[1].delete(group_id),
        *(gateways[number % 2].add(group_id, f"u{number}") for number in range(40, 80)),
        return_exceptions=True,
    )

    assert all(outcome is None or isinstance(outcome, ScimError) for outcome in outcomes)
    kept = {value for fact in await facts(log) if isinstance(fact, MembersAdded) for value in fact.values}
    answered = [outcome is None for outcome in [*outcomes[:40], *outcomes[41:]]]
    assert kept == {f"u{number}" for number, ok in enumerate(answered) if ok}
    assert [type(fact) for fact in (await facts(log))[-2:]] == [GroupDeleted, MembersClosed]


async def test_many_members_are_staged(log: CountingLog) -> None:
    """Chunks go ahead in small batches; one write commits them, replaces the members and changes the head."""
    gateway = Gateway(log)
    group_id = await gateway.create()
    await gateway.add(group_id, "before")
    values = [f"u{number}" for number in range(40_500)]
    writes = len(log.writes)

    await gateway.put(group_id, values, externalId="e")

    new = log.writes[writes:]
    assert [len(write.messages) for write in new] == [16, 16, 9, 3]
    chunks = [fact for fact in await facts(log) if isinstance(fact, StagingChunk)]
    assert values == [value for chunk in chunks for value in chunk.values]
    assert [chunk.index for chunk in chunks] == list(range(41))
    committed, replaced = (await facts(log))[-2:]
    assert committed == StagingCommitted(group_id, chunks[0].staging, 41)
    assert replaced == MembersReplaced(group_id, staging=chunks[0].staging)
    await assert_every_fact_knows_its_predecessor(log)
    assert len({one.headers["ce-id"] for one, _ in await stored(log)}) == await log.head(0)


async def test_deltas_go_past_a_staging(log: CountingLog) -> None:
    """Additions by others are answered while chunks go ahead, and only the commit is sent again."""
    one, other = Gateway(log), Gateway(log)
    group_id = await one.create()

    await asyncio.gather(
        one.put(group_id, [f"u{number}" for number in range(30_000)]),
        *(gateway.add(group_id, f"a{number}") for number in range(30) for gateway in (one, other)),
    )

    names = [type(fact).__name__ for fact in await facts(log)]
    assert (names.count("StagingChunk"), names.count("StagingCommitted"), names.count("MembersReplaced")) == (30, 1, 1)
    values = Counter(value for fact in await facts(log) if isinstance(fact, MembersAdded) for value in fact.values)
    assert set(values.values()) == {2}
    await assert_every_fact_knows_its_predecessor(log)


async def test_large_group_with_a_taken_name_is_refused_before_it_is_staged(log: CountingLog) -> None:
    """A POST or PUT that can be refused as things stand leaves no chunks behind."""
    gateway = Gateway(log)
    await gateway.create("Taken")
    group_id = await gateway.create("Mine")
    many = [f"u{number}" for number in range(2_000)]
    before = await log.head(0)

    with pytest.raises(ScimError, match="already belongs to another group"):
        await gateway.put(group_id, many, displayName="taken")
    with pytest.raises(ScimError, match="already belongs to another group"):
        await gateway.create("TAKEN", replacement(many))
    with pytest.raises(ScimError, match="no group"):
        await gateway.put(new_id("grp"), many)

    assert await log.head(0) == before


async def test_staging_of_a_group_that_is_deleted_meanwhile_is_abandoned(log: CountingLog) -> None:
    """The request is 404, and its chunks have their end."""
    one, other = Gateway(log), Gateway(log)
    group_id = await one.create()

    putting = asyncio.create_task(one.put(group_id, [f"u{number}" for number in range(60_000)]))
    while not any("staging" in write.messages[0].subject for write in log.writes):  # noqa: ASYNC110  # the log tells nobody
        await asyncio.sleep(0)
    await other.delete(group_id)
    with pytest.raises(ScimError, match="no group"):
        await putting

    names = [type(fact).__name__ for fact in await facts(log)]
    assert names[-1] == StagingAbandoned.__name__
    assert "StagingCommitted" not in names
    await assert_every_fact_knows_its_predecessor(log)


async def test_abandoned_staging_is_never_committed(log: CountingLog) -> None:
    """Where the janitor was there first, the request is 503 and the members are as they were."""
    gateway = Gateway(log)
    group_id = await gateway.create()
    order = gateway.order(group_id, replacement([f"u{number}" for number in range(2_000)]))
    subject = subjects.group_staging(0, TENANT.id, group_id, order.request_id)

    async def abandon_then_append(write: Write, *, deadline: float) -> int:
        last = await log.last(0, subject)
        if last is not None and last.headers["ce-type"] == "staging.chunk.v1":
            abandoned = PlannedFact(subject, group_id, StagingAbandoned(group_id, order.request_id), last.sequence)
            janitors = assemble([abandoned], partition=0, tenant=TENANT.id, request_id="janitor", now=NOW)
            await MemoryEventLog.append(log, janitors, deadline=deadline)
        return await MemoryEventLog.append(log, write, deadline=deadline)

    with patch.object(log, "append", abandon_then_append), pytest.raises(UnavailableError, match="abandoned"):
        await gateway.writes.change(order, lambda _decider, _group: None)
    assert not [fact for fact in await facts(log) if isinstance(fact, MembersReplaced)]


async def test_who_is_cancelled_has_written(log: CountingLog) -> None:
    """A client that disconnects stops waiting; its addition goes on."""
    gateway = Gateway(log)
    group_id = await gateway.create()
    callers = [asyncio.create_task(gateway.add(group_id, f"u{number}")) for number in range(3)]
    await asyncio.sleep(0)
    for caller in callers:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)

    await gateway.writes.drain()

    values = {value for fact in await facts(log) if isinstance(fact, MembersAdded) for value in fact.values}
    assert values == {"u0", "u1", "u2"}


async def test_unavailable_log_is_told_to_all_who_wait(log: CountingLog) -> None:
    """Nobody waits for ever, and the group can be written to once the log is back."""
    gateway = Gateway(log)
    group_id = await gateway.create()
    log.available = False
    outcomes = await asyncio.gather(*(gateway.add(group_id, f"u{n}") for n in range(5)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {UnavailableError}

    log.available = True
    await gateway.add(group_id, "u9")
    assert [fact.values for fact in await facts(log) if isinstance(fact, MembersAdded)] == [("u9",)]
    assert len([fact for fact in await facts(log) if isinstance(fact, GroupCreated)]) == 1

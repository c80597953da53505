"""`rollbook replay`: past changes once more for one consumer, and for nobody else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from rollbook.roots.operator import Operation, now
from rollbook_contracts.identifiers import new_id
from rollbook_contracts.partitions import partition_of
from rollbook_gateway.decide.state import PresentUser, UserState
from rollbook_gateway.decide.user import Decider, Decision, Tenant
from rollbook_gateway.requests.decision_loop import DecisionLoop
from rollbook_gateway.scim.values import Document
from support.audit import settled
from support.evidence import entries
from support.fleet import Fleet
from support.people import somebody
from support.product import tenant_name
from support.projecting import until

pytestmark = pytest.mark.timeout(180)

PEOPLE = 5000
"""Each is created and deactivated: 10,000 changes."""
AT_ONCE = 256


async def test_replay_from_the_middle_equals_what_was_first_sent(fleet: Fleet) -> None:
    """The second half of 10,000 changes, in the same order, with the same ids; nobody else hears of it."""
    tenant = await fleet.new_tenant()
    async with fleet.operation() as operation, heard(operation.nats, "lms.>") as first_sent:
        await make_changes(operation, tenant_name(tenant))
        await settled(fleet.settings)
        await until_heard(first_sent, 2 * PEOPLE)
        middle = (await entries(operation.nats, "CHANGES", "lms.>"))[-PEOPLE].sequence
        held = await stream_state(operation.nats)

        async with heard(operation.nats, "replay.*") as replayed:
            finished = await fleet.rollbook("replay", "--to", "replay.middle", "--from", middle)
            assert finished.status == 0, finished.err
            await until_heard(replayed, PEOPLE)
            await operation.nats.flush()

        assert [content(message) for message in replayed] == [content(message) for message in first_sent[PEOPLE:]]
        assert {(message.headers or {}).get("ce-replayed") for message in replayed} == {"true"}
        assert len(first_sent) == 2 * PEOPLE, "a subscriber of lms.> heard the replay"
        assert {message.subject for message in replayed} == {"replay.middle"}
        assert await stream_state(operation.nats) == held


@asynccontextmanager
async def heard(client: Client, subject: str) -> AsyncIterator[list[Msg]]:
    """Listen for the block; what was heard is in the list."""
    messages: list[Msg] = []

    async def hear(message: Msg) -> None:
        messages.append(message)

    subscription = await client.subscribe(subject, cb=hear, pending_msgs_limit=-1, pending_bytes_limit=-1)
    await client.flush()
    yield messages
    await subscription.unsubscribe()


async def until_heard(messages: list[Msg], count: int) -> None:
    async def enough() -> bool:
        return len(messages) >= count

    await until(enough)
    assert len(messages) == count


def content(message: Msg) -> tuple[dict[str, str], bytes]:
    """Return what a consumer reads of a message, without what tells the two sendings apart."""
    headers = message.headers or {}
    return {
        name: value for name, value in headers.items() if name.startswith("ce-") and name != "ce-replayed"
    }, message.data


async def stream_state(client: Client) -> tuple[int, int]:
    """Return how much stream CHANGES holds: a subscriber of it would get what is added."""
    state = (await client.jetstream().stream_info("CHANGES")).state
    return state.messages, state.last_seq


async def make_changes(operation: Operation, name: str) -> None:
    """Create and deactivate people, past HTTP."""
    row = await operation.tenants().get(name)
    tenant = Tenant(row.tenant, row.name, partition_of(row.tenant, operation.partitions), row.settings)
    loop = DecisionLoop(operation.log, operation.stack.claim_key, now)
    numbers = iter(range(PEOPLE))

    def create(user_id: str, document: Document, decider: Decider, at: str) -> Decision:
        return decider.create(user_id, document, now=at)

    def deactivate(decider: Decider, state: UserState) -> Decision | None:
        assert isinstance(state, PresentUser)
        return decider.change(state, {**state.document, "active": False})

    async def call() -> None:
        for number in numbers:
            user_id, document = new_id("usr"), somebody(number)
            del document["schemas"], document["meta"]
            await loop.create(tenant, new_id("req"), partial(create, user_id, document))
            await loop.change(tenant, new_id("req"), user_id, deactivate)

    await asyncio.gather(*(call() for _ in range(AT_ONCE)))

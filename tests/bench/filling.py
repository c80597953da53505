"""Fills the log with people as the gateway writes them, without HTTP: for the cells that want many."""

import asyncio
import itertools
from functools import partial

import msgspec

from bench import rendering
from rollbook.roots.operator import now
from rollbook_contracts.claims import ClaimKey
from rollbook_contracts.identifiers import new_id
from rollbook_contracts.partitions import partition_of
from rollbook_contracts.settings import TenantSettings
from rollbook_contracts.streams import DEFAULT_PARTITIONS
from rollbook_gateway.decide.state import PresentUser, UserState
from rollbook_gateway.decide.user import Decider, Decision, Tenant
from rollbook_gateway.log.connection import connect
from rollbook_gateway.log.jetstream import JetStreamEventLog
from rollbook_gateway.requests.decision_loop import DecisionLoop
from rollbook_gateway.scim.compiled import user_schema
from rollbook_gateway.scim.document import canonicalise
from rollbook_gateway.scim.values import Document

CALLERS = 200


async def fill(nats_url: str, claim_key: ClaimKey, tenant_id: str, name: str, *, people: int) -> int:
    """Create so many people and change each once; return how many events of people that makes."""
    tenant = Tenant(tenant_id, name, partition_of(tenant_id, DEFAULT_PARTITIONS), TenantSettings())
    client = await connect(nats_url, name="bench filling")
    log = JetStreamEventLog(client, DEFAULT_PARTITIONS)
    await log.open()
    decisions = DecisionLoop(log, claim_key, now)
    numbers = iter(range(people))

    async def caller() -> None:
        for number in numbers:
            await _create_and_change(decisions, tenant, number)

    try:
        await asyncio.gather(*itertools.starmap(caller, itertools.repeat((), CALLERS)))
    finally:
        await log.close()
        await client.close()
    return people * 2


async def _create_and_change(decisions: DecisionLoop, tenant: Tenant, number: int) -> None:
    document = canonicalise(msgspec.json.decode(rendering.body_of(number)), user_schema()).document
    user_id = new_id("usr")

    def create(decider: Decider, at: str) -> Decision:
        return decider.create(user_id, document, now=at)

    await decisions.create(tenant, new_id("req"), create)
    await decisions.change(tenant, new_id("req"), user_id, partial(_promote, document={**document, "title": "Senior"}))


def _promote(decider: Decider, state: UserState, *, document: Document) -> Decision | None:
    assert isinstance(state, PresentUser), "the person was just created"
    return decider.change(state, document)

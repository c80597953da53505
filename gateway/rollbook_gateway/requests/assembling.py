"""Assembles writes of many members little by little, so that others have their turn; for chains and group writes."""

import asyncio
from collections.abc import Sequence
from typing import Final

from rollbook_gateway.decide.user import Tenant
from rollbook_gateway.decide.write import Portion, chain_messages
from rollbook_gateway.log.port import Write

FACTS_AT_ONCE: Final = 50
"""Facts encoded in one go, some 3 ms where each holds a thousand members."""


async def assembled(portions: Sequence[Portion], tenant: Tenant, now: str) -> Write:
    """Return facts of several requests as one write; ``now`` is RFC 3339 in UTC."""
    messages = []
    for message in chain_messages(portions, tenant=tenant.id, now=now):
        messages.append(message)
        if len(messages) % FACTS_AT_ONCE == 0:
            await asyncio.sleep(0)
    return Write(tenant.partition, portions[0].request_id, tuple(messages))

"""Entries as they come from the gateways, before and beside the table; for `rollbook log --follow`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from rollbook.provisioning_log.wanted import Wanted
from rollbook_contracts import subjects
from rollbook_contracts.requests.codec import UnknownPageError, decode_page
from rollbook_contracts.requests.entry import Entry
from rollbook_contracts.streams import REQUESTS

OVERLAP: Final = timedelta(seconds=5)
"""How far back it begins: what was sent just before may not be in the table yet."""
POLL_SECONDS: Final = 0.5


@asynccontextmanager
async def subscribed(client: Client) -> AsyncIterator[JetStreamContext.PushSubscription]:
    """Listen to the stream for the block; open it before the table is read, so that nothing falls between."""
    begin = datetime.now(UTC) - OVERLAP
    subscription = await client.jetstream().subscribe(
        subjects.answered_requests(),
        stream=REQUESTS,
        ordered_consumer=True,
        config=ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_TIME,
            opt_start_time=begin.isoformat(),  # type: ignore[arg-type]  # nats-py encodes what it is given; the server wants RFC 3339
            ack_policy=AckPolicy.NONE,
        ),
    )
    try:
        yield subscription
    finally:
        await subscription.unsubscribe()


async def arriving(
    subscription: JetStreamContext.PushSubscription, wanted: Wanted, shown: set[str], stop: asyncio.Event
) -> AsyncIterator[Entry]:
    """Yield what is wanted and was not ``shown`` before, until ``stop``."""
    while not stop.is_set():
        try:
            message = await subscription.next_msg(timeout=POLL_SECONDS)
            page = decode_page(message.headers or {}, message.data)
        except (nats.errors.TimeoutError, UnknownPageError):
            continue
        for entry in page.entries:
            if wanted.matches(entry) and entry.request_id not in shown:
                yield entry

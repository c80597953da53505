"""Pages from stream REQUESTS, one after the other, each acknowledged when it is stored; called by ``keeping``.

FastStream serves here: a durable consumer that all projector processes share, where order does not matter. One message
at a time, acknowledged by hand: a page is a batch already, and one that fails must come again.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

import nats.errors
import structlog
from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, NatsMessage, NatsUserPassword, PullSub
from nats.js.api import ConsumerConfig
from nats.js.errors import NotFoundError

from rollbook_contracts import subjects
from rollbook_contracts.requests.codec import RequestsAnswered, UnknownPageError, decode_page
from rollbook_contracts.streams import REQUESTS
from rollbook_projector.provisioning_log.keeping import ConsumerGoneError
from rollbook_projector.session import is_own_reason

DURABLE: Final = "provisioning-log"
ACK_WAIT: Final = 30.0
"""Seconds after which a page that nobody acknowledged goes to another process."""
START_SECONDS: Final = 10.0
_GRACE: Final = 2.0

Store = Callable[[RequestsAnswered, datetime], Awaitable[None]]
"""Stores a page that was sent at a time."""

logger = structlog.get_logger(__name__)


class Consumer:
    """A running consumer."""

    def __init__(self, broker: NatsBroker) -> None:
        self._broker = broker

    async def check(self) -> None:
        """Raise ``ConsumerGoneError`` where nothing will come any more; a server that is away is waited for."""
        try:
            await self._broker.connection.jetstream().consumer_info(REQUESTS, DURABLE)
        except NotFoundError as error:
            raise ConsumerGoneError(str(error)) from error
        except nats.errors.Error:
            return


@asynccontextmanager
async def consuming(url: str, store: Store, failed: Callable[[Exception], None]) -> AsyncIterator[Consumer]:
    """Hand each page to ``store`` for as long as the block lasts.

    One whose values the database refuses is given up, with a line in the log; after any other error ``failed`` is told
    and the page comes again.
    """
    broker = _broker(url)

    @broker.subscriber(
        subjects.answered_requests(),
        stream=JStream(REQUESTS, declare=False),
        durable=DURABLE,
        config=ConsumerConfig(ack_wait=ACK_WAIT),
        pull_sub=PullSub(batch_size=1, timeout=5.0),
        ack_policy=AckPolicy.MANUAL,
        decoder=_as_it_is,
    )
    async def take(message: NatsMessage) -> None:
        try:
            page = decode_page(message.headers, message.body)
            await store(page, datetime.fromisoformat(message.headers["ce-time"]))
        except UnknownPageError as error:
            logger.warning("provisioning_log.page_unknown", reason=str(error))
            await message.reject()
        except Exception as error:  # noqa: BLE001  # the database's, whatever they are
            if is_own_reason(error):
                logger.warning("provisioning_log.page_refused", reason=str(error), entries=len(page.entries))
                await message.reject()
            else:
                await message.nack(delay=1.0)
                failed(error)
        else:
            await message.ack()

    try:
        async with asyncio.timeout(START_SECONDS):
            await broker.start()
        yield Consumer(broker)
    finally:
        await _stop(broker)


def _broker(url: str) -> NatsBroker:
    addresses = [urlsplit(server) for server in url.split(",")]
    user, password = addresses[0].username, addresses[0].password
    return NatsBroker(
        # Without user and password: FastStream wants them apart, and so they go to servers learnt of later, too.
        [address._replace(netloc=address.netloc.rpartition("@")[2]).geturl() for address in addresses],
        security=NatsUserPassword(user, password or "") if user is not None else None,
        name="rollbook provisioning log",
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        connect_timeout=2,
        ping_interval=5,
        graceful_timeout=_GRACE,
        logger=None,
    )


async def _stop(broker: NatsBroker) -> None:
    """Let the page in hand be finished; a connection that is lost is given up, else it would look for NATS for ever."""
    connection = broker.connection if broker.running else None
    try:
        async with asyncio.timeout(2 * _GRACE):
            await broker.stop()
    except (nats.errors.Error, TimeoutError):
        if connection is not None:
            await connection.close()


async def _as_it_is(message: NatsMessage) -> bytes:
    return message.body

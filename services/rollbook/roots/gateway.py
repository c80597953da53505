"""The composition root of a gateway process: `rollbook gateway`, and the gateway of `rollbook up`."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

import asyncpg
import structlog
from aiohttp import web

from rollbook.control.tenants import Tenants
from rollbook.control.unfinished import finish_changes
from rollbook.control.unique_identifier import UniqueIdentifierChange
from rollbook.durability import require_durable
from rollbook.errors import CommandError
from rollbook.memory import settle
from rollbook.open_files import open_files
from rollbook.roots.operator import now
from rollbook.settings import Settings
from rollbook.stack import Stack
from rollbook.streams import ensure_streams, topology
from rollbook_contracts.identifiers import new_id
from rollbook_gateway.admission.bytes_in_hand import BytesInHand
from rollbook_gateway.admission.directory import TokenDirectory, listen_for_changes
from rollbook_gateway.admission.expiry import ExpiryWatch
from rollbook_gateway.admission.gate import Gate
from rollbook_gateway.admission.last_used import record_last_use
from rollbook_gateway.admission.rate_limit import RateLimits
from rollbook_gateway.app import Parts, build_app
from rollbook_gateway.edge.accepting import FairSite
from rollbook_gateway.edge.bodies import Bodies
from rollbook_gateway.edge.health import Health
from rollbook_gateway.edge.limits import Limits
from rollbook_gateway.edge.oauth import TokenEndpoint
from rollbook_gateway.edge.refusals import Refusals
from rollbook_gateway.edge.serving import GatewayRunner
from rollbook_gateway.intake.bodies import PROCESSES
from rollbook_gateway.intake.bodies import Bodies as LargeBodies
from rollbook_gateway.janitor import Janitor
from rollbook_gateway.log.connection import connect
from rollbook_gateway.log.identity import CheckedLog, LogIdentity
from rollbook_gateway.log.jetstream import JetStreamEventLog
from rollbook_gateway.log.port import EventLog
from rollbook_gateway.provisioning_log.reporter import Reporter
from rollbook_gateway.provisioning_log.stream import sender
from rollbook_gateway.requests.body_turns import BodyTurns
from rollbook_gateway.requests.decision_loop import DecisionLoop
from rollbook_gateway.requests.group_log import GroupLog
from rollbook_gateway.requests.group_writes import GroupWrites
from rollbook_gateway.requests.groups import Groups
from rollbook_gateway.requests.users import Users
from rollbook_gateway.search.checkpoints import checkpoints
from rollbook_gateway.search.database import open_pool
from rollbook_gateway.search.freshness import NatsCheckpointNotices
from rollbook_gateway.search.groups import GroupSearch
from rollbook_gateway.search.users import UserSearch

SHUTDOWN_SECONDS = 5.0

logger = structlog.get_logger(__name__)


@asynccontextmanager
async def gateway_app(
    stack: Stack, settings: Settings, limits: Limits, refusals: Refusals
) -> AsyncIterator[web.Application]:
    """Put a gateway together: its application, ready to be served for as long as the block lasts."""
    nats = await connect(stack.nats_url, name="rollbook gateway", patience=60)
    try:
        await require_durable(nats, settings, stack.nats_monitor_url)
        streams = await ensure_streams(nats, topology(settings, stack.claim_key))
        jetstream = JetStreamEventLog(nats, streams.partitions)
        await jetstream.open()
        async with (
            open_pool(stack.database_url) as pool,
            open_pool(stack.database_url, size=1) as admission,
            NatsCheckpointNotices.subscribed(nats, streams.partitions) as notices,
        ):
            identity = LogIdentity(jetstream, checkpoints(pool), streams.partitions)
            nats.on_interruption(identity.interrupted)
            await identity.check()
            log = CheckedLog(jetstream, identity)
            clock = asyncio.get_running_loop().time
            access_key = stack.claim_key.derived("access tokens")
            directory = TokenDirectory(admission, streams.partitions, clock, unix_time=time.time, access_key=access_key)
            large_bodies, group_log = LargeBodies(BodyTurns(PROCESSES).of), GroupLog(log)
            decisions = DecisionLoop(log, stack.claim_key, now)
            group_writes = GroupWrites(log, stack.claim_key, now, group_log)
            reporter = Reporter(sender(nats), gateway=f"{socket.gethostname()}:{os.getpid()}", now=now)
            janitor = Janitor(pool, log, partial(new_id, "req"), settings.staging_patience)
            change_on = partial(_identifier_change, log, decisions, streams.partitions)
            tasks = [
                asyncio.create_task(identity.watch()),
                asyncio.create_task(listen_for_changes(directory, stack.database_url)),
                asyncio.create_task(record_last_use(directory, pool)),
                asyncio.create_task(ExpiryWatch(pool).watch()),
                asyncio.create_task(janitor.work()),
                asyncio.create_task(finish_changes(stack.database_url, change_on)),
                asyncio.create_task(reporter.report()),
            ]
            try:
                group_search = GroupSearch(pool, log, notices)
                yield build_app(
                    Parts(
                        directory=directory,
                        limits=RateLimits(clock),
                        bodies=Bodies(
                            limits, BytesInHand(limits.bytes_in_hand, limits.bytes_of_one, limits.turn_seconds)
                        ),
                        gate=Gate(),
                        tokens=TokenEndpoint(directory, time.time),
                        users=Users(decisions, UserSearch(pool, log, notices), partial(new_id, "usr")),
                        groups=Groups(group_writes, group_log, group_search, large_bodies, partial(new_id, "grp")),
                        health=Health(log.ready, partial(pool.fetchval, "SELECT 1")),
                        reporter=reporter,
                        refusals=refusals,
                        now=now,
                        public_url=settings.public_url,
                    ),
                )
            finally:
                for task in tasks:
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task
                await large_bodies.close()
                await group_writes.drain()
        await jetstream.close()
    finally:
        await nats.close()


def _identifier_change(
    log: EventLog, decisions: DecisionLoop, partitions: int, connection: asyncpg.Connection
) -> UniqueIdentifierChange:
    tenants = Tenants(log, connection, partitions=partitions, new_id=new_id, now=now)
    return UniqueIdentifierChange(tenants, log, connection, decisions, new_id, partitions)


async def serve_gateway(  # noqa: PLR0913  # one line of the command line each, but for the limits
    stack: Stack,
    settings: Settings,
    *,
    host: str,
    port: int,
    stop: asyncio.Event,
    ready: Callable[[int], None],
    limits: Limits | None = None,
) -> None:
    """Serve until ``stop``; ``ready`` is told the port once requests are answered.

    Without ``limits`` those of the edge hold, as far as this process may open files for them.
    """
    limits = limits or Limits().within(open_files())
    refusals = Refusals(asyncio.get_running_loop().time)
    async with gateway_app(stack, settings, limits, refusals) as app:
        runner = GatewayRunner(app, shutdown_timeout=SHUTDOWN_SECONDS, limits=limits, refusals=refusals)
        await runner.setup()
        try:
            site = FairSite(runner, host, port)
            try:
                await site.start()
            except OSError as error:
                raise CommandError(f"The gateway cannot listen on {host}:{port}: {error.strerror or error}.") from error
            bound = site.port
            settle()
            logger.info("gateway.ready", host=host, port=bound)
            ready(bound)
            await stop.wait()
        finally:
            await runner.cleanup()

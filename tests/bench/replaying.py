"""Replay: `rollbook rebuild` empties the tables and computes them from the log, while nothing else runs."""

import time
from pathlib import Path

import asyncpg
import nats
from nats.js.api import AckPolicy, ConsumerConfig

from bench.stack import rollbook
from rollbook.embedded.data_folder import DataFolder
from rollbook.embedded.nats_server import NatsServer
from rollbook.embedded.postgres import Postgres
from rollbook_contracts.streams import DEFAULT_PARTITIONS, provisioning


async def replay(data: Path, *, profile: Path | None = None) -> dict[str, object]:
    """Rebuild the tables of a stack that is stopped; return the figures. Events are the facts of people in its log."""
    folder = DataFolder(data)
    async with NatsServer(folder.nats) as server, Postgres(folder.postgres) as postgres:
        events = await _facts_of_people(server.url)
        started = time.perf_counter()
        process = await rollbook(
            *("rebuild", "--data", str(data)),
            environment={
                "ROLLBOOK_NATS_URL": server.url,
                "ROLLBOOK_DATABASE_URL": postgres.url,
                "ROLLBOOK_CLAIM_KEY": folder.claim_key().hex(),
            },
            profile=profile,
        )
        if await process.wait() != 0:
            raise RuntimeError(f"`rollbook rebuild` ended with exit status {process.returncode}")
        seconds = time.perf_counter() - started
        messages, rows = await _applied(postgres.url)
    return {
        "events": events,
        "messages": messages,
        "rows": rows,
        "seconds": round(seconds, 2),
        "events_per_second": round(events / seconds, 1),
        "messages_per_second": round(messages / seconds, 1),
    }


async def _facts_of_people(nats_url: str) -> int:
    """Count what tables and changes are made of: all messages but claims and those of tenants and the system."""
    client = await nats.connect(nats_url, name="bench")
    try:
        jetstream = client.jetstream()
        count = 0
        for partition in range(DEFAULT_PARTITIONS):
            everybody = await jetstream.pull_subscribe(
                "fact.*.*.user.*", stream=provisioning(partition), config=ConsumerConfig(ack_policy=AckPolicy.NONE)
            )
            count += (await everybody.consumer_info()).num_pending or 0
            await everybody.unsubscribe()
        return count
    finally:
        await client.close()


async def _applied(database_url: str) -> tuple[int, int]:
    connection = await asyncpg.connect(database_url)
    try:
        messages = int(await connection.fetchval("SELECT sum(seq) FROM provisioning.checkpoints"))
        return messages, int(await connection.fetchval("SELECT count(*) FROM lms.users"))
    finally:
        await connection.close()

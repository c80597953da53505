"""Runs projectors in a test and waits for what they do."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
from nats.aio.client import Client

from rollbook_contracts.streams import CHANGES
from rollbook_projector import decisions
from rollbook_projector.headers import LogClient
from rollbook_projector.partition import State
from rollbook_projector.projector import Projector
from rollbook_projector.pull import PullSettings, pulling
from rollbook_projector.recorded import LogMessage
from rollbook_projector.replay.compare import Finding
from rollbook_projector.replay.verify import verify
from rollbook_projector.settings import ProjectorSettings
from support.facts import CLAIM_KEY, Script

QUICK = ProjectorSettings(recheck=0.2, takeover_poll=0.05, relay_poll=0.2, pull=PullSettings(heartbeat=0.5))


@contextlib.asynccontextmanager
async def connected(url: str) -> AsyncIterator[LogClient]:
    """Lend a connection as the projector's composition root opens it."""

    async def ignore(_error: Exception) -> None:
        """Say nothing: reconnecting is what some tests are about."""

    client = LogClient()
    await client.connect(
        url,
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.1,  # type: ignore[arg-type]  # annotated as whole seconds, used as seconds
        pending_size=0,
        error_cb=ignore,
    )
    try:
        yield client
    finally:
        await client.close()


async def until(holds: Callable[[], Awaitable[Any]], *, within: float = 20) -> Any:
    """Wait for a condition and return what it answered."""
    async with asyncio.timeout(within):
        while not (answer := await holds()):  # noqa: ASYNC110  # what is waited for happens in other processes
            await asyncio.sleep(0.01)
    return answer


@dataclass
class Stage:
    """One partition's servers, and the projectors that work on them."""

    client: LogClient
    database: asyncpg.Connection
    dsn: str
    stack: contextlib.AsyncExitStack

    async def start(self, settings: ProjectorSettings = QUICK, *, partitions: int = 1) -> Projector:
        """Start a projector in this process."""
        projector, _ = await self.stoppable(settings, partitions=partitions)
        return projector

    async def stoppable(
        self, settings: ProjectorSettings = QUICK, *, partitions: int = 1
    ) -> tuple[Projector, Callable[[], Awaitable[None]]]:
        """Start a projector; return it and what stops it."""
        stop = asyncio.Event()
        projector = Projector(self.client, self.dsn, partitions=partitions, settings=settings)
        task = asyncio.create_task(projector.run(stop))

        async def ended() -> None:
            stop.set()
            await task

        self.stack.push_async_callback(ended)
        return projector, ended

    async def applied(self, script: Script) -> None:
        """Publish a script and wait until all of it is applied."""
        await script.publish(self.client)
        await self.reached(script.head, script.partition)

    async def reached(self, sequence: int, partition: int = 0) -> None:
        """Wait for a checkpoint."""

        async def there() -> bool:
            return await self.sequence(partition) >= sequence

        await until(there)

    async def sequence(self, partition: int = 0) -> int:
        """Return a partition's checkpoint."""
        found = await self.database.fetchval("SELECT seq FROM provisioning.checkpoints WHERE partition = $1", partition)
        return found or 0

    async def decide(self, rule: decisions.Rule, sequence: int, script: Script) -> int:
        """Decide on a parked fact as an operator does, and wait until the decision is applied."""
        at = await decisions.decide(
            self.client,
            self.database,
            rule,
            partition=0,
            sequence=sequence,
            request_id=f"req_decision_{script.head + 1}",
            time="2026-02-01T00:00:00.000000Z",
        )
        script.skip_to(at)
        await self.reached(at)
        return at

    async def halted(self, partition: int = 0) -> str:
        """Wait until a partition is halted and return why."""

        async def why() -> str | None:
            found: str | None = await self.database.fetchval(
                "SELECT halted FROM provisioning.checkpoints WHERE partition = $1", partition
            )
            return found

        return str(await until(why))

    async def findings(self) -> list[Finding]:
        """Return what verify finds."""
        found = verify(self.client, self.dsn, claim_key=CLAIM_KEY, partitions=1, settings=QUICK)
        return [finding async for finding in found]

    async def until_state(self, projector: Projector, state: State) -> None:
        """Wait until the first partition's loop is in a state."""

        async def there() -> bool:
            return projector.health()[0].state == state

        await until(there)

    async def relayed(self) -> None:
        """Wait until no change waits in the outbox."""

        async def empty() -> bool:
            return not await self.database.fetchval("SELECT count(*) FROM provisioning.outbox")

        await until(empty)

    async def rows(self, table: str, columns: str = "*", where: str = "true") -> list[dict[str, Any]]:
        """Return a table's rows, ordered by all of their values."""
        return [
            dict(row) for row in await self.database.fetch(f"SELECT {columns} FROM {table} WHERE {where} ORDER BY 1, 2")
        ]

    async def changes(self, count: int) -> list[LogMessage]:
        """Wait for so many changes in stream CHANGES and return them all, in order."""

        async def there() -> list[LogMessage]:
            found = await stored(self.client, CHANGES, "lms.>")
            return found if len(found) >= count else []

        found: list[LogMessage] = await until(there) if count else await stored(self.client, CHANGES, "lms.>")
        return found


async def stored(client: Client, stream: str, subject: str | None = None) -> list[LogMessage]:
    """Return all messages that a stream holds now."""
    answer = json.loads((await client.request(f"$JS.API.STREAM.INFO.{stream}", b"", timeout=5)).data)
    found: list[LogMessage] = []
    async with pulling(client, stream, after=0, subject=subject, settings=PullSettings(heartbeat=0.2)) as pull:
        while not found or found[-1].sequence < answer["state"]["last_seq"]:
            taken = await pull.take(1000, patience=0.1)
            if not taken:
                break
            found += taken
    return found

"""A fleet on a cluster of three NATS servers, a gateway and a projector beside two of them; for cuts of the network."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import aiohttp
import asyncpg
from nats.errors import Error as NatsError

from rollbook.embedded.child import Child, Program
from rollbook.errors import CommandError
from rollbook.settings import Settings
from rollbook_contracts.streams import CHANGES, provisioning
from support import servers
from support.fleet import CLAIM_KEY, Fleet
from support.projecting import until
from support.routes import ProxiedCluster, proxied_cluster

STREAM: Final = provisioning(0)
_OWNER: Final = """
    SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND application_name LIKE 'rollbook-projector %'"""


class ClusterFleet(Fleet):
    """One partition; each process knows one server alone, and the two sides are those servers' numbers.

    ``gateways`` and ``projectors`` stand in the order of ``sides``.
    """

    def __init__(self, folder: Path, session: aiohttp.ClientSession, cluster: ProxiedCluster) -> None:
        super().__init__(folder, session)
        self.cluster = cluster
        self.nats = cluster.servers[0]
        self.sides: list[int] = []

    @property
    def processes(self) -> list[Child]:
        return [self.postgres, *self.projectors, *self.gateways]

    @property
    def settings(self) -> Settings:
        """What a command needs: the addresses of all servers."""
        return Settings(nats_url=self._urls, database_url=self.postgres.url, claim_key=CLAIM_KEY, partitions=1)

    @property
    def environ(self) -> dict[str, str]:
        return {**super().environ, "ROLLBOOK_NATS_URL": self._urls, "ROLLBOOK_PARTITIONS": "1"}

    @property
    def _urls(self) -> str:
        return ",".join(server.url for server in self.cluster.servers)

    async def start_on_two_sides(self) -> None:
        """Start everything; the first side is that of the server which decides for the cluster."""
        await self.postgres.start()
        first = await self.cluster.meta_leader()
        self.sides = [first, (first + 1) % len(self.cluster.servers)]
        urls = [self.cluster.servers[side].url for side in self.sides]
        await asyncio.gather(
            *(self.add_projector(ROLLBOOK_NATS_URL=url) for url in urls),
            *(self.add_gateway(ROLLBOOK_NATS_URL=url) for url in urls),
        )

    async def owner(self) -> Program | None:
        """Return the projector that applies the partition now."""
        connection = await asyncpg.connect(self.postgres.url)
        try:
            name = await connection.fetchval(_OWNER)
        finally:
            await connection.close()
        owners = [projector for projector in self.projectors if str(name).endswith(f":{projector.pid}")]
        return owners[0] if owners else None

    async def heal(self) -> None:
        """Let all servers hear each other, and wait until they decide together again: new consumers can be made."""
        self.cluster.heal()

        async def decided() -> bool:
            with contextlib.suppress(NatsError, CommandError):
                async with self.operation() as operation:
                    for stream in (STREAM, CHANGES):
                        subscription = await operation.nats.jetstream().pull_subscribe(">", stream=stream)
                        await subscription.unsubscribe()
                    return True
            return False

        await until(decided, within=60)

    async def cut_off_the_owner(self) -> int:
        """Have the log led beside the projector that owns it, then cut that server off; return which side it is."""

        async def owned() -> Program | None:
            return await self.owner()

        side = self.projectors.index(await until(owned, within=60))
        await self.cluster.lead(STREAM, self.sides[side])
        self.cluster.cut_off(self.sides[side])
        return side


@contextlib.asynccontextmanager
async def running_cluster_fleet() -> AsyncIterator[ClusterFleet]:
    """Run a fleet on a cluster for the block."""
    with servers.folder_for_servers() as folder:
        connector = aiohttp.TCPConnector(limit=0)
        timeout = aiohttp.ClientTimeout(total=30)
        async with (
            proxied_cluster(folder) as cluster,
            aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
        ):
            fleet = ClusterFleet(folder, session, cluster)
            try:
                await fleet.start_on_two_sides()
                yield fleet
            finally:
                cluster.heal()
                await fleet.stop()

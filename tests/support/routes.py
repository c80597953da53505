"""A cluster of three nats-servers whose routes go through proxies of ours: one can be cut off, and healed."""

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator
from itertools import permutations
from pathlib import Path
from typing import Final

import nats
from nats.aio.client import Client
from nats.errors import Error as NatsError

from rollbook.embedded.nats_server import ClusterMember, NatsServer
from rollbook.embedded.ports import LOOPBACK, any_free

_CHUNK: Final = 64 * 1024
_SERVERS: Final = 3


class RouteProxy:
    """Passes the bytes of one server's routes on to another, and back; silent, it holds them and closes nothing.

    So a network behaves that loses everything: both ends believe for a while that they are connected, and what the
    senders' systems kept is delivered after it is healed.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._open = asyncio.Event()
        self._open.set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> int:
        """Listen; return the port."""
        self._server = await asyncio.start_server(self._accepted, LOOPBACK)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        """Close everything."""
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def fall_silent(self) -> None:
        """Pass nothing on from now on."""
        self._open.clear()

    def heal(self) -> None:
        """Pass on what waited, and whatever comes."""
        self._open.set()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await self._open.wait()
            onward_reader, onward_writer = await asyncio.open_connection(LOOPBACK, self._target)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._pass(reader, onward_writer))
                    group.create_task(self._pass(onward_reader, writer))
            finally:
                onward_writer.close()
        writer.close()
        self._tasks.discard(task)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                await self._open.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


class ProxiedCluster:
    """Three servers, and one proxy for each ordered pair of them."""

    def __init__(self, servers: list[NatsServer], proxies: dict[tuple[int, int], RouteProxy]) -> None:
        self.servers = servers
        self._proxies = proxies

    async def meta_leader(self) -> int:
        """Return which server decides for the cluster.

        Cut off, it goes on answering its clients for ten seconds; another one tells them sooner that it is of no use.
        """
        _, about = await self.servers[0].monitor("/jsz")
        return int(about["meta_cluster"]["leader"].removeprefix("n"))

    async def lead(self, stream: str, number: int) -> None:
        """Have one server lead a stream."""
        wanted = f"n{number}"
        client = await nats.connect(self.servers[number].url)
        try:
            async with asyncio.timeout(30):
                while await _leader_of(client, stream) != wanted:
                    body = json.dumps({"placement": {"preferred": wanted}}).encode()
                    with contextlib.suppress(NatsError):
                        await client.request(f"$JS.API.STREAM.LEADER.STEPDOWN.{stream}", body, timeout=1)
                    await asyncio.sleep(0.2)
        finally:
            await client.close()

    def cut_off(self, number: int) -> None:
        """Let one server hear nothing of the two others, nor they of it."""
        for pair, proxy in self._proxies.items():
            if number in pair:
                proxy.fall_silent()

    def heal(self) -> None:
        """Let all hear each other again."""
        for proxy in self._proxies.values():
            proxy.heal()


@contextlib.asynccontextmanager
async def proxied_cluster(folder: Path) -> AsyncIterator[ProxiedCluster]:
    """Run three nats-servers as one cluster, ready when each has caught up with the leader."""
    password = f"p{secrets.token_hex(8)}"
    *ports, nowhere = _free_ports(_SERVERS + 1)
    proxies = {(source, target): RouteProxy(ports[target]) for source, target in permutations(range(_SERVERS), 2)}
    async with contextlib.AsyncExitStack() as stack:
        listening: dict[tuple[int, int], int] = {}
        for pair, proxy in proxies.items():
            listening[pair] = await proxy.start()
            stack.push_async_callback(proxy.stop)
        servers = [
            NatsServer(
                folder / f"n{number}",
                member=ClusterMember(
                    f"n{number}",
                    ports[number],
                    tuple(port for (source, _), port in listening.items() if source == number),
                    password,
                    ("--cluster_advertise", f"{LOOPBACK}:{nowhere}", "--no_advertise"),
                ),
            )
            for number in range(_SERVERS)
        ]
        for server in servers:
            stack.push_async_callback(server.stop)
        await asyncio.gather(*(server.start() for server in servers))
        yield ProxiedCluster(servers, proxies)


def _free_ports(count: int) -> list[int]:
    ports: set[int] = set()
    while len(ports) < count:
        ports.add(any_free())
    return list(ports)


async def _leader_of(client: Client, stream: str) -> str | None:
    with contextlib.suppress(NatsError):
        info = await client.jetstream().stream_info(stream)
        return info.cluster.leader if info.cluster is not None else None
    return None

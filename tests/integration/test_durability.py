"""What a client can see of a server's syncing, and what is refused; services/rollbook/durability.py."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from rollbook.durability import require_durable, syncs_always
from rollbook.embedded.nats_server import NatsServer, nats_server_binary
from rollbook.embedded.ports import any_free
from rollbook.errors import CommandError
from rollbook.settings import Settings
from rollbook_gateway.log.connection import connect


@asynccontextmanager
async def plain_server(folder: Path, sync_interval: str | None) -> AsyncIterator[tuple[str, str]]:
    """Run a nats-server as an operator may have it; lend its address and its monitoring address."""
    port, monitor = any_free(), any_free()
    configuration = folder / "nats.conf"
    sync = f"sync_interval: {sync_interval}" if sync_interval else ""
    configuration.write_text(f'jetstream {{ store_dir: "{folder}"\n max_file_store: 100MB\n {sync} }}')
    process = await asyncio.create_subprocess_exec(
        str(nats_server_binary()),
        *("-c", str(configuration), "-a", "127.0.0.1", "-p", str(port), "-m", str(monitor), "-l", str(folder / "log")),
    )
    try:
        yield f"nats://127.0.0.1:{port}", f"http://127.0.0.1:{monitor}"
    finally:
        process.terminate()
        await process.wait()


async def test_embedded_server_shows_that_it_syncs_always(nats_server: NatsServer) -> None:
    """Over the connection that Rollbook has anyway, the running server says `sync_interval: always`."""
    connection = await connect(nats_server.url, name="test")

    assert await syncs_always(connection, None) is True
    await require_durable(connection, Settings(), None)

    await connection.close()


async def test_lazy_server_is_refused_by_its_monitoring_endpoint(tmp_path: Path) -> None:
    """A server that syncs every two minutes is refused, with what to do, unless the operator accepts the loss."""
    async with plain_server(tmp_path, None) as (url, monitor):
        connection = await connect(url, name="test")

        assert await syncs_always(connection, monitor) is False
        with pytest.raises(CommandError, match=r"sync_interval: always.*ROLLBOOK_ALLOW_LAZY_SYNC=1"):
            await require_durable(connection, Settings(), monitor)
        await require_durable(connection, Settings(allow_lazy_sync=True), monitor)

        await connection.close()


async def test_server_that_syncs_is_accepted_by_its_monitoring_endpoint(tmp_path: Path) -> None:
    """An operator's own server with `sync_interval: always` is accepted where its monitoring address is named."""
    async with plain_server(tmp_path, "always") as (url, monitor):
        connection = await connect(url, name="test")

        await require_durable(connection, Settings(), monitor)

        await connection.close()


async def test_server_that_does_not_tell_is_refused(tmp_path: Path) -> None:
    """Without a way to see it, durability is not assumed; the error names the setting that shows it."""
    async with plain_server(tmp_path, "always") as (url, _):
        connection = await connect(url, name="test")

        assert await syncs_always(connection, None) is None
        with pytest.raises(CommandError, match=r"does not tell.*ROLLBOOK_NATS_MONITOR_URL"):
            await require_durable(connection, Settings(), None)

        await connection.close()


async def test_cluster_needs_no_sync(nats_cluster_url: str) -> None:
    """On a cluster whose streams have three replicas the question is not asked."""
    connection = await connect(nats_cluster_url, name="test")

    await require_durable(connection, Settings(), "http://127.0.0.1:1")

    await connection.close()

"""The example of an LMS service, run as it would be: killed in the middle, its work is done for each change once."""

import asyncio
import contextlib
import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from rollbook.demo.entra import play_entra
from rollbook_contracts.streams import CHANGES
from rollbook_gateway.log.connection import connect
from support.evidence import entries
from support.product import Product
from support.scim import Scim
from support.waiting import until

pytestmark = pytest.mark.timeout(400)

DURABLE = "lms"
EXAMPLES = Path(__file__).parents[2] / "deploy" / "examples"


@asynccontextmanager
async def subscriber(product: Product, database: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the example, and kill it without warning at the end of the block."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "faststream", "run", "subscriber:app"),
        cwd=EXAMPLES,
        env={"PATH": os.defpath, "NATS_URL": product.stack.nats_url, "LMS_DATABASE": str(database)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


def done(database: Path) -> list[tuple[str, str]]:
    """Return the ids and the versions for which the service did its work, in the order in which it did it."""
    if not database.exists():
        return []
    connection = sqlite3.connect(database, timeout=10)
    try:
        rows = connection.execute("SELECT change_id, change FROM done ORDER BY rowid").fetchall()
    except sqlite3.OperationalError:
        return []
    finally:
        connection.close()
    return [(change_id, msgspec.json.decode(change)["version"]) for change_id, change in rows]


async def relayed(product: Product, scim: Scim) -> list[tuple[str, str]]:
    """Return the ids and versions of all changes, in order, once there is one for each that a tenant's writes made."""
    reply = await scim.get("/Users?count=0")
    assert reply.status == 200, "all that was written before is in the tables"

    async def nothing_waits() -> bool:
        return not await product.database.fetchval("SELECT count(*) FROM provisioning.outbox")

    client = await connect(product.stack.nats_url, name="tests")
    try:
        async with asyncio.timeout(30):
            while not await nothing_waits():  # noqa: ASYNC110  # asked of a server
                await asyncio.sleep(0.05)
        return [(entry.headers["ce-id"], entry.body["version"]) for entry in await entries(client, "CHANGES", "lms.>")]
    finally:
        await client.close()


@pytest.fixture
async def changes_stream(product: Product) -> AsyncIterator[JetStreamContext]:
    """Lend JetStream as a new service finds it: without the service's consumer."""
    client = await connect(product.stack.nats_url, name="tests")
    try:
        await forget_position(client.jetstream())
        yield client.jetstream()
    finally:
        await client.close()


async def forget_position(jetstream: JetStreamContext) -> None:
    with contextlib.suppress(NotFoundError):
        await jetstream.delete_consumer(CHANGES, DURABLE)


async def nothing_waits(jetstream: JetStreamContext) -> bool:
    """Say whether the service has acknowledged all changes there are."""
    try:
        consumer = await jetstream.consumer_info(CHANGES, DURABLE)
    except NotFoundError:
        return False
    return not consumer.num_pending and not consumer.num_ack_pending


@pytest.mark.usefixtures("changes_stream")
async def test_a_service_killed_in_the_middle_has_done_its_work_for_each_change_once(
    product: Product, tmp_path: Path
) -> None:
    """Killed three times while changes come; at the end all are done, in order, none twice."""
    database = tmp_path / "lms.sqlite"
    scim = await product.new_tenant(regions=("US-East", "US-West", "EMEA", "APAC"))
    playing = asyncio.create_task(play_entra(scim.tenant_url, scim.token, people=150, progress=lambda *_: None))
    for _ in range(3):
        before = len(done(database))
        async with subscriber(product, database):
            await until(lambda before=before: len(done(database)) > before + 40, within=90)  # type: ignore[misc]  # mypy does not infer a lambda with defaults
    await playing
    expected = await relayed(product, scim)
    assert len(done(database)) < len(expected), "it was to be killed before the end"
    async with subscriber(product, database):
        await until(lambda: len(done(database)) >= len(expected), within=90)
    assert expected == done(database)


async def test_a_change_that_comes_again_is_known_by_its_id(
    product: Product, changes_stream: JetStreamContext, tmp_path: Path
) -> None:
    """A service whose position is lost gets everything again, and does nothing again."""
    database = tmp_path / "lms.sqlite"
    scim = await product.new_tenant(regions=("US-East", "US-West", "EMEA", "APAC"))
    await play_entra(scim.tenant_url, scim.token, people=5, progress=lambda *_: None)
    expected = await relayed(product, scim)
    async with asyncio.timeout(120):
        for _ in range(2):
            async with subscriber(product, database):
                while not await nothing_waits(changes_stream):  # noqa: ASYNC110  # asked of a server
                    await asyncio.sleep(0.05)
            assert expected == done(database)
            await forget_position(changes_stream)

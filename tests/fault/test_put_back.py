"""Stores that were put back or lost: each runbook is followed to its end, and tables, log and changes agree again."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest

from rollbook.embedded.child import Child
from support.audit import verified
from support.evidence import entries
from support.fleet import Fleet, running_fleet
from support.people import somebody
from support.product import tenant_name
from support.projecting import until
from support.runbook import Runbook
from support.scim import Scim

pytestmark = [pytest.mark.fault, pytest.mark.long, pytest.mark.timeout(300)]


@pytest.fixture
async def fleet() -> AsyncIterator[Fleet]:
    """Run one gateway and one projector on data that the test may spoil."""
    async with running_fleet(gateways=1) as fleet:
        yield fleet


async def test_a_log_put_back_from_an_older_copy(fleet: Fleet) -> None:
    """docs/runbooks/log-put-back.md: nobody is shown an older state meanwhile, and lost people are told as deleted."""
    tenant = await fleet.new_tenant()
    kept = await create(tenant, range(1, 4))
    await saved(fleet, fleet.nats, "store")
    lost = await create(tenant, range(4, 8))
    await applied(fleet)
    await put_back(fleet, fleet.nats, "store")
    with Runbook(fleet, "log-put-back.md") as page:
        assert (await tenant.post("/Users", somebody(20))).status == 503
        for path in ("/Users", f"/Users/{kept[0]}", f"/Users/{lost[0]}"):
            reply = await tenant.get(path)
            assert (reply.status, reply.headers["Retry-After"]) == (503, "1")
        assert re.search(
            r"partition \d: stream PROVISIONING-0\d ends at .* `rollbook epoch start`", await readiness(fleet)
        )
        await until(lambda: status_says(fleet, "log_regressed"))
        assert "log_regressed" in (await page.next("status")).err
        assert (await page.next("epoch start")).status == 1
        await fleet.projectors[0].stop()
        refused = await fleet.rollbook("rebuild")
        assert refused.status == 1
        assert "`rollbook epoch start` has the log count as it is" in refused.err
        assert (await page.next("epoch start --yes")).status == 0
        await fleet.projectors[0].start()
        await until(lambda: answers(tenant, 201, "POST", "/Users", somebody(21)))
        assert {person["id"] for person in await people(tenant)} >= set(kept)
        assert (await tenant.get(f"/Users/{lost[0]}")).status == 404
        await told_is_true(fleet)
        assert (await page.next("verify")).status == 0


async def test_postgresql_lost(fleet: Fleet) -> None:
    """docs/runbooks/postgresql-lost.md: the tables come again from the log, and no change is told twice."""
    tenant = await fleet.new_tenant()
    ids = await create(tenant, range(1, 6))
    await applied(fleet)
    told = await changes(fleet)
    await fleet.projectors[0].stop()
    await fleet.postgres.stop()
    shutil.rmtree(fleet.folder / "postgres" / "data")
    with Runbook(fleet, "postgresql-lost.md") as page:
        await fleet.postgres.start()
        assert (await tenant.get("/Users?filter=title pr".replace(" ", "%20"))).status == 503
        await fleet.projectors[0].start()
        await applied(fleet)
        assert (await page.next("status")).status == 0
        issued = await page.next("token issue", acme=tenant_name(tenant))
        assert issued.status == 0
        again = Scim(fleet.session, tenant.tenant_url, token_in(issued.out))
        await until(lambda: answers(again, 200, "GET", "/Users"))
        assert [person["id"] for person in await people(again)] == sorted(ids)
        assert await changes(fleet) == told
        assert (await page.next("verify")).status == 0


async def test_changes_ahead_of_log_and_tables(fleet: Fleet) -> None:
    """docs/runbooks/changes-ahead.md: what was told under the same keys is put right, new people are told."""
    tenant = await fleet.new_tenant()
    kept = await create(tenant, range(1, 4))
    await applied(fleet)
    await fleet.projectors[0].stop()
    await fleet.gateways[0].stop()
    streams = fleet.folder / "nats" / "store" / "jetstream"
    (account,) = [folder for folder in streams.iterdir() if (folder / "streams").is_dir()]
    logs = sorted(path.name for path in (account / "streams").glob("PROVISIONING-*"))
    for name in logs:
        await saved(fleet, fleet.nats, str((account / "streams" / name).relative_to(fleet.folder / "nats")))
    await saved(fleet, fleet.postgres, "data")
    await fleet.projectors[0].start()
    await fleet.gateways[0].start()
    lost = await create(tenant, range(4, 14))
    await applied(fleet)
    await fleet.projectors[0].stop()
    await fleet.gateways[0].stop()
    for name in logs:
        await put_back(fleet, fleet.nats, str((account / "streams" / name).relative_to(fleet.folder / "nats")))
    await put_back(fleet, fleet.postgres, "data")
    await fleet.projectors[0].start()
    await fleet.gateways[0].start()
    new = await create(tenant, range(14, 24))
    with Runbook(fleet, "changes-ahead.md") as page:
        await until(lambda: status_says(fleet, "changes_ahead"))
        assert (await page.next("status")).status == 1
        assert (await page.next("epoch start")).status == 1
        await fleet.projectors[0].stop()
        await fleet.gateways[0].stop()
        assert (await page.next("epoch start --yes")).status == 0
        await fleet.projectors[0].start()
        await fleet.gateways[0].start()
        assert [person["id"] for person in await people(tenant)] == sorted([*kept, *new])
        assert set(new) <= await told_is_true(fleet)
        assert not set(lost) & await told_is_true(fleet)
        assert (await page.next("verify")).status == 0


async def test_nats_lost(fleet: Fleet) -> None:
    """docs/runbooks/nats-lost.md: nothing is accepted on the empty log; consumers are told that all are deleted."""
    tenant = await fleet.new_tenant()
    ids = await create(tenant, range(1, 6))
    await applied(fleet)
    await fleet.projectors[0].stop()
    await fleet.gateways[0].stop()
    await fleet.nats.stop()
    shutil.rmtree(fleet.folder / "nats" / "store")
    await fleet.nats.start()
    with Runbook(fleet, "nats-lost.md") as page:
        gateway = asyncio.create_task(fleet.gateways[0].start())
        await until(lambda: readiness_says(fleet, "was made"))
        assert (await tenant.post("/Users", somebody(1))).status == 503
        assert (await page.next("epoch start")).status == 1
        kept = await page.next("users --json")
        assert all(one in kept.out for one in ids)
        assert (await page.next("epoch start --yes")).status == 0
        await gateway
        await fleet.projectors[0].start()
        assert (await page.next("tenant create", anew="acme")).status == 0
        issued = await page.next("token issue", anew="acme")
        again = Scim(fleet.session, f"{fleet.gateway_urls[0]}/scim/acme/v2", token_in(issued.out))
        await create(again, range(1, 4))
        assert not set(ids) & await told_is_true(fleet)
        assert (await page.next("verify")).status == 0


async def create(tenant: Scim, numbers: Iterable[int]) -> list[str]:
    """Create people; return their ids."""
    return [(await tenant.created(somebody(number)))["id"] for number in numbers]


async def people(tenant: Scim) -> list[dict[str, Any]]:
    reply = await tenant.get("/Users?count=100")
    assert reply.status == 200
    found: list[dict[str, Any]] = reply.body["Resources"]
    return found


async def answers(tenant: Scim, status: int, method: str, path: str, body: Any = None) -> bool:
    return (await tenant.send(method, path, body)).status == status


async def saved(fleet: Fleet, server: Child, part: str) -> None:
    """Copy a part of a stopped server's folder, as a backup does."""
    await server.stop()
    source = _folder(fleet, server) / part
    await _copy(source, fleet.folder / f"{source.name}.saved")
    await server.start()


async def put_back(fleet: Fleet, server: Child, part: str) -> None:
    """Put the copy in the place of what is there now."""
    await server.stop()
    target = _folder(fleet, server) / part
    shutil.rmtree(target)
    (fleet.folder / f"{target.name}.saved").rename(target)
    await server.start()


def _folder(fleet: Fleet, server: Child) -> Path:
    return fleet.folder / ("nats" if server is fleet.nats else "postgres")


async def _copy(source: Path, target: Path) -> None:
    process = await asyncio.create_subprocess_exec("cp", "-a", str(source), str(target))
    assert await process.wait() == 0


async def applied(fleet: Fleet) -> None:
    """Wait until all facts are applied and all changes published."""

    async def all_done() -> bool:
        finished = await fleet.rollbook("status", "--json")
        return finished.status == 0 and '"outbox":0' in finished.out.replace(" ", "") and _lags(finished.out) == {"0"}

    await until(all_done, within=60)


def _lags(out: str) -> set[str]:
    return set(re.findall(r'"lag": ?(\d+)', out))


async def status_says(fleet: Fleet, text: str) -> bool:
    return text in (await fleet.rollbook("status")).err


async def readiness(fleet: Fleet) -> str:
    """Return what a gateway that is not ready says of the log."""
    async with fleet.session.get(f"{fleet.gateway_urls[0]}/readyz") as response:
        assert response.status == 503
        return str((await response.json())["log"])


async def readiness_says(fleet: Fleet, text: str) -> bool:
    try:
        return text in await readiness(fleet)
    except OSError:
        return False


async def changes(fleet: Fleet) -> list[tuple[str, str]]:
    """Return type and id of all changes that consumers can read, in order."""
    async with fleet.operation() as operation:
        found = await entries(operation.nats, "CHANGES", "lms.*.user.*")
        return [(str(entry.headers["ce-type"]), str(entry.body["id"])) for entry in found]


async def told_is_true(fleet: Fleet) -> set[str]:
    """Check that consumers were told of exactly those who are in the tables; return their ids."""
    await applied(fleet)
    present: set[str] = set()
    for wire_type, resource in await changes(fleet):
        (present.discard if wire_type == "user.deleted.v1" else present.add)(resource)
    async with fleet.operation() as operation:
        assert present == {row["id"] for row in await operation.connection.fetch("SELECT id FROM lms.users")}
        assert await verified(operation) == []
    return present


def token_in(out: str) -> str:
    found = re.search(r"rb_\S+_\S+", out)
    assert found is not None, out
    return found.group()

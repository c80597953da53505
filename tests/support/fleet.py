"""The product as an operator runs it, NATS, PostgreSQL, gateways and projectors: processes to kill, pause, restart."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest

from rollbook.control import tokens
from rollbook.embedded.child import Child, Program
from rollbook.embedded.nats_server import NatsServer
from rollbook.embedded.ports import any_free
from rollbook.embedded.postgres import Postgres
from rollbook.embedded.process import Command, log_tail
from rollbook.roots.operator import Operation, operating
from rollbook.settings import Settings
from rollbook_contracts.settings import TenantSettings
from rollbook_gateway.admission.tokens import new_token
from support import servers
from support.product import tenant_name
from support.scim import Scim

CLAIM_KEY = bytes(range(32)).hex()
REGIONS = ("US-East", "EMEA")


@dataclass(frozen=True, slots=True)
class Finished:
    """What a command left behind."""

    status: int
    out: str
    err: str


class Fleet:
    """The processes of one deployment, each with its data and its log in one folder."""

    def __init__(self, folder: Path, session: aiohttp.ClientSession) -> None:
        self.nats = NatsServer(folder / "nats")
        self.postgres = Postgres(folder / "postgres")
        self.gateways: list[Program] = []
        self.gateway_urls: list[str] = []
        self.projectors: list[Program] = []
        self.session = session
        self.folder = folder
        self._tenants = 0

    @property
    def processes(self) -> list[Child]:
        """All processes, in the order in which they are to be started."""
        return [self.nats, self.postgres, *self.projectors, *self.gateways]

    @property
    def environ(self) -> dict[str, str]:
        """What tells a process of ours where the servers are."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "ROLLBOOK_DATA": str(self.folder / "data"),
            "ROLLBOOK_NATS_URL": self.nats.url,
            "ROLLBOOK_DATABASE_URL": self.postgres.url,
            "ROLLBOOK_CLAIM_KEY": CLAIM_KEY,
            "ROLLBOOK_LOG_LEVEL": "warning",
        }

    async def start(self, *, gateways: int = 2, projectors: int = 1) -> None:
        """Start the servers, then so many processes of ours."""
        await asyncio.gather(self.nats.start(), self.postgres.start())
        await asyncio.gather(*(self.add_projector() for _ in range(projectors)))
        await asyncio.gather(*(self.add_gateway() for _ in range(gateways)))

    async def add_gateway(self, **environ: str) -> Program:
        """Start one more gateway, at an address that it keeps, with these variables beside the usual ones."""
        port = any_free()
        url = f"http://127.0.0.1:{port}"

        async def is_ready() -> bool:
            try:
                async with self.session.get(f"{url}/readyz") as response:
                    return response.status == 200
            except (aiohttp.ClientError, TimeoutError):
                return False

        name = f"gateway-{len(self.gateways) + 1}"
        gateway = Program(name, self._command(name, "gateway", "--port", port, **environ), is_ready)
        self.gateways.append(gateway)
        self.gateway_urls.append(url)
        await gateway.start()
        return gateway

    async def add_projector(self, **environ: str) -> Program:
        """Start one more projector, with these variables beside the usual ones."""
        name = f"projector-{len(self.projectors) + 1}"
        ready_file = self.folder / f"{name}.ready"
        command = self._command(name, "projector", "--ready-file", ready_file, **environ)

        async def is_ready() -> bool:
            return ready_file.exists() and f'"pid": {projector.pid}' in ready_file.read_text(encoding="utf-8")

        projector = Program(name, command, is_ready)
        self.projectors.append(projector)
        await projector.start()
        return projector

    async def remove_projector(self, projector: Program) -> None:
        """Stop a projector for good."""
        await projector.stop()
        self.projectors.remove(projector)

    async def mend(self) -> None:
        """Bring back whatever a test left paused or dead."""
        for child in self.processes:
            if is_alive(child):
                proceed(child)
            else:
                await child.start()

    async def stop(self) -> None:
        """Stop everything, the servers last."""
        for child in reversed(self.processes):
            with contextlib.suppress(RuntimeError, psutil.NoSuchProcess):
                proceed(child)
            await child.stop()

    @property
    def settings(self) -> Settings:
        """What a command needs to find the servers."""
        return Settings(nats_url=self.nats.url, database_url=self.postgres.url, claim_key=CLAIM_KEY)

    def operation(self) -> contextlib.AbstractAsyncContextManager[Operation]:
        """Lend what commands work with: the log and a connection to the database."""
        return operating(self.settings)

    async def new_tenant(self, **settings: Any) -> Scim:
        """Create a tenant and return a client of it at the first gateway, whose token all gateways have seen."""
        self._tenants += 1
        name = f"tenant-{self._tenants}"
        token = new_token()
        async with self.operation() as opened:
            row = await opened.tenants().create(name, TenantSettings(**{"regions": REGIONS, **settings}))
            await tokens.issue(opened.connection, row.tenant, token, label="test", now=datetime.now(UTC))
        client = Scim(self.session, f"{self.gateway_urls[0]}/scim/{name}/v2", str(token))
        for number in range(len(self.gateways)):
            assert (await self.at(client, number).get("/Users?count=0")).status == 200
        return client

    def at(self, scim: Scim, gateway: int) -> Scim:
        """Return a client of the same tenant at another gateway."""
        return Scim(self.session, f"{self.gateway_urls[gateway]}/scim/{tenant_name(scim)}/v2", scim.token)

    def everywhere(self, scim: Scim) -> list[Scim]:
        """Return clients of one tenant, one at each gateway."""
        return [self.at(scim, gateway) for gateway in range(len(self.gateways))]

    async def rollbook(self, *arguments: object, **environ: str) -> Finished:
        """Run a command of the command line to its end, with these variables beside the usual ones."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "rollbook", *map(str, arguments)),
            env={**self.environ, **environ},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode is not None
        return Finished(process.returncode, out.decode(), err.decode())

    def logs(self) -> str:
        """Return the end of each process's log."""
        lengths = {self.nats: 8, self.postgres: 8}
        return "\n".join(f"--- {child.name}\n{log_tail(child.log, lengths.get(child, 30))}" for child in self.processes)

    def _command(self, name: str, *arguments: object, **environ: str) -> Command:
        return Command(
            argv=(sys.executable, "-m", "rollbook", *map(str, arguments)),
            log=self.folder / f"{name}.log",
            env={**self.environ, **environ},
        )


@contextlib.asynccontextmanager
async def running_fleet(*, gateways: int = 2, projectors: int = 1) -> AsyncIterator[Fleet]:
    """Run a fleet on data of its own for the block."""
    with servers.folder_for_servers() as folder:
        connector = aiohttp.TCPConnector(limit=0)
        timeout = aiohttp.ClientTimeout(total=20)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            fleet = Fleet(folder, session)
            try:
                await fleet.start(gateways=gateways, projectors=projectors)
                yield fleet
            finally:
                await fleet.stop()


@contextlib.asynccontextmanager
async def lent(fleet: Fleet, run: pytest.Session) -> AsyncIterator[Fleet]:
    """Lend a shared fleet to one test: its logs are shown when the test fails, and it is whole for the next one."""
    failed = run.testsfailed
    yield fleet
    if run.testsfailed > failed:
        print(fleet.logs())  # noqa: T201  # pytest shows it below the failure
    await fleet.mend()


def is_alive(child: Child) -> bool:
    """Whether a process is there; one that has ended and was not fetched yet is not."""
    try:
        return psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def pause(child: Child) -> None:
    """Stop a process and its own children in their tracks, the process first, so that it starts no others."""
    for process in _family(child):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGSTOP)


def proceed(child: Child) -> None:
    """Let a paused process go on."""
    for process in _family(child):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def paused(child: Child) -> Iterator[None]:
    """Pause a process for the block."""
    pause(child)
    try:
        yield
    finally:
        proceed(child)


def _family(child: Child) -> list[psutil.Process]:
    process = psutil.Process(child.pid)
    return [process, *process.children(recursive=True)]

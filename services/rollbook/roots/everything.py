"""The composition root of `rollbook up`: servers, projector and gateway as supervised children, and the demo tenant."""

import asyncio
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from rollbook.control import tokens
from rollbook.embedded.child import Child, Program
from rollbook.embedded.data_folder import DataFolder, Stack
from rollbook.embedded.disk_room import restart_when_there_is_room
from rollbook.embedded.nats_server import NatsServer
from rollbook.embedded.ports import LOOPBACK, is_free, next_free
from rollbook.embedded.postgres import Postgres
from rollbook.embedded.process import Command
from rollbook.embedded.supervisor import Supervisor, supervise
from rollbook.errors import CommandError
from rollbook.roots.operator import operating, require_same_log
from rollbook.settings import Settings
from rollbook_contracts.settings import TenantSettings
from rollbook_gateway.admission.tokens import Token, new_token, parse_token

DEFAULT_PORT = 8080
DEMO_TENANT = "acme"
DEMO_RULES = TenantSettings(regions=("US-East", "US-West", "EMEA", "APAC"))


@dataclass(frozen=True, slots=True)
class Wish:
    """What `rollbook up` was asked for; ``port`` is ``None`` for the default or the next free one."""

    settings: Settings
    environ: Mapping[str, str]
    port: int | None
    ready_file: Path | None
    demo: bool


async def run_everything(wish: Wish, *, stop: asyncio.Event, ready: Callable[[Stack], None]) -> None:
    """Run a whole stack until ``stop``; ``ready`` is told once everything answers."""
    folder = DataFolder(wish.settings.data)
    folder.make()
    with folder.hold():
        folder.withdraw()
        if wish.ready_file is not None:
            wish.ready_file.unlink(missing_ok=True)

        async def begin(supervisor: Supervisor) -> None:
            stack = await _begin(wish, folder, supervisor)
            folder.publish(stack)
            if wish.ready_file is not None:
                stack.write(wish.ready_file)
            ready(stack)

        try:
            await supervise(begin, stop)
        finally:
            folder.withdraw()
            if wish.ready_file is not None:
                wish.ready_file.unlink(missing_ok=True)


async def _begin(wish: Wish, folder: DataFolder, supervisor: Supervisor) -> Stack:
    port = _choose_port(wish.port)
    settings = await _start_servers(wish.settings, folder, supervisor)
    await require_same_log(settings)
    gateway_url = f"http://{LOOPBACK}:{port}"
    environ = {
        **wish.environ,
        "ROLLBOOK_DATA": str(folder.path),
        "ROLLBOOK_NATS_URL": settings.nats_url or "",
        "ROLLBOOK_DATABASE_URL": settings.database_url or "",
        "ROLLBOOK_CLAIM_KEY": settings.claim_key or "",
    }
    await supervisor.start(_projector(folder, environ), _gateway(folder, environ, gateway_url, port))
    settings = replace(settings, public_url=settings.public_url or gateway_url)
    tenant_url, token = await _demo(settings, folder) if wish.demo else (None, None)
    return Stack(
        tenant_url=tenant_url,
        token=token,
        gateway_url=gateway_url,
        nats_url=settings.nats_url or "",
        database_url=settings.database_url or "",
    )


async def _start_servers(settings: Settings, folder: DataFolder, supervisor: Supervisor) -> Settings:
    """Start those servers that the settings do not name, and return settings that name both."""
    nats = NatsServer(folder.nats) if settings.nats_url is None else None
    postgres = Postgres(folder.postgres) if settings.database_url is None else None
    servers: list[Child] = [server for server in (nats, postgres) if server is not None]
    await supervisor.start(*servers)
    if nats is not None:
        supervisor.beside(restart_when_there_is_room(nats))
    return replace(
        settings,
        nats_url=nats.url if nats is not None else settings.nats_url,
        database_url=postgres.url if postgres is not None else settings.database_url,
        claim_key=settings.claim_key or folder.claim_key().hex(),
    )


def _choose_port(asked: int | None) -> int:
    if asked is None:
        return next_free(DEFAULT_PORT)
    if asked == 0:
        return next_free(DEFAULT_PORT + 1)
    if not is_free(asked):
        raise CommandError(f"Port {asked} is taken. Name another with --port, or leave it out for the next free one.")
    return asked


def _projector(folder: DataFolder, environ: Mapping[str, str]) -> Program:
    ready_file = folder.path / "projector.ready"
    ready_file.unlink(missing_ok=True)

    async def is_ready() -> bool:
        return ready_file.exists() and f'"pid": {program.pid}' in ready_file.read_text(encoding="utf-8")

    program = Program("projector", _command(folder, environ, "projector", "--ready-file", str(ready_file)), is_ready)
    return program


def _gateway(folder: DataFolder, environ: Mapping[str, str], url: str, port: int) -> Program:
    async def is_ready() -> bool:
        try:
            async with aiohttp.ClientSession() as session, session.get(f"{url}/readyz") as response:
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    return Program("gateway", _command(folder, environ, "gateway", "--port", str(port)), is_ready)


def _command(folder: DataFolder, environ: Mapping[str, str], name: str, *arguments: str) -> Command:
    return Command(
        argv=(sys.executable, "-m", "rollbook", name, *arguments),
        log=folder.log(name),
        env=environ,
    )


async def _demo(settings: Settings, folder: DataFolder) -> tuple[str, str]:
    """Create the demo tenant at the first start; return its Tenant URL and its token, the same until it is ended."""
    async with operating(settings) as operation:
        tenants = operation.tenants()
        known = {row.name: row for row in await tenants.all()}
        row = known.get(DEMO_TENANT) or await tenants.create(DEMO_TENANT, DEMO_RULES)
        token, now = _kept_token(folder), datetime.now(UTC)
        if not await tokens.issue(operation.connection, row.tenant, token, label="demo", now=now):
            token = _kept_token(folder, anew=True)
            await tokens.issue(operation.connection, row.tenant, token, label="demo", now=now)
        return operation.tenant_url(row.name), str(token)


def _kept_token(folder: DataFolder, *, anew: bool = False) -> Token:
    text = folder.demo_token(lambda: str(new_token()), anew=anew)
    token = parse_token(text)
    if token is None:
        raise CommandError(
            f"{folder.path}/demo-token holds no token. Remove the file: a new one is issued at the start."
        )
    return token

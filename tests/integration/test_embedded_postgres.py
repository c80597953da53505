"""The embedded PostgreSQL: checked pages, a password for everybody, back after a crash at the same address."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from rollbook.embedded.errors import DataInUseError
from rollbook.embedded.postgres import Postgres
from support.servers import modes


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def test_each_test_has_a_database_of_its_own(database_url: str) -> None:
    """A database lent to a test holds the schema and no rows."""
    async with connected(database_url) as connection:
        assert await connection.fetchval("SELECT count(*) FROM lms.users") == 0


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("data_checksums", "on"),
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("listen_addresses", "127.0.0.1"),
        ("unix_socket_directories", ""),
        ("password_encryption", "scram-sha-256"),
        ("jit", "off"),
    ],
)
async def test_running_server_is_set_up_for_production(postgres: Postgres, setting: str, expected: str) -> None:
    """Pages are checked, commits are durable, and the one door is on loopback: said by the server itself."""
    async with connected(postgres.url) as connection:
        assert await connection.fetchval(f"SHOW {setting}") == expected


async def test_every_rule_of_access_wants_a_password(postgres: Postgres) -> None:
    """Nobody is trusted, not even on the same machine."""
    async with connected(postgres.url) as connection:
        methods = await connection.fetch("SELECT DISTINCT auth_method FROM pg_hba_file_rules")

    assert [row["auth_method"] for row in methods] == ["scram-sha-256"]


async def test_wrong_password_is_refused(postgres: Postgres) -> None:
    """Who does not know the generated password gets no connection."""
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(postgres.url, password="wrong")


async def test_rows_survive_kill_at_the_same_address(folder: Path) -> None:
    """After kill -9, sessions open, the server comes back at its address with every committed row."""
    async with Postgres(folder / "postgres") as server:
        url = server.url
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE TABLE kept AS SELECT 1 AS value")
        server.kill()
        await server.start()
        connection.terminate()

        async with connected(url) as again:
            assert await again.fetchval("SELECT value FROM kept") == 1


async def test_process_id_that_is_somebody_elses_by_now_is_no_obstacle(folder: Path) -> None:
    """After a crash the pid file may name a process that has nothing to do with PostgreSQL: the server starts."""
    async with Postgres(folder / "postgres") as server:
        pid_file = folder / "postgres" / "data" / "postmaster.pid"
        left_behind = pid_file.read_text()
    pid_file.write_text(left_behind.replace(str(server.pid), str(os.getpid()), 1))

    async with Postgres(folder / "postgres") as server, connected(server.url) as connection:
        assert await connection.fetchval("SELECT 1") == 1


async def test_initialisation_cut_short_is_begun_again(folder: Path) -> None:
    """A half-made data folder, left by a crash during the first start, does not stand in the way."""
    (folder / "postgres" / "data.new" / "base").mkdir(parents=True)

    async with Postgres(folder / "postgres") as server, connected(server.url) as connection:
        assert await connection.fetchval("SELECT 1") == 1


async def test_another_start_keeps_address_and_password(folder: Path) -> None:
    """A stack that is started again answers where it did and to the same password."""
    urls = []
    for _ in range(2):
        async with Postgres(folder / "postgres") as server:
            urls.append(server.url)

    assert urls[0] == urls[1]


async def test_files_are_for_their_owner_only(folder: Path) -> None:
    """Password, ports, log and lock have mode 0600, and nobody else may look into the folder."""
    async with Postgres(folder / "postgres"):
        found = modes(folder / "postgres")

    assert found == {
        "": 0o700,
        "data": 0o700,
        "lock": 0o600,
        "password": 0o600,
        "ports.json": 0o600,
        "postgres.log": 0o600,
    }


async def test_second_server_on_the_same_data_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second says which process has the data."""
    monkeypatch.setattr("rollbook.embedded.child.LOCK_PATIENCE", 0.0)
    async with Postgres(folder / "postgres") as server:
        with pytest.raises(DataInUseError, match=f"postgres, process {server.pid}, since "):
            await Postgres(folder / "postgres").start()

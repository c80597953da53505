"""Runs the migrations under a lock, so that any number of processes may start at once."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

SCHEMAS: Final = ("lms", "provisioning", "control")
VERSION_TABLE_SCHEMA: Final = "provisioning"
_LOCK: Final = 7_165_517_001
"""Key of the advisory lock that migrations take turns by; any number that nothing else in the database uses."""


async def upgrade(url: str) -> None:
    """Create the schemas and tables that are missing in the database at ``url`` (``postgresql://…``)."""
    engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"), poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    for schema in SCHEMAS:
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {schema}"))
    command.upgrade(migration_config(connection), "head")


def migration_config(connection: Connection) -> Config:
    """Return Alembic's configuration for an open connection."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config

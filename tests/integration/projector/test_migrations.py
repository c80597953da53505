"""The migrations make what the definitions say, whoever runs them and however often."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from rollbook_contracts.tables import ALL_METADATA
from rollbook_projector.migrations import upgrade
from rollbook_projector.migrations.upgrade import SCHEMAS, VERSION_TABLE_SCHEMA

_SHAPE = """
    SELECT table_schema, table_name, column_name, data_type, is_nullable, collation_name,
           col_description(format('%I.%I', table_schema, table_name)::regclass, ordinal_position)
    FROM information_schema.columns WHERE table_schema = ANY($1) AND table_name <> 'alembic_version' ORDER BY 1, 2, 3"""
_INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = ANY($1) AND tablename <> 'alembic_version' ORDER BY 1"


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """Lend the test's database to SQLAlchemy."""
    lent = create_async_engine(make_url(database_url).set(drivername="postgresql+asyncpg"), poolclass=NullPool)
    yield lent
    await lent.dispose()


async def shape(database_url: str) -> list[tuple[object, ...]]:
    """Return every column and index of Rollbook's schemas."""
    connection = await asyncpg.connect(database_url)
    rows = [*await connection.fetch(_SHAPE, list(SCHEMAS)), *await connection.fetch(_INDEXES, list(SCHEMAS))]
    await connection.close()
    return [tuple(row) for row in rows]


def drop(connection: Connection) -> None:
    """Empty the database."""
    for schema in SCHEMAS:
        connection.execute(text(f"DROP SCHEMA IF EXISTS {schema} CASCADE"))


def create(connection: Connection) -> None:
    """Make the tables from their definitions."""
    for schema in SCHEMAS:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    for metadata in ALL_METADATA:
        metadata.create_all(connection)


def differences(connection: Connection) -> object:
    """Return what Alembic would write into a new migration."""
    definitions = MetaData()
    for metadata in ALL_METADATA:
        for table in metadata.tables.values():
            table.to_metadata(definitions)
    context = MigrationContext.configure(
        connection,
        opts={
            "include_schemas": True,
            "version_table_schema": VERSION_TABLE_SCHEMA,
            "compare_type": True,
            "include_name": lambda name, kind, _parents: kind != "schema" or name in SCHEMAS,
        },
    )
    return compare_metadata(context, definitions)


async def test_migrations_equal_the_definitions(database_url: str, engine: AsyncEngine) -> None:
    """Columns, types, collations, comments and indexes are the same from either."""
    migrated = await shape(database_url)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    async with engine.begin() as connection:
        await connection.run_sync(drop)
        await connection.run_sync(create)

    assert migrated == await shape(database_url)


async def test_several_processes_may_migrate_at_once(database_url: str, engine: AsyncEngine) -> None:
    """They take turns, and whoever comes late finds everything done."""
    migrated = await shape(database_url)
    async with engine.begin() as connection:
        await connection.run_sync(drop)

    await asyncio.gather(*(upgrade(database_url) for _ in range(4)))

    assert await shape(database_url) == migrated

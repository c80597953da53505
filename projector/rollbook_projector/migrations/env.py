"""Alembic's entry: runs the migrations on the connection that ``upgrade`` hands over, in its transaction."""

from alembic import context

from rollbook_contracts.tables import ALL_METADATA
from rollbook_projector.migrations.upgrade import VERSION_TABLE_SCHEMA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=list(ALL_METADATA),
    version_table_schema=VERSION_TABLE_SCHEMA,
    include_schemas=True,
)
context.run_migrations()

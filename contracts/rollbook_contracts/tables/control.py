"""Schema ``control``: what the gateway admits requests by: tenants (cached from facts) and tokens (at home here)."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

metadata = MetaData(schema="control")

NOTIFY_CHANNEL = "rollbook_control"
"""PostgreSQL channel on which a change of tenants or tokens is announced; the payload is a tenant id."""

tenants = Table(
    "tenants",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("settings", Text, nullable=False, comment="TenantSettings as JSON"),
    Column("fact_seq", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant"),
    Index("tenants_by_name", "name"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("key_id", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("secret_sha256", LargeBinary, nullable=False),
    Column("label", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("revoked_at", DateTime(timezone=True), nullable=True),
    Column(
        "kind",
        Text,
        nullable=False,
        server_default=text("'token'"),
        comment="token: the secret itself is presented; client: an OAuth client, which gets access tokens for it",
    ),
    Column(
        "scopes",
        ARRAY(Text),
        nullable=False,
        server_default=text("'{users,groups}'"),
        comment="users, groups: read and write them; read: read both",
    ),
    Column("expires_at", DateTime(timezone=True), nullable=True),
    Column("last_used_at", DateTime(timezone=True), nullable=True, comment="written by gateways, some seconds late"),
    Column("replaced_by", Text, nullable=True, comment="key id of the one that a rotation issued"),
    PrimaryKeyConstraint("key_id"),
    Index("tokens_by_tenant", "tenant"),
)

"""The provisioning log: one row for each request, and counts of what it does not show."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "requests",
        _c_text("tenant"),
        _c_text("request_id", comment="correlation id; in the order of time"),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False, comment="when the request came"),
        _text("key_id", comment="of the token, control.tokens"),
        _text("provider", comment="entra, okta or other"),
        _text("method"),
        _text("resource_type"),
        _text("resource_id"),
        _text("resource_name", comment="what people know the resource by"),
        _c_text("resource_name_folded"),
        _text("outcome"),
        sa.Column("status", sa.Integer(), nullable=False),
        _text("scim_type"),
        _text("detail"),
        sa.Column("changed", ARRAY(sa.Text()), nullable=False),
        sa.Column("notes", ARRAY(sa.Text()), nullable=False),
        sa.Column(
            "first_fact", sa.BigInteger(), nullable=False, comment="sequence in the tenant's partition, 0 for none"
        ),
        sa.Column("last_fact", sa.BigInteger(), nullable=False),
        sa.Column("milliseconds", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "request_id"),
        schema="provisioning",
        comment="The provisioning log: one row for each request to a tenant's address. A record, not made of facts.",
    )
    _index("requests_by_time", "time")
    _index("requests_by_name", "tenant", "resource_name_folded", where="resource_name_folded <> ''")
    _index("requests_failed", "tenant", "request_id", where="status >= 400")
    op.create_table(
        "request_counts",
        _text("gateway", comment="host and process"),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False, comment="start of that process"),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False, comment="when it last told"),
        sa.Column("unadmitted", sa.BigInteger(), nullable=False, comment="requests refused before a tenant was known"),
        sa.Column("lost", sa.BigInteger(), nullable=False, comment="entries that could not be kept"),
        sa.PrimaryKeyConstraint("gateway", "since"),
        schema="provisioning",
        comment="What the provisioning log does not show, counted by each gateway process from its start.",
    )


def _text(name: str, *, comment: str | None = None) -> "sa.Column[str]":
    return sa.Column(name, sa.Text(), nullable=False, comment=comment)


def _c_text(name: str, *, comment: str | None = None) -> "sa.Column[str]":
    return sa.Column(name, sa.Text(collation="C"), nullable=False, comment=comment)


def _index(name: str, *columns: str, where: str | None = None) -> None:
    condition = sa.text(where) if where is not None else None
    op.create_index(name, "requests", list(columns), schema="provisioning", postgresql_where=condition)

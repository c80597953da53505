"""Tenants whose facts weigh much are applied apart; how often a partition was interrupted, and by what."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None

_INTERRUPTED = "how often the work was interrupted since it last moved on"
_INTERRUPTION = "by what it was interrupted the last time"


def upgrade() -> None:
    op.add_column("checkpoints", _interrupted(), schema="provisioning")
    op.add_column("checkpoints", _interruption(), schema="provisioning")
    op.create_table(
        "apart",
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        _number("seq", comment="up to here the tenant's facts are applied"),
        _number("until", comment="the tenant's last fact that the checkpoint has passed over"),
        _number("silent_until", comment="up to this sequence a rebuild emits no changes"),
        _interrupted(),
        _interruption(),
        sa.PrimaryKeyConstraint("partition", "tenant"),
        schema="provisioning",
        comment="Tenants whose facts weigh so much that they are applied apart, "
        "so that the others of the partition go on.",
    )
    _told_apart("outbox", "epoch", "seq", "ordinal")
    _told_apart("relayed")


def _told_apart(table: str, *rest: str) -> None:
    """Let the changes of a tenant that is applied apart have an order, and a position, of their own."""
    name = f"{table}_pkey"
    op.add_column(
        table,
        sa.Column(
            "apart",
            sa.Text(),
            nullable=False,
            server_default=sa.text("''"),
            comment="the tenant, where it is applied apart",
        ),
        schema="provisioning",
    )
    op.drop_constraint(name, table, schema="provisioning")
    op.create_primary_key(name, table, ["partition", "apart", *rest], schema="provisioning")


def _number(name: str, *, comment: str) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger(), nullable=False, comment=comment)


def _interrupted() -> "sa.Column[int]":
    return sa.Column("interrupted", sa.Integer(), nullable=False, server_default=sa.text("0"), comment=_INTERRUPTED)


def _interruption() -> "sa.Column[str]":
    return sa.Column("interruption", sa.Text(), nullable=True, comment=_INTERRUPTION)

"""Tokens have scopes, an end, a last use and successors; some are OAuth clients. Those there are may do everything."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "tokens",
        sa.Column(
            "kind",
            sa.Text(),
            nullable=False,
            server_default=sa.text("'token'"),
            comment="token: the secret itself is presented; client: an OAuth client, which gets access tokens for it",
        ),
        schema="control",
    )
    op.add_column(
        "tokens",
        sa.Column(
            "scopes",
            ARRAY(sa.Text()),
            nullable=False,
            server_default=sa.text("'{users,groups}'"),
            comment="users, groups: read and write them; read: read both",
        ),
        schema="control",
    )
    op.add_column("tokens", sa.Column("expires_at", sa.DateTime(timezone=True)), schema="control")
    op.add_column(
        "tokens",
        sa.Column("last_used_at", sa.DateTime(timezone=True), comment="written by gateways, some seconds late"),
        schema="control",
    )
    op.add_column(
        "tokens",
        sa.Column("replaced_by", sa.Text(), comment="key id of the one that a rotation issued"),
        schema="control",
    )

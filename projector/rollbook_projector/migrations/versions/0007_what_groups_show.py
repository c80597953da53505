"""Groups know which fact last changed what is shown of their members: a part of their tags.

Of groups that are there already it is not known; the last fact of their members, or the last change if that is later,
is no earlier. `rollbook rebuild` computes it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "groups",
        sa.Column(
            "shown_seq",
            sa.BigInteger(),
            nullable=False,
            server_default=sa.text("0"),
            comment="sequence of the last fact that changed what is shown of the members, 0 for none",
        ),
        schema="lms",
    )
    op.add_column(
        "groups",
        sa.Column("shown_modified", sa.Text(collation="C"), comment="ce-time of that fact"),
        schema="lms",
    )
    op.execute(
        "UPDATE lms.groups SET shown_modified = members_modified,"
        " shown_seq = greatest(members_seq, split_part(last_change, '-', 3)::bigint)"
        " WHERE members_seq > 0"
    )
    op.alter_column("groups", "shown_seq", server_default=None, schema="lms")

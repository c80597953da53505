"""Groups, their members, and references as they were sent; people are found by their display name without case.

The new column of ``lms.users`` is filled by ``rollbook rebuild``.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _people()
    _groups()
    _references()
    _stagings()


def _c_text(name: str, *, required: bool = False, comment: str | None = None) -> "sa.Column[str]":
    return sa.Column(name, sa.Text(collation="C"), nullable=not required, comment=comment)


def _people() -> None:
    op.add_column("users", _c_text("display_name_folded"), schema="lms")
    op.create_index(
        "users_by_display_name",
        "users",
        ["tenant", "display_name_folded"],
        schema="lms",
        postgresql_where=sa.text("display_name_folded IS NOT NULL"),
    )
    op.create_table(
        "deleted_users",
        _c_text("tenant", required=True),
        _c_text("id", required=True),
        sa.PrimaryKeyConstraint("tenant", "id"),
        schema="lms",
        comment="The ids of people who are gone for good: what names one of them waits for nobody.",
    )


def _groups() -> None:
    op.create_table(
        "groups",
        _c_text("tenant", required=True),
        _c_text("id", required=True),
        _c_text("display_name", required=True),
        _c_text("display_name_folded", required=True),
        _c_text("external_id"),
        sa.Column(
            "document",
            sa.Text(),
            nullable=False,
            comment="the SCIM resource as JSON, without id, meta, schemas, members",
        ),
        _c_text("created", required=True),
        _c_text("last_modified", required=True),
        sa.Column("fact_seq", sa.BigInteger(), nullable=False, comment="sequence of the last fact of the head"),
        sa.Column(
            "members_seq",
            sa.BigInteger(),
            nullable=False,
            comment="sequence of the last fact of the members, 0 for none",
        ),
        _c_text("members_modified"),
        _c_text("last_change", required=True),
        sa.PrimaryKeyConstraint("tenant", "id"),
        schema="lms",
        comment="One row for each group.",
    )
    op.create_index("groups_by_display_name", "groups", ["tenant", "display_name_folded"], schema="lms")
    op.create_index(
        "groups_by_external_id",
        "groups",
        ["tenant", "external_id"],
        schema="lms",
        postgresql_where=sa.text("external_id IS NOT NULL"),
    )
    op.create_table(
        "group_members",
        _c_text("tenant", required=True),
        _c_text("group_id", required=True),
        _c_text("user_id", required=True),
        sa.Column("by_id", sa.Boolean(), nullable=False, comment="whether the person's id was sent"),
        sa.Column(
            "named", sa.Integer(), nullable=False, comment="how many of `sent_references` name the person otherwise"
        ),
        sa.PrimaryKeyConstraint("tenant", "group_id", "user_id"),
        schema="lms",
        comment="One row for each person who is a member of a group, active or not.",
    )
    op.create_index("group_members_by_user", "group_members", ["tenant", "user_id"], schema="lms")


def _references() -> None:
    op.create_table(
        "sent_references",
        _c_text("tenant", required=True),
        sa.Column("kind", sa.Text(), nullable=False, comment="member or manager"),
        _c_text("holder_id", required=True, comment="the group, or the person who has the manager"),
        _c_text("value", required=True, comment="as it was sent"),
        _c_text("value_folded", required=True),
        sa.Column(
            "rank",
            sa.Integer(),
            nullable=False,
            comment="of several values for one manager the lowest that links counts",
        ),
        _c_text("user_id", comment="whom the value names; NULL while it waits"),
        sa.Column(
            "target_deleted", sa.Boolean(), nullable=False, comment="names the id of a person who is gone for good"
        ),
        _c_text("since", required=True, comment="ce-time of the fact that brought it"),
        sa.PrimaryKeyConstraint("tenant", "kind", "holder_id", "value"),
        schema="lms",
        comment="Managers as they were sent, and members that were sent by another value than a present person's id.",
    )
    op.create_index("sent_references_by_value", "sent_references", ["tenant", "value_folded"], schema="lms")
    op.create_index(
        "sent_references_by_user",
        "sent_references",
        ["tenant", "user_id"],
        schema="lms",
        postgresql_where=sa.text("user_id IS NOT NULL"),
    )
    op.create_index(
        "sent_references_pending",
        "sent_references",
        ["tenant", "since"],
        schema="lms",
        postgresql_where=sa.text("user_id IS NULL"),
    )


def _stagings() -> None:
    op.create_table(
        "stagings",
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column("staging", sa.Text(), nullable=False),
        sa.Column("chunks", sa.Integer(), nullable=False, comment="how many of them are here"),
        sa.Column("last_seq", sa.BigInteger(), nullable=False, comment="sequence of the last chunk: guards its end"),
        sa.Column("last_time", sa.Text(), nullable=False, comment="ce-time of the last chunk"),
        sa.PrimaryKeyConstraint("tenant", "group_id", "staging"),
        schema="provisioning",
        comment="Replacements of a group's members that are neither committed nor abandoned.",
    )
    op.create_table(
        "staged_members",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column("staging", sa.Text(), nullable=False),
        sa.Column("chunk", sa.Integer(), nullable=False),
        sa.Column("members", ARRAY(sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "group_id", "staging", "chunk"),
        schema="provisioning",
        comment="The chunks of those replacements.",
    )

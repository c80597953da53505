"""The first tables: people and tenants for the LMS, the projector's own, and what requests are admitted by."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _lms()
    _provisioning()
    _control()


def _c_text(name: str, *, required: bool = False) -> "sa.Column[str]":
    return sa.Column(name, sa.Text(collation="C"), nullable=not required)


def _lms() -> None:
    op.create_table(
        "tenants",
        _c_text("tenant", required=True),
        _c_text("name", required=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("fact_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant"),
        schema="lms",
        comment="The tenant id that stands in every key, and its name.",
    )
    op.create_table(
        "users",
        _c_text("tenant", required=True),
        _c_text("id", required=True),
        _c_text("user_name", required=True),
        _c_text("user_name_folded", required=True),
        _c_text("email"),
        _c_text("email_folded"),
        sa.Column("extra_emails", sa.Boolean(), nullable=False, comment="holds e-mail addresses beside `email`"),
        _c_text("employee_id"),
        _c_text("employee_id_folded"),
        _c_text("external_id"),
        _c_text("display_name"),
        _c_text("given_name"),
        _c_text("family_name"),
        sa.Column("active", sa.Boolean(), nullable=False),
        _c_text("region"),
        _c_text("division"),
        _c_text("department"),
        sa.Column("hire_date", sa.Date()),
        *(_c_text(f"custom_field{number}") for number in range(1, 5)),
        _c_text("manager_id"),
        sa.Column(
            "document", sa.Text(), nullable=False, comment="the SCIM resource as JSON, without id, meta and schemas"
        ),
        sa.Column(
            "search",
            sa.Text(),
            nullable=False,
            comment="the document as filters see it: text without case is folded",
        ),
        _c_text("created", required=True),
        _c_text("last_modified", required=True),
        sa.Column(
            "fact_seq",
            sa.BigInteger(),
            nullable=False,
            comment="sequence of the person's last fact: guard and ETag",
        ),
        _c_text("last_change", required=True),
        sa.PrimaryKeyConstraint("tenant", "id"),
        schema="lms",
        comment="One row for each person, active or not.",
    )
    op.create_index("users_by_user_name", "users", ["tenant", "user_name_folded"], schema="lms")
    op.create_index("users_by_email", "users", ["tenant", "email_folded"], schema="lms")
    op.create_index(
        "users_by_employee_id",
        "users",
        ["tenant", "employee_id_folded"],
        schema="lms",
        postgresql_where=sa.text("employee_id_folded IS NOT NULL"),
    )
    op.create_index(
        "users_by_external_id",
        "users",
        ["tenant", "external_id"],
        schema="lms",
        postgresql_where=sa.text("external_id IS NOT NULL"),
    )
    op.create_index(
        "users_by_extra_email",
        "users",
        [sa.literal_column("(search::jsonb -> 'emails')").label("emails")],
        schema="lms",
        postgresql_using="gin",
        postgresql_ops={"emails": "jsonb_path_ops"},
        postgresql_with={"fastupdate": "off"},
        postgresql_where=sa.text("extra_emails"),
    )


def _provisioning() -> None:
    op.create_table(
        "checkpoints",
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("stream_created", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("fact_id", sa.Text(), nullable=False),
        sa.Column(
            "silent_until",
            sa.BigInteger(),
            nullable=False,
            comment="up to this sequence a rebuild emits no changes",
        ),
        sa.Column("owner", sa.Text(), comment="who applies the partition, for `rollbook status`"),
        sa.Column("halted", sa.Text(), comment="why the partition stands still, e.g. log_regressed"),
        sa.PrimaryKeyConstraint("partition"),
        schema="provisioning",
    )
    op.create_table(
        "outbox",
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("time", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("partition", "epoch", "seq", "ordinal"),
        schema="provisioning",
        comment="Changes not yet in stream CHANGES, in the order of their key.",
    )
    op.create_table(
        "relayed",
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False, comment="the last change published, as ChangeKey text"),
        sa.Column(
            "marker_seq", sa.BigInteger(), nullable=False, comment="sequence of the relay's last marker in CHANGES"
        ),
        sa.Column("halted", sa.Text(), comment="why nothing is published, e.g. changes_regressed"),
        sa.PrimaryKeyConstraint("partition"),
        schema="provisioning",
    )
    op.create_table(
        "parked",
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "queued", sa.Boolean(), nullable=False, comment="stands behind an earlier parked fact of its resource"
        ),
        sa.Column(
            "discarded",
            sa.Boolean(),
            nullable=False,
            comment="given up; the resource waits for a fact that supersedes it",
        ),
        sa.Column("since", sa.Text(), nullable=False, comment="ce-time of the fact"),
        sa.Column(
            "code_version", sa.Text(), nullable=False, comment="version of the projector that could not apply it"
        ),
        sa.PrimaryKeyConstraint("partition", "seq"),
        schema="provisioning",
        comment="Facts set aside because they could not be applied, and later facts of the same resource.",
    )


def _control() -> None:
    op.create_table(
        "tenants",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False, comment="TenantSettings as JSON"),
        sa.Column("fact_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant"),
        schema="control",
    )
    op.create_index("tenants_by_name", "tenants", ["name"], schema="control")
    op.create_table(
        "tokens",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("key_id"),
        schema="control",
    )
    op.create_index("tokens_by_tenant", "tokens", ["tenant"], schema="control")

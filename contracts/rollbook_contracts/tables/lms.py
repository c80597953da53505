"""Schema ``lms``: the tables that the LMS reads; computed from the log by the projector, written by nobody else."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    literal_column,
    text,
)

metadata = MetaData(schema="lms")


def _text(name: str, *, required: bool = False) -> "Column[str]":
    # "C" compares by code point, as Python does: filters with gt and lt mean the same in both.
    return Column(name, Text(collation="C"), nullable=not required)


tenants = Table(
    "tenants",
    metadata,
    _text("tenant", required=True),
    _text("name", required=True),
    Column("enabled", Boolean, nullable=False),
    Column("fact_seq", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant"),
    comment="The tenant id that stands in every key, and its name.",
)

users = Table(
    "users",
    metadata,
    _text("tenant", required=True),
    _text("id", required=True),
    _text("user_name", required=True),
    _text("user_name_folded", required=True),
    _text("email"),
    _text("email_folded"),
    Column("extra_emails", Boolean, nullable=False, comment="holds e-mail addresses beside `email`"),
    _text("employee_id"),
    _text("employee_id_folded"),
    _text("external_id"),
    _text("display_name"),
    _text("given_name"),
    _text("family_name"),
    Column("active", Boolean, nullable=False),
    _text("region"),
    _text("division"),
    _text("department"),
    Column("hire_date", Date),
    _text("custom_field1"),
    _text("custom_field2"),
    _text("custom_field3"),
    _text("custom_field4"),
    _text("manager_id"),
    Column("document", Text, nullable=False, comment="the SCIM resource as JSON, without id, meta and schemas"),
    Column("search", Text, nullable=False, comment="the document as filters see it: text without case is folded"),
    _text("created", required=True),
    _text("last_modified", required=True),
    Column("fact_seq", BigInteger, nullable=False, comment="sequence of the person's last fact: guard and ETag"),
    _text("last_change", required=True),
    PrimaryKeyConstraint("tenant", "id"),
    Index("users_by_user_name", "tenant", "user_name_folded"),
    Index("users_by_email", "tenant", "email_folded"),
    Index(
        "users_by_employee_id", "tenant", "employee_id_folded", postgresql_where=text("employee_id_folded IS NOT NULL")
    ),
    Index("users_by_external_id", "tenant", "external_id", postgresql_where=text("external_id IS NOT NULL")),
    # Only those with several addresses pay for it: what stands in `email` is found by its own index.
    Index(
        "users_by_extra_email",
        literal_column("(search::jsonb -> 'emails')").label("emails"),
        postgresql_using="gin",
        postgresql_ops={"emails": "jsonb_path_ops"},
        postgresql_with={"fastupdate": "off"},
        postgresql_where=text("extra_emails"),
    ),
    comment="One row for each person, active or not.",
)

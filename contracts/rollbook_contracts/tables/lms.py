"""Schema ``lms``: the tables that the LMS reads; computed from the log by the projector, written by nobody else."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Index,
    Integer,
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
    _text("display_name_folded"),
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
    Index(
        "users_by_display_name",
        "tenant",
        "display_name_folded",
        postgresql_where=text("display_name_folded IS NOT NULL"),
    ),
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

deleted_users = Table(
    "deleted_users",
    metadata,
    _text("tenant", required=True),
    _text("id", required=True),
    PrimaryKeyConstraint("tenant", "id"),
    comment="The ids of people who are gone for good: what names one of them waits for nobody.",
)

groups = Table(
    "groups",
    metadata,
    _text("tenant", required=True),
    _text("id", required=True),
    _text("display_name", required=True),
    _text("display_name_folded", required=True),
    _text("external_id"),
    Column("document", Text, nullable=False, comment="the SCIM resource as JSON, without id, meta, schemas, members"),
    _text("created", required=True),
    _text("last_modified", required=True),
    Column("fact_seq", BigInteger, nullable=False, comment="sequence of the last fact of the head"),
    Column("members_seq", BigInteger, nullable=False, comment="sequence of the last fact of the members, 0 for none"),
    _text("members_modified"),
    _text("last_change", required=True),
    Column(
        "shown_seq",
        BigInteger,
        nullable=False,
        comment="sequence of the last fact that changed what is shown of the members, 0 for none",
    ),
    Column("shown_modified", Text(collation="C"), comment="ce-time of that fact"),
    PrimaryKeyConstraint("tenant", "id"),
    Index("groups_by_display_name", "tenant", "display_name_folded"),
    Index("groups_by_external_id", "tenant", "external_id", postgresql_where=text("external_id IS NOT NULL")),
    comment="One row for each group.",
)

group_members = Table(
    "group_members",
    metadata,
    _text("tenant", required=True),
    _text("group_id", required=True),
    _text("user_id", required=True),
    Column("by_id", Boolean, nullable=False, comment="whether the person's id was sent"),
    Column("named", Integer, nullable=False, comment="how many of `sent_references` name the person otherwise"),
    PrimaryKeyConstraint("tenant", "group_id", "user_id"),
    Index("group_members_by_user", "tenant", "user_id"),
    comment="One row for each person who is a member of a group, active or not.",
)

sent_references = Table(
    "sent_references",
    metadata,
    _text("tenant", required=True),
    Column("kind", Text, nullable=False, comment="member or manager"),
    Column("holder_id", Text(collation="C"), nullable=False, comment="the group, or the person who has the manager"),
    Column("value", Text(collation="C"), nullable=False, comment="as it was sent"),
    _text("value_folded", required=True),
    Column("rank", Integer, nullable=False, comment="of several values for one manager the lowest that links counts"),
    Column("user_id", Text(collation="C"), comment="whom the value names; NULL while it waits"),
    Column("target_deleted", Boolean, nullable=False, comment="names the id of a person who is gone for good"),
    Column("since", Text(collation="C"), nullable=False, comment="ce-time of the fact that brought it"),
    PrimaryKeyConstraint("tenant", "kind", "holder_id", "value"),
    Index("sent_references_by_value", "tenant", "value_folded"),
    Index("sent_references_by_user", "tenant", "user_id", postgresql_where=text("user_id IS NOT NULL")),
    Index("sent_references_pending", "tenant", "since", postgresql_where=text("user_id IS NULL")),
    comment="Managers as they were sent, and members that were sent by another value than a present person's id.",
)

"""Schema ``provisioning``: how far the log is applied, what waits to be published, what is parked."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

metadata = MetaData(schema="provisioning")

INTERRUPTED = "how often the work was interrupted since it last moved on"
INTERRUPTION = "by what it was interrupted the last time"

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("partition", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("stream_created", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("fact_id", Text, nullable=False),
    Column("silent_until", BigInteger, nullable=False, comment="up to this sequence a rebuild emits no changes"),
    Column("owner", Text, nullable=True, comment="who applies the partition, for `rollbook status`"),
    Column("halted", Text, nullable=True, comment="why the partition stands still, e.g. log_regressed"),
    Column("interrupted", Integer, nullable=False, server_default=text("0"), comment=INTERRUPTED),
    Column("interruption", Text, nullable=True, comment=INTERRUPTION),
    PrimaryKeyConstraint("partition"),
)

apart = Table(
    "apart",
    metadata,
    Column("partition", Integer, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("seq", BigInteger, nullable=False, comment="up to here the tenant's facts are applied"),
    Column("until", BigInteger, nullable=False, comment="the tenant's last fact that the checkpoint has passed over"),
    Column("silent_until", BigInteger, nullable=False, comment="up to this sequence a rebuild emits no changes"),
    Column("interrupted", Integer, nullable=False, server_default=text("0"), comment=INTERRUPTED),
    Column("interruption", Text, nullable=True, comment=INTERRUPTION),
    PrimaryKeyConstraint("partition", "tenant"),
    comment="Tenants whose facts weigh so much that they are applied apart, so that the others of the partition go on.",
)

outbox = Table(
    "outbox",
    metadata,
    Column("epoch", Integer, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("type", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("resource", Text, nullable=False),
    Column("time", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("apart", Text, nullable=False, server_default=text("''"), comment="the tenant, where it is applied apart"),
    PrimaryKeyConstraint("partition", "apart", "epoch", "seq", "ordinal"),
    comment="Changes not yet in stream CHANGES, in the order of their key.",
)

relayed = Table(
    "relayed",
    metadata,
    Column("partition", Integer, nullable=False),
    Column("key", Text, nullable=False, comment="the last change published, as ChangeKey text"),
    Column("marker_seq", BigInteger, nullable=False, comment="sequence of the relay's last marker in CHANGES"),
    Column("halted", Text, nullable=True, comment="why nothing is published, e.g. changes_regressed"),
    Column("apart", Text, nullable=False, server_default=text("''"), comment="the tenant, where it is applied apart"),
    PrimaryKeyConstraint("partition", "apart"),
)

parked = Table(
    "parked",
    metadata,
    Column("partition", Integer, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("resource", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("queued", Boolean, nullable=False, comment="stands behind an earlier parked fact of its resource"),
    Column("discarded", Boolean, nullable=False, comment="given up; the resource waits for a fact that supersedes it"),
    Column("since", Text, nullable=False, comment="ce-time of the fact"),
    Column("code_version", Text, nullable=False, comment="version of the projector that could not apply it"),
    PrimaryKeyConstraint("partition", "seq"),
    comment="Facts set aside because they could not be applied, and later facts of the same resource.",
)

stagings = Table(
    "stagings",
    metadata,
    Column("partition", Integer, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("group_id", Text, nullable=False),
    Column("staging", Text, nullable=False),
    Column("chunks", Integer, nullable=False, comment="how many of them are here"),
    Column("last_seq", BigInteger, nullable=False, comment="sequence of the last chunk: guards its end"),
    Column("last_time", Text, nullable=False, comment="ce-time of the last chunk"),
    PrimaryKeyConstraint("tenant", "group_id", "staging"),
    comment="Replacements of a group's members that are neither committed nor abandoned.",
)

staged_members = Table(
    "staged_members",
    metadata,
    Column("tenant", Text, nullable=False),
    Column("group_id", Text, nullable=False),
    Column("staging", Text, nullable=False),
    Column("chunk", Integer, nullable=False),
    Column("members", ARRAY(Text), nullable=False),
    PrimaryKeyConstraint("tenant", "group_id", "staging", "chunk"),
    comment="The chunks of those replacements.",
)

requests = Table(
    "requests",
    metadata,
    Column("tenant", Text(collation="C"), nullable=False),
    Column("request_id", Text(collation="C"), nullable=False, comment="correlation id; in the order of time"),
    Column("time", DateTime(timezone=True), nullable=False, comment="when the request came"),
    Column("key_id", Text, nullable=False, comment="of the token, control.tokens"),
    Column("provider", Text, nullable=False, comment="entra, okta or other"),
    Column("method", Text, nullable=False),
    Column("resource_type", Text, nullable=False),
    Column("resource_id", Text, nullable=False),
    Column("resource_name", Text, nullable=False, comment="what people know the resource by"),
    Column("resource_name_folded", Text(collation="C"), nullable=False),
    Column("outcome", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("scim_type", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("changed", ARRAY(Text), nullable=False),
    Column("notes", ARRAY(Text), nullable=False),
    Column("first_fact", BigInteger, nullable=False, comment="sequence in the tenant's partition, 0 for none"),
    Column("last_fact", BigInteger, nullable=False),
    Column("milliseconds", Float, nullable=False),
    PrimaryKeyConstraint("tenant", "request_id"),
    Index("requests_by_time", "time"),
    Index("requests_by_name", "tenant", "resource_name_folded", postgresql_where=text("resource_name_folded <> ''")),
    Index("requests_failed", "tenant", "request_id", postgresql_where=text("status >= 400")),
    comment="The provisioning log: one row for each request to a tenant's address. A record, not made of facts.",
)

request_counts = Table(
    "request_counts",
    metadata,
    Column("gateway", Text, nullable=False, comment="host and process"),
    Column("since", DateTime(timezone=True), nullable=False, comment="start of that process"),
    Column("until", DateTime(timezone=True), nullable=False, comment="when it last told"),
    Column("unadmitted", BigInteger, nullable=False, comment="requests refused before a tenant was known"),
    Column("lost", BigInteger, nullable=False, comment="entries that could not be kept"),
    PrimaryKeyConstraint("gateway", "since"),
    comment="What the provisioning log does not show, counted by each gateway process from its start.",
)

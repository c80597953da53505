"""Compares the tables and CHANGES with what the log says they must hold, in words for people; for ``verify``."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import msgspec
from nats.aio.client import Client

from rollbook_contracts import streams, subjects
from rollbook_contracts.changes.envelope import ChangeKey
from rollbook_contracts.claims import ClaimKey
from rollbook_contracts.folding import fold, fold_name
from rollbook_contracts.settings import TenantSettings
from rollbook_projector.checkpoint import Checkpoint
from rollbook_projector.log import StreamLog
from rollbook_projector.session import Connection

_ROWS: Final = """
    SELECT tenant, {key} AS resource, {part} AS part,
           to_jsonb(expected)::text AS wanted, to_jsonb(actual)::text AS found
    FROM {expected} AS expected FULL JOIN {actual} AS actual USING ({join})
    WHERE expected IS DISTINCT FROM actual"""


def _compared(table: str, join: str, resource: str, part: str = "NULL") -> tuple[str, str]:
    """Return a table's name and the statement that compares it; ``part`` tells rows of one resource apart."""
    schema, short = table.split(".")
    expected = "expected_control_tenants" if schema == "control" else f"expected_{short}"
    return table, _ROWS.format(key=resource, part=part, expected=expected, actual=table, join=join)


_TABLES: Final = (
    _compared("lms.users", "tenant, id", "id"),
    _compared("lms.deleted_users", "tenant, id", "id"),
    _compared("lms.groups", "tenant, id", "id"),
    _compared("lms.group_members", "tenant, group_id, user_id", "group_id", "user_id"),
    _compared("lms.sent_references", "tenant, kind, holder_id, value", "holder_id", "kind || ' ' || value"),
    _compared("lms.tenants", "tenant", "tenant"),
    _compared("control.tenants", "tenant", "tenant"),
    _compared("provisioning.stagings", "tenant, group_id, staging", "group_id", "staging"),
    _compared("provisioning.staged_members", "tenant, group_id, staging, chunk", "group_id", "staging || ' ' || chunk"),
)

_PARKED: Final = """
    SELECT tenant, resource, seq, type, reason, discarded
    FROM provisioning.parked WHERE NOT queued ORDER BY partition, seq"""
# Why a fact could not be applied, and by which version of the code, the log does not say.
_SET_ASIDE: Final = """
    SELECT partition, seq, tenant, resource, type, since, queued, discarded,
           CASE WHEN queued OR discarded THEN reason END AS reason
    FROM {table} AS parked"""
_PARKED_OTHERWISE: Final = f"""
    SELECT coalesce(expected.tenant, actual.tenant), coalesce(expected.resource, actual.resource),
           'fact ' || seq AS part, to_jsonb(expected)::text AS wanted, to_jsonb(actual)::text AS found
    FROM ({_SET_ASIDE.format(table="expected_parked")}) AS expected
    FULL JOIN ({_SET_ASIDE.format(table="provisioning.parked")}) AS actual USING (partition, seq)
    WHERE expected IS DISTINCT FROM actual"""  # noqa: S608  # our own names
_CHANGES: Final = """
    SELECT coalesce(wanted.tenant, held.tenant), coalesce(wanted.resource, held.resource),
           format('%s-%s-%s-%s', epoch, lpad(partition::text, 2, '0'), seq, ordinal) AS key, wanted.type, held.place
    FROM log_changes AS wanted
    FULL JOIN (SELECT *, 'CHANGES' AS place FROM told_changes
               UNION ALL SELECT *, 'provisioning.outbox' FROM waiting_changes) AS held
        USING (epoch, partition, seq, ordinal)
    WHERE wanted.digest IS DISTINCT FROM held.digest"""
_TWICE: Final = """
    SELECT tenant, resource, format('%s-%s-%s-%s', epoch, lpad(partition::text, 2, '0'), seq, ordinal)
    FROM told_changes GROUP BY tenant, resource, epoch, partition, seq, ordinal HAVING count(*) > 1"""
_PARTITION: Final = "SELECT halted FROM provisioning.checkpoints WHERE partition = $1"
_RELAYED: Final = "SELECT key, marker_seq, halted FROM provisioning.relayed WHERE partition = $1 AND apart = ''"
_WAITS: Final = "SELECT EXISTS (SELECT FROM waiting_changes WHERE (epoch, partition, seq, ordinal) = ($1, $2, $3, $4))"
_CLAIMS: Final = """
    SELECT tenant, attribute, live.holder AS holder, live.seq AS at, held.holder AS named_by, held.seq AS named_at
    FROM live_claims AS live FULL JOIN held_claims AS held USING (tenant, attribute, digest)
    WHERE (live.holder, live.seq) IS DISTINCT FROM (held.holder, held.seq)"""
_PEOPLE: Final = """
    SELECT tenant, id, user_name, email_folded, employee_id, settings,
           ARRAY(SELECT attribute || ' ' || digest FROM held_claims AS held
                 WHERE held.tenant = people.tenant AND held.holder = people.id) AS claims
    FROM expected_users AS people JOIN expected_control_tenants USING (tenant)"""
_GROUPS: Final = """
    SELECT groups.tenant, id, display_name_folded,
           ARRAY(SELECT attribute || ' ' || digest FROM held_claims AS held
                 WHERE held.tenant = groups.tenant AND held.holder = groups.id) AS claims
    FROM expected_groups AS groups"""
_TIMEOUT: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that differs: whose, of what, and how."""

    tenant: str
    resource: str
    what: str


async def compare_checkpoint(connection: Connection, checkpoint: Checkpoint, epoch: int) -> AsyncIterator[Finding]:
    """Name what the checkpoint has otherwise than the log up to it; that its fact is there was checked before."""
    about = f"partition {checkpoint.partition:02d}"
    if checkpoint.epoch != epoch:
        yield Finding("", about, f"provisioning.checkpoints: epoch is {checkpoint.epoch}, by the log {epoch}")
    if checkpoint.silent_until > checkpoint.seq:
        yield Finding(
            "",
            about,
            f"provisioning.checkpoints: silent_until is {checkpoint.silent_until}, beyond {checkpoint.seq}: a rebuild "
            "is not finished, start a projector",
        )
    if halted := await connection.fetchval(_PARTITION, checkpoint.partition):
        yield Finding("", about, f"provisioning.checkpoints: halted is {halted!r}")


async def compare_relayed(client: Client, connection: Connection, partition: int) -> AsyncIterator[Finding]:
    """Name where the position of the relay is not that of a marker in CHANGES."""
    about, subject = f"partition {partition:02d}", subjects.relay_marker(partition)
    changes = StreamLog(client, streams.CHANGES)
    row = await connection.fetchrow(_RELAYED, partition)
    if row is not None and row["halted"]:
        yield Finding("", about, f"provisioning.relayed: halted is {row['halted']!r}")
    if row is None or not row["marker_seq"]:
        first = await changes.next(subject, 1)
        # Where its changes still wait a relay has published them and not said so yet.
        if first is not None and not await connection.fetchval(_WAITS, *ChangeKey.parse(first.body.decode())):
            yield Finding("", about, f"provisioning.relayed: has no position, by CHANGES {first.body.decode()}")
        return
    marker = await changes.at(row["marker_seq"])
    found = marker.body.decode() if marker is not None and marker.subject == subject else "no marker"
    if found != row["key"]:
        yield Finding(
            "", about, f"provisioning.relayed: key is {row['key']!r}, message {row['marker_seq']} of CHANGES is {found}"
        )


async def compare_parked(connection: Connection) -> AsyncIterator[Finding]:
    """Name each fact that is set aside, and each that is so otherwise than by the log, with what is parked now."""
    for row in await connection.fetch(_PARKED):
        done = "discarded, nothing supersedes it yet" if row["discarded"] else "parked"
        yield Finding(row["tenant"], row["resource"], f"{done}: fact {row['seq']} ({row['type']}), {row['reason']}")
    async for tenant, resource, part, wanted, found in connection.cursor(_PARKED_OTHERWISE, timeout=_TIMEOUT):
        yield Finding(tenant, resource, f"provisioning.parked ({part}): {_difference(wanted, found)}")


async def compare_rows(connection: Connection) -> AsyncIterator[Finding]:
    """Name each row that is missing, superfluous or different."""
    for table, statement in _TABLES:
        async for tenant, resource, part, wanted, found in connection.cursor(statement, timeout=_TIMEOUT):
            which = f" ({part})" if part else ""
            yield Finding(tenant, resource, f"{table}{which}: {_difference(wanted, found)}")


async def compare_changes(connection: Connection) -> AsyncIterator[Finding]:
    """Name each change of the log that is neither told nor waits to be, or is told otherwise, and each of its own."""
    async for tenant, resource, key, wanted, place in connection.cursor(_CHANGES, timeout=_TIMEOUT):
        if place is None:
            what = f"change {key} ({wanted}) is neither in CHANGES nor in provisioning.outbox"
        elif wanted is None:
            what = f"change {key} in {place} is none that the log makes"
        else:
            what = f"change {key} in {place} is not what the log says"
        yield Finding(tenant, resource, what)
    async for tenant, resource, key in connection.cursor(_TWICE, timeout=_TIMEOUT):
        yield Finding(tenant, resource, f"change {key} stands in CHANGES more than once")


async def compare_claims(connection: Connection, claim_key: ClaimKey) -> AsyncIterator[Finding]:
    """Name each claim that nobody's last fact names, each that is named and not live, and each value unclaimed."""
    async for row in connection.cursor(_CLAIMS, timeout=_TIMEOUT):
        resource = row["named_by"] or row["holder"]
        yield Finding(row["tenant"], resource, f"claim of {row['attribute']}: {_claim_difference(row)}")
    async for person in connection.cursor(_PEOPLE, timeout=_TIMEOUT):
        tenant, user_id, user_name = person["tenant"], person["id"], person["user_name"]
        # The blanks around a name counted in claims that were taken long ago, and are kept.
        names = {claim_key.digest(tenant, "userName", name) for name in (fold_name(user_name), fold(user_name))}
        if not any(f"userName {name}" in person["claims"] for name in names):
            yield Finding(tenant, user_id, f"userName {user_name!r} is not claimed by the person who has it")
        kind = _settings(person["settings"]).unique_identifier
        value = person["email_folded"] if kind == "email" else person["employee_id"]
        if value and f"identifier {claim_key.digest(tenant, f'identifier:{kind}', value)}" not in person["claims"]:
            yield Finding(tenant, user_id, f"unique identifier {value!r} is not claimed by the person who has it")
    async for tenant, group, display_name, claims in connection.cursor(_GROUPS, timeout=_TIMEOUT):
        if f"displayName {claim_key.digest(tenant, 'displayName', display_name)}" not in claims:
            yield Finding(tenant, group, f"displayName {display_name!r} is not claimed by the group that has it")


@lru_cache(maxsize=64)
def _settings(text: str) -> TenantSettings:
    return msgspec.json.decode(text, type=TenantSettings)


def _difference(wanted: str | None, found: str | None) -> str:
    if wanted is None:
        return "has a row that the log does not know"
    if found is None:
        return "has no row"
    expected, actual = json.loads(wanted), json.loads(found)
    columns = [name for name in expected if expected[name] != actual[name]]
    return "; ".join(f"{name} is {actual[name]!r}, by the log {expected[name]!r}" for name in columns)


def _claim_difference(row: Mapping[str, Any]) -> str:
    if row["named_by"] is None:
        return f"taken by fact {row['at']}, but no fact of its holder names it"
    if row["holder"] is None:
        return f"named by the last fact of its holder, but free (fact {row['named_at']})"
    return f"held by {row['holder']} since fact {row['at']}, named by {row['named_by']} as fact {row['named_at']}"

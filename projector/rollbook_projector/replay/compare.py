"""Compares the tables with what the log says they must hold, in words for people; for ``verify``."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import msgspec

from rollbook_contracts.claims import ClaimKey
from rollbook_contracts.folding import fold, fold_name
from rollbook_contracts.settings import TenantSettings
from rollbook_projector.session import Connection

_ROWS: Final = """
    SELECT tenant, {key} AS resource, {part} AS part,
           to_jsonb(expected)::text AS wanted, to_jsonb(actual)::text AS found
    FROM {expected} AS expected FULL JOIN {actual} AS actual USING ({join})
    WHERE expected IS DISTINCT FROM actual AND {unless}"""
_NOT_SET_ASIDE: Final = (
    "NOT EXISTS (SELECT FROM provisioning.parked WHERE parked.tenant = {tenant} AND parked.resource = {resource})"
)


def _compared(table: str, join: str, resource: str, part: str = "NULL") -> tuple[str, str]:
    """Return a table's name and the statement that compares it; ``part`` tells rows of one resource apart."""
    schema, short = table.split(".")
    expected = "expected_control_tenants" if schema == "control" else f"expected_{short}"
    unless = _NOT_SET_ASIDE.format(tenant="tenant", resource=resource)
    return table, _ROWS.format(key=resource, part=part, expected=expected, actual=table, join=join, unless=unless)


_TABLES: Final = (
    _compared("lms.users", "tenant, id", "id"),
    _compared("lms.deleted_users", "tenant, id", "id"),
    _compared("lms.groups", "tenant, id", "id"),
    _compared("lms.group_members", "tenant, group_id, user_id", "group_id", "user_id"),
    _compared("lms.sent_references", "tenant, kind, holder_id, value", "holder_id", "kind || ' ' || value"),
    _compared("lms.tenants", "tenant", "tenant"),
    _compared("control.tenants", "tenant", "tenant"),
)

_PARKED: Final = """
    SELECT tenant, resource, seq, type, reason, discarded
    FROM provisioning.parked WHERE NOT queued ORDER BY partition, seq"""
_FORGOTTEN: Final = """
    SELECT tenant, resource, seq, type, reason FROM expected_parked AS expected
    WHERE NOT EXISTS (SELECT FROM provisioning.parked AS actual
                      WHERE actual.partition = expected.partition AND actual.seq = expected.seq)
      AND NOT EXISTS (SELECT FROM lms.users WHERE users.tenant = expected.tenant AND users.id = expected.resource
                      AND users.fact_seq >= expected.seq)
      AND NOT EXISTS (SELECT FROM lms.groups WHERE groups.tenant = expected.tenant AND groups.id = expected.resource
                      AND greatest(groups.fact_seq, groups.members_seq) >= expected.seq)"""
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


async def compare_parked(connection: Connection) -> AsyncIterator[Finding]:
    """Name each fact that is set aside, and each that should be and is not."""
    for row in await connection.fetch(_PARKED):
        done = "discarded, nothing supersedes it yet" if row["discarded"] else "parked"
        yield Finding(row["tenant"], row["resource"], f"{done}: fact {row['seq']} ({row['type']}), {row['reason']}")
    for row in await connection.fetch(_FORGOTTEN):
        yield Finding(
            row["tenant"],
            row["resource"],
            f"fact {row['seq']} ({row['type']}) is neither applied nor parked, {row['reason']}",
        )


async def compare_rows(connection: Connection) -> AsyncIterator[Finding]:
    """Name each row that is missing, superfluous or different; resources that are set aside were named before."""
    for table, statement in _TABLES:
        async for tenant, resource, part, wanted, found in connection.cursor(statement, timeout=_TIMEOUT):
            which = f" ({part})" if part else ""
            yield Finding(tenant, resource, f"{table}{which}: {_difference(wanted, found)}")


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

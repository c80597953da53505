"""What consumers must be told where the log is not the one that they were told of; for the start of an epoch.

What they had is in the tables as they were, unless CHANGES is ahead of them: then it is what CHANGES says. Where
CHANGES is behind, since it was put back, too, they had either: who read what it lost has what the tables say. What they
must come to is the fold of the log, in the temporary tables of ``expected``. All is compared there, by tenant.
"""

from collections.abc import AsyncIterator, Collection
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from rollbook_contracts.facts.membership import MOST_MEMBERS
from rollbook_contracts.facts.system import Correction
from rollbook_projector.projections.documents import differing_attributes
from rollbook_projector.session import Connection

_CREATE: Final = """
    CREATE TEMP TABLE told_resources
        (tenant text COLLATE "C", id text COLLATE "C", is_group bool, version text, gone bool NOT NULL, active bool,
         manager_id text COLLATE "C", document text, changed text[], PRIMARY KEY (tenant, id));
    CREATE TEMP TABLE told_members
        (tenant text COLLATE "C", group_id text COLLATE "C", user_id text COLLATE "C",
         PRIMARY KEY (tenant, group_id, user_id));
    CREATE TEMP TABLE left_resources (LIKE told_resources INCLUDING INDEXES);
    CREATE TEMP TABLE left_members (LIKE told_members INCLUDING INDEXES);
    CREATE TEMP TABLE member_differences
        (tenant text COLLATE "C", group_id text COLLATE "C", added bool, user_id text COLLATE "C",
         PRIMARY KEY (tenant, group_id, added, user_id));
    """
# Of what the tables held: `changed` is not NULL where a row is not what the log makes of it.
_BY_TABLES: Final = """
    INSERT INTO told_resources
    SELECT tenant, id, false, told.last_change, false, told.active, told.manager_id, told.document,
           CASE WHEN told IS DISTINCT FROM expected THEN '{}'::text[] END
    FROM lms.users AS told LEFT JOIN expected_users AS expected USING (tenant, id) WHERE tenant = ANY($1::text[]);
    """
_GROUPS_BY_TABLES: Final = """
    INSERT INTO told_resources
    SELECT tenant, id, true, told.last_change, false, NULL, NULL, told.document,
           CASE WHEN told IS DISTINCT FROM expected THEN '{}'::text[] END
    FROM lms.groups AS told LEFT JOIN expected_groups AS expected USING (tenant, id) WHERE tenant = ANY($1::text[])"""
_MEMBERS_BY_TABLES: Final = """
    INSERT INTO told_members SELECT tenant, group_id, user_id FROM lms.group_members WHERE tenant = ANY($1::text[])"""

_KEY: Final = "format('%s-%s-%s-%s', epoch, lpad(partition::text, 2, '0'), seq, ordinal)"
_LATEST: Final = "ORDER BY tenant, resource, epoch DESC, seq DESC, ordinal DESC"
# Of what CHANGES holds: the last change of each resource, whether that one or others are none that the log makes, and
# the attributes that those name, or that changes of the log name which were not told.
_BY_CHANGES: Final = f"""
    INSERT INTO {{resources}}
    WITH latest AS (
        SELECT DISTINCT ON (tenant, resource) tenant, resource, type, {_KEY} AS version
        FROM told_changes WHERE tenant = ANY($1::text[]) {_LATEST}),
    activity AS (
        SELECT DISTINCT ON (tenant, resource) tenant, resource, type <> 'user.deactivated.v1' AS active
        FROM told_changes WHERE tenant = ANY($1::text[])
        AND type IN ('user.created.v1', 'user.deactivated.v1', 'user.reactivated.v1') {_LATEST}),
    manager AS (
        SELECT DISTINCT ON (tenant, resource) tenant, resource,
               CASE WHEN type = 'user.manager_assigned.v1' THEN people[1] END AS manager_id
        FROM told_changes WHERE tenant = ANY($1::text[])
        AND type IN ('user.manager_assigned.v1', 'user.manager_unassigned.v1') {_LATEST}),
    unlike AS (
        SELECT tenant, resource, array_agg(DISTINCT name) FILTER (WHERE name IS NOT NULL) AS names
        FROM (
            SELECT tenant, resource, changed FROM told_changes AS told
            WHERE tenant = ANY($1::text[]) AND epoch >= $2 AND NOT EXISTS (
                SELECT FROM log_changes AS made
                WHERE (made.epoch, made.partition, made.seq, made.ordinal, made.digest)
                    = (told.epoch, told.partition, told.seq, told.ordinal, told.digest))
            UNION ALL
            SELECT tenant, resource, changed FROM log_changes AS made
            WHERE tenant = ANY($1::text[]) AND NOT EXISTS (
                SELECT FROM told_changes AS told
                WHERE (made.epoch, made.partition, made.seq, made.ordinal, made.digest)
                    = (told.epoch, told.partition, told.seq, told.ordinal, told.digest))
        ) AS one_sided LEFT JOIN LATERAL unnest(changed) AS name ON true
        GROUP BY tenant, resource)
    SELECT tenant, resource, latest.type LIKE 'group.%', latest.version, latest.type LIKE '%.deleted.v1',
           activity.active, manager.manager_id, NULL,
           CASE WHEN unlike.resource IS NOT NULL THEN coalesce(unlike.names, ARRAY[]::text[]) END
    FROM latest LEFT JOIN activity USING (tenant, resource) LEFT JOIN manager USING (tenant, resource)
    LEFT JOIN unlike USING (tenant, resource)"""  # noqa: S608  # our own names
_MEMBERS_BY_CHANGES: Final = f"""
    INSERT INTO {{members}}
    SELECT tenant, group_id, user_id FROM (
        SELECT DISTINCT ON (tenant, resource, user_id) tenant, resource AS group_id, user_id,
               type = 'group.members_added.v1' AS added
        FROM told_changes, LATERAL unnest(people) AS user_id
        WHERE tenant = ANY($1::text[]) AND type LIKE 'group.members_%'
        {_LATEST.replace("resource, epoch", "resource, user_id, epoch")}
    ) AS latest WHERE added"""  # noqa: S608  # our own names

_OF_WHO_IS_GONE: Final = """
    DELETE FROM {members} AS members USING {resources} AS told
    WHERE told.tenant = members.tenant AND told.id = members.group_id AND told.gone"""
# What CHANGES is left with, beside what the tables held: of the two that differ from the log counts the one that does.
# Who is there by the log, and not by one of the two, is told as new.
_BOTH: Final = """
    INSERT INTO told_resources
    SELECT tenant, id, told.is_group, told.version, expected.tenant IS NOT NULL, told.active, told.manager_id, NULL,
           told.changed
    FROM left_resources AS told
    LEFT JOIN (SELECT tenant, id FROM expected_users UNION ALL SELECT tenant, id FROM expected_groups) AS expected
        USING (tenant, id)
    WHERE tenant = ANY($1::text[]) AND NOT told.gone
    ON CONFLICT (tenant, id) DO UPDATE SET
        changed = CASE WHEN excluded.changed IS NULL THEN told_resources.changed
                       ELSE coalesce(told_resources.changed, '{}') || excluded.changed END"""
_BOTH_PEOPLE: Final = """
    UPDATE told_resources AS told SET
        manager_id = CASE WHEN told.manager_id IS DISTINCT FROM expected.manager_id THEN told.manager_id
                          ELSE one.manager_id END,
        active = CASE WHEN told.active <> expected.active THEN told.active ELSE coalesce(one.active, told.active) END
    FROM left_resources AS one JOIN expected_users AS expected USING (tenant, id)
    WHERE told.tenant = ANY($1::text[]) AND (one.tenant, one.id) = (told.tenant, told.id)"""
_NEW_FOR_SOME: Final = """
    UPDATE told_resources AS told SET gone = true
    WHERE tenant = ANY($1::text[])
      AND NOT EXISTS (
          SELECT FROM left_resources AS one WHERE (one.tenant, one.id) = (told.tenant, told.id) AND NOT one.gone)
      AND (EXISTS (SELECT FROM expected_users AS one WHERE (one.tenant, one.id) = (told.tenant, told.id))
           OR EXISTS (SELECT FROM expected_groups AS one WHERE (one.tenant, one.id) = (told.tenant, told.id)))"""
_MEMBERS: Final = """
    INSERT INTO member_differences
    SELECT tenant, group_id, true, user_id FROM expected_group_members
    WHERE (tenant, group_id, user_id) NOT IN (SELECT tenant, group_id, user_id FROM told_members)
       OR (tenant = ANY($1::text[])
           AND (tenant, group_id, user_id) NOT IN (SELECT tenant, group_id, user_id FROM left_members))
    UNION ALL
    SELECT tenant, group_id, false, user_id
    FROM (SELECT * FROM told_members UNION SELECT * FROM left_members) AS told
    WHERE (tenant, group_id, user_id) NOT IN (SELECT tenant, group_id, user_id FROM expected_group_members)"""
_TENANTS: Final = """
    SELECT tenant FROM told_resources UNION SELECT tenant FROM expected_users UNION SELECT tenant FROM expected_groups
    ORDER BY 1"""
_KNOWN_TENANTS: Final = """
    SELECT tenant FROM lms.users UNION SELECT tenant FROM lms.groups UNION SELECT tenant FROM told_changes"""
_RESOURCES: Final = """
    WITH expected AS (
        SELECT tenant, id, last_change, active, manager_id, document FROM expected_users
        WHERE tenant = $1 AND NOT $2
        UNION ALL
        SELECT tenant, id, last_change, NULL, NULL, document FROM expected_groups WHERE tenant = $1 AND $2),
    told AS (SELECT * FROM told_resources WHERE tenant = $1 AND is_group = $2)
    SELECT id, told.version, told.tenant IS NOT NULL AND NOT told.gone AS had, expected.tenant IS NOT NULL AS has,
           told.active AS was_active, expected.active AS is_active, told.manager_id AS old_manager,
           expected.manager_id AS new_manager, told.document AS old_document, expected.document AS new_document,
           told.changed,
           EXISTS (SELECT FROM member_differences AS one WHERE one.tenant = $1 AND one.group_id = id) AS other_members
    FROM told FULL JOIN expected USING (tenant, id)
    WHERE (told.tenant IS NOT NULL AND NOT told.gone) IS DISTINCT FROM (expected.tenant IS NOT NULL)
        OR (expected.tenant IS NOT NULL AND (told.changed IS NOT NULL OR told.version <> expected.last_change))
        OR (expected.tenant IS NOT NULL
            AND EXISTS (SELECT FROM member_differences AS one WHERE one.tenant = $1 AND one.group_id = id))
    ORDER BY id"""
_MEMBERS_OF: Final = """
    SELECT user_id FROM member_differences WHERE tenant = $1 AND group_id = $2 AND added = $3 ORDER BY user_id"""
_LEFT: Final = ("left_resources", "left_members")
_TIMEOUT: Final = 3600.0


Source: TypeAlias = Literal["tables", "changes", "both"]


class Told(NamedTuple):
    """Where it stands what the consumers of some tenants had."""

    tenants: Collection[str]
    source: Source
    since: int
    """Changes of earlier epochs were put right before."""


async def known_tenants(connection: Connection) -> list[str]:
    """Return all tenants of which consumers may have been told."""
    return [tenant for (tenant,) in await connection.fetch(_KNOWN_TENANTS, timeout=_TIMEOUT)]


async def compare_told(connection: Connection, parts: Collection[Told]) -> list[str]:
    """Gather what consumers had beside what the log makes; return all tenants."""
    await connection.execute(_CREATE)
    twofold: list[str] = []
    for part in parts:
        tenants = list(part.tenants)
        if part.source != "tables":
            resources, members = ("told_resources", "told_members") if part.source == "changes" else _LEFT
            by_changes, members_by_changes = (
                statement.format(resources=resources, members=members)
                for statement in (_BY_CHANGES, _MEMBERS_BY_CHANGES)
            )
            await connection.execute(by_changes, tenants, part.since, timeout=_TIMEOUT)
            await connection.execute(members_by_changes, tenants, timeout=_TIMEOUT)
            await connection.execute(_OF_WHO_IS_GONE.format(resources=resources, members=members), timeout=_TIMEOUT)
        if part.source != "changes":
            for statement in (_BY_TABLES, _GROUPS_BY_TABLES, _MEMBERS_BY_TABLES):
                await connection.execute(statement, tenants, timeout=_TIMEOUT)
        if part.source == "both":
            twofold += tenants
    if twofold:
        await connection.execute(_NEW_FOR_SOME, twofold, timeout=_TIMEOUT)
        await connection.execute(_BOTH, twofold, timeout=_TIMEOUT)
        await connection.execute(_BOTH_PEOPLE, twofold, timeout=_TIMEOUT)
    await connection.execute(_MEMBERS, twofold, timeout=_TIMEOUT)
    return [tenant for (tenant,) in await connection.fetch(_TENANTS)]


async def corrections(connection: Connection, tenant: str) -> AsyncIterator[Correction]:
    """Yield what is to be told of a tenant, people before groups, all of one resource together."""
    for is_group in (False, True):
        async for row in connection.cursor(_RESOURCES, tenant, is_group, timeout=_TIMEOUT):
            for correction in _of_group(tenant, row) if is_group else _of_person(tenant, row):
                yield correction
            if is_group and row["has"] and row["other_members"]:
                async for correction in _of_members(connection, tenant, row["id"], row["version"]):
                    yield correction


def _of_person(tenant: str, row: Any) -> list[Correction]:
    user_id, version = row["id"], row["version"]
    if not row["has"]:
        return [Correction("user.deleted.v1", tenant, user_id, version)]
    links = [
        _link(done, tenant, row, manager)
        for done, manager in (("unassigned", row["old_manager"]), ("assigned", row["new_manager"]))
        if manager is not None and row["old_manager"] != row["new_manager"]
    ]
    activity = {(True, False): "deactivated", (False, True): "reactivated"}.get((row["was_active"], row["is_active"]))
    if not row["had"]:
        # For some it is new, others had it: what it is created with is told behind it as far as it is told at all.
        activity = "deactivated" if not row["is_active"] else "reactivated" if row["was_active"] is False else None
        if row["new_manager"] is not None and not links:
            links = [_link("assigned", tenant, row, row["new_manager"])]
        again = [Correction(f"user.{activity}.v1", tenant, user_id, version)] if activity else []
        return [Correction("user.created.v1", tenant, user_id, version), *again, *links]
    names = _names(row)
    if not names and links and not activity:
        return links
    return [Correction(f"user.{activity or 'updated'}.v1", tenant, user_id, version, names), *links]


def _link(done: str, tenant: str, row: Any, manager: str) -> Correction:
    return Correction(f"user.manager_{done}.v1", tenant, row["id"], row["version"], people=(manager,))


def _of_group(tenant: str, row: Any) -> list[Correction]:
    group_id, version = row["id"], row["version"]
    if not row["has"]:
        return [Correction("group.deleted.v1", tenant, group_id, version)]
    if not row["had"]:
        return [Correction("group.created.v1", tenant, group_id, version)]
    names = _names(row)
    if not names and row["other_members"]:
        return []
    return [Correction("group.updated.v1", tenant, group_id, version, names)]


async def _of_members(
    connection: Connection, tenant: str, group_id: str, version: str | None
) -> AsyncIterator[Correction]:
    for done, added in (("removed", False), ("added", True)):
        people: list[str] = []
        async for (user_id,) in connection.cursor(_MEMBERS_OF, tenant, group_id, added):
            people.append(user_id)
            if len(people) == MOST_MEMBERS:
                yield Correction(f"group.members_{done}.v1", tenant, group_id, version, people=tuple(people))
                people = []
        if people:
            yield Correction(f"group.members_{done}.v1", tenant, group_id, version, people=tuple(people))


def _names(row: Any) -> tuple[str, ...]:
    names = set(row["changed"] or ())
    if row["old_document"] is not None:
        names.update(differing_attributes(row["old_document"], row["new_document"]))
    return tuple(sorted(names))

"""The one statement of a search: a page of people or groups and how far the table is, read from a single snapshot.

Parameters: ``$1`` tenant, ``$2`` partition, ``$3`` most rows, ``$4`` rows to skip, then those of the condition. The
first row always carries the proof, the resources with parked facts and the total; its resource is NULL where the page
is empty.
"""
# ruff: noqa: S608  # statements are put together from this package's own text; what a client sends stands in parameters

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

OWN_PARAMETERS: Final = 4
MOST_MEMBERS: Final = 100_000
"""A page of groups with their members ends behind the group that goes beyond this, so that it can be sent in time."""

PROOF: Final = """
SELECT checkpoint.seq AS applied, checkpoint.halted,
       ARRAY(SELECT resource FROM provisioning.parked WHERE partition = $2 AND parked.tenant = $1) AS parked"""

CHECKPOINT: Final = """
FROM (SELECT) AS answer
LEFT JOIN provisioning.checkpoints AS checkpoint ON checkpoint.partition = $2"""

_ANSWER: Final = f"""{PROOF}, {{total}} AS total, found.*{{beside}}{CHECKPOINT}
LEFT JOIN ({{page}}) AS found ON true
ORDER BY found.id
"""

_MATCHED: Final = "WITH matched AS MATERIALIZED (SELECT {kept} FROM {table} WHERE tenant = $1 AND {condition})"

_FITTING: Final = f"""
WITH RECURSIVE listed AS MATERIALIZED (
    SELECT row_number() OVER (ORDER BY page.id) AS place, page.* FROM ({{page}}) AS page
),
filled (place, members) AS (
    SELECT 0::bigint, 0::bigint
    UNION ALL
    SELECT listed.place, filled.members
        + (SELECT count(*) FROM lms.group_members WHERE tenant = $1 AND group_id = listed.id)
        + (SELECT count(*) FROM lms.sent_references WHERE tenant = $1 AND kind = 'member' AND holder_id = listed.id)
    FROM filled JOIN listed ON listed.place = filled.place + 1
    WHERE filled.members < {MOST_MEMBERS}
)
SELECT {{columns}} FROM listed JOIN filled USING (place)"""


@dataclass(frozen=True, slots=True)
class Listed:
    """What is read of each resource: columns of its table, and ``beside`` them what is worked out for those on a page.

    ``fitting`` pages end early where the members of their groups are too many.
    """

    table: str
    columns: str
    beside: str = ""
    fitting: bool = False


PERSON: Final = Listed("lms.users", "id, document, created, last_modified, fact_seq")
PERSON_WITH_GROUPS: Final = Listed(
    PERSON.table,
    PERSON.columns,
    """, (
    SELECT json_agg(json_build_array(membership.group_id, named.display_name) ORDER BY membership.group_id)::text
    FROM lms.group_members AS membership
    JOIN lms.groups AS named ON named.tenant = membership.tenant AND named.id = membership.group_id
    WHERE membership.tenant = $1 AND membership.user_id = found.id
) AS groups""",
)

GROUP: Final = Listed("lms.groups", "id, document, created, last_modified, members_modified, fact_seq, members_seq")
# The text is what `Members` holds. Ids need no escape: they are made by gateways.
_MEMBERS: Final = """, convert_to(concat('[', concat_ws(',', (
    SELECT string_agg(concat('{"value":"', user_id, '","$ref":"', user_id, '","type":"User"',
                             ',"display":' || to_json(display)::text, '}'), ',')
    FROM (
        SELECT membership.user_id, coalesce(person.display_name, person.user_name) AS display
        FROM lms.group_members AS membership
        LEFT JOIN lms.users AS person ON person.tenant = membership.tenant AND person.id = membership.user_id
        WHERE membership.tenant = $1 AND membership.group_id = found.id
        ORDER BY membership.user_id
    ) AS linked
), (
    SELECT string_agg(concat('{"value":', to_json(value)::text, ',"type":"User"}'), ',')
    FROM (
        SELECT value FROM lms.sent_references
        WHERE tenant = $1 AND kind = 'member' AND holder_id = found.id AND user_id IS NULL
        ORDER BY value
    ) AS waiting
)), ']'), 'UTF8') AS members"""
ONE_GROUP_WITH_MEMBERS: Final = Listed(GROUP.table, GROUP.columns, _MEMBERS)
GROUPS_WITH_MEMBERS: Final = Listed(GROUP.table, GROUP.columns, _MEMBERS, fitting=True)

MEMBERSHIPS: Final = f"""{PROOF}, found.*{CHECKPOINT}
LEFT JOIN (
    SELECT membership.user_id, membership.group_id, named.display_name
    FROM lms.group_members AS membership
    JOIN lms.groups AS named ON named.tenant = membership.tenant AND named.id = membership.group_id
    WHERE membership.tenant = $1 AND membership.user_id = ANY($3::text[])
) AS found ON true
ORDER BY found.user_id, found.group_id
"""
"""The groups of the people ``$3``, with the same proof; the first row has no person where there are none."""


@lru_cache(maxsize=16)
def everything(listed: Listed) -> str:
    """Return the statement that lists all resources of a tenant."""
    return _ANSWER.format(
        total=f"(SELECT count(*) FROM {listed.table} WHERE tenant = $1)",
        page=_page(listed, f"SELECT {listed.columns} FROM {listed.table} WHERE tenant = $1 {_CUT}"),
        beside=listed.beside,
    )


@lru_cache(maxsize=512)
def matching(listed: Listed, condition: str, *, selective: bool) -> str:
    """Return the statement that lists those for whom a condition holds: one text for filters of one shape."""
    if selective:
        kept, page = listed.columns, f"SELECT * FROM matched {_CUT}"
    else:  # where many may match only their ids are kept until it is known who is on the page
        cut = f"(SELECT id FROM matched {_CUT}) AS cut"
        kept, page = "id", f"SELECT {listed.columns} FROM {cut} JOIN {listed.table} USING (id) WHERE tenant = $1"
    return _MATCHED.format(kept=kept, table=listed.table, condition=condition) + _ANSWER.format(
        total="(SELECT count(*) FROM matched)", page=_page(listed, page), beside=listed.beside
    )


_CUT: Final = "ORDER BY id LIMIT $3 OFFSET $4"


def _page(listed: Listed, page: str) -> str:
    return _FITTING.format(page=page, columns=listed.columns) if listed.fitting else page

"""The one statement of a search: a page of people or groups and how far the table is, read from a single snapshot.

Parameters: ``$1`` tenant, ``$2`` partition, ``$3`` most rows, ``$4`` rows to skip, then those of the condition. The
first row always carries the proof, the resources with parked facts and the total; its resource is NULL where the page
is empty. A tenant whose facts weigh much is applied apart from its partition: then the proof is how far the tenant is.
"""
# ruff: noqa: S608  # statements are put together from this package's own text; what a client sends stands in parameters

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from rollbook_gateway.search.user_groups import FEW, PART

OWN_PARAMETERS: Final = 4

PROOF: Final = """
SELECT CASE WHEN apart.seq < apart.until THEN apart.seq ELSE checkpoint.seq END AS applied,
       checkpoint.halted, checkpoint.stream_created,
       ARRAY(SELECT resource FROM provisioning.parked WHERE partition = $2 AND parked.tenant = $1) AS parked"""

CHECKPOINT: Final = """
FROM (SELECT) AS answer
LEFT JOIN provisioning.checkpoints AS checkpoint ON checkpoint.partition = $2
LEFT JOIN provisioning.apart ON apart.partition = $2 AND apart.tenant = $1"""

_ANSWER: Final = f"""{PROOF}, {{total}} AS total, found.*{{beside}}{CHECKPOINT}
LEFT JOIN ({{page}}) AS found ON true
ORDER BY found.id
"""

_CUT: Final = "ORDER BY id LIMIT $3 OFFSET $4"
_MATCHED: Final = "WITH matched AS MATERIALIZED (SELECT {kept} FROM {table} WHERE tenant = $1 AND {condition})"


@dataclass(frozen=True, slots=True)
class Listed:
    """What is read of each resource: columns of its table, and what is worked out ``beside`` them for a page."""

    table: str
    columns: str
    beside: str = ""


PERSON: Final = Listed("lms.users", "id, document, created, last_modified, fact_seq")
PERSON_WITH_GROUPS: Final = Listed(
    PERSON.table,
    PERSON.columns,
    f""", (
    SELECT json_agg(json_build_array(membership.group_id, named.display_name))::text
    FROM (
        SELECT tenant, group_id FROM lms.group_members WHERE tenant = $1 AND user_id = found.id LIMIT {FEW + 1}
    ) AS membership
    JOIN lms.groups AS named ON named.tenant = membership.tenant AND named.id = membership.group_id
) AS groups""",
)

GROUP: Final = Listed("lms.groups", "id, document, created, last_modified, shown_modified, fact_seq, shown_seq")

MEMBERSHIPS: Final = f"""{PROOF}, found.*{CHECKPOINT}
LEFT JOIN (
    SELECT membership.user_id, membership.group_id, named.display_name
    FROM lms.group_members AS membership
    JOIN lms.groups AS named ON named.tenant = membership.tenant AND named.id = membership.group_id
    WHERE membership.tenant = $1 AND membership.user_id = ANY($3::text[])
    LIMIT {PART}
) AS found ON true
ORDER BY found.user_id, found.group_id
"""
"""The groups of the people ``$3``, with the same proof; the first row has no person where there are none.

They are all of them where there are less rows than a part has.
"""

PROOF_ALONE: Final = f"{PROOF}{CHECKPOINT}"
"""The proof by itself, ahead of statements on the same snapshot."""


@lru_cache(maxsize=16)
def everything(listed: Listed) -> str:
    """Return the statement that lists all resources of a tenant."""
    return _ANSWER.format(
        total=f"(SELECT count(*) FROM {listed.table} WHERE tenant = $1)",
        page=f"SELECT {listed.columns} FROM {listed.table} WHERE tenant = $1 {_CUT}",
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
        total="(SELECT count(*) FROM matched)", page=page, beside=listed.beside
    )

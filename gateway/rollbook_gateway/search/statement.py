"""The one statement of a search: a page of people and how far the table is, read from a single snapshot.

Parameters: ``$1`` tenant, ``$2`` partition, ``$3`` most rows, ``$4`` rows to skip, then those of the condition. The
first row always carries the proof, the resources with parked facts and the total; its person is NULL where the page is
empty.
"""
# ruff: noqa: S608  # statements are put together from this module's own text; what a client sends stands in parameters

from functools import lru_cache
from typing import Final

OWN_PARAMETERS: Final = 4

_PERSON: Final = "id, document, created, last_modified, fact_seq"

_ANSWER: Final = """
SELECT checkpoint.seq AS applied, checkpoint.halted,
       ARRAY(SELECT resource FROM provisioning.parked WHERE partition = $2 AND parked.tenant = $1) AS parked,
       {total} AS total, person.*
FROM (SELECT) AS answer
LEFT JOIN provisioning.checkpoints AS checkpoint ON checkpoint.partition = $2
LEFT JOIN ({page}) AS person ON true
ORDER BY person.id
"""

_MATCHED: Final = "WITH matched AS MATERIALIZED (SELECT {kept} FROM lms.users WHERE tenant = $1 AND {condition})"

EVERYBODY: Final = _ANSWER.format(
    total="(SELECT count(*) FROM lms.users WHERE tenant = $1)",
    page=f"SELECT {_PERSON} FROM lms.users WHERE tenant = $1 ORDER BY id LIMIT $3 OFFSET $4",
)
"""Lists all people of a tenant."""

_OF_FEW: Final = _ANSWER.format(
    total="(SELECT count(*) FROM matched)",
    page="SELECT * FROM matched ORDER BY id LIMIT $3 OFFSET $4",
)

# Where many may match only their ids are kept until it is known who is on the page.
_OF_MANY: Final = _ANSWER.format(
    total="(SELECT count(*) FROM matched)",
    page=f"SELECT {_PERSON} FROM (SELECT id FROM matched ORDER BY id LIMIT $3 OFFSET $4) AS listed "
    "JOIN lms.users USING (id) WHERE tenant = $1",
)


@lru_cache(maxsize=256)
def matching(condition: str, *, selective: bool) -> str:
    """Return the statement that lists those for whom a condition holds: one text for filters of one shape."""
    if selective:
        return _MATCHED.format(kept=_PERSON, condition=condition) + _OF_FEW
    return _MATCHED.format(kept="id", condition=condition) + _OF_MANY

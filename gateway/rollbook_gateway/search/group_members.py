"""The members of the groups on a page, read in the snapshot of the page and in parts, however many there are."""
# statements are put together from this module's own text; what a client sends stands in parameters

from dataclasses import replace
from typing import Final

from rollbook_gateway.search.database import Fetch
from rollbook_gateway.search.members import Members
from rollbook_gateway.search.rows import GroupPage

MOST: Final = 100_000
"""A page ends behind the group whose members go beyond this, so that it can be sent in time."""
PART: Final = 5_000
"""Members read at once: a statement, and what the event loop does with its answer, take some milliseconds."""

# One row for each group of which there is something: its place, how many and the last of them, and their JSON. `after`
# is the last one read before. Ids need no escape: they are made by gateways.
_PART: Final = """
SELECT place, count(*), max(key), convert_to(string_agg({member}, ',' ORDER BY key), 'UTF8')
FROM (
    SELECT wanted.place, found.*
    FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS wanted (group_id, after, place)
    CROSS JOIN LATERAL ({rows}) AS found
    LIMIT $4
) AS part
GROUP BY place
ORDER BY place
"""

LINKED: Final = _PART.format(
    member="""concat('{"value":"', key, '","$ref":"', key, '","type":"User"', ',"display":' || to_json(name), '}')""",
    rows="""
    SELECT membership.user_id AS key, coalesce(person.display_name, person.user_name) AS name
    FROM lms.group_members AS membership
    LEFT JOIN lms.users AS person ON person.tenant = membership.tenant AND person.id = membership.user_id
    WHERE membership.tenant = $1 AND membership.group_id = wanted.group_id AND membership.user_id > wanted.after
    ORDER BY membership.user_id""",
)
WAITING: Final = _PART.format(
    member="""concat('{"value":', to_json(key), ',"type":"User"}')""",
    rows="""
    SELECT value AS key FROM lms.sent_references
    WHERE tenant = $1 AND kind = 'member' AND holder_id = wanted.group_id AND value > wanted.after AND user_id IS NULL
    ORDER BY value""",
)


async def with_members(fetch: Fetch, tenant: str, page: GroupPage) -> GroupPage:
    """Return a page with the members of its groups, without those at its end that would make it too large."""
    groups = [row.id for row in page.rows]
    linked, count = await _read(fetch, LINKED, tenant, groups, MOST)
    waiting, _ = await _read(fetch, WAITING, tenant, groups[: len(linked)], MOST - count)
    rows = [
        replace(row, members=Members((*parts, *more)))
        for row, parts, more in zip(page.rows, linked, waiting, strict=False)
    ]
    return replace(page, rows=rows)


async def _read(
    fetch: Fetch, statement: str, tenant: str, groups: list[str], most: int
) -> tuple[list[list[bytes]], int]:
    """Return the parts of the first groups, so many groups that ``most`` is reached, and how many members these are."""
    found: list[list[bytes]] = [[] for _ in groups]
    begin, after, count = 0, "", 0
    while begin < len(found):
        wanted = groups[begin : len(found)]
        afters = [after, *[""] * (len(wanted) - 1)]
        rows = await fetch(statement, (tenant, wanted, afters, PART))
        for place, _, _, part in rows:
            found[begin + place - 1].append(part)
        read = sum(number for _, number, _, _ in rows)
        count += read
        if read < PART:
            break
        place, _, after, _ = rows[-1]
        begin += place - 1  # this group may go on
        if count >= most:
            del found[begin + 1 :]
    return found, count

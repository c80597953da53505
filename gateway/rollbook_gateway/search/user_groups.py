"""The groups of people who are in many, read in one snapshot and in parts; searches of people ask for them."""

from collections.abc import Sequence
from typing import Final

from rollbook_gateway.search.database import Fetch
from rollbook_gateway.search.rows import Membership

FEW: Final = 100
"""Groups of each person that the statement of a page reads with it; whoever is in more has statements of their own."""
MOST: Final = 20_000
"""A page ends behind the person whose groups go beyond this, so that it can be sent in time."""
PART: Final = 5_000
"""Memberships read at once: a statement, and what the event loop does with its answer, take some milliseconds."""

_PART: Final = """
SELECT place, found.group_id, found.display_name
FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS wanted (user_id, after, place)
CROSS JOIN LATERAL (
    SELECT membership.group_id, named.display_name
    FROM lms.group_members AS membership
    JOIN lms.groups AS named ON named.tenant = membership.tenant AND named.id = membership.group_id
    WHERE membership.tenant = $1 AND membership.user_id = wanted.user_id AND membership.group_id > wanted.after
    ORDER BY membership.group_id
) AS found
ORDER BY place, found.group_id
LIMIT $4
"""
"""``after`` is the last group that was read before."""


async def groups_of(fetch: Fetch, tenant: str, users: Sequence[str]) -> list[tuple[Membership, ...]]:
    """Return all groups of the first of the people, so many people that ``MOST`` groups are reached."""
    found: list[list[Membership]] = [[] for _ in users]
    begin, count = 0, 0
    while begin < len(found):
        after = found[begin][-1].group_id if found[begin] else ""
        afters = [after, *[""] * (len(found) - begin - 1)]
        rows = await fetch(_PART, (tenant, list(users[begin : len(found)]), afters, PART))
        for place, group_id, display in rows:
            found[begin + place - 1].append(Membership(group_id, display))
        count += len(rows)
        if len(rows) < PART:
            break
        begin += rows[-1]["place"] - 1  # this person may be in more
        if count >= MOST:
            del found[begin + 1 :]
    return [tuple(groups) for groups in found]

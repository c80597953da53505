"""Groups as SQL reads them: what is of the head stands in ``lms.groups``, members in two tables of their own.

A group knows a member by each name: by the linked person's id, and by every value that was sent for it.
"""

from types import MappingProxyType
from typing import Final

from rollbook_contracts.urns import GROUP
from rollbook_gateway.search.columns import Column, Related, Searched, Source

_PERSON: Final = (
    "LEFT JOIN lms.users AS person ON person.tenant = reference.tenant AND person.id = reference.user_id"
    " WHERE reference.tenant = $1 AND"
)
_DISPLAY: Final = "coalesce(person.display_name_folded, person.user_name_folded)"
"""The name that is shown; where that is the userName, filters see it without the blanks around it."""
_TYPE: Final = "'user'::text COLLATE \"C\""

_MEMBERS: Final = Related(
    sources=(
        Source(
            f"FROM lms.group_members AS reference {_PERSON} reference.group_id = groups.id",
            MappingProxyType(
                {"value": "reference.user_id", "display": _DISPLAY, "type": _TYPE, "$ref": "reference.user_id"},
            ),
        ),
        Source(
            f"FROM lms.sent_references AS reference {_PERSON} reference.kind = 'member'"
            " AND reference.holder_id = groups.id",
            MappingProxyType(
                {"value": "reference.value", "display": _DISPLAY, "type": _TYPE, "$ref": "reference.user_id"},
            ),
        ),
    ),
    having=(
        "groups.id IN (SELECT group_id FROM lms.group_members WHERE tenant = $1 AND user_id = {value}"
        " UNION ALL SELECT holder_id FROM lms.sent_references"
        " WHERE tenant = $1 AND value_folded = {folded} AND value = {value} AND kind = 'member')"
    ),
    selective=True,
)

GROUPS: Final = Searched(
    columns=MappingProxyType(
        {
            "id": Column("id", selective=True),
            "displayName": Column("display_name_folded", selective=True),
            "externalId": Column("external_id", selective=True),
            "meta.created": Column("created"),
            "meta.lastModified": Column("greatest(last_modified, shown_modified)"),
            "meta.version": Column("""'W/"' || fact_seq || '.' || shown_seq || '"'"""),
            "meta.resourceType": Column("'Group'::text"),
        },
    ),
    schemas=f"unnest(ARRAY['{GROUP}'])",
    related=MappingProxyType({"members": _MEMBERS}),
    not_searched=frozenset({"meta.location", "members.$ref"}),
)

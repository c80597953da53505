"""People as SQL reads them: most attributes stand in ``lms.users``, those without a column in its column ``search``."""

from types import MappingProxyType
from typing import Final

from rollbook_contracts.urns import ENTERPRISE, ILMS, USER
from rollbook_gateway.search.columns import Column, Related, Searched, Source

MANAGER: Final = f"{ENTERPRISE}:manager.value"
EMAIL_VALUE: Final = "emails.value"
EMAIL: Final = "(email_folded = {value} OR extra_emails AND search::jsonb->'emails' @> {element}::jsonb)"
"""Holds for everybody who has the address ``{value}``; two indexes lead there. ``{element}`` is ``[{"value": …}]``."""

_GROUPS: Final = Related(
    sources=(
        Source(
            "FROM lms.group_members AS membership JOIN lms.groups AS named"
            " ON named.tenant = membership.tenant AND named.id = membership.group_id"
            " WHERE membership.tenant = $1 AND membership.user_id = users.id",
            MappingProxyType(
                {
                    "value": "membership.group_id",
                    "display": "named.display_name_folded",
                    "type": "'direct'::text COLLATE \"C\"",
                    "$ref": "membership.group_id",
                },
            ),
        ),
    ),
    having="users.id IN (SELECT user_id FROM lms.group_members WHERE tenant = $1 AND group_id = {value})",
)

PEOPLE: Final = Searched(
    columns=MappingProxyType(
        {
            "id": Column("id", selective=True),
            "userName": Column("user_name_folded", selective=True),
            "externalId": Column("external_id", selective=True),
            f"{ENTERPRISE}:employeeNumber": Column("employee_id_folded", selective=True),
            "active": Column("active"),
            "meta.created": Column("created"),
            "meta.lastModified": Column("last_modified"),
            "meta.version": Column("""'W/"' || fact_seq || '"'"""),
            "meta.resourceType": Column("'User'::text"),
        },
    ),
    schemas=(
        f"unnest(ARRAY['{USER}', CASE WHEN search::jsonb ? '{ENTERPRISE}' THEN '{ENTERPRISE}' END, "
        f"CASE WHEN search::jsonb ? '{ILMS}' THEN '{ILMS}' END])"
    ),
    related=MappingProxyType({"groups": _GROUPS}),
    also=MappingProxyType({MANAGER: "manager_id"}),
    not_searched=frozenset({"meta.location", "groups.$ref"}),
)

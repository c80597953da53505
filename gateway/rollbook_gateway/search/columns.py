"""Which attributes of a person have a column in ``lms.users``; all others stand in its column ``search``."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from rollbook_contracts.urns import ENTERPRISE, ILMS, USER


@dataclass(frozen=True, slots=True)
class Column:
    """An attribute as SQL reads it, in the form in which filters compare it.

    ``selective`` columns have an index, and few people share a value.
    """

    sql: str
    selective: bool = False


COLUMNS: Final[Mapping[str, Column]] = MappingProxyType(
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
)
"""By the attribute's path in the compiled schema."""

ALWAYS_PRESENT: Final = frozenset({"schemas", "meta", "meta.location"})
"""Attributes that every person has and no column holds."""

NOT_SEARCHED: Final = frozenset({"meta.location"})
"""Attributes whose value depends on the address under which the tenant is called."""

EMAIL_VALUE: Final = "emails.value"
EMAIL: Final = "(email_folded = {value} OR extra_emails AND search::jsonb->'emails' @> {element}::jsonb)"
"""Holds for everybody who has the address ``{value}``; two indexes lead there. ``{element}`` is ``[{"value": …}]``."""

SCHEMAS: Final = (
    f"unnest(ARRAY['{USER}', CASE WHEN search::jsonb ? '{ENTERPRISE}' THEN '{ENTERPRISE}' END, "
    f"CASE WHEN search::jsonb ? '{ILMS}' THEN '{ILMS}' END])"
)
"""A person's ``schemas``, which are computed from what the document holds."""

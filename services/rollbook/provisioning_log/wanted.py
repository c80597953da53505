"""Which entries are asked for; the table is asked for them, and those that arrive are held against it."""

from dataclasses import dataclass
from datetime import datetime

from rollbook_contracts.folding import fold
from rollbook_contracts.identifiers import kind_of
from rollbook_contracts.requests.entry import Entry

FAILED: int = 400
"""The lowest status of a request that was refused or failed."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """``tenant`` is an id; ``resource`` the name or the id of a person or a group; ``None`` wants all."""

    tenant: str | None = None
    failed: bool = False
    resource: str | None = None
    since: datetime | None = None

    @property
    def resource_id(self) -> str | None:
        """The id that is asked for, where it is one."""
        return self.resource if self.resource is not None and kind_of(self.resource) in ("usr", "grp") else None

    @property
    def folded_name(self) -> str | None:
        """The name that is asked for, as names are compared."""
        return fold(self.resource) if self.resource is not None and self.resource_id is None else None

    def matches(self, entry: Entry) -> bool:
        """Tell whether an entry that arrives is asked for."""
        return (
            (self.tenant is None or entry.tenant == self.tenant)
            and (not self.failed or entry.status >= FAILED)
            and (self.resource_id is None or entry.resource_id == self.resource_id)
            and (self.folded_name is None or fold(entry.resource_name) == self.folded_name)
        )

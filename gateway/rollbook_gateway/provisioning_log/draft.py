"""What a request tells of itself while it is under way; requests write it, the edge makes an entry of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rollbook_contracts.facts.catalog import Fact
from rollbook_gateway.scim.notes import Notes
from rollbook_gateway.scim.values import Document


@dataclass(slots=True)
class Draft:
    """It is filled as things come to be known, so that a request which is refused has told what was known by then.

    ``message`` is the body as it was read, where it was read at once; it is looked at and not kept. ``facts`` are those
    that were stored, ``last`` being the sequence of the last of them.
    """

    message: Document | None = None
    resource_id: str = ""
    resource_name: str = ""
    notes: Notes = field(default_factory=list)
    facts: Sequence[Fact] = ()
    last: int = 0

    def about(self, resource_id: str, document: Document | None = None) -> None:
        """Say which resource it is, and with a document what people know it by."""
        self.resource_id = resource_id
        if document is not None:
            self.resource_name = known_name(document)

    def stored(self, facts: Sequence[Fact], last: int) -> None:
        """Say what became of it in the log."""
        self.facts, self.last = facts, last


def known_name(document: Document) -> str:
    """Return what people know a resource by: its userName, else its displayName."""
    name = document.get("userName") or document.get("displayName")
    return name if isinstance(name, str) else ""

"""What a search finds: people and pages of them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UserRow:
    """A person as found; ``document`` is the SCIM resource as JSON, without ``id``, ``meta`` and ``schemas``."""

    id: str
    document: str
    created: str
    last_modified: str
    fact_seq: int


@dataclass(frozen=True, slots=True)
class Page:
    """``total`` people match; ``rows`` are those of the page, in the order of their ids."""

    total: int
    rows: list[UserRow]

"""What all changes have in common: whose they are and how they follow each other."""

import msgspec


class ResourceChange(msgspec.Struct, frozen=True, omit_defaults=True):
    """A change carries ids and attribute names, no values: a consumer reads those where it is allowed to.

    ``version`` rises with each change of the resource and equals the change's id; ``previous`` is the version before,
    so that a gap shows; ``changed`` holds the names of the attributes that differ, sorted.
    """

    tenant: str
    id: str
    version: str
    previous: str | None = None
    changed: tuple[str, ...] = ()

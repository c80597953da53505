"""Which partition of the log a tenant's facts live in; asked by the gateway, the projector and the command line."""

import hashlib
from typing import Final

FUNCTION: Final = "sha256-32-mod"
"""Name of the partition function, recorded in each stream's metadata: changing the function means a new name."""


def partition_of(tenant: str, partitions: int) -> int:
    """Return the partition of a tenant id: the first four bytes of its SHA-256, big-endian, modulo ``partitions``."""
    return int.from_bytes(hashlib.sha256(tenant.encode()).digest()[:4], "big") % partitions

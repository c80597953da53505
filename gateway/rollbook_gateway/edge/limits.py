"""The bounds of the gateway's edge, in one place, each with its reason; docs/operations.md lists them for operators."""

from dataclasses import dataclass, replace
from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

MAX_USER_BYTES: Final = MIB
"""The body of a person, or of a search."""
MAX_GROUP_BYTES: Final = 32 * MIB
"""The body of a group: 250,000 members with what providers send of each."""
CONNECTION_BYTES: Final = 64 * KIB
"""What a connection may hold of a body or an answer uncounted: buffers of this size stand on both ways anyhow."""
RESERVED_FILES: Final = 256
"""Descriptors that no connection takes: NATS, PostgreSQL, the reading processes and logs need some thirty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a client may take, and how much it may hold; tests take smaller ones."""

    head_seconds: float = 10.0
    """From accept, or from the first byte of a later request, to the end of the headers: a provider sends them at once,
    and TCP repeats a lost packet several times within this."""
    idle_seconds: float = 75.0
    """How long a connection on which nobody was admitted is kept: longer than the 60 s after which nginx and AWS's load
    balancers close what they keep, so that it is they who close."""
    kept_seconds: float = 3630.0
    """How long a connection is kept whose last request was admitted: longer than any proxy or provider is known to keep
    one (Envoy: an hour). Whoever sends requests loses nothing by closing; a server that closes may do so just when a
    POST was sent, which then fails, and which no client may repeat by itself."""
    body_seconds: float = 30.0
    """What a body, or an answer, may take beside its time at the least rate: a pause of a line, not of a person."""
    least_rate: int = 128 * KIB
    """Bytes a second, 1 Mbit/s: 32 MiB take four minutes at this rate."""
    connections: int = 8192
    """All connections of a gateway: four times the largest burst that is tested, some 160 MB when all are kept."""
    connections_of_address: int = 4096
    """Connections of one address, which may be a proxy with everybody behind it; the rest is left to others."""
    bytes_in_hand: int = 512 * MIB
    """Bodies and answers beyond ``CONNECTION_BYTES`` that a gateway holds for all organizations."""
    bytes_of_one: int = 128 * MIB
    """Those of one organization: four bodies of the largest size, or sixteen answers of 100,000 members."""
    turn_seconds: float = 30.0
    """How long a request waits for room for its bytes: half of what providers wait for an answer."""

    def within(self, files: int) -> "Limits":
        """Return the limits for a process that may open so many files: no address may take more than half of them."""
        connections = min(self.connections, max(files - RESERVED_FILES, 1))
        of_address = min(self.connections_of_address, max(connections // 2, 1))
        return replace(self, connections=connections, connections_of_address=of_address)

    def seconds_for(self, size: int) -> float:
        """Return how long so many bytes may take on their way."""
        return self.body_seconds + size / self.least_rate

"""What STREAM.INFO says of the leader that gave it: how long ago a majority answered it; asked before it is believed.

A server that a network fault cut off from the others of a cluster holds itself for the leader for some ten seconds
more and answers every question meanwhile, while the others have elected another leader and go on.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

_NANOSECONDS = 1_000_000_000


def majority_heard(active: Sequence[int]) -> float:
    """Return how many seconds ago so many followers had answered that they and the leader are a majority.

    ``active`` holds the nanoseconds since each follower's last answer. 0 is a follower that never answered this leader.
    """
    heard = sorted(nanoseconds for nanoseconds in active if nanoseconds > 0)
    needed = (len(active) + 1) // 2
    if needed == 0:
        return 0.0
    return heard[needed - 1] / _NANOSECONDS if len(heard) >= needed else math.inf


def since_majority(info: Mapping[str, Any]) -> float:
    """Return the same for an answer to STREAM.INFO: 0 for a stream on one server, infinity where nobody leads it."""
    if info["config"]["num_replicas"] == 1:
        return 0.0
    cluster = info.get("cluster") or {}
    if not cluster.get("leader"):
        return math.inf
    return majority_heard([replica.get("active", 0) for replica in cluster.get("replicas") or ()])

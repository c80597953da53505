"""The rate limit of a tenant that has one: a bucket for each, and the wait for it; asked by the edge."""

import asyncio
import math
from collections.abc import Callable
from typing import Final

from msgspec import UNSET

from rollbook_contracts.settings import RateLimit
from rollbook_gateway.decide.user import Tenant

PATIENCE_SECONDS: Final = 2.0
"""How long a request over the limit waits before it is refused."""


class RateLimitedError(Exception):
    """A request that waited and did not come within its tenant's limit; ``retry_after`` is in whole seconds."""

    def __init__(self, limit: RateLimit, retry_after: int) -> None:
        super().__init__(f"over {limit.requests_per_second} requests per second")
        self.limit = limit
        self.retry_after = retry_after


class Bucket:
    """Requests that may begin: ``burst`` after a pause, and one more with each share of a second; pure.

    It counts seconds of its caller's clock. Whoever must wait takes a request that is yet to come, so requests begin in
    the order in which they came.
    """

    def __init__(self, limit: RateLimit) -> None:
        self.limit = limit
        self._left = float(limit.burst)
        self._counted_at = 0.0

    def take(self, now: float, patience: float) -> float | None:
        """Return how long it is until the request may begin; ``None``, and nothing is taken, where that is too long."""
        wait = self.wait(now)
        if wait > patience:
            return None
        self._left = self._left_at(now) - 1
        self._counted_at = now
        return wait

    def wait(self, now: float) -> float:
        """Return how long the next one would wait."""
        return max(0.0, 1 - self._left_at(now)) / self.limit.requests_per_second

    def _left_at(self, now: float) -> float:
        gained = (now - self._counted_at) * self.limit.requests_per_second
        return min(float(self.limit.burst), self._left + gained)


class RateLimits:
    """The buckets of this gateway; ``clock`` counts seconds and never goes back."""

    def __init__(self, clock: Callable[[], float], patience: float = PATIENCE_SECONDS) -> None:
        self._clock = clock
        self._patience = patience
        self._buckets: dict[str, Bucket] = {}

    async def pass_through(self, tenant: Tenant) -> None:
        """Return when the tenant's limit allows the request; raises ``RateLimitedError`` when it waited in vain.

        Each tenant waits at its own bucket, so nobody waits for another's limit.
        """
        limit = tenant.settings.rate_limit
        if limit is UNSET:
            return
        bucket = self._buckets.get(tenant.id)
        if bucket is None or bucket.limit != limit:
            bucket = self._buckets[tenant.id] = Bucket(limit)
        wait = bucket.take(self._clock(), self._patience)
        if wait is None:
            # A provider that does not know 429 is slowed down all the same.
            await asyncio.sleep(self._patience)
            raise RateLimitedError(limit, max(1, math.ceil(bucket.wait(self._clock()))))
        if wait > 0:
            await asyncio.sleep(wait)

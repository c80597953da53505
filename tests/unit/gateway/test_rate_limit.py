"""The rate limit of a tenant: a law for the bucket, and what those do who come too fast."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollbook_contracts.settings import RateLimit, TenantSettings
from rollbook_gateway.admission.rate_limit import Bucket, RateLimitedError, RateLimits
from rollbook_gateway.decide.user import Tenant

rates = st.builds(RateLimit, st.integers(1, 50), st.integers(1, 50))
pauses = st.lists(st.floats(0, 2, allow_nan=False), max_size=200)


@given(rates, pauses, st.floats(0, 5))
def test_no_stretch_of_time_sees_more_than_the_limit(limit: RateLimit, pauses: list[float], patience: float) -> None:
    """Whenever requests come: in any t seconds at most burst + rate * t begin, in the order in which they came."""
    bucket, now, begun = Bucket(limit), 0.0, list[float]()
    for pause in pauses:
        now += pause
        wait = bucket.take(now, patience)
        if wait is not None:
            assert 0 <= wait <= patience
            begun.append(now + wait)
    assert begun == sorted(begun)
    for first in range(len(begun)):
        for last in range(first, len(begun)):
            seconds = begun[last] - begun[first]
            assert last - first + 1 <= limit.burst + limit.requests_per_second * seconds + 1e-6


@given(rates)
def test_after_a_pause_a_burst_is_free(limit: RateLimit) -> None:
    """Just as many as the burst begin at once, and the next waits for its share of a second."""
    bucket = Bucket(limit)
    assert [bucket.take(100.0, 0) for _ in range(limit.burst)] == [0.0] * limit.burst
    assert bucket.take(100.0, 2) == pytest.approx(1 / limit.requests_per_second)


@given(rates)
def test_whoever_is_refused_takes_no_place(limit: RateLimit) -> None:
    """Those refused do not keep those behind them waiting."""
    bucket = Bucket(limit)
    while bucket.take(0.0, 0.5) is not None:
        pass
    wait = bucket.wait(0.0)
    assert bucket.take(0.0, 0.5) is None
    assert bucket.wait(0.0) == wait


def tenant(name: str, limit: RateLimit | None) -> Tenant:
    settings = TenantSettings() if limit is None else TenantSettings(rate_limit=limit)
    return Tenant(f"ten_{name}", name, 0, settings)


async def test_over_the_limit_requests_wait_then_are_refused() -> None:
    """Of ten at once five go at once or in their turn, the others are told when to come back."""
    limits = RateLimits(asyncio.get_running_loop().time, patience=0.25)
    limited = tenant("a", RateLimit(requests_per_second=10, burst=3))

    outcomes = await asyncio.gather(*(limits.pass_through(limited) for _ in range(10)), return_exceptions=True)
    refused = [outcome for outcome in outcomes if outcome is not None]
    assert len(refused) == 5
    assert all(isinstance(error, RateLimitedError) and error.retry_after == 1 for error in refused)


async def test_nobody_waits_for_another_tenants_limit() -> None:
    """While one tenant's requests wait, those of others pass at once, with a limit or without."""
    limits = RateLimits(asyncio.get_running_loop().time, patience=60)
    limited = tenant("a", RateLimit(requests_per_second=1, burst=1))
    await limits.pass_through(limited)
    waiting = asyncio.create_task(limits.pass_through(limited))
    await asyncio.sleep(0)

    for other in (tenant("b", RateLimit(1, 1)), tenant("c", None), tenant("c", None)):
        async with asyncio.timeout(0.5):
            await limits.pass_through(other)
    assert not waiting.done()
    waiting.cancel()


async def test_a_changed_limit_counts_from_then_on() -> None:
    """A tenant whose limit was raised, or taken away, waits no more."""
    limits = RateLimits(lambda: 0.0, patience=0)
    await limits.pass_through(tenant("a", RateLimit(1, 1)))
    with pytest.raises(RateLimitedError):
        await limits.pass_through(tenant("a", RateLimit(1, 1)))
    await limits.pass_through(tenant("a", RateLimit(100, 100)))
    await limits.pass_through(tenant("a", None))

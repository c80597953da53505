"""When a leader's answer counts; contracts/rollbook_contracts/leadership.py."""

import math

import pytest

from rollbook_contracts.leadership import majority_heard, since_majority

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("active", "seconds"),
    [
        ([], 0.0),
        ([2 * SECOND, 9 * SECOND], 2.0),
        ([0, 3 * SECOND], 3.0),
        ([0, 0], math.inf),
        ([1 * SECOND, 5 * SECOND, 2 * SECOND, 7 * SECOND], 2.0),
        ([0, 0, 0, 1 * SECOND], math.inf),
    ],
)
def test_a_majority_is_as_fresh_as_its_last_follower(active: list[int], seconds: float) -> None:
    """The leader counts itself; of three servers one follower is enough, of five two; 0 has never answered."""
    assert majority_heard(active) == seconds


def test_who_leads_nothing_has_heard_nobody() -> None:
    """A stream on one server needs nobody; a server that knows no leader is none, whomever it hears."""
    followers = [{"name": "n1", "active": SECOND}, {"name": "n2", "active": SECOND}]
    assert since_majority({"config": {"num_replicas": 1}}) == 0.0
    assert since_majority({"config": {"num_replicas": 3}, "cluster": {"leader": "n0", "replicas": followers}}) == 1.0
    assert since_majority({"config": {"num_replicas": 3}, "cluster": {"replicas": followers}}) == math.inf
    assert since_majority({"config": {"num_replicas": 3}}) == math.inf

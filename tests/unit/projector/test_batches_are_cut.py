"""How a run of messages becomes transactions: by their weight, and only where a write ends."""

import pytest

from rollbook_projector.transaction import first_part
from rollbook_projector.weight import MOST
from rollbook_projector.writes import whole_writes
from support.facts import Script


def sizes(script: Script) -> list[int]:
    """Return how many messages each transaction holds."""
    messages, found = script.messages, []
    while messages:
        found.append(first_part(messages))
        messages = messages[found[-1] :]
    return found


def test_light_messages_share_a_transaction() -> None:
    """People and small deltas, as many as there are."""
    script = Script()
    script.created("usr_1")
    script.group_created("grp_1", "usr_1")
    for _ in range(50):
        script.members_added("grp_1", "usr_1")

    assert sizes(script) == [len(script.messages)]


def test_members_weigh_by_their_number() -> None:
    """A transaction holds so many values at most."""
    script = Script()
    people = [f"usr_{number}" for number in range(1000)]
    for _ in range(45):
        script.members_added("grp_1", *people)

    most = MOST // 1000
    assert sizes(script) == [most, most, 45 - 2 * most]


def test_a_write_is_never_cut() -> None:
    """However heavy it is; what comes before it goes first."""
    script = Script()
    people = [f"usr_{number}" for number in range(1000)]
    script.created("usr_1")
    with script.write():
        script.group_created("grp_1")
        for _ in range(45):
            script.members_added("grp_1", *people)
    script.members_added("grp_1", "usr_1")

    assert sizes(script) == [2, 47, 1]


def test_decisions_stand_alone() -> None:
    """What comes before them is committed first."""
    script = Script()
    script.group_created("grp_1")
    script.park_retried(3)
    script.members_added("grp_1", "usr_1")

    assert sizes(script) == [2, 1, 1]


@pytest.mark.parametrize(("here", "whole"), [(1, 0), (2, 0), (3, 0), (4, 3), (5, 5), (6, 6)])
def test_what_has_not_arrived_whole_waits(here: int, whole: int) -> None:
    """A batch holds the writes of several requests; one that was published alone ends with its message."""
    script = Script()
    with script.batch():
        with script.write():
            script.group_created("grp_1", "usr_1")
        with script.write():
            script.group_updated("grp_1", externalId="x")
            script.members_added("grp_1", "usr_2")
    script.members_added("grp_1", "usr_3")

    assert whole_writes(script.messages[:here]) == whole

"""How a run of messages becomes transactions."""

from rollbook_projector.transaction import MOST_VALUES, cut
from support.facts import Script


def sizes(script: Script) -> list[int]:
    """Return how many messages each transaction holds."""
    return [len(batch) for batch in cut(script.messages)]


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

    most = MOST_VALUES // 1000
    assert sizes(script) == [most, most, 45 - 2 * most]


def test_decisions_and_staged_replacements_stand_alone() -> None:
    """What comes before them is committed first, what comes behind them is not kept from being decided on."""
    script = Script()
    script.group_created("grp_1")
    script.staged("grp_1", "req_1", ["usr_1"])
    script.staging_committed("grp_1", "req_1")
    script.members_added("grp_1", "staging")
    script.park_retried(3)

    assert sizes(script) == [4, 1, 1, 1]

"""From a person's state before and after a fact to the change that consumers get."""

import msgspec
import pytest

from rollbook_contracts.changes.catalog import CHANGES
from rollbook_contracts.changes.envelope import ChangeKey
from rollbook_contracts.changes.resource import ResourceChange
from rollbook_projector.changes import Cause, UserState, user_change
from rollbook_projector.recorded import Recorded, read
from support.facts import Script

ACTIVE = UserState(3, active=True, last_change="1-00-3-0")
INACTIVE = ACTIVE._replace(active=False)
CAUSE = Cause(ChangeKey(1, 0, 9, 2), "2026-01-01T00:00:09.000000Z", "req_9")


def an_update() -> Recorded:
    """Return a fact that changed two attributes."""
    script = Script()
    script.created("usr_1")
    script.updated("usr_1", title="T", displayName="D")
    return read(script.messages[-1])


@pytest.mark.parametrize(
    ("before", "after", "wire_type"),
    [
        (None, ACTIVE, "user.created.v1"),
        (None, INACTIVE, "user.created.v1"),
        (ACTIVE, ACTIVE, "user.updated.v1"),
        (INACTIVE, INACTIVE, "user.updated.v1"),
        (ACTIVE, INACTIVE, "user.deactivated.v1"),
        (INACTIVE, ACTIVE, "user.reactivated.v1"),
        (ACTIVE, None, "user.deleted.v1"),
    ],
)
def test_a_change_says_what_happened_to_the_row(
    before: UserState | None, after: UserState | None, wire_type: str
) -> None:
    """The type follows from the two states."""
    row = user_change(before, after, an_update(), CAUSE)

    assert row is not None
    assert row.type == wire_type
    change: ResourceChange = msgspec.json.decode(row.body, type=CHANGES[wire_type])
    assert change.previous == (before.last_change if before else None)
    assert change.changed == (("displayName", "title") if before and after else ())


def test_a_change_carries_its_cause() -> None:
    """Key, time and request are those of the fact, or the decision, that it is an effect of."""
    row = user_change(ACTIVE, ACTIVE, an_update(), CAUSE)

    assert row is not None
    assert (row.epoch, row.partition, row.seq, row.ordinal) == (1, 0, 9, 2)
    assert (row.time, row.request_id, row.resource) == (CAUSE.time, CAUSE.request_id, "usr_1")
    assert '"version":"1-00-9-2"' in row.body


def test_nobody_before_and_nobody_after_is_no_change() -> None:
    """The deletion of somebody whose only fact was discarded concerns no consumer."""
    assert user_change(None, None, an_update(), CAUSE) is None


def test_effects_of_one_cause_are_numbered() -> None:
    """The next effect has the same key but for its ordinal."""
    assert str(CAUSE.after(1).key) == "1-00-9-3"

"""What facts do to the tables, in memory."""

import pytest

from rollbook_contracts.urns import ILMS
from rollbook_projector.batch import Batch, Place
from rollbook_projector.halts import Halt
from rollbook_projector.parking import STORM, Parked
from rollbook_projector.projections.tenants import Tenants
from rollbook_projector.recorded import is_claim, read
from rollbook_projector.resources import Resources
from support.facts import TENANT, Script


def applied(script: Script, *, silent_until: int = 0, decided_later: dict[int, int] | None = None) -> Batch:
    """Apply a whole script to empty tables."""
    place = Place(0, silent_until, "1", decided_later or {})
    batch = Batch(place, 0, Resources(), Tenants({}), Parked(()))
    batch.apply_all([read(message) for message in script.messages if not is_claim(message)])
    return batch


def parked(batch: Batch) -> list[tuple[int, bool, str]]:
    """Return what was set aside: sequence, whether queued, why."""
    return [(fact.seq, fact.queued, fact.reason) for fact in batch.parked.changed]


def test_only_the_last_row_of_a_person_is_written_but_every_change() -> None:
    """Rows are folded, changes are not."""
    script = Script()
    script.created("usr_1")
    script.updated("usr_1", displayName="A")
    script.updated("usr_1", displayName="B")

    batch = applied(script)

    assert len(batch.resources.users.rows) == 1
    assert [row.seq for row in batch.outbox] == [2, 3, 4]


def test_a_new_epoch_stands_in_the_keys_from_there_on() -> None:
    """Keys rise through epochs."""
    script = Script()
    script.epoch(1)
    script.created("usr_1")
    script.epoch(2)
    script.updated("usr_1", displayName="A")

    batch = applied(script)

    assert [row.epoch for row in batch.outbox] == [1, 2]
    assert batch.epoch == 2


def test_a_rebuild_is_silent_up_to_where_the_tables_were() -> None:
    """Changes that were made once are not made again, but the next one names them."""
    script = Script()
    script.created("usr_1")
    script.updated("usr_1", displayName="A")
    script.updated("usr_1", displayName="B")

    (row,) = applied(script, silent_until=3).outbox

    assert row.seq == 4
    assert '"previous":"0-00-3-0"' in row.body


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ({ILMS: {"hireDate": "soon"}}, "ValueError: hireDate 'soon' is no date"),
        ({"displayName": "\x00"}, "ValueError: the document holds U+0000"),
        ({"externalId": "\x00"}, "ValueError: external_id holds U+0000"),
        ({"displayName": 7}, "ValueError: display_name is 7, which is no str"),
        ({"externalId": "é" * 1001}, "ValueError: external_id is longer than 2000 bytes"),
        ({"emails": "nobody@example.com"}, "AttributeError: 'str' object has no attribute 'get'"),
    ],
)
def test_a_fact_that_cannot_become_a_row_is_set_aside(attributes: dict[str, object], why: str) -> None:
    """The reason is the fact's own; others are applied."""
    script = Script()
    script.created("usr_1")
    sequence = script.wrong("usr_1", **attributes)
    script.created("usr_2")

    batch = applied(script)

    assert parked(batch) == [(sequence, False, why)]
    assert {key: row is not None for key, row in batch.resources.users.rows.items()} == {
        (TENANT, "usr_1"): True,
        (TENANT, "usr_2"): True,
    }


def test_text_that_only_looks_like_an_escape_is_applied() -> None:
    """A backslash and u0000 are characters like any other."""
    script = Script()
    script.created("usr_1", title="\\u0000", nickName="\\\\u0000")

    assert parked(applied(script)) == []


def test_what_follows_a_parked_fact_waits() -> None:
    """Later facts of the resource queue in order, whether they could be read or not."""
    script = Script()
    script.created("usr_1")
    first = script.poisoned("usr_1")
    second = script.updated("usr_1", displayName="A")
    third = script.poisoned("usr_1")

    assert parked(applied(script)) == [
        (first, False, "unknown fact type 'user.updated.v9'"),
        (second, True, f"waits for fact {first}"),
        (third, True, f"waits for fact {first}"),
    ]


def test_a_fact_that_was_decided_on_later_was_parked() -> None:
    """The log is evidence: today's code could read it, the one that met it could not."""
    script = Script()
    script.created("usr_1")
    sequence = script.updated("usr_1", displayName="A")

    assert parked(applied(script, decided_later={sequence: 9})) == [(sequence, False, "was parked until fact 9")]


def test_a_broken_chain_halts() -> None:
    """Corruption is not parking."""
    script = Script()
    script.created("usr_1")
    script.updated("usr_1", displayName="A")
    del script.messages[1]

    with pytest.raises(Halt, match="chain_broken: fact 3 of usr_1 names 2 as its predecessor"):
        applied(script)


def test_a_fact_about_the_partition_that_is_not_known_halts() -> None:
    """Nobody can say what it would mean to go on without it."""
    script = Script()
    script.epoch()
    message = script.messages[0]
    script.messages[0] = message._replace(headers={**message.headers, "ce-type": "epoch.started.v9"})

    with pytest.raises(Halt, match="unknown_fact"):
        applied(script)


def test_a_storm_halts() -> None:
    """So many facts of one type are not the data's fault; those that only wait do not count."""
    script = Script()
    for number in range(STORM):
        script.created(f"usr_{number}")
        script.poisoned(f"usr_{number}")
        script.poisoned(f"usr_{number}")
    assert len(parked(applied(script))) == 2 * STORM
    script.created("usr_last")
    script.poisoned("usr_last")

    with pytest.raises(Halt, match="park_storm: version 1 could not apply more than 100 facts"):
        applied(script)


def test_a_fact_on_a_subject_that_is_not_its_own_is_set_aside() -> None:
    """A fact about one person on the subject of another one changes neither."""
    script = Script()
    script.created("usr_1")
    script.created("usr_2")
    misplaced = script.messages[3]._replace(subject=script.messages[1].subject.replace("usr_1", "usr_3"))
    script.messages[3] = misplaced

    ((sequence, _, why),) = parked(applied(script))

    assert sequence == 4
    assert why == "a user.created.v1 that does not belong on subject fact.00.ten_a.user.usr_3"

"""Facts that cannot be applied are set aside with their resource; everything else goes on."""

import pytest

from rollbook_contracts.changes.envelope import decode_change
from rollbook_contracts.urns import ILMS
from rollbook_projector import decisions
from rollbook_projector.parking import STORM
from rollbook_projector.projections import users
from rollbook_projector.replay.rebuild import rebuild
from support.facts import TENANT, Script
from support.projecting import QUICK, Stage
from support.stored_log import dump


async def parked(stage: Stage) -> list[tuple[int, bool, bool]]:
    """Return what is set aside: sequence, whether queued, whether discarded."""
    facts = await decisions.parked_facts(stage.database)
    return [(fact.seq, fact.queued, fact.discarded) for fact in facts]


async def test_one_poisoned_fact_among_many_people(stage: Stage) -> None:
    """Everybody else arrives; the one is parked with a reason, and later facts of that person queue behind it."""
    await stage.start()
    script = Script()
    script.epoch()
    for number in range(200):
        script.created(f"usr_{number}")
    poison = script.undated("usr_7")
    later = script.updated("usr_7", displayName="later", **{ILMS: {}})

    await stage.applied(script)

    assert await parked(stage) == [(poison, False, False), (later, True, False)]
    (first, second) = await decisions.parked_facts(stage.database)
    assert (first.tenant, first.resource, first.type) == (TENANT, "usr_7", "user.updated.v1")
    assert first.reason == "ValueError: hireDate 'soon' is no date"
    assert second.reason == f"waits for fact {poison}"
    assert len(await stage.rows("lms.users")) == 200
    (finding,) = await stage.findings()
    assert (finding.resource, finding.what.split(",")[0]) == ("usr_7", f"parked: fact {poison} (user.updated.v1)")


async def test_after_the_mend_retry_completes_in_order(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parked fact and those behind it are applied in order; their changes carry the decision's sequence."""
    await stage.start()
    script = Script()
    script.epoch()
    created = script.created("usr_1")
    poison = script.undated("usr_1")
    script.updated("usr_1", displayName="later")
    script.deactivated("usr_1")
    await stage.applied(script)
    monkeypatch.setattr(users, "_hire_date", lambda _text: None)

    at = await stage.decide(decisions.retry, poison, script)

    assert await parked(stage) == []
    changes = [decode_change(message.headers, message.body) for message in await stage.changes(4)]
    assert [change.version for change in changes] == [
        f"1-00-{created}-0",
        f"1-00-{at}-0",
        f"1-00-{at}-1",
        f"1-00-{at}-2",
    ]
    assert [change.previous for change in changes] == [None, *(change.version for change in changes[:-1])]
    (row,) = await stage.rows("lms.users")
    assert (row["display_name"], row["active"], row["last_change"]) == ("later", False, changes[-1].version)
    assert await stage.findings() == []


async def test_a_log_with_a_mend_in_its_past_replays_the_same(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code that can read the parked fact parks it all the same until the decision: keys are for ever."""
    _, stop = await stage.stoppable()
    script = Script()
    script.epoch()
    script.created("usr_1")
    poison = script.undated("usr_1")
    script.updated("usr_1", displayName="later")
    await stage.applied(script)
    monkeypatch.setattr(users, "_hire_date", lambda _text: None)
    await stage.decide(decisions.retry, poison, script)
    await stage.relayed()
    await stop()
    before = await dump(stage.database, ("lms.users", "provisioning.parked"))
    published = await stage.changes(0)
    await stage.database.execute(
        "TRUNCATE lms.users, provisioning.checkpoints, provisioning.parked, provisioning.relayed"
    )

    await stage.start()
    await stage.reached(script.head)
    await stage.relayed()

    assert await dump(stage.database, ("lms.users", "provisioning.parked")) == before
    assert await stage.changes(0) == published


async def test_retry_that_fails_again_stays_parked(stage: Stage) -> None:
    """Nothing is lost by retrying too early."""
    await stage.start()
    script = Script()
    script.created("usr_1")
    poison = script.poisoned("usr_1")
    later = script.updated("usr_1", displayName="later")
    await stage.applied(script)

    await stage.decide(decisions.retry, poison, script)

    assert await parked(stage) == [(poison, False, False), (later, True, False)]


async def test_discard_applies_what_supersedes(stage: Stage) -> None:
    """The fact is given up, the one behind it applied; the person is as the last fact says."""
    await stage.start()
    script = Script()
    script.created("usr_1")
    poison = script.undated("usr_1")
    script.updated("usr_1", displayName="later", **{ILMS: {}})
    await stage.applied(script)

    await stage.decide(decisions.discard, poison, script)
    script.updated("usr_1", displayName="again")
    await stage.applied(script)

    assert await parked(stage) == []
    (row,) = await stage.rows("lms.users")
    assert row["display_name"] == "again"
    assert await stage.findings() == []


async def test_a_first_fact_discarded_makes_the_next_one_the_creation(stage: Stage) -> None:
    """Consumers get what happened to the table: a person who was not there is created."""
    await stage.start()
    script = Script()
    script.epoch()
    poison = script.created("usr_1", **{ILMS: {"hireDate": "soon"}})
    script.updated("usr_1", **{ILMS: {}})
    await stage.applied(script)

    await stage.decide(decisions.discard, poison, script)

    (message,) = await stage.changes(1)
    assert message.headers["ce-type"] == "user.created.v1"


async def test_decisions_that_do_not_fit_are_refused(stage: Stage) -> None:
    """What is not parked, or waits behind another one, or is the last word on a person, is not decided on."""
    await stage.start()
    script = Script()
    created = script.created("usr_1")
    poison = script.poisoned("usr_1")
    await stage.applied(script)

    with pytest.raises(decisions.DecisionRefusedError, match=f"Fact {created} is not parked"):
        await stage.decide(decisions.retry, created, script)
    with pytest.raises(decisions.DecisionRefusedError, match="Write the resource again"):
        await stage.decide(decisions.discard, poison, script)
    later = script.updated("usr_1", displayName="later")
    await stage.applied(script)
    with pytest.raises(decisions.DecisionRefusedError, match=f"Fact {later} waits behind fact {poison}"):
        await stage.decide(decisions.retry, later, script)


async def test_a_kind_of_resource_that_is_not_known_is_parked(stage: Stage) -> None:
    """A newer version's facts wait under their subject, the rest goes on."""
    await stage.start()
    script = Script()
    script.unknown_resource("grp_1")
    script.unknown_resource("grp_1")
    script.created("usr_1")

    await stage.applied(script)

    assert await parked(stage) == [(1, False, False), (2, True, False)]
    assert [row["id"] for row in await stage.rows("lms.users")] == ["usr_1"]


async def test_what_postgresql_refuses_is_parked(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that only PostgreSQL knows to be impossible parks its own fact, not those in the same batch."""
    monkeypatch.setattr(users, "_STORABLE", Anything())
    script = Script()
    script.created("usr_1")
    poison = script.created("usr_2", externalId="\x00")
    script.created("usr_3")
    await script.publish(stage.client)

    await stage.start()
    await stage.reached(script.head)

    assert await parked(stage) == [(poison, False, False)]
    (fact,) = await decisions.parked_facts(stage.database)
    assert fact.reason.startswith("CharacterNotInRepertoireError")
    assert [row["id"] for row in await stage.rows("lms.users")] == ["usr_1", "usr_3"]


async def test_a_database_error_is_never_parked(stage: Stage) -> None:
    """A table that is gone is waited for: nothing is parked, and nothing lost."""
    await stage.database.execute("ALTER TABLE lms.users RENAME TO elsewhere")
    script = Script()
    script.created("usr_1")
    await script.publish(stage.client)
    projector = await stage.start()
    await stage.until_state(projector, "retrying")

    await stage.database.execute("ALTER TABLE lms.elsewhere RENAME TO users")
    await stage.reached(script.head)

    assert await parked(stage) == []
    assert len(await stage.rows("lms.users")) == 1


async def test_a_storm_halts_the_partition(stage: Stage) -> None:
    """So many facts of one type that this version cannot read are its bug: it stops, until another version comes."""
    _, stop = await stage.stoppable()
    script = Script()
    for number in range(STORM + 1):
        script.created(f"usr_{number}")
        script.poisoned(f"usr_{number}")
    await script.publish(stage.client)

    assert (await stage.halted()).startswith("park_storm")
    await stop()
    assert await stage.sequence() < script.head


class Anything:
    """Finds every row storable."""

    def check(self, row: object) -> None:
        """Accept it."""


async def test_what_a_rebuild_applies_for_the_first_time_is_told(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the cause is mended and the tables are rebuilt, consumers hear of the parked facts once, without a gap."""
    _, stop = await stage.stoppable()
    script = Script()
    script.epoch()
    script.created("usr_0")
    script.created("usr_1", **{ILMS: {"hireDate": "soon"}})
    script.deactivated("usr_1")
    await stage.applied(script)
    await stage.relayed()
    await stop()
    monkeypatch.setattr(users, "_hire_date", lambda _text: None)

    await rebuild(stage.client, stage.dsn, partitions=1, settings=QUICK)

    assert await parked(stage) == []
    assert {row["id"] for row in await stage.rows("lms.users")} == {"usr_0", "usr_1"}
    await stage.start()
    changes = [decode_change(message.headers, message.body) for message in await stage.changes(3)]
    assert [(type(change).__name__, change.id) for change in changes] == [
        ("UserCreated", "usr_0"),
        ("UserCreated", "usr_1"),
        ("UserDeactivated", "usr_1"),
    ]
    assert changes[2].previous == changes[1].version
    await stage.relayed()
    assert await stage.findings() == []


async def test_what_comes_after_a_discarded_fact_names_all_that_differs(stage: Stage) -> None:
    """The change names what the discarded facts changed, too, as far as the resource differs from what was told."""
    await stage.start()
    script = Script()
    script.epoch()
    script.created("usr_1", title="Tutor", displayName="Ada")
    first = script.updated("usr_1", title="Dean", nickName="A", **{ILMS: {"hireDate": "soon", "region": "EMEA"}})
    script.updated("usr_1", displayName="Ada L.", nickName=None, **{ILMS: {"region": "EMEA"}})
    await stage.applied(script)

    await stage.decide(decisions.discard, first, script)

    *_, change = [decode_change(message.headers, message.body) for message in await stage.changes(2)]
    assert change.changed == ("displayName", "title", f"{ILMS}:region")
    await stage.relayed()
    assert await stage.findings() == []

"""A partition halts, and changes nothing, where the log is not the one that was applied."""

from rollbook_projector.log import jetstream
from support.facts import Script, create_stream, delete_stream, topology
from support.projecting import Stage, until
from support.stored_log import dump

LMS = ("lms.users", "lms.tenants")


def some_people() -> Script:
    """Return a short log."""
    script = Script()
    script.epoch()
    for number in range(5):
        script.created(f"usr_{number}")
    return script


async def test_a_stream_made_anew_halts_the_partition(stage: Stage) -> None:
    """A stream of the same name with other facts at the same places is noticed, and no row changes."""
    _, stop = await stage.stoppable()
    await stage.applied(some_people())
    await stop()
    before = await dump(stage.database, LMS)
    await delete_stream(stage.client, 0)
    await create_stream(stage.client, topology().log_streams()[0])
    other = Script()
    for number in range(20):
        other.created(f"usr_other{number}")
    await other.publish(stage.client)

    projector = await stage.start()

    assert (await stage.halted()).startswith("log_regressed: stream PROVISIONING-00 was made")
    assert await dump(stage.database, LMS) == before
    assert not projector.ready


async def test_a_log_that_ends_before_the_checkpoint_halts_until_it_is_whole_again(stage: Stage) -> None:
    """The partition looks again by itself and goes on when the facts are back."""
    script = some_people()
    await script.publish(stage.client)
    await stage.database.execute(
        "INSERT INTO provisioning.checkpoints (partition, epoch, stream_created, seq, fact_id, silent_until)"
        " VALUES (0, 0, $1, 100, 'req_100.0', 0)",
        (await jetstream(stage.client, "STREAM.INFO.PROVISIONING-00"))["created"],
    )
    projector = await stage.start()

    assert (await stage.halted()).startswith("log_regressed: stream PROVISIONING-00 ends at 11")

    await stage.database.execute("UPDATE provisioning.checkpoints SET seq = 0, fact_id = ''")
    await stage.reached(script.head)
    await until_going_on(stage)
    assert projector.ready


async def test_another_fact_at_the_checkpoint_halts_the_partition(stage: Stage) -> None:
    """The fact's id is compared, not only its sequence: sequences are given out again."""
    _, stop = await stage.stoppable()
    await stage.applied(some_people())
    await stop()
    await stage.database.execute("UPDATE provisioning.checkpoints SET fact_id = 'req_of_another_log.0'")

    await stage.start()

    assert "applied was req_of_another_log.0" in await stage.halted()


async def test_a_missing_message_halts_the_partition(stage: Stage) -> None:
    """Sequences are contiguous; what follows a hole is not applied."""
    script = some_people()
    await script.publish(stage.client)
    await jetstream(stage.client, "STREAM.MSG.DELETE.PROVISIONING-00", {"seq": 5})

    await stage.start()

    assert (await stage.halted()) == "log_gap: message 5 is missing, the next one is 6"
    assert await stage.rows("lms.users") == []


async def test_a_fact_that_skips_its_predecessor_halts_the_partition(stage: Stage) -> None:
    """A person's fact names the one before it; corruption is not parking."""
    script = some_people()
    sequence = script.updated("usr_1", displayName="late")
    message = script.messages[sequence - 1]
    script.messages[sequence - 1] = message._replace(headers={**message.headers, "ce-prev": "1"})

    await stage.start()
    await script.publish(stage.client)

    assert (await stage.halted()).startswith(f"chain_broken: fact {sequence} of usr_1 names 1 as its predecessor")
    assert await stage.rows("provisioning.parked") == []


async def test_other_partitions_go_on(stage: Stage) -> None:
    """A halted partition stands still alone."""
    await create_stream(stage.client, topology(2).log_streams()[1])
    broken = some_people()
    await broken.publish(stage.client)
    await jetstream(stage.client, "STREAM.MSG.DELETE.PROVISIONING-00", {"seq": 5})
    whole = Script(partition=1, tenant="ten_b")
    whole.epoch()
    whole.created("usr_b")

    await stage.start(partitions=2)
    await stage.applied(whole)

    assert await stage.halted(0)
    assert [row["id"] for row in await stage.rows("lms.users")] == ["usr_b"]


async def until_going_on(stage: Stage) -> None:
    """Wait until no partition is halted."""

    async def none() -> bool:
        return not await stage.database.fetchval("SELECT count(halted) FROM provisioning.checkpoints")

    await until(none)

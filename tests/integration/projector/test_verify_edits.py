"""`rollbook verify` notices what somebody changed by hand: in any column or row of ours, and in stream CHANGES."""

import asyncio

import pytest
from sqlalchemy import BigInteger, Boolean, Column, Date, Integer, Table
from sqlalchemy.dialects.postgresql import ARRAY

from rollbook_contracts.streams import CHANGES
from rollbook_contracts.tables import control, lms, provisioning
from rollbook_contracts.urns import ENTERPRISE, ILMS
from rollbook_projector.log import jetstream
from rollbook_projector.outbox.relay import Relay
from rollbook_projector.replay.compare import Finding
from support.facts import Script
from support.projecting import Stage

TABLES = (
    *lms.metadata.sorted_tables,
    control.tenants,
    *(provisioning.stagings, provisioning.staged_members, provisioning.checkpoints),
    *(provisioning.relayed, provisioning.parked, provisioning.outbox),
)
HARMLESS = {
    ("provisioning.checkpoints", "owner"),  # tells people who applies, while pg_locks tells who does
    ("provisioning.checkpoints", "interrupted"),  # tells people how often, until it goes on
    ("provisioning.checkpoints", "interruption"),
    ("provisioning.parked", "code_version"),  # which version could not apply a fact, nothing else knows
}
"""Columns of which nothing hangs on what they say."""
QUEUED = """
    INSERT INTO provisioning.parked SELECT partition, 1, tenant, 'usr_0', type, reason, true, false, since, ''
    FROM provisioning.parked WHERE queued"""


def everything() -> Script:
    """Return a log that leaves rows in every table."""
    script = Script()
    script.epoch()
    script.tenant_created()
    for number in range(4):
        emails = [{"value": f"p{number}@example.com"}, {"value": f"q{number}@example.com"}]
        script.created(f"usr_{number}", emails=emails, displayName=f"Person {number}")
    script.updated("usr_1", **{ENTERPRISE: {"manager": {"value": "usr_0"}}})
    script.updated("usr_2", **{ENTERPRISE: {"manager": {"value": "nobody"}}})
    script.deleted("usr_3")
    script.group_created("grp_a", "usr_0", "usr_1", "p2@example.com", "waits")
    script.staged("grp_a", "one", ["usr_0", "usr_2"], ["usr_1"])
    script.created("usr_p")
    script.updated("usr_p", **{ILMS: {"hireDate": "soon"}})
    script.updated("usr_p", displayName="Queued")
    return script


def edits() -> list[tuple[str, str]]:
    """Return one statement for each column and table: a value changed, a row taken away."""
    found = [*changed_columns(), *((f"{name} row", f"DELETE FROM {name}{_where(name)}") for name in map(_name, TABLES))]
    return [*found, ("a queued fact without one that it waits for", QUEUED)]


def changed_columns() -> list[tuple[str, str]]:
    """Return one statement for each column."""
    return [
        (f"{name}.{column.name}", f"UPDATE {name} SET {column.name} = {_other(table, column)}{_where(name)}")
        for table, name in ((table, _name(table)) for table in TABLES)
        for column in table.columns
        if (name, column.name) not in HARMLESS
    ]


def _name(table: Table) -> str:
    return f"{table.schema}.{table.name}"


def _where(name: str) -> str:
    """Return what picks one row; of the parked facts the queued one, which the log alone decides on."""
    place = "max(seq)" if name == "provisioning.parked" else "min(ctid)"
    return f" WHERE {place[4:-1]} = (SELECT {place} FROM {name})"


def _other(table: Table, column: "Column[object]") -> str:
    special = {
        (control.tenants, "settings"): """(settings::jsonb || '{"regions":["Moon"]}')::text""",
        (lms.users, "search"): "'{}'",
        (provisioning.relayed, "key"): "'1-00-1-0'",
    }
    if (table, column.name) in special:
        return special[table, column.name]
    by_type = {
        Boolean: "NOT {}",
        BigInteger: "{} + 1000000",
        Integer: "{} + 1000000",
        Date: "coalesce({}, '2026-01-01') + 1",
        ARRAY: "{} || 'x'::text",
    }
    return by_type.get(type(column.type), "coalesce({}, '') || 'x'").format(column.name)


class Applied:
    """A database to which everything is applied, with changes that wait; edits of it are taken back."""

    def __init__(self, stage: Stage, before: list[Finding]) -> None:
        self.stage = stage
        self.before = before

    async def noticed(self, statement: str) -> bool:
        """Make an edit, verify, and take it back."""
        database = self.stage.database
        tables = [f"{table.schema}.{table.name}" for table in TABLES]
        for table in tables:
            await database.execute(f'CREATE TABLE IF NOT EXISTS public."{table}" AS TABLE {table}')
        try:
            await database.execute(statement)
            return await self.stage.findings() != self.before
        finally:
            async with database.transaction():
                for table in tables:
                    await database.execute(f'TRUNCATE {table}; INSERT INTO {table} TABLE public."{table}"')


@pytest.fixture
async def applied(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Applied:
    """Apply everything; the last changes are not published yet."""
    script = everything()
    _, stop = await stage.stoppable()
    await stage.applied(script)
    await stage.relayed()
    await stop()

    async def idle(_relay: Relay, stopping: asyncio.Event) -> None:
        await stopping.wait()

    monkeypatch.setattr(Relay, "run", idle)
    _, stop = await stage.stoppable()
    script.updated("usr_0", displayName="Waits to be told")
    await stage.applied(script)
    await stop()
    return Applied(stage, await stage.findings())


@pytest.mark.nightly
@pytest.mark.timeout(900)
async def test_every_edit_is_noticed(applied: Applied) -> None:
    """One edit for each column and table that the projector writes, one after the other."""
    assert len(edits()) > 60

    unnoticed = [what for what, statement in edits() if not await applied.noticed(statement)]

    assert unnoticed == []


async def test_what_was_edited_is_named(applied: Applied) -> None:
    """Of a row in each table the columns that were changed are named, and each row that is gone."""
    database = applied.stage.database
    assert [finding.what.split(":")[0] for finding in applied.before] == ["parked"]
    keys = {f"{_name(table)}.{column.name}" for table in TABLES for column in table.primary_key.columns}
    places = {
        "provisioning.checkpoints.seq",
        "provisioning.checkpoints.fact_id",
        "provisioning.checkpoints.stream_created",
    }
    changed = [(what, statement) for what, statement in changed_columns() if what not in keys | places]
    for _, statement in changed:
        await database.execute(statement.replace(" WHERE ctid = (SELECT min(ctid)", " WHERE ctid = (SELECT max(ctid)"))

    named = " ".join(finding.what.replace(": ", ".").replace("; ", " ") for finding in await applied.stage.findings())

    for what, _ in changed:
        schema, table, column = what.split(".")
        assert f"{schema}.{table}" in named, what
        assert column in named or table in {"outbox", "relayed"}, what


async def test_a_row_that_is_gone_is_named(applied: Applied) -> None:
    """Each table that misses a row is named, and a partition whose checkpoint is gone."""
    database = applied.stage.database
    tables = [name for name in map(_name, TABLES) if name != "provisioning.checkpoints"]
    for name in tables:
        await database.execute(f"DELETE FROM {name}{_where(name)}")

    named = " ".join(finding.what for finding in await applied.stage.findings())

    assert [name for name in tables if name not in named] == []
    await database.execute("DELETE FROM provisioning.checkpoints")
    assert "provisioning.checkpoints: has no row" in [finding.what for finding in await applied.stage.findings()]


async def test_a_change_that_is_gone_from_changes_is_noticed(applied: Applied) -> None:
    """Any message deleted in CHANGES is named, the last change and the last marker among them."""
    stage = applied.stage
    (*_, last) = await stage.changes(0)
    answer = await jetstream(stage.client, f"STREAM.MSG.DELETE.{CHANGES}", {"seq": last.sequence})
    assert answer["success"]

    gone = [finding.what for finding in await stage.findings() if finding not in applied.before]

    assert gone == [
        f"change {last.headers['ce-id']} ({last.headers['ce-type']}) is neither in CHANGES nor in provisioning.outbox"
    ]

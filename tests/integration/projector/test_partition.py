"""The loop of a partition on real servers: from facts in the log to rows and changes."""

from rollbook_contracts.changes.envelope import decode_change
from rollbook_contracts.urns import ENTERPRISE, ILMS
from support.facts import TENANT, Script
from support.projecting import Stage


async def test_a_person_becomes_a_row(stage: Stage) -> None:
    """A created person stands in ``lms.users`` with typed and folded columns."""
    await stage.start()
    script = Script()
    script.epoch()
    script.tenant_created("acme")
    sequence = script.created(
        "usr_1",
        userName="Ada@Example.com",
        externalId="X1",
        displayName="Ada L",
        name={"givenName": "Ada", "familyName": "Lovelace"},
        emails=[{"value": "ADA@example.com", "type": "work", "primary": True}],
        **{
            ENTERPRISE: {"employeeNumber": "E7", "department": "Math", "division": "North"},
            ILMS: {"region": "EMEA", "hireDate": "2026-02-03T23:30:00-05:00", "customField2": "two"},
        },
    )

    await stage.applied(script)

    (row,) = await stage.rows("lms.users")
    assert row["tenant"] == TENANT
    assert (row["user_name"], row["user_name_folded"]) == ("Ada@Example.com", "ada@example.com")
    assert (row["email"], row["email_folded"], row["extra_emails"]) == ("ADA@example.com", "ada@example.com", False)
    assert (row["employee_id"], row["employee_id_folded"], row["external_id"]) == ("E7", "e7", "X1")
    assert (row["given_name"], row["family_name"], row["display_name"]) == ("Ada", "Lovelace", "Ada L")
    assert (row["region"], row["division"], row["department"]) == ("EMEA", "North", "Math")
    assert str(row["hire_date"]) == "2026-02-03"
    assert (row["custom_field1"], row["custom_field2"], row["manager_id"]) == (None, "two", None)
    assert (row["fact_seq"], row["last_change"]) == (sequence, f"1-00-{sequence}-0")
    assert row["active"] is True


async def test_each_fact_of_a_person_becomes_a_change(stage: Stage) -> None:
    """Changes arrive in CHANGES in log order, each naming the one before it."""
    await stage.start()
    script = Script()
    script.epoch()
    script.created("usr_1")
    script.updated("usr_1", displayName="A", title="B")
    script.deactivated("usr_1")
    script.reactivated("usr_1")
    script.deleted("usr_1")

    await stage.applied(script)

    messages = await stage.changes(5)
    changes = [decode_change(message.headers, message.body) for message in messages]
    assert [message.headers["ce-type"] for message in messages] == [
        "user.created.v1",
        "user.updated.v1",
        "user.deactivated.v1",
        "user.reactivated.v1",
        "user.deleted.v1",
    ]
    assert [change.previous for change in changes] == [None, *(change.version for change in changes[:-1])]
    assert [message.headers["ce-id"] for message in messages] == [change.version for change in changes]
    assert changes[1].changed == ("displayName", "title")
    assert messages[0].headers["ce-requestid"] == script.messages[2].headers["ce-requestid"]
    assert await stage.rows("lms.users") == []
    await stage.relayed()


async def test_postgresql_knows_a_table_that_grew(stage: Stage) -> None:
    """A burst of new people leaves statistics behind, at once: without them plans read all people of a tenant."""
    await stage.start()
    script = Script()
    script.epoch()
    script.tenant_created("acme")
    for number in range(700):
        script.created(f"usr_{number}", userName=f"p{number}")

    await stage.applied(script)

    (table,) = await stage.rows("pg_class", "relname, reltuples", "oid = 'lms.users'::regclass")
    assert table["reltuples"] >= 500

"""People who leave and come again, hire dates in every form, and passwords, of which nothing is kept."""

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from rollbook.control.applied import wait_until_applied
from rollbook_contracts.urns import ENTERPRISE, ILMS, USER
from support.fleet import Fleet
from support.people import ada, jo, somebody
from support.product import Product
from support.scim import Scim

MARK = "here-to-be-found"
SECRET = "Pa55-w0rd-that-must-stand-nowhere"  # a test's own


@pytest.fixture
async def scim(product: Product) -> Scim:
    """Lend a tenant of its own."""
    return await product.new_tenant(regions=("US-East", "EMEA"))


async def test_a_deactivated_person_is_found_and_reactivated_as_before(scim: Scim, product: Product) -> None:
    """POST is 409 by name and by address, filters find the person, active true gives back id, manager, everything."""
    boss = await scim.created(somebody(1))
    created = await scim.created(ada(**{ENTERPRISE: {"manager": {"value": boss["id"]}, "employeeNumber": "7"}}))
    path = f"/Users/{created['id']}"
    assert (await scim.patch(path, {"op": "Replace", "path": "active", "value": "False"})).body["active"] is False

    for again in (ada(), ada(userName="ADA@CONTOSO.COM", emails=None), ada(userName="other")):
        reply = await scim.post("/Users", again)
        assert (reply.status, reply.body["scimType"]) == (409, "uniqueness")
    for condition in (
        'userName eq "ada@contoso.com"',
        'emails[type eq "work"].value eq "ada@contoso.com"',
        f'{ENTERPRISE}:employeeNumber eq "7"',
        'externalId eq "ada"',
    ):
        assert [(user["id"], user["active"]) for user in await scim.find(condition)] == [(created["id"], False)]

    reply = await scim.patch(path, {"op": "Replace", "path": "active", "value": "True"})
    assert reply.status == 200
    assert {**reply.body, "meta": None} == {**created, "meta": None}
    row = await product.row(reply.body)
    assert (row["active"], row["id"]) == (True, created["id"])


async def test_okta_reactivates_by_a_whole_person(scim: Scim) -> None:
    """PUT with active true keeps the id."""
    created = await scim.created(jo())
    path = f"/Users/{created['id']}"
    assert (await scim.put(path, {**created, "active": False})).body["active"] is False
    reply = await scim.put(path, jo())
    assert (reply.status, reply.body["active"], reply.body["id"]) == (200, True, created["id"])


async def test_deletion_frees_name_address_and_number(product: Product) -> None:
    """Whoever comes after a deletion may have all of them, under a new id, whichever identifier is in force."""
    for identifier in ("email", "employee-id"):
        scim = await product.new_tenant(regions=("US-East",), unique_identifier=identifier)
        person = ada(**{ENTERPRISE: {"employeeNumber": "7"}})
        created = await scim.created(person)
        assert (await scim.delete(f"/Users/{created['id']}")).status == 204
        assert (await scim.created(person))["id"] != created["id"]


@pytest.mark.parametrize(
    ("sent", "date"),
    [
        ("2026-08-07T12:34:56.1234567Z", "2026-08-07"),
        ("2019-09-18T18:15:26.5788954+00:00", "2019-09-18"),
        ("2024-01-15", "2024-01-15"),
        ("2024-01-15T00:00:00", "2024-01-15"),
        ("2024-01-15T00:00:00Z", "2024-01-15"),
        ("2024-01-15T23:30:00-08:00", "2024-01-15"),
        ("2024-01-15T00:00:00.123456789+0530", "2024-01-15"),
        ("1/15/2024 12:00:00 AM", "2024-01-15"),
        ("01/15/2024", "2024-01-15"),
        ("1/5/2024 11:59 pm", "2024-01-05"),
    ],
)
async def test_a_hire_date_of_any_form_is_a_date_and_its_own_text(
    scim: Scim, product: Product, sent: str, date: str
) -> None:
    """Sent by POST, PUT or PATCH it is returned letter by letter, by GET and in lists; the table has the date."""
    created = await scim.created(ada(**{ILMS: {"region": "US-East", "hireDate": sent}}))
    other = await scim.created(somebody(1))
    path = f"/Users/{other['id']}"
    patched = await scim.patch(path, {"op": "Replace", "path": f"{ILMS}:hireDate", "value": sent})
    replaced = await scim.put(path, somebody(1, title="x", **{ILMS: {"region": "US-East", "hireDate": sent}}))
    for user in (created, patched.body, replaced.body, (await scim.get(path)).body, *await scim.find("id pr")):
        assert user[ILMS]["hireDate"] == sent
    for user in (created, replaced.body):
        assert str((await product.row(user))["hire_date"]) == date
    found = await scim.find(f'{ILMS}:hireDate eq "{sent}"')
    assert {user["id"] for user in found} == {created["id"], other["id"]}


@pytest.mark.parametrize(
    "sent", ["15/1/2024", "2024-02-30", "soon", "2024-01-15T25:00:00Z", "13:00", "20240115", 45000]
)
async def test_what_is_no_date_is_refused_with_its_form(scim: Scim, sent: Any) -> None:
    """400 names attribute, value and a form that is one."""
    created = await scim.created(ada())
    reply = await scim.patch(f"/Users/{created['id']}", {"op": "Replace", "path": f"{ILMS}:hireDate", "value": sent})
    assert (reply.status, reply.body["scimType"]) == (400, "invalidValue")
    for part in (f"{ILMS}:hireDate", str(sent), "2024-01-15T00:00:00Z" if isinstance(sent, str) else "text"):
        assert part in reply.body["detail"]


def password_requests(path: str, created: dict[str, Any]) -> list[tuple[str, str, Any]]:
    """Return every way in which a password is sent."""

    def patch(*operations: Any) -> tuple[str, str, Any]:
        return "PATCH", path, {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations}

    return [
        ("POST", "/Users", somebody(1, password=SECRET)),
        ("POST", "/Users", somebody(2, Password=SECRET)),
        ("POST", "/Users", somebody(3, **{f"{USER}:password": SECRET})),
        ("POST", "/Users", ada(password=SECRET)),
        ("POST", "/Users", somebody(4, password=[SECRET])),
        ("POST", "/Users", somebody(5, password={"value": SECRET})),
        ("PUT", path, {**created, "title": "x", "password": SECRET}),
        ("PUT", path + "0", {**created, "password": SECRET}),
        patch({"op": "replace", "value": {"password": SECRET, "title": "y"}}),
        patch({"op": "replace", "path": "password", "value": SECRET}),
        patch({"op": "Add", "path": f"{USER}:password", "value": SECRET}),
        patch({"op": "Add", "path": "PASSWORD", "value": SECRET}, {"op": "replace", "path": "title", "value": "z"}),
        patch({"op": "replace", "value": {f"{USER}:password": SECRET}}),
        patch({"op": "replace", "path": "password", "value": {"x": [SECRET]}}),
        patch({"op": "replace", "path": "password.value", "value": SECRET}),
        patch({"op": "replace", "path": "active", "value": "perhaps"}, {"op": "add", "value": {"password": SECRET}}),
        patch({"op": "remove", "path": "password"}),
    ]


async def answers_to_passwords(scim: Scim) -> str:
    """Send them all for a person with a mark, and ask for them back; return all that was answered."""
    created = await scim.created(ada(externalId=MARK))
    path = f"/Users/{created['id']}"
    replies = []
    for method, at, body in password_requests(path, created):
        reply = await scim.send(method, at, body)
        assert reply.status < 500, reply
        replies.append(reply)
    for query in ("?attributes=password", "?attributes=userName,password", ""):
        replies.append(await scim.get(f"/Users{query}"))
        replies.append(await scim.get(f"{path}{query}"))
    return repr([(reply.headers, reply.body) for reply in replies])


async def test_a_password_stands_in_no_answer_and_no_line(
    product: Product, scim: Scim, capfd: pytest.CaptureFixture[str]
) -> None:
    """However a password is sent: it is neither answered nor logged at the finest level, nor in any fact or row."""
    assert SECRET not in await answers_to_passwords(scim)
    stored = await product.everything_stored()
    assert MARK in stored
    assert SECRET not in stored
    printed = "".join(capfd.readouterr())
    assert "request.answered" in printed
    assert SECRET not in printed


async def test_a_password_stands_in_no_file_and_no_table(fleet: Fleet) -> None:
    """The bytes of the log's files, what the processes wrote and every row of every table are free of it."""
    assert SECRET not in await answers_to_passwords(await fleet.new_tenant())

    written = await asyncio.to_thread(_bytes_written, fleet.folder)
    assert MARK.encode() in written
    assert SECRET.encode() not in written
    async with fleet.operation() as operation:
        for partition in range(operation.partitions):
            head = await operation.log.head(partition)
            await wait_until_applied(operation.connection, partition, head)
        rows = await _every_row(operation.connection)
    assert MARK in rows
    assert SECRET not in rows


def _bytes_written(folder: Path) -> bytes:
    files = [path for path in (folder / "nats").rglob("*") if path.is_file()]
    return b"".join(path.read_bytes() for path in [*files, *folder.glob("*.log")])


async def _every_row(connection: asyncpg.Connection) -> str:
    tables = await connection.fetch(
        "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables "
        "WHERE table_schema IN ('lms', 'control', 'provisioning')"
    )
    return repr([await connection.fetch(f"SELECT * FROM {name}") for (name,) in tables])

"""M: matching people, lists and pages."""

import asyncio
from urllib.parse import quote

from rollbook_contracts.urns import ENTERPRISE, GROUP
from support.people import ada, jo, somebody
from support.wire.answers import ids, listed, nobody, refused
from support.wire.organization import Wire


async def m01_user_names_match_without_case(wire: Wire) -> None:
    """A filter in capitals finds the one who was created in small letters, and nobody else."""
    organization = await wire.organization()
    there, _ = await organization.people(ada(), jo())
    reply = await organization.idp.get('/Users?filter=userName+eq+"ADA%40CONTOSO.COM"')
    assert ids(reply) == [there["id"]]
    assert reply.body["totalResults"] == 1


async def m02_work_addresses_match_without_case(wire: Wire) -> None:
    """Exactly the person whose work address it is, not the one who has it as another."""
    organization = await wire.organization()
    there, _ = await organization.people(
        ada(),
        jo(emails=[{"type": "home", "value": "ada@contoso.com"}, {"type": "work", "value": "jo@x.com"}]),
    )
    reply = await organization.idp.get(wire.path())
    assert ids(reply) == [there["id"]]
    assert reply.body["totalResults"] == 1


async def m03_employee_numbers_match(wire: Wire) -> None:
    """Whether or not the employee number is the unique identifier."""
    for identifier in ("email", "employee-id"):
        organization = await wire.organization(unique_identifier=identifier)
        there, _ = await organization.people(
            ada(**{ENTERPRISE: {"employeeNumber": "1234567"}}),
            jo(**{ENTERPRISE: {"employeeNumber": "7654321"}}),
        )
        reply = await organization.idp.get(wire.path())
        assert ids(reply) == [there["id"]]
        assert reply.body["totalResults"] == 1


async def m04_external_ids_match_exactly(wire: Wire) -> None:
    """Case counts in an externalId."""
    organization = await wire.organization()
    nobody(await organization.idp.get(wire.path()))
    there, _ = await organization.people(
        ada(externalId="2a69c9a6-1708-45b7-acbe-a7b4c8fb102a"),
        jo(externalId="2A69C9A6-1708-45B7-ACBE-A7B4C8FB102A"),
    )
    assert ids(await organization.idp.get(wire.path())) == [there["id"]]


async def m05_the_query_is_decoded_once(wire: Wire) -> None:
    """%2B is a plus, + is a blank, %26 an ampersand."""
    organization = await wire.organization()
    there, _ = await organization.people(ada(userName="a+b@x.com", displayName="R&D"), jo(userName="a b@x.com"))
    for condition in ('userName+eq+"a%2Bb%40x.com"', 'displayName+eq+"R%26D"'):
        assert ids(await organization.idp.get(f"/Users?filter={condition}")) == [there["id"]]


async def m06_a_value_without_quotes_is_text(wire: Wire) -> None:
    """Unquoted values are read as they stand, numbers and addresses too, also inside brackets."""
    organization = await wire.organization()
    there, _ = await organization.people(
        ada(externalId="jyoung", userName="a@x.com", **{ENTERPRISE: {"employeeNumber": "00701984"}}),
        jo(externalId="JYOUNG", **{ENTERPRISE: {"employeeNumber": "701984"}}),
    )
    for condition in (
        "externalId eq jyoung",
        "userName eq A@x.com",
        "emails[type eq work].value eq ada@contoso.com",
        "emails[type eq work and value eq ada@contoso.com]",
        f"{ENTERPRISE}:employeeNumber eq 00701984",
        'externalId eq jyoung and displayName eq "Ada L" and active eq true',
    ):
        assert ids(await organization.idp.get(f"/Users?filter={quote(condition)}")) == [there["id"]], condition
    nobody(await organization.idp.get("/Users?filter=externalId+eq+nobody"))
    refused(await organization.idp.get("/Users?filter=externalId+eq+two+words"), 400, "invalidFilter")


async def m07_the_reference_check_on_a_manager(wire: Wire) -> None:
    """Found when the one is the other's manager, holding only id and schemas; manager is the enterprise one."""
    organization = await wire.organization()
    [boss] = await organization.people(jo())
    [there] = await organization.people(ada(**{ENTERPRISE: {"manager": {"value": boss["id"]}}}))

    def path(manager: str) -> str:
        return f'/Users?filter=id+eq+"{there["id"]}"+and+manager+eq+"{manager}"&attributes=id'

    [found] = listed(await organization.idp.get(path(boss["id"])))
    assert found["id"] == there["id"]
    assert found.keys() == {"id", "schemas"}
    nobody(await organization.idp.get(path(there["id"])))


async def m08_the_reference_check_on_a_member(wire: Wire) -> None:
    """Found when the person is a member, without the members."""
    organization = await wire.organization()
    there, other = await organization.people(ada(), jo())
    group = await organization.group("Learners", there)

    def path(member: str) -> str:
        return f'/Groups?filter=id+eq+"{group["id"]}"+and+members+eq+"{member}"&attributes=id'

    [found] = listed(await organization.idp.get(path(there["id"])))
    assert found == {"id": group["id"], "schemas": [GROUP]}
    nobody(await organization.idp.get(path(other["id"])))


async def m09_okta_looks_up_a_user_name(wire: Wire) -> None:
    """Nobody, with itemsPerPage 0, then the one."""
    organization = await wire.organization()
    nobody(await organization.idp.get(wire.path()))
    [there] = await organization.people(jo())
    reply = await organization.idp.get(wire.path())
    assert ids(reply) == [there["id"]]
    assert (reply.body["totalResults"], reply.body["itemsPerPage"]) == (1, 1)


async def m10_pages_are_stable_and_hold_the_inactive(wire: Wire) -> None:
    """Pages follow each other without gap or repeat, echo their start, and include inactive people."""
    organization = await wire.organization()
    people = await organization.people(*(somebody(number, active=number % 2 == 0) for number in range(103)))
    first, second = await asyncio.gather(
        organization.idp.get("/Users?startIndex=1&count=100"), organization.idp.get("/Users?startIndex=101&count=100")
    )
    assert [reply.body["startIndex"] for reply in (first, second)] == [1, 101]
    assert [reply.body["itemsPerPage"] for reply in (first, second)] == [100, 3]
    assert [reply.body["totalResults"] for reply in (first, second)] == [103, 103]
    found = ids(first) + ids(second)
    assert len(found) == 103
    assert set(found) == {person["id"] for person in people}
    assert {user["active"] for user in listed(first)} == {True, False}
    assert ids(await organization.idp.get("/Users?startIndex=1&count=100")) == found[:100]


async def m11_odd_pages(wire: Wire) -> None:
    """Zero and negative numbers are read as 1 and 0; a page past the end is empty; the total is told."""
    organization = await wire.organization()
    await organization.people(somebody(1), somebody(2))
    for query, start, count in (
        ("startIndex=1&count=0", 1, 0),
        ("startIndex=0", 1, 2),
        ("startIndex=-3", 1, 2),
        ("count=-1", 1, 0),
        ("startIndex=99999", 99999, 0),
    ):
        reply = await organization.idp.get(f"/Users?{query}")
        assert len(listed(reply)) == count
        assert (reply.body["totalResults"], reply.body["startIndex"]) == (2, start)


async def m12_co_works_and_garbage_is_an_invalid_filter(wire: Wire) -> None:
    """A part of a name is found; what is no filter is 400 invalidFilter."""
    organization = await wire.organization()
    there, _ = await organization.people(ada(), jo())
    assert ids(await organization.idp.get('/Users?filter=userName+co+"CONTOSO"')) == [there["id"]]
    nobody(await organization.idp.get('/Users?filter=userName+co+"x"'))
    for garbage in ("garbage(", "", 'userName+zz+"x"', 'userName+eq+"x'):
        refused(await organization.idp.get(f"/Users?filter={garbage}"), 400, "invalidFilter")

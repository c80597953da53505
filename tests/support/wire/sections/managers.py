"""P14 to P23: how Entra sets managers, in its second pass."""

from typing import Any

from rollbook_contracts.urns import ENTERPRISE, ILMS
from support.people import ada, jo, somebody
from support.wire.answers import resource
from support.wire.organization import Organization, Wire


async def _sent(wire: Wire, organization: Organization, person: dict[str, Any], **names: str) -> dict[str, Any]:
    """Send the case's operations for a person, whom it returns as GET shows them."""
    reply = await organization.idp.send("PATCH", f"/Users/{person['id']}", wire.body(id=person["id"], **names))
    assert resource(reply)["id"] == person["id"]
    return await organization.read(person)


def _value(person: dict[str, Any]) -> Any:
    """Return the enterprise manager's value; the manager is an object, and holds nothing of anybody else."""
    manager = person[ENTERPRISE]["manager"]
    assert set(manager) <= {"value", "$ref", "displayName"}
    assert manager.get("$ref", "").endswith(manager["value"] if "$ref" in manager else "")
    return manager["value"]


async def _is_set(wire: Wire, *, before: Any = None) -> None:
    """Check that the case's operations make the boss the enterprise manager, as an object and as a link."""
    organization = await wire.organization()
    boss, there = await organization.people(jo(), ada(**({ENTERPRISE: {"manager": before}} if before else {})))
    person = await _sent(wire, organization, there, managerId=boss["id"], otherId=boss["id"])
    assert _value(person) == boss["id"]
    assert ILMS not in person or "manager" not in person[ILMS]
    assert (await organization.row(person))["manager_id"] == boss["id"]
    assert await organization.waiting(person) == set()


async def _is_cleared(wire: Wire) -> None:
    """Check that the case's operation takes the manager away, and is no error where there is none."""
    organization = await wire.organization()
    [boss] = await organization.people(jo())
    [there] = await organization.people(ada(**{ENTERPRISE: {"manager": boss["id"], "department": "Sales"}}))
    assert (await organization.row(there))["manager_id"] == boss["id"]
    for _ in range(2):
        person = await _sent(wire, organization, there)
        assert person[ENTERPRISE] == {"department": "Sales"}
        assert (await organization.row(person))["manager_id"] is None
        assert await organization.waiting(person) == set()


async def p14_a_manager_as_bare_text(wire: Wire) -> None:
    """Text is the manager's value; GET shows an object."""
    await _is_set(wire)


async def p15_another_manager_replaces_the_first(wire: Wire) -> None:
    """Nothing of the first manager is left."""
    organization = await wire.organization()
    first, other = await organization.people(jo(), somebody(2))
    manager = {"value": first["id"], "$ref": first["meta"]["location"], "displayName": "Jo K"}
    [there] = await organization.people(ada(**{ENTERPRISE: {"manager": manager}}))
    assert (await organization.row(there))["manager_id"] == first["id"]
    person = await _sent(wire, organization, there, otherId=other["id"])
    assert _value(person) == other["id"]
    assert person[ENTERPRISE]["manager"].get("displayName", other["displayName"]) == other["displayName"]
    assert (await organization.row(person))["manager_id"] == other["id"]


async def p16_empty_text_takes_the_manager_away(wire: Wire) -> None:
    """The manager is absent afterwards."""
    await _is_cleared(wire)


async def p17_an_empty_value_takes_the_manager_away(wire: Wire) -> None:
    """The manager is absent afterwards."""
    await _is_cleared(wire)


async def p18_remove_takes_the_manager_away(wire: Wire) -> None:
    """Also where there is none: no noTarget."""
    await _is_cleared(wire)


async def p19_a_manager_without_urn_in_a_list(wire: Wire) -> None:
    """A list of one under the bare name is the enterprise manager."""
    await _is_set(wire)


async def p20_the_guides_own_manager(wire: Wire) -> None:
    """The LMS's manager is set and linked to that person."""
    organization = await wire.organization()
    boss, there = await organization.people(jo(), ada())
    person = await _sent(wire, organization, there, managerId=boss["id"])
    assert person[ILMS] == {"region": "US-East", "manager": {"id": boss["id"]}}
    assert (await organization.row(person))["manager_id"] == boss["id"]
    assert await organization.waiting(person) == set()


async def p21_the_guides_id_under_the_enterprise_urn(wire: Wire) -> None:
    """``manager.id`` there is ``manager.value``."""
    await _is_set(wire)


async def p22_the_value_of_the_manager(wire: Wire) -> None:
    """The path as the RFC has it, with or without a manager before."""
    await _is_set(wire)
    await _is_set(wire, before={"value": "somebody"})


async def p23_a_manager_who_is_not_there_yet(wire: Wire) -> None:
    """200, the value is kept and waits, and is linked when that person appears."""
    organization = await wire.organization()
    [there] = await organization.people(ada())
    person = await _sent(wire, organization, there)
    assert _value(person) == "not-a-known-id"
    assert (await organization.row(person))["manager_id"] is None
    assert await organization.waiting(person) == {"not-a-known-id"}
    [boss] = await organization.people(jo(externalId="not-a-known-id"))
    assert (await organization.row(person))["manager_id"] == boss["id"]
    assert await organization.waiting(person) == set()
    assert _value(await organization.read(person)) == "not-a-known-id"

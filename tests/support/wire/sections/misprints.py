"""N: what an administrator types who copies the guide with its misprints."""

from typing import Any
from urllib.parse import quote

from rollbook_contracts.urns import ENTERPRISE, ILMS, USER
from support.people import ada, jo
from support.wire.answers import created, ids, resource
from support.wire.organization import Organization, Wire

ALIAS = "urn:ietf:params:scim:schemas:extension:ilms:20:User"
BLANK = "urn:ietf:params:scim:schemas:extension:ilms:2. 0:User"


async def _created(wire: Wire, organization: Organization) -> dict[str, Any]:
    """Create the case's person; only right names come back, in the answer and in a GET."""
    person = created(await organization.idp.post("/Users", wire.body()))
    assert person == await organization.read(person, without="groups")
    _only_right_names(person)
    return person


def _only_right_names(person: dict[str, Any]) -> None:
    assert set(person["schemas"]) <= {USER, ENTERPRISE, ILMS}
    assert not [name for name in person if "ilms" in name and name != ILMS]
    assert not [part for part in person.get(ILMS, {}) if " " in part]


async def n01_the_urn_without_its_dot(wire: Wire) -> None:
    """What stands under ``ilms:20:User`` is stored under the real URN."""
    organization = await wire.organization()
    person = await _created(wire, organization)
    assert person[ILMS] == {"region": "US-East", "hireDate": "2024-01-15"}
    assert str((await organization.row(person))["hire_date"]) == "2024-01-15"


async def n02_a_blank_in_the_urn(wire: Wire) -> None:
    """Blanks inside a URN mean nothing."""
    organization = await wire.organization()
    person = await _created(wire, organization)
    assert person[ILMS] == {"region": "US-East"}
    assert (await organization.row(person))["region"] == "US-East"


async def n03_a_blank_in_a_name(wire: Wire) -> None:
    """``displayNa me`` is the manager's name, by which the manager is found."""
    organization = await wire.organization()
    [boss] = await organization.people(ada(displayName="Jane Boss"))
    person = await _created(wire, organization)
    assert person[ILMS] == {"region": "US-East", "manager": {"displayName": "Jane Boss"}}
    assert (await organization.row(person))["manager_id"] == boss["id"]


async def n04_departnment(wire: Wire) -> None:
    """The guide's word for department, in a path and in a body; its value is held to the same rule."""
    organization = await wire.organization()
    [there] = await organization.people(ada())
    path = f"/Users/{there['id']}"
    person = resource(await organization.idp.send("PATCH", path, wire.body()))
    assert person[ENTERPRISE] == {"department": "Sales"}
    assert (await organization.row(there))["department"] == "Sales"
    wrong = {"op": "Replace", "path": f"{ENTERPRISE}:departnment", "value": "Nowhere"}
    assert (await organization.idp.patch(path, wrong)).body["scimType"] == "invalidValue"
    assert (await organization.read(there))[ENTERPRISE] == {"department": "Sales"}
    posted = created(await organization.idp.post("/Users", jo(**{ENTERPRISE: {"departnment": "sales"}})))
    assert posted[ENTERPRISE] == {"department": "Sales"}


async def n05_the_right_urn_wins(wire: Wire) -> None:
    """Of two spellings the correct one counts, whichever stands first; what only the other has is kept."""
    organization = await wire.organization()
    person = await _created(wire, organization)
    assert person[ILMS] == {"region": "US-East"}
    assert (await organization.row(person))["region"] == "US-East"
    wrong_first = {ALIAS: {"region": "EMEA", "customField2": "y"}, **ada()}
    second = created(await organization.idp.post("/Users", wrong_first))
    assert second[ILMS] == {"region": "US-East", "customField2": "y"}
    value = {f"{ILMS}:region": "US-East", f"{ALIAS}:region": "EMEA", f"{BLANK}:customField1": "z"}
    patched = resource(await organization.idp.patch(f"/Users/{second['id']}", {"op": "replace", "value": value}))
    assert patched[ILMS] == {"region": "US-East", "customField1": "z", "customField2": "y"}


async def n06_only_right_names_come_back(wire: Wire) -> None:
    """After writes under every misprint a GET has the correct names alone, and a PUT of it changes nothing."""
    organization = await wire.organization()
    body = {
        **jo(schemas=[USER, ALIAS], **{ENTERPRISE: {"departnment": "Sales"}}),
        ILMS: None,
        ALIAS: {"region": "US-East", "hire Date": "2024-01-15"},
        BLANK: {"manager": {"displayN ame": "Jane Boss"}},
    }
    [there] = await organization.people(body)
    person = await organization.read(there)
    _only_right_names(person)
    assert person["schemas"] == [USER, ENTERPRISE, ILMS]
    assert person[ENTERPRISE] == {"department": "Sales"}
    assert person[ILMS] == {"region": "US-East", "hireDate": "2024-01-15", "manager": {"displayName": "Jane Boss"}}
    assert ids(await organization.idp.get("/Users")) == [there["id"]]
    again = resource(await organization.idp.put(f"/Users/{there['id']}", person))
    assert again["meta"] == there["meta"]


async def n07_misprints_in_paths_keys_filters_and_schemas(wire: Wire) -> None:
    """The same spellings are understood wherever a name may stand."""
    organization = await wire.organization()
    [there] = await organization.people(jo(schemas=[USER, ALIAS, BLANK]))
    path = f"/Users/{there['id']}"
    person = resource(await organization.idp.send("PATCH", path, wire.body()))
    assert person[ILMS] == {"region": "EMEA"}
    assert (await organization.row(there))["region"] == "EMEA"
    for number, urn in enumerate((ALIAS, BLANK, ALIAS.upper())):
        operations: list[dict[str, Any]] = [
            {"op": "Add", "path": f"{urn}:customField1", "value": f"a{number}"},
            {"op": "Add", "value": {f"{urn}:custom Field2": f"b{number}", urn: {"customField 3": f"c{number}"}}},
            {"op": "Add", "path": urn, "value": {"customField4": f"d{number}"}},
        ]
        person = resource(await organization.idp.patch(path, *operations))
        assert [person[ILMS][f"customField{field}"] for field in (1, 2, 3, 4)] == [
            f"{letter}{number}" for letter in "abcd"
        ]
        for condition in (
            f'{urn}:customField1 eq "a{number}"',
            f'{urn}:custom Field2 eq "b{number}" and active eq true',
        ):
            assert ids(await organization.idp.get(f"/Users?filter={quote(condition)}")) == [there["id"]], condition
        [shown] = (await organization.idp.get(f"/Users?attributes={quote(urn)}:region")).body["Resources"]
        assert shown[ILMS] == {"region": "EMEA"}
    resource(await organization.idp.patch(path, {"op": "Add", "path": f"{ENTERPRISE}:departnment", "value": "Sales"}))
    for condition in (f'{ENTERPRISE}:departnment eq "sales"', f'{ENTERPRISE}:depart ment eq "sales" and userName pr'):
        assert ids(await organization.idp.get(f"/Users?filter={quote(condition)}")) == [there["id"]], condition
    [listed] = (await organization.idp.get("/Users")).body["Resources"]
    _only_right_names(listed)

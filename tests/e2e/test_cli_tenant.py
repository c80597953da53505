"""`rollbook tenant set` and `show` as an operator types them, and what the gateways make of it."""

import pytest

from rollbook_contracts.urns import ENTERPRISE
from support.command_line import rollbook
from support.people import ada, somebody
from support.product import Product, tenant_name

pytestmark = pytest.mark.timeout(120)


async def test_every_rule_is_set_and_shown(product: Product) -> None:
    """Lists, default, custom fields: set at once, shown to scripts and to people."""
    name = tenant_name(await product.new_tenant())
    done = await rollbook(
        product,
        *("tenant", "set", name, "--region", "US-East", "--region", " EMEA ", "--default-region", "emea"),
        *("--division", "Field", "--department", "R&D", "--custom-field", "2=Cost centre", "--custom-field", "4=Badge"),
        "--json",
    )
    shown = await rollbook(product, "tenant", "show", name)

    assert (done.status, done.err) == (0, "")
    [row] = done.rows
    assert {key: row[key] for key in row if key not in {"tenant", "name"}} == {
        "enabled": True,
        "unique_identifier": "email",
        "next_unique_identifier": None,
        "former_unique_identifier": None,
        "regions": ["US-East", "EMEA"],
        "default_region": "EMEA",
        "divisions": ["Field"],
        "departments": ["R&D"],
        "custom_fields": [{"number": 2, "label": "Cost centre"}, {"number": 4, "label": "Badge"}],
        "rate_limit": None,
        "burst": None,
    }
    for line in ("regions", "US-East, EMEA", "region required    no", "2 = Cost centre, 4 = Badge", "R&D"):
        assert line in shown.out


async def test_single_values_come_and_go(product: Product) -> None:
    """One value more or less; what is not named stays; people keep a value that goes."""
    scim = await product.new_tenant(regions=("US-East", "EMEA"), departments=("Sales",))
    created = await scim.created(ada(**{ENTERPRISE: {"department": "sales"}}))
    name = tenant_name(scim)

    done = await rollbook(
        product,
        *("tenant", "set", name, "--add-region", "APAC", "--add-region", "emea", "--remove-department", "SALES"),
        *("--add-department", "Support", "--add-division", "Field", "--custom-field", "1=Desk", "--json"),
    )
    again = await rollbook(product, "tenant", "set", name, "--custom-field", "1=", "--division", "", "--json")

    [row] = done.rows
    assert (row["regions"], row["departments"], row["divisions"]) == (
        ["US-East", "EMEA", "APAC"],
        ["Support"],
        ["Field"],
    )
    assert (again.rows[0]["custom_fields"], again.rows[0]["divisions"]) == ([], [])
    path = f"/Users/{created['id']}"
    assert (await scim.get(path)).body == created
    reply = await scim.put(path, {**created, "title": "Countess"})
    assert (reply.status, reply.body[ENTERPRISE]) == (200, {"department": "Sales"})
    reply = await scim.post("/Users", somebody(1, **{ENTERPRISE: {"department": "Sales"}}))
    assert (reply.status, reply.body["detail"]) == (
        400,
        'department "Sales" is not allowed here. Allowed values: Support.',
    )


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--remove-region", "Mars"], 1, "--remove-region 'Mars' is not among the allowed values: US-East, EMEA."),
        (["--region", "EMEA", "--region", "emea "], 1, "'emea' is empty or stands twice"),
        (["--default-region", "Mars"], 1, "default region 'Mars' is not among the regions: US-East, EMEA"),
        (["--custom-field", "5=Desk"], 1, "custom field 5: there are 1 to 4"),
        (["--custom-field", "Desk"], 2, "is not NUMBER=LABEL"),
        (["--unique-identifier", "shoe"], 2, "use email or employee-id"),
    ],
)
async def test_rules_that_cannot_be_are_refused(product: Product, options: list[str], status: int, said: str) -> None:
    """Option, value and what is possible are named, and nothing is changed."""
    name = tenant_name(await product.new_tenant(regions=("US-East", "EMEA")))
    before = await product.tenants().get(name)

    done = await rollbook(product, "tenant", "set", name, *options)

    assert done.status == status
    assert said in " ".join(done.err.replace("│", " ").split())
    assert await product.tenants().get(name) == before


@pytest.mark.nightly  # the command waits twice for gateways that have not heard of new rules yet, 20 s in all
async def test_the_unique_identifier_is_changed_or_the_reasons_are_listed(product: Product) -> None:
    """Those who collide are rows for scripts and no rule at all is changed; once they are apart it is done."""
    scim = await product.new_tenant(regions=("US-East",))
    await scim.created(somebody(1, **{ENTERPRISE: {"employeeNumber": "7"}}))
    other = await scim.created(somebody(2, **{ENTERPRISE: {"employeeNumber": "7"}}))
    name = tenant_name(scim)
    command = ("tenant", "set", name, "--unique-identifier", "employee-id", "--add-region", "EMEA", "--json")

    refused = await rollbook(product, *command)

    assert refused.status == 1
    assert [(row["value"], row["user_name"], row["active"]) for row in refused.rows] == [
        ("7", "p1@contoso.com", True),
        ("7", "p2@contoso.com", True),
    ]
    assert "The unique identifier cannot be employee-id: 2 people share a value" in refused.err
    assert (await product.tenants().get(name)).settings.regions == ("US-East",)
    number = {"op": "replace", "path": f"{ENTERPRISE}:employeeNumber", "value": "8"}
    assert (await scim.patch(f"/Users/{other['id']}", number)).status == 200

    done = await rollbook(product, *command)

    assert done.status == 0
    assert (done.rows[0]["unique_identifier"], done.rows[0]["regions"]) == ("employee-id", ["US-East", "EMEA"])
    assert "Waiting 10 s until every gateway decides by the new rule." in done.err
    reply = await scim.post("/Users", somebody(3, **{ENTERPRISE: {"employeeNumber": "8"}}))
    assert reply.status == 409

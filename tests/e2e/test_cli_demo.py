"""`rollbook demo` as a person runs it: it finds tenant and gateway, and says what it did."""

import msgspec
import pytest

from support.commands import rollbook
from support.product import Product, tenant_name

pytestmark = pytest.mark.timeout(120)


async def demo(product: Product, *arguments: str) -> tuple[int, str, str]:
    """Run the command; return its exit status and what it printed on stdout and stderr."""
    return await rollbook(product, "demo", *arguments)


@pytest.mark.parametrize("provider", ["entra", "okta"])
async def test_a_play_for_scripts_prints_one_object(product: Product, provider: str) -> None:
    """With --json everything stands on one line of stdout, and nothing on stderr."""
    name = tenant_name(await product.new_tenant(regions=("US-East", "US-West", "EMEA", "APAC")))
    status, printed, said = await demo(product, provider, "--people", "5", "--tenant", name, "--json")
    assert (status, said) == (0, "")
    [line] = printed.splitlines()
    found = msgspec.json.decode(line)
    assert (found["provider"], found["tenant"], found["people"]) == (provider, name, 6)
    assert found["changes"]["user.created.v1"] == 6


async def test_a_play_for_people_says_what_it_did(product: Product) -> None:
    """Sentences on stderr; without a terminal there is no bar."""
    name = tenant_name(await product.new_tenant(regions=("US-East", "US-West", "EMEA", "APAC")))
    status, printed, said = await demo(product, "entra", "--people", "5", "--tenant", name)
    assert (status, printed) == (0, "")
    assert f"entra provisioned 6 people of tenant {name}" in said
    assert "user.created 6" in said


async def test_a_refused_person_ends_the_play_with_the_reason(product: Product) -> None:
    """An organization with other regions is told which value it does not have."""
    name = tenant_name(await product.new_tenant(regions=("Atlantis",)))
    status, _, said = await demo(product, "entra", "--people", "5", "--tenant", name)
    assert status == 1
    assert "was answered 400" in said
    assert "Atlantis" in said


async def test_the_token_of_a_play_is_revoked_afterwards(product: Product) -> None:
    """Nothing is left that could be used."""
    scim = await product.new_tenant(regions=("US-East", "US-West", "EMEA", "APAC"))
    await demo(product, "okta", "--people", "1", "--tenant", tenant_name(scim))
    revoked = await product.database.fetch("SELECT revoked_at FROM control.tokens WHERE label = 'rollbook demo'")
    assert revoked
    assert all(row["revoked_at"] is not None for row in revoked)


async def test_an_unknown_attribute_to_match_by_is_wrong_usage(product: Product) -> None:
    """The message names what there is."""
    status, _, said = await demo(product, "entra", "--match", "shoeSize")
    assert status == 2
    assert "employeeNumber" in said

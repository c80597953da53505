"""`rollbook guide` as an operator types it: Markdown on stdout, and a token only where one is asked for."""

import re

import pytest

from rollbook_contracts.settings import CustomField
from support.command_line import rollbook
from support.product import Product, tenant_name
from support.scim import Scim

TOKEN = re.compile(r"rb_[0-9a-z]{12}_[A-Za-z0-9_-]{43}")


@pytest.mark.parametrize("provider", ["entra", "okta"])
async def test_a_guide_is_printed_with_the_values_of_now(product: Product, provider: str) -> None:
    """Tenant URL, rules and the key ids of tokens are those of the organization; no secret is printed."""
    fields = (CustomField(3, "Cost centre"),)
    scim = await product.new_tenant(regions=("US-East", "EMEA"), departments=("R&D",), custom_fields=fields)

    done = await rollbook(product, "guide", provider, "--tenant", tenant_name(scim), "--token")

    assert (done.status, done.err) == (0, "")
    for value in (scim.tenant_url, "`US-East`", "`R&D`", "customField3", "Cost centre", scim.token.split("_")[1]):
        assert value in done.out
    assert not TOKEN.search(done.out)
    assert done.out.startswith("# ")


async def test_an_issued_token_stands_in_the_page_and_works(product: Product) -> None:
    """The page's own curl would be answered: its address and its token fit."""
    name = tenant_name(await product.new_tenant(default_region="EMEA"))

    done = await rollbook(product, "guide", "entra", "--tenant", name, "--issue-token")

    assert done.status == 0
    assert "not shown again" in done.err
    [(token, url)] = re.findall(r'Bearer (rb_\S+)" "(\S+)/Users\?count=1"', done.out)
    assert (await Scim(product.session, url, token).get("/Users?count=1")).status == 200


async def test_unknown_providers_and_tenants_are_told(product: Product) -> None:
    """Wrong usage names what there is; a tenant that is not there is a finding."""
    name = tenant_name(await product.new_tenant())
    unknown = await rollbook(product, "guide", "onelogin", "--tenant", name)
    nobody = await rollbook(product, "guide", "okta", "--tenant", "nobody")

    assert unknown.status == 2
    assert "entra or okta" in " ".join(unknown.err.split())
    assert (nobody.status, nobody.out) == (1, "")
    assert "There is no tenant 'nobody'" in nobody.err

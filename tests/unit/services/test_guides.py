"""Setup guides: each of an organization's own values is in them, and no secret that was not asked for."""

import re

import pytest

from rollbook.guides.markdown import code, plain, table
from rollbook.guides.organization import KnownToken, Organization
from rollbook.guides.render import PROVIDERS, render
from rollbook_contracts.settings import CustomField, TenantSettings
from rollbook_contracts.urns import ENTERPRISE, ILMS

TOKEN = "rb_0123456789ab_" + "s" * 43
STRICT = Organization(
    "acme",
    "https://scim.example.com/scim/acme/v2",
    TenantSettings(
        regions=("US-East", "EMEA"),
        divisions=("Field",),
        departments=("Sales", "R|D"),
        custom_fields=(CustomField(2, "Cost centre"), CustomField(4, "Badge *blue*")),
    ),
)
OPEN = Organization(
    "globex",
    "http://127.0.0.1:8080/scim/globex/v2",
    TenantSettings(default_region="Nowhere", unique_identifier="employee-id"),
    known_tokens=(KnownToken("0123456789ab", "Entra, since May"), KnownToken("ba9876543210", "")),
)
EVERY = [(provider, organization) for provider in PROVIDERS for organization in (STRICT, OPEN)]


def section(page: str, title: str) -> str:
    """Return the section whose title holds some words."""
    [found] = [part for part in re.split(r"\n## ", page) if title in part.partition("\n")[0]]
    return found


@pytest.mark.parametrize(("provider", "organization"), EVERY)
def test_a_guide_holds_the_organizations_values(provider: str, organization: Organization) -> None:
    """Tenant URL, name, attributes with their namespace, allowed values, commands: nothing is left open."""
    page = render(provider, organization)

    assert code(organization.tenant_url) in section(page, "The connection")
    assert f"rollbook users --tenant {organization.name}" in section(page, "First checks")
    assert f"rollbook log --tenant {organization.name}" in section(page, "What the logs show")
    assert ILMS in page
    for _, name, values in organization.settings.allowed_values:
        assert f"**{name}**: {'one of' if values else 'any value'}" in section(page, "Allowed values")
        for value in values:
            assert f"- {code(value)}" in section(page, "Allowed values")
    assert not re.search(r"\$[a-z{]", page)


def test_the_attribute_list_for_entra_is_the_organizations() -> None:
    """Region, hire date, manager and exactly the custom fields in use, each under its namespace with its type."""
    strict = section(render("entra", STRICT), "The attribute list")
    listed = re.findall(r"^\| `([^`]+)` \| (\w+) \|", strict, re.MULTILINE)

    assert listed == [
        (f"{ILMS}:region", "String"),
        (f"{ILMS}:hireDate", "DateTime"),
        (f"{ILMS}:customField2", "String"),
        (f"{ILMS}:customField4", "String"),
        (f"{ILMS}:manager.id", "Reference"),
    ]
    assert f"`{ENTERPRISE}`" in strict
    assert "customField" not in render("entra", OPEN)


def test_the_attribute_list_for_okta_is_the_organizations() -> None:
    """External names and namespace stand beside the variables; the region is required unless there is a default."""
    rows = re.findall(
        r"^\| `(ilms_\w+)` \| `\1` \| `([^`]+)` \| `([^`]+)` \| (\w+) \|",
        section(render("okta", STRICT), "The attributes"),
        re.MULTILINE,
    )

    assert [(variable, external, required) for variable, external, _, required in rows] == [
        ("ilms_region", "region", "yes"),
        ("ilms_hireDate", "hireDate", "no"),
        ("ilms_customField2", "customField2", "no"),
        ("ilms_customField4", "customField4", "no"),
        ("ilms_manager_displayName", "manager.displayName", "no"),
        ("ilms_manager_email", "manager.email", "no"),
    ]
    assert {namespace for _, _, namespace, _ in rows} == {ILMS}
    assert f"| `region` | `{ILMS}` | no |" in render("okta", OPEN)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_mappings_name_allowed_values_defaults_and_labels(provider: str) -> None:
    """A constant that is allowed, whether the region may be left out, and the organization's names of custom fields."""
    strict, open_ = (section(render(provider, organization), "The mappings") for organization in (STRICT, OPEN))

    assert "`US-East`" in strict
    assert "Everybody needs a region" in strict
    assert "`Cost centre`" in strict
    assert "`Badge *blue*`" in strict
    assert "gets `Nowhere`" in open_


def test_the_matching_attribute_follows_the_unique_identifier() -> None:
    """Entra matches by mail or by employeeId; Okta's page says what must be filled for everybody."""
    by_email, by_number = (section(render("entra", one), "The matching attribute") for one in (STRICT, OPEN))
    assert '`mail` to `emails[type eq "work"].value`' in by_email
    assert f"`employeeId` to `{ENTERPRISE}:employeeNumber`" in by_number
    assert "precedence 1" in by_number
    by_email, by_number = (section(render("okta", one), "The unique identifier") for one in (STRICT, OPEN))
    assert "e-mail address" in by_email
    assert "`employeeNumber`" in by_number
    assert "| `employeeNumber` |" in section(render("okta", OPEN), "The mappings")


def test_a_gallerys_test_run_gets_an_organization_that_refuses_nothing_it_sends() -> None:
    """Default region, employee number as an identifier that nothing is mapped to; beside it what this one has."""
    strict, open_ = (section(render("entra", one), "A gallery's own test run") for one in (STRICT, OPEN))
    assert "tenant create acme-gallery --default-region Test --unique-identifier employee-id" in strict
    assert "token issue --tenant acme-gallery --oauth" in strict
    assert f"Map nothing to `{ENTERPRISE}:employeeNumber` there" in strict
    assert "| unique identifier | the employee number | the e-mail address |" in strict
    assert "| default region | any | none |" in strict
    assert "| allowed values of department | none: any value | 2 |" in strict
    assert "| unique identifier | the employee number | the employee number |" in open_
    assert "| default region | any | `Nowhere` |" in open_
    assert "| allowed values of region | none: any value | none: any value |" in open_


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_token_stands_in_the_page_only_where_it_was_issued_for_it(provider: str) -> None:
    """Otherwise its place is marked, with the command that issues one and, asked for, which ones there are."""
    issued = Organization(STRICT.name, STRICT.tenant_url, STRICT.settings, token=TOKEN)

    assert render(provider, issued).count(TOKEN) == 2
    assert "`<token>`" in section(render(provider, STRICT), "The connection")
    assert "rollbook token issue --tenant acme" in render(provider, STRICT)
    assert "rb_0" not in render(provider, STRICT)
    known = section(render(provider, OPEN), "The connection")
    assert "- `0123456789ab`, Entra, since May\n- `ba9876543210`\n" in known
    assert "has none yet" in render(provider, Organization("a", "https://h", TenantSettings(), known_tokens=()))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_address_that_no_provider_reaches_is_told(provider: str) -> None:
    """A loopback address is called what it is; one with TLS is not."""
    assert "ROLLBOOK_PUBLIC_URL" in section(render(provider, OPEN), "The connection")
    assert "ROLLBOOK_PUBLIC_URL" not in render(provider, STRICT)


@pytest.mark.parametrize(("provider", "organization"), EVERY)
def test_tables_have_as_many_cells_in_each_line(provider: str, organization: Organization) -> None:
    """A bar inside a value ends no cell."""
    for block in re.findall(r"(?:^\|.*\n)+", render(provider, organization), re.MULTILINE):
        counts = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(counts) == 1, block


def test_any_text_is_shown_as_it_is() -> None:
    """Backticks, stars and bars in values are characters, no Markdown."""
    assert code("a`b") == "``a`b``"
    assert code("`a``") == "``` `a`` ```"
    assert plain("*a* [b]\n<c>") == r"\*a\* \[b\] \<c\>"
    assert table(("a", "b"), [("x|y", r"z\|")]).splitlines()[-1] == r"| x\|y | z\| |"

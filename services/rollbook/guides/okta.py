"""The setup guide for Okta: ``okta.md`` with one organization's values."""

from rollbook.guides.markdown import code, table
from rollbook.guides.organization import Organization
from rollbook_contracts.urns import ENTERPRISE, ILMS


def passages(organization: Organization) -> dict[str, str]:
    """Return what the guide for Okta says of an organization beside what all guides say."""
    by_email = organization.settings.unique_identifier == "email"
    return {
        "attribute_table": _attribute_table(organization),
        "mapping_table": _mapping_table(organization),
        "identifier_note": (
            "Keep Okta's mapping of the primary e-mail address, and see that no two people share one."
            if by_email
            else f"See that {code('employeeNumber')} ({code(ENTERPRISE)}) is mapped and filled for everybody, each "
            "with a number of their own. Rollbook compares it letter by letter."
        ),
    }


def _attribute_table(organization: Organization) -> str:
    required = "no" if organization.settings.default_region is not None else "yes"
    rows = [
        _attribute("region", required),
        _attribute("hireDate", "no"),
        *(_attribute(name, "no") for name, _ in organization.custom_fields),
        _attribute("manager.displayName", "no"),
        _attribute("manager.email", "no"),
    ]
    return table(("display name", "variable name", "external name", "external namespace", "required"), rows)


def _attribute(external_name: str, required: str) -> tuple[str, ...]:
    variable = code(_variable(external_name))
    return (variable, variable, code(external_name), code(ILMS), required)


def _variable(external_name: str) -> str:
    return f"ilms_{external_name.replace('.', '_')}"


def _mapping_table(organization: Organization) -> str:
    settings = organization.settings
    rows = [
        ("`ilms_region`", "Same value for all users", organization.constant(settings.regions)),
        (
            "`division`",
            "Same value for all users, or a field of the profile",
            organization.constant(settings.divisions),
        ),
        (
            "`department`",
            "Same value for all users, or a field of the profile",
            organization.constant(settings.departments),
        ),
        ("`ilms_manager_displayName`", "Map from Okta Profile, on create and update", "`manager`"),
        ("`ilms_manager_email`", "Map from Okta Profile, on create and update", "`manager`"),
        ("`ilms_hireDate`", "optional, as you hold it", "any usual form of a date"),
        *(
            (code(_variable(name)), "optional, as you hold it", f"the field for {code(label)}")
            for name, label in organization.custom_fields
        ),
    ]
    if settings.unique_identifier == "employee-id":
        rows.append(("`employeeNumber`", "Map from Okta Profile, on create and update", "`employeeNumber`"))
    return table(("attribute", "mapping", "value"), rows)

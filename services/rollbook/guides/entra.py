"""The setup guide for Microsoft Entra ID: ``entra.md`` with one organization's values."""

from rollbook.guides.markdown import code, plain, table
from rollbook.guides.organization import IDENTIFIER_NAMES, Organization
from rollbook_contracts.urns import ENTERPRISE, ILMS

_WORK_ADDRESS = 'emails[type eq "work"].value'


def passages(organization: Organization) -> dict[str, str]:
    """Return what the guide for Entra says of an organization beside what all guides say."""
    by_email = organization.settings.unique_identifier == "email"
    return {
        "attribute_table": _attribute_table(organization),
        "mapping_table": _mapping_table(organization),
        "matching_source": "mail" if by_email else "employeeId",
        "matching_target": code(_WORK_ADDRESS if by_email else f"{ENTERPRISE}:employeeNumber"),
        "identifier_note": (
            "Everybody in scope needs a `mail` of their own in Entra; two accounts that share one cannot both be here."
            if by_email
            else "Everybody in scope needs an `employeeId` of their own in Entra; it is compared letter by letter."
        ),
        "number": code(f"{ENTERPRISE}:employeeNumber"),
        "gallery_table": _gallery_table(organization),
    }


def _attribute_table(organization: Organization) -> str:
    rows = [
        (code(f"{ILMS}:region"), "String", ""),
        (code(f"{ILMS}:hireDate"), "DateTime", ""),
        *((code(f"{ILMS}:{name}"), "String", "") for name, _ in organization.custom_fields),
        (code(f"{ILMS}:manager.id"), "Reference", code(ENTERPRISE)),
    ]
    return table(("name", "type", "referenced object attribute"), rows)


def _mapping_table(organization: Organization) -> str:
    settings = organization.settings
    region = "optional" if settings.default_region is not None else "required"
    rows = [
        (code(f"{ILMS}:region"), "Constant", organization.constant(settings.regions), region),
        (code(f"{ENTERPRISE}:division"), "Direct", "`employeeOrgData.division`", "optional; not mapped by default"),
        (code(f"{ENTERPRISE}:department"), "Direct", "`department`", "there already"),
        (code(f"{ENTERPRISE}:employeeNumber"), "Direct", "`employeeId`", _number_needed(organization)),
        (code(_WORK_ADDRESS), "Direct", "`mail`", "there already"),
        (
            code(f"{ENTERPRISE}:manager"),
            "Direct",
            "`manager`",
            "optional; `manager.id` under either name does the same",
        ),
        (code(f"{ILMS}:hireDate"), "Direct", "`employeeHireDate`", "optional; any usual form of a date"),
        *(
            (code(f"{ILMS}:{name}"), "Direct", "the field that holds it", f"optional; {code(label)}")
            for name, label in organization.custom_fields
        ),
    ]
    return table(("target attribute", "mapping type", "source or value", ""), rows)


def _number_needed(organization: Organization) -> str:
    return "there already" if organization.settings.unique_identifier == "email" else "required: the unique identifier"


def _gallery_table(organization: Organization) -> str:
    settings = organization.settings
    region = settings.default_region
    rows = [
        ("unique identifier", "the employee number", IDENTIFIER_NAMES[settings.unique_identifier]),
        ("default region", "any", "none" if region is None else code(region)),
        *(
            (f"allowed values of {name}", "none: any value", str(len(values)) if values else "none: any value")
            for _, name, values in settings.allowed_values
        ),
    ]
    return table(("rule", "what the tests need", f"what {plain(organization.name)} has"), rows)

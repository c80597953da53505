"""What rules an operator may set: brought into form, or refused with everything that is wrong."""

import pytest

from rollbook.control.rules import prepared
from rollbook.errors import CommandError
from rollbook_contracts.settings import CustomField, TenantSettings


def test_values_are_stored_without_blanks_and_the_default_as_its_region_is_spelt() -> None:
    """Blanks around values go; the default region is one of the regions, letter by letter."""
    settings = prepared(TenantSettings(regions=(" US-East", "EMEA "), departments=(" R&D ",), default_region=" emea"))

    assert settings == TenantSettings(regions=("US-East", "EMEA"), departments=("R&D",), default_region="EMEA")


def test_a_default_without_a_list_is_any_text() -> None:
    """Where any region is allowed the default may be any; an empty one is none."""
    assert prepared(TenantSettings(default_region=" Somewhere ")).default_region == "Somewhere"
    assert prepared(TenantSettings(default_region=" ")).default_region is None


def test_everything_wrong_is_said_together() -> None:
    """Doubles, blanks, a default that is not allowed, custom fields that do not exist: one answer names them all."""
    settings = TenantSettings(
        regions=("EMEA", "emea "),
        divisions=(" ",),
        default_region="Mars",
        custom_fields=(CustomField(1, "A"), CustomField(1, "B"), CustomField(5, " ")),
    )

    with pytest.raises(CommandError) as refused:
        prepared(settings)

    for part in ("'emea'", "division: ''", "'Mars'", "custom field 1 stands twice", "custom field 5", "a label"):
        assert part in str(refused.value)

"""What an operator may set as an organization's rules: brought into form and checked before they become a fact."""

from collections.abc import Iterator

import msgspec

from rollbook.errors import CommandError
from rollbook_contracts.folding import fold
from rollbook_contracts.settings import TenantSettings

CUSTOM_FIELDS = range(1, 5)
"""The numbers of the custom fields that the LMS has."""


def prepared(settings: TenantSettings) -> TenantSettings:
    """Return the rules as they are stored: without blanks around values, the default region in its region's spelling.

    Raises ``CommandError`` for rules that nobody could follow, naming all of them.
    """
    in_form = _in_form(settings)
    if problems := list(_problems(in_form)):
        raise CommandError("These settings cannot be used:", *problems)
    return in_form


def same(one: str, other: str) -> bool:
    """Whether two values are one to the rules: case and surrounding blanks do not count."""
    return fold(one.strip()) == fold(other.strip())


def _in_form(settings: TenantSettings) -> TenantSettings:
    regions = tuple(value.strip() for value in settings.regions)
    default = settings.default_region.strip() if settings.default_region else None
    return msgspec.structs.replace(
        settings,
        regions=regions,
        divisions=tuple(value.strip() for value in settings.divisions),
        departments=tuple(value.strip() for value in settings.departments),
        default_region=next((region for region in regions if default and same(region, default)), default or None),
        custom_fields=tuple(sorted(settings.custom_fields or (), key=lambda custom: custom.number)) or msgspec.UNSET,
    )


def _problems(settings: TenantSettings) -> Iterator[str]:
    for _, name, values in settings.allowed_values:
        for position, value in enumerate(values):
            if not value or any(same(value, other) for other in values[:position]):
                yield f"{name}: {value!r} is empty or stands twice (case and surrounding blanks do not count)"
    default = settings.default_region
    if default is not None and settings.regions and default not in settings.regions:
        yield f"default region {default!r} is not among the regions: {', '.join(settings.regions)}"
    custom_fields = settings.custom_fields or ()
    for custom in custom_fields:
        if custom.number not in CUSTOM_FIELDS:
            yield f"custom field {custom.number}: there are {CUSTOM_FIELDS[0]} to {CUSTOM_FIELDS[-1]}"
        if not custom.label.strip():
            yield f"custom field {custom.number}: it needs a label"
    numbers = [custom.number for custom in custom_fields]
    yield from (f"custom field {number} stands twice" for number in sorted(set(numbers)) if numbers.count(number) > 1)

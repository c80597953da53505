"""The options of `rollbook tenant` that name an organization's rules, and how its rules are shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Optional, TypeAlias, cast, get_args

import msgspec
import typer

from rollbook.cli import rate_limit
from rollbook.control.rules import same
from rollbook.control.tenants import TenantRow
from rollbook.errors import CommandError
from rollbook_contracts.settings import CustomField, TenantSettings, UniqueIdentifier

# typer reads the annotations below; it does not know `list[str] | None`.
Texts: TypeAlias = Optional[list[str]]  # noqa: UP045

Regions: TypeAlias = Annotated[
    Texts,
    typer.Option("--region", help="An allowed region; repeat it. None given: any region.", show_default=False),
]
Divisions: TypeAlias = Annotated[
    Texts, typer.Option("--division", help="An allowed division; repeat it.", show_default=False)
]
Departments: TypeAlias = Annotated[
    Texts, typer.Option("--department", help="An allowed department; repeat it.", show_default=False)
]
AddRegions: TypeAlias = Annotated[
    Texts, typer.Option("--add-region", help="Allow one region more; repeat it.", show_default=False)
]
AddDivisions: TypeAlias = Annotated[
    Texts, typer.Option("--add-division", help="Allow one division more.", show_default=False)
]
AddDepartments: TypeAlias = Annotated[
    Texts, typer.Option("--add-department", help="Allow one department more.", show_default=False)
]
RemoveRegions: TypeAlias = Annotated[
    Texts,
    typer.Option("--remove-region", help="Allow a region no longer; people who have it keep it.", show_default=False),
]
RemoveDivisions: TypeAlias = Annotated[
    Texts, typer.Option("--remove-division", help="Allow a division no longer.", show_default=False)
]
RemoveDepartments: TypeAlias = Annotated[
    Texts, typer.Option("--remove-department", help="Allow a department no longer.", show_default=False)
]
DefaultRegion: TypeAlias = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="The region of people for whom the identity provider sends none.", show_default=False),
]
CustomFields: TypeAlias = Annotated[
    Texts,
    typer.Option(
        "--custom-field",
        metavar="NUMBER=LABEL",
        help="A custom field in use, 1 to 4, and its label; repeat it. Without a label (3=) it is not in use.",
        show_default=False,
    ),
]
Identifier: TypeAlias = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(help="What makes a person unique: email or employee-id.", metavar="email|employee-id"),
]


@dataclass(frozen=True, slots=True)
class ValueOptions:
    """What the options say of one list of allowed values: a new list, what comes to it and what goes."""

    name: str
    new: Texts
    added: Texts
    removed: Texts

    def revised(self, present: tuple[str, ...]) -> tuple[str, ...]:
        """Return the list after them; an empty text as the new list empties it."""
        values = list(present) if self.new is None else [value for value in self.new if value]
        for value in self.added or ():
            if not any(same(value, other) for other in values):
                values.append(value)
        for value in self.removed or ():
            kept = [other for other in values if not same(value, other)]
            if len(kept) == len(values):
                raise CommandError(
                    f"--remove-{self.name} {value!r} is not among the allowed values: {', '.join(values) or 'any'}.",
                )
            values = kept
        return tuple(values)


def revised_fields(
    given: Texts, present: Sequence[CustomField] | msgspec.UnsetType
) -> tuple[CustomField, ...] | msgspec.UnsetType:
    """Return the custom fields in use after the options."""
    labels = {custom.number: custom.label for custom in present or ()}
    for text in given or ():
        number, equals, label = text.partition("=")
        if not equals or not number.strip().isdecimal():
            raise typer.BadParameter(f"{text!r} is not NUMBER=LABEL, e.g. 1=Cost centre", param_hint="--custom-field")
        labels[int(number)] = label.strip()
    return tuple(CustomField(number, label) for number, label in sorted(labels.items()) if label) or msgspec.UNSET


def identifier(text: str | None) -> UniqueIdentifier | None:
    """Read the option; raise ``BadParameter`` for what cannot be one."""
    if text is None:
        return None
    if text in get_args(UniqueIdentifier):
        return cast("UniqueIdentifier", text)
    raise typer.BadParameter(f"{text!r} is not possible; use email or employee-id", param_hint="--unique-identifier")


def as_row(row: TenantRow) -> dict[str, object]:
    """Return a tenant with all of its rules, for scripts."""
    settings = row.settings
    return {
        "tenant": row.tenant,
        "name": row.name,
        "enabled": row.enabled,
        "unique_identifier": settings.unique_identifier,
        "next_unique_identifier": settings.next_unique_identifier or None,
        "former_unique_identifier": settings.former_unique_identifier or None,
        "regions": settings.regions,
        "default_region": settings.default_region,
        "divisions": settings.divisions,
        "departments": settings.departments,
        "custom_fields": [msgspec.structs.asdict(custom) for custom in settings.custom_fields or ()],
        **rate_limit.as_row(settings.rate_limit),
    }


def in_words(row: TenantRow) -> dict[str, object]:
    """Return a tenant with all of its rules, for people."""
    settings = row.settings
    return {
        "tenant": row.tenant,
        "name": row.name,
        "enabled": row.enabled,
        "unique identifier": _identifier_in_words(settings),
        "regions": settings.regions or "any",
        "region required": settings.default_region is None,
        "default region": settings.default_region or "none",
        "divisions": settings.divisions or "any",
        "departments": settings.departments or "any",
        "custom fields": [f"{custom.number} = {custom.label}" for custom in settings.custom_fields or ()]
        or "none in use",
        "rate limit": _rate_limit_in_words(settings),
    }


def _rate_limit_in_words(settings: TenantSettings) -> str:
    if not settings.rate_limit:
        return "none"
    return f"{settings.rate_limit.requests_per_second} requests a second, {settings.rate_limit.burst} at once"


def _identifier_in_words(settings: TenantSettings) -> str:
    if settings.next_unique_identifier:
        return f"{settings.unique_identifier}; a change to {settings.next_unique_identifier} is under way"
    if settings.former_unique_identifier:
        return f"{settings.unique_identifier}; claims of {settings.former_unique_identifier} are being released"
    return settings.unique_identifier

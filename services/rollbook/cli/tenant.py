"""`rollbook tenant`: organizations and their rules."""

import dataclasses
from typing import Annotated

import msgspec
import typer

from rollbook.cli import options, rate_limit, rules
from rollbook.cli.output import print_rows, say
from rollbook.cli.running import FINDING, run_command
from rollbook.control.rules import prepared
from rollbook.control.tenants import TenantRow
from rollbook.control.unique_identifier import IdentifiersCollideError
from rollbook.roots.operator import operating
from rollbook.settings import Settings
from rollbook_contracts.settings import TenantSettings

app = typer.Typer(help="Organizations: their Tenant URLs and the rules for their people.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The name in the Tenant URL.")]


@app.command()
def create(  # noqa: PLR0913, PLR0917  # one parameter for each option of the command
    name: Name,
    region: rules.Regions = None,
    division: rules.Divisions = None,
    department: rules.Departments = None,
    default_region: rules.DefaultRegion = None,
    custom_field: rules.CustomFields = None,
    unique_identifier: rules.Identifier = None,
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """Create an organization; `rollbook token issue` then gives its Tenant URL and a token."""
    settings = TenantSettings(
        regions=tuple(region or ()),
        divisions=tuple(division or ()),
        departments=tuple(department or ()),
        default_region=default_region,
        unique_identifier=rules.identifier(unique_identifier) or "email",
        custom_fields=rules.revised_fields(custom_field, ()),
    )

    async def command(found: Settings) -> TenantRow:
        async with operating(found) as operation:
            return await operation.tenants().create(name, settings)

    _show(run_command(data, command), as_json=as_json)


@app.command("list")
def list_all(data: options.Data = None, as_json: options.Json = False) -> None:
    """List all organizations."""

    async def command(found: Settings) -> list[TenantRow]:
        async with operating(found) as operation:
            return list(await operation.tenants().all())

    rows = [rules.as_row(row) for row in run_command(data, command)]
    print_rows(rows, as_json=as_json, columns=("name", "tenant", "enabled", "unique_identifier", "regions"))


@app.command()
def show(name: Name, data: options.Data = None, as_json: options.Json = False) -> None:
    """Show an organization and its rules."""

    async def command(found: Settings) -> TenantRow:
        async with operating(found) as operation:
            return await operation.tenants().get(name)

    _show(run_command(data, command), as_json=as_json)


@app.command()
def enable(name: Name, data: options.Data = None, as_json: options.Json = False) -> None:
    """Let the organization's tokens work again."""
    _set_enabled(name, data, enabled=True, as_json=as_json)


@app.command()
def disable(name: Name, data: options.Data = None, as_json: options.Json = False) -> None:
    """Stop the organization's tokens; its people stay as they are."""
    _set_enabled(name, data, enabled=False, as_json=as_json)


@app.command("set")
def set_rules(  # noqa: PLR0913, PLR0917  # one parameter for each option of the command
    name: Name,
    region: rules.Regions = None,
    add_region: rules.AddRegions = None,
    remove_region: rules.RemoveRegions = None,
    division: rules.Divisions = None,
    add_division: rules.AddDivisions = None,
    remove_division: rules.RemoveDivisions = None,
    department: rules.Departments = None,
    add_department: rules.AddDepartments = None,
    remove_department: rules.RemoveDepartments = None,
    default_region: rules.DefaultRegion = None,
    custom_field: rules.CustomFields = None,
    unique_identifier: rules.Identifier = None,
    per_second: rate_limit.PerSecond = None,
    burst: rate_limit.Burst = None,
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """Change rules; what is not named stays. An empty text (--region "") empties a list or takes a default away.

    A change of the unique identifier takes half a minute and more. Exit status 1, and nothing changed, where people
    would not be unique by it: they are listed.
    """
    wanted = rules.identifier(unique_identifier)
    regions = rules.ValueOptions("region", region, add_region, remove_region)
    divisions = rules.ValueOptions("division", division, add_division, remove_division)
    departments = rules.ValueOptions("department", department, add_department, remove_department)
    rules.revised_fields(custom_field, ())

    def revise(settings: TenantSettings) -> TenantSettings:
        return msgspec.structs.replace(
            settings,
            regions=regions.revised(settings.regions),
            divisions=divisions.revised(settings.divisions),
            departments=departments.revised(settings.departments),
            default_region=settings.default_region if default_region is None else default_region or None,
            custom_fields=rules.revised_fields(custom_field, settings.custom_fields),
            rate_limit=rate_limit.revised(per_second, burst, settings.rate_limit),
        )

    async def command(found: Settings) -> TenantRow | IdentifiersCollideError:
        async with operating(found) as operation:
            # First what may be refused: where people collide nothing at all is changed.
            prepared(revise((await operation.tenants().get(name)).settings))
            if wanted is not None:
                try:
                    await operation.unique_identifier_change(say).to(name, wanted)
                except IdentifiersCollideError as error:
                    return error
            return await operation.tenants().set(name, revise)

    done = run_command(data, command)
    if isinstance(done, IdentifiersCollideError):
        _refuse(done, as_json=as_json)
    else:
        _show(done, as_json=as_json)


def _refuse(error: IdentifiersCollideError, *, as_json: bool) -> None:
    print_rows((dataclasses.asdict(collision) for collision in error.collisions), as_json=as_json)
    say(f"rollbook: {error}")
    raise typer.Exit(FINDING)


def _set_enabled(name: str, data: options.Data, *, enabled: bool, as_json: bool) -> None:
    async def command(found: Settings) -> TenantRow:
        async with operating(found) as operation:
            return await operation.tenants().enable(name, enabled=enabled)

    _show(run_command(data, command), as_json=as_json)


def _show(row: TenantRow, *, as_json: bool) -> None:
    if as_json:
        print_rows([rules.as_row(row)], as_json=True)
    else:
        print_rows(({"": name, " ": value} for name, value in rules.in_words(row).items()), as_json=False)

"""`rollbook tenant`: organizations and their rules."""

from typing import Annotated, Optional, cast, get_args

import msgspec
import typer

from rollbook.cli import options, rate_limit
from rollbook.cli.output import print_rows
from rollbook.cli.running import run_command
from rollbook.control.tenants import TenantRow
from rollbook.roots.operator import operating
from rollbook.settings import Settings
from rollbook_contracts.settings import TenantSettings, UniqueIdentifier

app = typer.Typer(help="Organizations: their Tenant URLs and the rules for their people.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The name in the Tenant URL.")]
Regions = Annotated[
    Optional[list[str]],  # noqa: UP045  # typer reads the annotation
    typer.Option("--region", help="An allowed region; repeat it. None given: any region.", show_default=False),
]
Divisions = Annotated[
    Optional[list[str]],  # noqa: UP045  # typer reads the annotation
    typer.Option("--division", help="An allowed division; repeat it.", show_default=False),
]
Departments = Annotated[
    Optional[list[str]],  # noqa: UP045  # typer reads the annotation
    typer.Option("--department", help="An allowed department; repeat it.", show_default=False),
]
DefaultRegion = Annotated[
    Optional[str],  # noqa: UP045  # typer reads the annotation
    typer.Option(help="The region of people for whom the identity provider sends none.", show_default=False),
]
Identifier = Annotated[
    Optional[str],  # noqa: UP045  # typer reads the annotation
    typer.Option(help="What makes a person unique: email or employee-id.", metavar="email|employee-id"),
]


@app.command()
def create(  # noqa: PLR0913, PLR0917  # one parameter for each option of the command
    name: Name,
    region: Regions = None,
    division: Divisions = None,
    department: Departments = None,
    default_region: DefaultRegion = None,
    unique_identifier: Identifier = None,
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """Create an organization; `rollbook token issue` then gives its Tenant URL and a token."""
    settings = TenantSettings(
        regions=tuple(region or ()),
        divisions=tuple(division or ()),
        departments=tuple(department or ()),
        default_region=default_region,
        unique_identifier=_identifier(unique_identifier) or "email",
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

    rows = [_as_row(row) for row in run_command(data, command)]
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
    region: Regions = None,
    division: Divisions = None,
    department: Departments = None,
    default_region: DefaultRegion = None,
    unique_identifier: Identifier = None,
    per_second: rate_limit.PerSecond = None,
    burst: rate_limit.Burst = None,
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """Change rules; what is not named stays. An empty text (--region "") empties a list or takes a default away."""
    identifier = _identifier(unique_identifier)

    def revise(settings: TenantSettings) -> TenantSettings:
        return msgspec.structs.replace(
            settings,
            regions=_list(region, settings.regions),
            divisions=_list(division, settings.divisions),
            departments=_list(department, settings.departments),
            default_region=settings.default_region if default_region is None else default_region or None,
            unique_identifier=identifier or settings.unique_identifier,
            rate_limit=rate_limit.revised(per_second, burst, settings.rate_limit),
        )

    async def command(found: Settings) -> TenantRow:
        async with operating(found) as operation:
            return await operation.tenants().set(name, revise)

    _show(run_command(data, command), as_json=as_json)


def _set_enabled(name: str, data: options.Data, *, enabled: bool, as_json: bool) -> None:
    async def command(found: Settings) -> TenantRow:
        async with operating(found) as operation:
            return await operation.tenants().enable(name, enabled=enabled)

    _show(run_command(data, command), as_json=as_json)


def _identifier(text: str | None) -> UniqueIdentifier | None:
    if text is None:
        return None
    if text in get_args(UniqueIdentifier):
        return cast("UniqueIdentifier", text)
    raise typer.BadParameter(f"{text!r} is not possible; use email or employee-id", param_hint="--unique-identifier")


def _list(given: list[str] | None, present: tuple[str, ...]) -> tuple[str, ...]:
    return present if given is None else tuple(value for value in given if value)


def _as_row(row: TenantRow) -> dict[str, object]:
    return {
        "tenant": row.tenant,
        "name": row.name,
        "enabled": row.enabled,
        "regions": row.settings.regions,
        "divisions": row.settings.divisions,
        "departments": row.settings.departments,
        "default_region": row.settings.default_region,
        "unique_identifier": row.settings.unique_identifier,
        **rate_limit.as_row(row.settings.rate_limit),
    }


def _show(row: TenantRow, *, as_json: bool) -> None:
    shown = _as_row(row)
    if as_json:
        print_rows([shown], as_json=True)
    else:
        print_rows(({"": name, " ": value} for name, value in shown.items()), as_json=False)

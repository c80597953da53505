"""`rollbook pending`: members and managers that were named before the person was provisioned, and wait."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, cast, get_args

import typer

from rollbook.cli import options
from rollbook.cli.output import print_rows, say
from rollbook.cli.running import run_command
from rollbook.control import groups as tables
from rollbook.durations import parse_duration
from rollbook.roots.operator import operating
from rollbook.settings import Settings

SHOWN = ("tenant_name", "kind", "value", "holder_name", "holder_id", "since")


def pending(
    tenant: options.Tenant = None,
    older_than: Annotated[
        str | None,
        typer.Option(help="Only what has waited so long: 90s, 15m, 1h, 2d.", metavar="SPAN", show_default=False),
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help="Only members, or only managers.", metavar="member|manager", show_default=False)
    ] = None,
    deleted: Annotated[
        bool,
        typer.Option("--deleted", help="Also managers named by the id of somebody who was deleted: they never come."),
    ] = False,
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """List what waits: members and managers whom an identity provider named and who are not there yet.

    A value waits because nobody has it, or because two people have it. It is linked in the moment when exactly one
    person has it as id, externalId, userName, e-mail address, employee number or display name. Nothing has to be done,
    but a value that is still here long after the first cycle names somebody who is not assigned to the application.

    A person's manager may have been sent by several values; none of them waits when one is linked.

    Each line of --json has tenant, kind, value (as it was sent), holder_id and holder_name (the group that has the
    member, or the person who has the manager) and since; with --deleted also state: pending or target deleted.
    Waiting is no fault: the exit status is 0.
    """
    wanted, age = _kind(kind), _age(older_than)

    async def command(settings: Settings) -> list[tables.Row]:
        async with operating(settings) as operation:
            if tenant is not None:
                await operation.tenants().get(tenant)
            before = None if age is None else datetime.now(UTC) - age
            return await tables.pending(operation.connection, tenant, kind=wanted, before=before, deleted=deleted)

    rows = run_command(data, command)
    if not deleted:
        rows = [{name: value for name, value in row.items() if name != "state"} for row in rows]
    print_rows(rows, as_json=as_json, columns=(*SHOWN, "state") if deleted else SHOWN)
    if not rows and not as_json:
        say("Nothing waits.")


def _kind(text: str | None) -> tables.Kind | None:
    if text is None or text in get_args(tables.Kind):
        return cast("tables.Kind | None", text)
    raise typer.BadParameter(f"{text!r} is not possible; use member or manager", param_hint="--kind")


def _age(text: str | None) -> timedelta | None:
    if text is None:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--older-than") from error

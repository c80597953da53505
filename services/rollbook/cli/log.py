"""`rollbook log`: the provisioning log, request by request."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from rollbook.cli import options
from rollbook.cli.output import print_json, print_text, say
from rollbook.cli.running import run_command
from rollbook.durations import parse_duration
from rollbook.provisioning_log.arriving import arriving, subscribed
from rollbook.provisioning_log.names import Names
from rollbook.provisioning_log.recorded import not_recorded, recorded
from rollbook.provisioning_log.telling import lines, row
from rollbook.provisioning_log.wanted import Wanted
from rollbook.roots.operator import Operation, operating
from rollbook.settings import Settings
from rollbook.stopping import stop_on_signals
from rollbook_contracts.datetimes import parse_datetime
from rollbook_contracts.requests.entry import Entry


def since(text: str | None) -> datetime | None:
    """Read an option that takes a time or how long ago it was."""
    if text is None:
        return None
    try:
        return parse_datetime(text) or datetime.now(UTC) - parse_duration(text)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"{text!r} is neither a time such as 2026-11-24T08:00:00Z nor a span of time such as 30m, 12h or 7d"
        ) from None


Since = Annotated[
    str | None,
    typer.Option(
        "--since", help="Begin at this time, or so long ago: 30m, 12h, 7d.", metavar="TIME|SPAN", show_default=False
    ),
]


def log(  # noqa: PLR0913, PLR0917  # each an option of the command
    tenant: options.Tenant = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only requests that were refused or failed.")] = False,
    user: Annotated[
        str | None,
        typer.Option(
            "--user",
            help="Only requests about the person, or the group, with this userName, displayName or id.",
            metavar="NAME",
            show_default=False,
        ),
    ] = None,
    begin: Since = None,
    limit: Annotated[int, typer.Option(help="At most so many that are there already: the last ones.", min=0)] = 100,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with what comes, until Ctrl-C.")] = False,
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """Show the requests of identity providers, and what became of each: what was wrong, and what to do about it."""
    start = since(begin)

    async def command(settings: Settings) -> None:
        async with operating(settings) as operation:
            tenant_id = (await operation.tenants().get(tenant)).tenant if tenant is not None else None
            wanted = Wanted(tenant_id, failed, user, start)
            names = Names(operation.connection)
            if follow:
                await _follow(operation, wanted, names, limit, as_json=as_json)
                return
            found = await recorded(operation.connection, wanted, limit)
            await _show(found, names, as_json=as_json)
            if not as_json:
                say(*_rest(len(found), limit, *await not_recorded(operation.connection, wanted)))

    run_command(data, command)


async def _follow(operation: Operation, wanted: Wanted, names: Names, limit: int, *, as_json: bool) -> None:
    stop = stop_on_signals()
    async with subscribed(operation.nats) as subscription:
        found = await recorded(operation.connection, wanted, limit)
        await _show(found, names, as_json=as_json)
        shown = {entry.request_id for entry in found}
        async for entry in arriving(subscription, wanted, shown, stop):
            await _show([entry], names, as_json=as_json)


async def _show(entries: list[Entry], names: Names, *, as_json: bool) -> None:
    for entry in await names.fill(entries):
        if as_json:
            print_json(row(entry, names))
        else:
            print_text(*lines(entry, names))


def _rest(shown: int, limit: int, unadmitted: int, lost: int) -> list[str]:
    """Return what the list does not show."""
    told = []
    if shown == limit:
        told.append(f"These are the last {limit}; --limit shows more.")
    elif not shown:
        told.append("The provisioning log has no such request.")
    if unadmitted:
        told.append(
            f"{unadmitted} requests were refused before their organization was known, for want of a valid token: they "
            "are counted only. Compare token and Tenant URL in the identity provider."
        )
    if lost:
        told.append(f"{lost} requests are missing here: the log could not take them in time.")
    return told

"""`rollbook replay`: past changes once more; `rollbook rebuild`: the tables anew, from the log."""

from typing import Annotated, Final

import typer

from rollbook.cli import options
from rollbook.cli.output import print_json, progress, say
from rollbook.cli.running import run_command
from rollbook.cli.tail import position
from rollbook.errors import CommandError
from rollbook.roots.operator import log_connection, operating
from rollbook.roots.servers import with_servers
from rollbook.settings import Settings
from rollbook_projector.halts import Halt
from rollbook_projector.replay.rebuild import ProjectorRunsError
from rollbook_projector.replay.rebuild import rebuild as recompute
from rollbook_projector.replay.republish import TargetRefusedError, republish
from rollbook_projector.system_log import AppendRefusedError

_OF_LOG: Final = frozenset({"log_regressed", "log_gap"})
_ANOTHER_LOG: Final = (
    "Tables are computed again from the log that they were made of. Put that one back; where it is lost, "
    "`rollbook epoch start` has the log count as it is."
)


def replay(  # one parameter for each option of the command
    to: Annotated[str, typer.Option(help="The NATS subject to send to, e.g. replay.billing.", metavar="SUBJECT")],
    since: Annotated[
        str,
        typer.Option("--from", help="Begin at this sequence of CHANGES or this time.", metavar="SEQ|TIME"),
    ] = "1",
    until: Annotated[
        str | None,
        typer.Option(help="End with this sequence or this time; left out: the last there is.", metavar="SEQ|TIME"),
    ] = None,
    tenant: options.Tenant = None,
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """Send past changes again, with the same ids and the header ce-replayed: true, to one subject only.

    A consumer subscribes to SUBJECT first; nobody else sees what is sent.
    """
    begin, end = position(since), position(until)
    assert begin is not None, "it has a default"

    async def command(settings: Settings) -> int:
        async with operating(settings) as operation, log_connection(operation.stack) as client:
            wanted = (await operation.tenants().get(tenant)).tenant if tenant is not None else None
            with progress(f"replay to {to}") as advance:
                try:
                    return await republish(
                        client,
                        to=to,
                        start=begin,
                        until=end,
                        tenant=wanted,
                        progress=advance,
                    )
                except TargetRefusedError as error:
                    raise CommandError(str(error)) from error

    count = run_command(data, command)
    if as_json:
        print_json({"sent": count, "to": to})
    say(f"Sent {count} changes to {to}.")


def rebuild(data: options.Data = None, as_json: options.Json = False) -> None:
    """Empty the tables and compute them again from the log. No change is sent twice.

    The projector must be stopped: stop `rollbook up` and run this in its place, it starts the servers by itself.
    """

    async def command(settings: Settings) -> int:
        async with (
            with_servers(settings) as found,
            operating(found) as operation,
            log_connection(operation.stack) as client,
        ):
            with progress("rebuild") as advance:
                try:
                    return await recompute(
                        client,
                        operation.stack.database_url,
                        partitions=operation.partitions,
                        progress=advance,
                    )
                except (ProjectorRunsError, AppendRefusedError) as error:
                    raise CommandError(str(error)) from error
                except Halt as halt:
                    raise CommandError(f"{halt}. {_ANOTHER_LOG}" if halt.code in _OF_LOG else str(halt)) from halt

    count = run_command(data, command)
    if as_json:
        print_json({"messages": count})
    say(f"The tables are rebuilt from {count} messages of the log.")

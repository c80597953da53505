"""`rollbook epoch`: the way out where the log is not the one that was applied."""

from typing import Annotated

import typer

from rollbook.cli import options
from rollbook.cli.output import print_json, progress, say
from rollbook.cli.running import FINDING, run_command
from rollbook.errors import CommandError
from rollbook.roots.operator import log_connection, operating
from rollbook.roots.servers import with_servers
from rollbook.settings import Settings
from rollbook.stack import find_stack
from rollbook.streams import ensure_streams, topology
from rollbook_projector.replay.epoch import Begun, start_epoch, troubles
from rollbook_projector.replay.rebuild import ProjectorRunsError
from rollbook_projector.system_log import AppendRefusedError

app = typer.Typer(help="Epochs of the log: a new one begins when a log was put back or replaced.", no_args_is_help=True)

Confirmed = Annotated[bool, typer.Option("--yes", help="Do it; without this it is only said what is wrong.")]


@app.command()
def start(yes: Confirmed = False, data: options.Data = None, as_json: options.Json = False) -> None:
    """Have the log count as it is: the tables come to what it says, consumers are told of what differs.

    What the log does not hold is gone from the tables afterwards: first put back the newest copy of the log there is.
    All projectors must be stopped: stop `rollbook up` and run this in its place, it starts the servers by itself.
    """

    async def command(settings: Settings) -> tuple[list[str], Begun | None]:
        async with with_servers(settings) as found:
            stack = find_stack(found)
            async with log_connection(stack) as client:
                await ensure_streams(client, topology(found, stack.claim_key))
                async with operating(found) as operation:
                    wrong = await troubles(client, operation.connection, operation.partitions)
                    if not yes:
                        return wrong, None
                    with progress("rebuild") as advance:
                        try:
                            return wrong, await start_epoch(
                                client,
                                operation.stack.database_url,
                                partitions=operation.partitions,
                                progress=advance,
                            )
                        except (ProjectorRunsError, AppendRefusedError) as error:
                            raise CommandError(str(error)) from error

    wrong, begun = run_command(data, command)
    for trouble in wrong:
        say(trouble)
    if begun is None:
        say(
            "Nothing was done. `rollbook epoch start --yes` has the log count as it is."
            if wrong
            else "The log is the one that was applied, and CHANGES goes with it: no epoch need begin."
        )
        if wrong:
            raise typer.Exit(FINDING)
        return
    if as_json:
        print_json({"epoch": begun.epoch, "corrections": begun.corrections, "messages": begun.messages})
    say(
        f"Epoch {begun.epoch} has begun; the tables are made of {begun.messages} messages of the log. Consumers are "
        f"told of {begun.corrections} corrections as soon as a projector runs."
    )

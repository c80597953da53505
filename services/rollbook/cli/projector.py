"""`rollbook projector`: one projector process of a running stack."""

import json
from pathlib import Path
from typing import Annotated

import typer

from rollbook.cli import options
from rollbook.cli.output import say
from rollbook.cli.running import run_command
from rollbook.embedded.files import write_private
from rollbook.roots.projector import run_projector
from rollbook.settings import Settings
from rollbook.stack import find_stack
from rollbook.stopping import stop_on_signals


def projector(
    ready_file: Annotated[
        Path | None,
        typer.Option(help="Written once the projector runs: JSON with its process id.", show_default=False),
    ] = None,
    data: options.Data = None,
) -> None:
    """Run a projector: facts to tables to changes. Several share the partitions, and stand in for each other."""

    async def command(settings: Settings) -> None:
        stop = stop_on_signals()

        def ready(pid: int) -> None:
            say(f"The projector runs, process {pid}")
            if ready_file is not None:
                write_private(ready_file.absolute(), json.dumps({"pid": pid}) + "\n")

        await run_projector(find_stack(settings), settings, stop=stop, ready=ready)

    run_command(data, command, log_level=None)

"""`rollbook gateway`: one gateway process of a running stack."""

import json
from pathlib import Path
from typing import Annotated

import typer

from rollbook.cli import options
from rollbook.cli.output import say
from rollbook.cli.running import run_command
from rollbook.embedded.files import write_private
from rollbook.roots.gateway import serve_gateway
from rollbook.settings import Settings
from rollbook.stack import find_stack
from rollbook.stopping import stop_on_signals

LOOPBACK = "127.0.0.1"


def gateway(
    port: Annotated[int, typer.Option(help="The port to listen on; 0 takes a free one.", min=0, max=65535)] = 8080,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = LOOPBACK,
    ready_file: Annotated[
        Path | None,
        typer.Option(help="Written once the gateway answers: JSON with gateway_url.", show_default=False),
    ] = None,
    data: options.Data = None,
) -> None:
    """Run a gateway: SCIM for identity providers. Any number may run beside each other."""

    async def command(settings: Settings) -> None:
        stop = stop_on_signals()

        def ready(bound: int) -> None:
            url = f"http://{host}:{bound}"
            say(f"The gateway answers at {url}")
            if ready_file is not None:
                write_private(ready_file.absolute(), json.dumps({"gateway_url": url}) + "\n")

        await serve_gateway(find_stack(settings), settings, host=host, port=port, stop=stop, ready=ready)

    run_command(data, command, log_level=None)

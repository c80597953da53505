"""`rollbook up`: everything in one."""

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from rollbook.cli import options
from rollbook.cli.output import say
from rollbook.cli.running import run_command
from rollbook.embedded.data_folder import Stack
from rollbook.roots.everything import Wish, run_everything
from rollbook.settings import Settings
from rollbook.stopping import stop_on_signals


def up(
    port: Annotated[
        int | None,
        typer.Option(
            help="The gateway's port. Left out: 8080, or the next free one.",
            min=0,
            max=65535,
            show_default=False,
        ),
    ] = None,
    ready_file: Annotated[
        Path | None,
        typer.Option(
            help="Written once everything answers: JSON with tenant_url, token, gateway_url, nats_url, database_url.",
            show_default=False,
        ),
    ] = None,
    demo: Annotated[bool, typer.Option(help="Create the demo tenant acme, with a token.")] = True,
    data: options.Data = None,
) -> None:
    """Start everything on this machine, and keep it running until Ctrl-C.

    NATS, PostgreSQL, projector and gateway, on loopback only, with their data in one folder. With ROLLBOOK_NATS_URL or
    ROLLBOOK_DATABASE_URL set, those servers are used instead.
    """

    async def command(settings: Settings) -> None:
        stop = stop_on_signals()
        say("Starting NATS, PostgreSQL, projector and gateway …")
        wish = Wish(settings, os.environ, port, ready_file, demo)
        await run_everything(wish, stop=stop, ready=lambda stack: _show(stack, settings))
        say("Stopped. The data stays where it is.")

    run_command(data, command)


def _show(stack: Stack, settings: Settings) -> None:
    rollbook = _as_typed()
    if stack.tenant_url is not None:
        say("", f"  Tenant URL   {stack.tenant_url}", f"  Token        {stack.token}", "")
        say(f"Give both to an identity provider, or play one: {rollbook} demo entra --people 200")
    else:
        say("", f"  Gateway      {stack.gateway_url}", "")
        say(
            f"Create an organization with `{rollbook} tenant create NAME`, then `{rollbook} token issue --tenant NAME`."
        )
    say(f"See `{rollbook} users`, `{rollbook} tail` and `{rollbook} status`.")
    say(f"The data is in {settings.data}. Stop with Ctrl-C.")


def _as_typed() -> str:
    """Return the command as the person can type it: `make up` runs one that is not on the PATH."""
    found = shutil.which("rollbook")
    typed = Path(sys.argv[0])
    if typed.name != "rollbook" or (found is not None and typed.absolute() == Path(found)):
        return "rollbook"
    return sys.argv[0]

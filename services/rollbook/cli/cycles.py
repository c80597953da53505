"""`rollbook cycles`: what identity providers sent, cycle by cycle."""

from datetime import UTC, datetime

from rollbook.cli import options
from rollbook.cli.log import Since, since
from rollbook.cli.output import print_json, print_text, say
from rollbook.cli.running import run_command
from rollbook.provisioning_log.cycles import Cycle
from rollbook.provisioning_log.cycles import cycles as cycles_since
from rollbook.provisioning_log.telling import cycle_lines, cycle_row
from rollbook.roots.operator import operating
from rollbook.settings import Settings


def cycles(
    tenant: options.Tenant = None, begin: Since = "7d", data: options.Data = None, as_json: options.Json = False
) -> None:
    """Show the cycles of identity providers: begin, end, counts, why something was refused; the last one comes last.

    A cycle is what one provider sends to one tenant without a pause of ten minutes.
    """
    start = since(begin)
    assert start is not None, "it has a default"

    async def command(settings: Settings) -> tuple[list[Cycle], dict[str, str]]:
        async with operating(settings) as operation:
            names = {row.tenant: row.name for row in await operation.tenants().all()}
            wanted = (await operation.tenants().get(tenant)).tenant if tenant is not None else None
            return await cycles_since(operation.connection, since=start, now=datetime.now(UTC), tenant=wanted), names

    found, names = run_command(data, command)
    for cycle in found:
        if as_json:
            print_json(cycle_row(cycle, names.get(cycle.tenant)))
        else:
            print_text(*cycle_lines(cycle, names.get(cycle.tenant, cycle.tenant)))
    if not found:
        say("No identity provider sent anything in this time.")

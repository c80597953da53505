"""`rollbook verify`: whether the tables are what the log says."""

from contextlib import aclosing

import typer

from rollbook.cli import options
from rollbook.cli.output import print_json, print_rows, progress, say
from rollbook.cli.running import FINDING, run_command
from rollbook.roots.operator import log_connection, operating
from rollbook.settings import Settings
from rollbook_projector.replay.compare import Finding
from rollbook_projector.replay.verify import verify as compare


def verify(data: options.Data = None, as_json: options.Json = False) -> None:
    """Fold the whole log and compare every row, claim and change with the tables and CHANGES.

    Exit status 1 on a difference.
    """

    async def command(settings: Settings) -> list[dict[str, object]]:
        async with operating(settings) as operation, log_connection(operation.stack) as client:
            names = {row.tenant: row.name for row in await operation.tenants().all()}
            rows = []
            with progress("verify") as advance:
                findings = compare(
                    client,
                    operation.stack.database_url,
                    claim_key=operation.stack.claim_key,
                    partitions=operation.partitions,
                    progress=advance,
                )
                async with aclosing(findings):
                    async for finding in findings:
                        rows.append(_as_row(finding, names))
                        if as_json:
                            print_json(rows[-1])
            return rows

    rows = run_command(data, command)
    if not rows:
        say("The tables and CHANGES are what the log says.")
        return
    if not as_json:
        print_rows(rows, as_json=False)
    say(
        f"Differences: {len(rows)}. For parked facts mend the cause, then `rollbook parked retry`; for a log or "
        "CHANGES that was put back see `rollbook epoch start`; for others stop the projector, then `rollbook rebuild`."
    )
    raise typer.Exit(FINDING)


def _as_row(finding: Finding, names: dict[str, str]) -> dict[str, object]:
    return {
        "tenant": finding.tenant,
        "tenant_name": names.get(finding.tenant),
        "resource": finding.resource,
        "what": finding.what,
    }

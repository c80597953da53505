"""`rollbook status`: how far everything is, and what stands still."""

import typer

from rollbook.cli import options
from rollbook.cli.output import print_json, print_rows, say
from rollbook.cli.running import FINDING, run_command
from rollbook.roots.operator import operating
from rollbook.settings import Settings
from rollbook_projector.status import Status, read_status

COLUMNS = ("partition", "head", "applied", "lag", "owner", "halted")


def status(data: options.Data = None, as_json: options.Json = False) -> None:
    """Show how far each partition of the log is applied, and what waits. Exit status 1 where something stands still."""

    async def command(settings: Settings) -> Status:
        async with operating(settings) as operation:
            return await read_status(operation.nats, operation.connection, operation.partitions)

    found = run_command(data, command)
    rows = [
        {
            "partition": partition.partition,
            "head": partition.head,
            "applied": partition.applied,
            "lag": partition.lag,
            "owner": partition.owner,
            "halted": partition.halted,
        }
        for partition in found.partitions
    ]
    print_rows(rows, as_json=as_json, columns=COLUMNS)
    if as_json:
        print_json({"outbox": found.outbox})
        print_json({"parked": found.parked})
    else:
        say(f"Changes that wait to be published: {found.outbox}. Facts that are parked: {found.parked}.")
    problems = _problems(found)
    for problem in problems:
        say(problem)
    if problems:
        raise typer.Exit(FINDING)


def _problems(found: Status) -> list[str]:
    problems = [
        f"Partition {partition.partition} stands still: {partition.halted}"
        for partition in found.partitions
        if partition.halted
    ]
    ownerless = [str(partition.partition) for partition in found.partitions if not partition.owner]
    if ownerless:
        problems.append(f"Nobody applies partition {', '.join(ownerless)}: start `rollbook projector`.")
    if found.parked:
        problems.append("`rollbook parked list` shows what is parked, and why.")
    return problems

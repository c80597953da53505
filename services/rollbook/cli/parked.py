"""`rollbook parked`: facts that could not be applied, and what operators decide about them."""

from typing import Annotated

import typer

from rollbook.cli import options
from rollbook.cli.output import print_rows, say
from rollbook.cli.running import FINDING, run_command
from rollbook.control.applied import wait_until_applied
from rollbook.errors import CommandError
from rollbook.roots.operator import Operation, now, operating
from rollbook.settings import Settings
from rollbook_contracts.identifiers import new_id
from rollbook_projector import decisions

app = typer.Typer(help="Facts that could not be applied, each with what queues behind it.", no_args_is_help=True)

Partition = Annotated[int, typer.Argument(help="The partition, as `rollbook parked list` shows it.", min=0)]
Sequence_ = Annotated[int, typer.Argument(help="The fact's sequence in the partition.", metavar="SEQ", min=1)]
COLUMNS = ("partition", "seq", "tenant_name", "resource", "type", "queued", "since", "reason")


@app.command("list")
def list_all(tenant: options.Tenant = None, data: options.Data = None, as_json: options.Json = False) -> None:
    """List what is parked, and why. Exit status 1 where there is anything."""

    async def command(settings: Settings) -> list[dict[str, object]]:
        async with operating(settings) as operation:
            return await _rows(operation, tenant)

    rows = run_command(data, command)
    print_rows(rows, as_json=as_json, columns=COLUMNS)
    if rows:
        raise typer.Exit(FINDING)
    say("Nothing is parked.")


_TENANT = "SELECT tenant FROM provisioning.parked WHERE partition = $1 AND seq = $2"


@app.command()
def retry(partition: Partition, seq: Sequence_, data: options.Data = None, as_json: options.Json = False) -> None:
    """Apply a parked fact again, and all that queues behind it, in order. Do it when the cause is mended."""
    _decide(partition, seq, decisions.retry, data, as_json=as_json)


@app.command()
def discard(partition: Partition, seq: Sequence_, data: options.Data = None, as_json: options.Json = False) -> None:
    """Give a parked fact up for good, and apply what queues behind it. Refused for the last fact of a person."""
    _decide(partition, seq, decisions.discard, data, as_json=as_json)


def _decide(
    partition: int,
    seq: int,
    rule: decisions.Rule,
    data: options.Data,
    *,
    as_json: bool,
) -> None:
    async def command(settings: Settings) -> dict[str, object]:
        async with operating(settings) as operation:
            tenant = await operation.connection.fetchval(_TENANT, partition, seq)
            try:
                at = await decisions.decide(
                    operation.nats,
                    operation.connection,
                    rule,
                    partition=partition,
                    sequence=seq,
                    request_id=new_id("req"),
                    time=now(),
                )
            except decisions.DecisionRefusedError as error:
                raise CommandError(str(error)) from error
            await wait_until_applied(operation.connection, partition, at, tenant)
            waiting = {(row["partition"], row["seq"]) for row in await _rows(operation, None)}
            return {"partition": partition, "seq": seq, "still_parked": (partition, seq) in waiting}

    decided = run_command(data, command)
    print_rows([decided], as_json=as_json)
    if decided["still_parked"]:
        say("It is parked still: `rollbook parked list` shows why.")
        raise typer.Exit(FINDING)


async def _rows(operation: Operation, tenant: str | None) -> list[dict[str, object]]:
    names = {row.tenant: row.name for row in await operation.tenants().all()}
    wanted = (await operation.tenants().get(tenant)).tenant if tenant is not None else None
    return [
        {
            "partition": fact.partition,
            "seq": fact.seq,
            "tenant": fact.tenant,
            "tenant_name": names.get(fact.tenant),
            "resource": fact.resource,
            "type": fact.type,
            "reason": fact.reason,
            "queued": fact.queued,
            "since": fact.since,
        }
        for fact in await decisions.parked_facts(operation.connection)
        if wanted in (None, fact.tenant)
    ]

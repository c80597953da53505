"""`rollbook status`: how far everything is, and what stands still."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

import typer

from rollbook.cli import options
from rollbook.cli.output import print_json, print_rows, say
from rollbook.cli.running import FINDING, run_command
from rollbook.roots.operator import operating
from rollbook.settings import Settings
from rollbook_gateway.admission.expiry import EndingToken, ending_tokens
from rollbook_projector.status import PartitionStatus, Status, TenantStatus, read_status

COLUMNS = ("partition", "head", "applied", "lag", "owner", "halted", "interrupted")

OFTEN = 3
"""So many interruptions without any progress are no accident."""


def status(data: options.Data = None, as_json: options.Json = False) -> None:
    """Show how far each partition of the log is applied, what waits, and which tokens end within 30 days.

    Exit status 1 where something stands still.
    """
    now = datetime.now(UTC)

    async def command(settings: Settings) -> tuple[Status, Sequence[EndingToken]]:
        async with operating(settings) as operation:
            status = await read_status(operation.nats, operation.connection, operation.partitions)
            return status, await ending_tokens(operation.connection, now)

    found, ending = run_command(data, command)
    rows = [
        {
            "partition": partition.partition,
            "head": partition.head,
            "applied": partition.applied,
            "lag": partition.lag,
            "owner": partition.owner,
            "halted": partition.halted,
            "interrupted": partition.interrupted,
        }
        for partition in found.partitions
    ]
    tenants = [apart for partition in found.partitions for apart in partition.apart]
    print_rows(rows, as_json=as_json, columns=COLUMNS)
    if as_json:
        print_json({"outbox": found.outbox})
        print_json({"parked": found.parked})
        for apart in tenants:
            print_json({"apart": apart.tenant, **asdict(apart)})
        for token in ending:
            print_json(_ending(token, now))
    else:
        say(f"Changes that wait to be published: {found.outbox}. Facts that are parked: {found.parked}.")
        for apart in tenants:
            say(
                f"Tenant {apart.tenant} is applied apart, since its facts weigh much: up to {apart.applied} of "
                f"{apart.until} in partition {apart.partition}. The others of the partition go on."
            )
        for token in ending:
            say(_warning(token, now))
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
    problems += [_failing(f"Partition {one.partition}", one) for one in found.partitions if one.interrupted >= OFTEN]
    problems += [
        _failing(f"Tenant {one.tenant}", one)
        for partition in found.partitions
        for one in partition.apart
        if one.interrupted >= OFTEN
    ]
    ownerless = [str(partition.partition) for partition in found.partitions if not partition.owner]
    if ownerless:
        problems.append(f"Nobody applies partition {', '.join(ownerless)}: start `rollbook projector`.")
    if found.parked:
        problems.append("`rollbook parked list` shows what is parked, and why.")
    return problems


def _failing(what: str, status: PartitionStatus | TenantStatus) -> str:
    return (
        f"{what} fails again and again at what follows {status.applied}: interrupted {status.interrupted} times since "
        f"it last moved on, the last time by: {status.interruption}. It goes on trying with less at a time."
    )


def _ending(token: EndingToken, now: datetime) -> dict[str, object]:
    return {
        "token": token.key_id,
        "tenant_name": token.tenant_name,
        "kind": token.kind,
        "label": token.label,
        "expires_at": token.expires_at.isoformat(timespec="seconds"),
        "warning_days": token.warning(now),
    }


def _warning(token: EndingToken, now: datetime) -> str:
    what = "OAuth client" if token.kind == "client" else "Token"
    label = f" ({token.label})" if token.label else ""
    until = f"{token.expires_at:%Y-%m-%d %H:%M} UTC"
    days = token.warning(now)
    if not days:
        return f"{what} {token.key_id}{label} of {token.tenant_name} has ended at {until}: issue another."
    within = "1 day" if days == 1 else f"{days} days"
    return (
        f"{what} {token.key_id}{label} of {token.tenant_name} ends within {within}, at {until}: "
        f"`rollbook token rotate {token.key_id}`."
    )

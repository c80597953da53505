"""`rollbook tail`: the changes that LMS services receive, as they come."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

import asyncpg
import nats.errors
import typer
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from rollbook.cli import options
from rollbook.cli.output import print_json
from rollbook.cli.running import run_command
from rollbook.positions import Position, parse_position
from rollbook.roots.operator import Operation, operating
from rollbook.settings import Settings
from rollbook.stopping import stop_on_signals
from rollbook_contracts.changes.envelope import REPLAYED, decode_change
from rollbook_contracts.changes.resource import ResourceChange
from rollbook_contracts.streams import CHANGES

IDLE_SECONDS = 0.5
_NAME = "SELECT user_name FROM lms.users WHERE tenant = $1 AND id = $2"


def position(text: str | None) -> Position | None:
    """Read an option that takes SEQ or TIME."""
    if text is None:
        return None
    try:
        return parse_position(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def tail(
    since: Annotated[
        str | None,
        typer.Option(
            help="Begin at this sequence of CHANGES or at this time; 1 is the first change there ever was. Left out: "
            "only what comes from now on.",
            metavar="SEQ|TIME",
            show_default=False,
        ),
    ] = None,
    tenant: options.Tenant = None,
    follow: Annotated[bool, typer.Option(help="Wait for what comes; or end with what is there.")] = True,
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """Show change events: who was created, updated, deactivated, reactivated or deleted. Ends with Ctrl-C."""
    begin = position(since)

    async def command(settings: Settings) -> None:
        stop = stop_on_signals()
        async with operating(settings) as operation:
            rows = await operation.tenants().all()
            names = {row.tenant: row.name for row in rows}
            subject = f"lms.{(await operation.tenants().get(tenant)).tenant}.>" if tenant else "lms.>"
            async for message in _changes(operation, subject, begin, follow=follow, stop=stop):
                change = decode_change(message.headers or {}, message.data)
                if as_json:
                    print_json(_as_row(message, change, names))
                else:
                    print(await _as_line(message, change, names, operation.connection), flush=True)  # noqa: T201  # stdout is the product

    run_command(data, command)


async def _changes(
    operation: Operation,
    subject: str,
    begin: Position | None,
    *,
    follow: bool,
    stop: asyncio.Event,
) -> AsyncIterator[Msg]:
    subscription = await operation.nats.jetstream().subscribe(
        subject,
        stream=CHANGES,
        ordered_consumer=True,
        config=_consumer(begin),
    )
    stopping = asyncio.create_task(stop.wait())
    try:
        while not stop.is_set():
            receiving = asyncio.ensure_future(subscription.next_msg(timeout=None if follow else IDLE_SECONDS))
            await asyncio.wait({receiving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not receiving.done():
                receiving.cancel()
                return
            try:
                yield receiving.result()
            except nats.errors.TimeoutError:
                return
    finally:
        stopping.cancel()


def _consumer(begin: Position | None) -> ConsumerConfig:
    if begin is None:
        return ConsumerConfig(deliver_policy=DeliverPolicy.NEW, ack_policy=AckPolicy.NONE)
    if isinstance(begin, int):
        return ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=begin,
            ack_policy=AckPolicy.NONE,
        )
    return ConsumerConfig(
        deliver_policy=DeliverPolicy.BY_START_TIME,
        opt_start_time=begin.isoformat(),  # type: ignore[arg-type]  # nats-py encodes what it is given; the server wants RFC 3339
        ack_policy=AckPolicy.NONE,
    )


def _as_row(message: Msg, change: ResourceChange, names: dict[str, str]) -> dict[str, object]:
    headers = message.headers or {}
    return {
        "seq": message.metadata.sequence.stream,
        "id": headers["ce-id"],
        "type": headers["ce-type"],
        "time": headers["ce-time"],
        "tenant": change.tenant,
        "tenant_name": names.get(change.tenant),
        "resource": change.id,
        "previous": change.previous,
        "changed": change.changed,
        "request_id": headers["ce-requestid"],
        "replayed": headers.get(REPLAYED) == "true",
    }


async def _as_line(message: Msg, change: ResourceChange, names: dict[str, str], connection: asyncpg.Connection) -> str:
    headers = message.headers or {}
    user_name = await connection.fetchval(_NAME, change.tenant, change.id)
    what = headers["ce-type"].removesuffix(".v1")
    who = f"{user_name} ({change.id})" if user_name else change.id
    changed = f": {', '.join(change.changed)}" if change.changed else ""
    where = names.get(change.tenant, change.tenant)
    return f"{message.metadata.sequence.stream:>8}  {headers['ce-time'][:19]}Z  {where}  {what}  {who}{changed}"

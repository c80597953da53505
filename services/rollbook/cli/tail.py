"""`rollbook tail`: the changes that LMS services receive, as they come."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Annotated

import asyncpg
import nats.errors
import typer
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from rollbook.cli import options
from rollbook.cli.output import print_json, print_text
from rollbook.cli.running import run_command
from rollbook.positions import Position, parse_position
from rollbook.roots.operator import Operation, operating
from rollbook.settings import Settings
from rollbook.stopping import stop_on_signals
from rollbook_contracts.changes.envelope import REPLAYED, decode_change
from rollbook_contracts.changes.group import GroupMembersAdded, GroupMembersRemoved
from rollbook_contracts.changes.resource import ResourceChange
from rollbook_contracts.changes.user import UserManagerAssigned, UserManagerUnassigned
from rollbook_contracts.streams import CHANGES

IDLE_SECONDS = 0.5
MEMBERS_TOLD = 3
"""Members whom a line names; --json has them all."""
_NAMES = """
SELECT id, user_name FROM lms.users WHERE tenant = $1 AND id = ANY ($2::text[])
UNION ALL SELECT id, display_name FROM lms.groups WHERE tenant = $1 AND id = ANY ($2::text[])
"""


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
    """Show change events, as LMS services receive them: people, groups, members who came or went, managers.

    A line names three members at most; with --json `members` holds all of a change, `manager` the manager's id.
    Ends with Ctrl-C.
    """
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
                    print_text(await _as_line(message, change, names, operation.connection))

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
        **_persons(change),
        "request_id": headers["ce-requestid"],
        "replayed": headers.get(REPLAYED) == "true",
    }


def _persons(change: ResourceChange) -> dict[str, object]:
    """Return whom else a change is about: the members who came or went, the manager."""
    match change:
        case GroupMembersAdded() | GroupMembersRemoved():
            return {"members": change.members}
        case UserManagerAssigned() | UserManagerUnassigned():
            return {"manager": change.manager}
        case _:
            return {}


async def _as_line(message: Msg, change: ResourceChange, names: dict[str, str], connection: asyncpg.Connection) -> str:
    headers = message.headers or {}
    known = await _names_of(connection, change)
    what = headers["ce-type"].removesuffix(".v1")
    where = names.get(change.tenant, change.tenant)
    told = f"{what}  {_called(change.id, known)}{_details(change, known)}"
    return f"{message.metadata.sequence.stream:>8}  {headers['ce-time'][:19]}Z  {where}  {told}"


def _details(change: ResourceChange, known: Mapping[str, str]) -> str:
    match change:
        case GroupMembersAdded() | GroupMembersRemoved():
            told = [_called(member, known) for member in change.members[:MEMBERS_TOLD]]
            more = len(change.members) - len(told)
            return f": {', '.join(told)}" + (f" and {more} more" if more else "")
        case UserManagerAssigned() | UserManagerUnassigned():
            return f": {_called(change.manager, known)}"
        case _:
            return f": {', '.join(change.changed)}" if change.changed else ""


async def _names_of(connection: asyncpg.Connection, change: ResourceChange) -> dict[str, str]:
    ids = [change.id]
    match change:
        case GroupMembersAdded() | GroupMembersRemoved():
            ids += change.members[:MEMBERS_TOLD]
        case UserManagerAssigned() | UserManagerUnassigned():
            ids.append(change.manager)
    return dict(await connection.fetch(_NAMES, change.tenant, ids))


def _called(resource: str, known: Mapping[str, str]) -> str:
    name = known.get(resource)
    return f"{name} ({resource})" if name else resource

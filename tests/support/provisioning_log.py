"""Entries of the provisioning log in the hands of a test."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from rollbook_contracts import subjects
from rollbook_contracts.datetimes import format_instant
from rollbook_contracts.identifiers import new_id
from rollbook_contracts.requests.codec import RequestsAnswered, encode_page, page_headers
from rollbook_contracts.requests.entry import Entry
from rollbook_gateway.log.connection import Connection

TENANT = "ten_01kb1cbm8rfvnm0g2v3w4x5y6z"
GATEWAY = "gateway:1"
SINCE = "2026-11-24T03:00:00.000000Z"


def ago(**span: float) -> str:
    """Return a time before now."""
    return format_instant(datetime.now(UTC) - timedelta(**span))


def an_entry(**changes: Any) -> Entry:
    """Return the entry of a creation, or of what differs from one."""
    entry = Entry(
        request_id=new_id("req"),
        time=ago(),
        tenant=TENANT,
        key_id="0123456789ab",
        provider="entra",
        method="POST",
        resource_type="User",
        resource_id="usr_01kb1cbm8sfvnm0g2v3w4x5y70",
        resource_name="ada@contoso.com",
        outcome="created",
        status=201,
        milliseconds=5.5,
    )
    return msgspec.structs.replace(entry, **changes)


async def publish(connection: Connection, *entries: Entry, unadmitted: int = 0, lost: int = 0) -> None:
    """Store a page in the stream, as a gateway does."""
    _, body = encode_page(RequestsAnswered(GATEWAY, SINCE, unadmitted, lost, entries))
    headers = page_headers(new_id("req"), gateway=GATEWAY, time=ago())
    reply = await connection.request(subjects.answered_requests(), body, timeout=5, headers=headers)
    assert "error" not in msgspec.json.decode(reply.data), reply.data

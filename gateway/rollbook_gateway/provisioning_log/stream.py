"""Stores pages in stream REQUESTS, over the connection that the gateway has anyway; for the composition root."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from nats import errors as nats_errors

from rollbook_contracts import subjects
from rollbook_gateway.log.connection import Connection
from rollbook_gateway.provisioning_log.reporter import Send

_PATIENCE: Final = 5.0


def sender(connection: Connection) -> Send:
    """Return what sends a page and waits until the server has it."""

    async def send(headers: Mapping[str, str], body: bytes) -> None:
        if not connection.is_connected:
            raise ConnectionError("not connected to NATS")
        try:
            reply = await connection.request(
                subjects.answered_requests(), body, timeout=_PATIENCE, headers=dict(headers)
            )
        except nats_errors.Error as error:
            raise ConnectionError(str(error) or type(error).__name__) from error
        answer: dict[str, Any] = msgspec.json.decode(reply.data)
        if "error" in answer:
            raise ConnectionError(answer["error"].get("description", "refused"))

    return send

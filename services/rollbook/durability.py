"""Whether the NATS server keeps what it acknowledges: asked by the composition roots before anything is written.

A plain client cannot see ``sync_interval``. Two ways are tried: the question of the system account, where the
server's configuration lends it to our account (deploy/nats/nats-server.conf does), and the monitoring endpoint, where
its address is known. On a cluster whose streams have several replicas it need not be known.
"""

import asyncio
import urllib.error
import urllib.request
from typing import Any, Final

import msgspec
from nats import errors as nats_errors

from rollbook.errors import CommandError
from rollbook.settings import Settings
from rollbook.streams import replicas_in_force
from rollbook_gateway.log.connection import Connection

_QUESTION: Final = "$SYS.REQ.SERVER.PING.JSZ"
_SECONDS: Final = 2.0


async def require_durable(connection: Connection, settings: Settings, monitor_url: str | None) -> None:
    """Raise ``CommandError`` unless every acknowledged message is on disk, replicated, or the operator waives it."""
    if settings.allow_lazy_sync or (connection.clustered and await replicas_in_force(connection, settings) > 1):
        return
    syncs = await syncs_always(connection, monitor_url)
    if syncs:
        return
    found = (
        "The NATS server acknowledges messages before they are on the disk: its sync_interval is not `always`."
        if syncs is False
        else "The NATS server does not tell whether its sync_interval is `always`."
    )
    raise CommandError(
        f"{found} A power cut could lose writes that were answered with success. Set "
        "`jetstream { sync_interval: always }` in its configuration; deploy/nats/nats-server.conf shows how, and how "
        "to let Rollbook see it, or name the server's monitoring address in ROLLBOOK_NATS_MONITOR_URL. A cluster with "
        "three replicas may sync later. ROLLBOOK_ALLOW_LAZY_SYNC=1 accepts the loss.",
    )


async def syncs_always(connection: Connection, monitor_url: str | None) -> bool | None:
    """Return whether the server syncs before it acknowledges; ``None`` where it does not tell."""
    answer = await _by_question(connection)
    if answer is None and monitor_url is not None:
        answer = await asyncio.to_thread(_by_monitor, monitor_url)
    return answer


async def _by_question(connection: Connection) -> bool | None:
    try:
        reply = await connection.request(_QUESTION, b'{"config":true}', timeout=_SECONDS)
    except (nats_errors.Error, TimeoutError):
        return None
    return _sync_always(msgspec.json.decode(reply.data).get("data"))


def _by_monitor(monitor_url: str) -> bool | None:
    try:
        with urllib.request.urlopen(f"{monitor_url}/jsz?config=true", timeout=_SECONDS) as reply:  # noqa: S310  # checked
            return _sync_always(msgspec.json.decode(reply.read()))
    except (urllib.error.URLError, TimeoutError, msgspec.DecodeError):
        return None


def _sync_always(jetstream: Any) -> bool | None:
    config = jetstream.get("config") if isinstance(jetstream, dict) else None
    # The server leaves false out.
    return bool(config.get("sync_always", False)) if isinstance(config, dict) else None

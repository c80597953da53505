"""The connection to NATS that the event log wants: it never gives up, buffers nothing while down, tells of trouble."""

import asyncio
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import structlog
from nats.aio.client import Client

_log = structlog.get_logger(__name__)


class Connection(Client):
    """A nats-py client whose owner can ask to be told when the connection is interrupted."""

    def __init__(self) -> None:
        super().__init__()
        self._interruption_callbacks: list[Callable[[], None]] = []
        self._troubles: set[str] = set()
        self.last_trouble = ""

    @property
    def clustered(self) -> bool:
        """Whether the server is one of a cluster, as it says when it greets."""
        return bool(self._server_info.get("cluster"))

    async def send(self, frames: bytes) -> None:
        """Send encoded frames: what ``publish`` does once a message is encoded, for many at once.

        There is no public way to hand them over; tests/integration/test_connection.py shows it when nats-py changes.
        """
        await self._send_command(frames)
        if self._flush_queue is not None and self._flush_queue.empty():  # else a flush is due, and putting would wait
            await self._flush_pending()

    def on_interruption(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back whenever the connection is lost: what was sent and not answered is in doubt from then on.

        Returns a function that ends this.
        """
        self._interruption_callbacks.append(callback)
        return lambda: self._interruption_callbacks.remove(callback)

    async def disconnected(self) -> None:
        if not self.is_closed:
            _log.warning("nats.disconnected")
        for callback in tuple(self._interruption_callbacks):
            callback()

    async def reconnected(self) -> None:
        self._troubles.clear()
        _log.info("nats.reconnected", server=_shown(self.connected_url.netloc if self.connected_url else ""))

    async def troubled(self, error: Exception) -> None:
        """Log an error of the connection, each kind once until the next reconnect: every attempt may fail alike."""
        trouble = f"{type(error).__name__}: {error}"
        # A server that refuses the password says so and hangs up; the reset that may follow tells nobody anything.
        if not (self.last_trouble and isinstance(error, ConnectionResetError)):
            self.last_trouble = trouble
        if trouble not in self._troubles:
            self._troubles.add(trouble)
            _log.warning("nats.error", error=trouble)


async def connect(url: str, *, name: str, patience: float = 10.0, connection: Connection | None = None) -> Connection:
    """Connect to NATS; raises ``ConnectionError`` when no server of the URL lets us in within ``patience`` seconds.

    ``url`` may name several servers, with commas between them; ``connection`` is a client of the caller's own kind.
    """
    connection = connection or Connection()
    servers = url.split(",")
    user, password = _credentials(servers)
    try:
        async with asyncio.timeout(patience):
            await connection.connect(
                servers=servers,
                user=user,
                password=password,
                name=name,
                # A publish while disconnected fails at once: buffered, it would be stored after the caller's 503.
                pending_size=0,
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.1,  # type: ignore[arg-type]  # it is slept for, and nats-py's own tests pass fractions
                connect_timeout=2,
                # A server that hangs is noticed after 10 to 15 s, and another one of a cluster is tried.
                ping_interval=5,
                max_outstanding_pings=2,
                error_cb=connection.troubled,
                disconnected_cb=connection.disconnected,
                reconnected_cb=connection.reconnected,
            )
    except TimeoutError:
        await connection.close()
        shown = ", ".join(_shown(server) for server in servers)
        raise ConnectionError(
            f"No NATS server lets Rollbook in at {shown} ({connection.last_trouble or 'no answer'}): is it running, "
            "and are address, user and password right?"
        ) from None
    return connection


def _credentials(servers: Sequence[str]) -> tuple[str | None, str | None]:
    """Return the user and password that all servers of the URL share, for those that the cluster names later.

    nats-py itself tries the servers that it learns of without credentials.
    """
    users = {(address.username, address.password) for address in map(urlsplit, servers)}
    return users.pop() if len(users) == 1 else (None, None)


def _shown(server: str) -> str:
    """Return an address without its credentials."""
    return urlsplit(server if "//" in server else f"//{server}").netloc.rpartition("@")[2]

"""Connections to PostgreSQL as the projector needs them, and which of its errors are a fact's own; used throughout."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, TypeAlias, TypeVar

import asyncpg

Connection: TypeAlias = Any
"""An asyncpg connection; the library ships no types."""

CONNECT_TIMEOUT: Final = 5.0
CLOSE_TIMEOUT: Final = 2.0
COMMAND_TIMEOUT: Final = 20.0
_PING: Final = "SELECT 1"
_PING_SECONDS: Final = 0.25

_OWN_STATES: Final = ("22", "23502", "54000")
"""SQLSTATEs (or their classes) by which PostgreSQL refuses values: data exceptions, a missing value, too long a key."""


@contextlib.asynccontextmanager
async def session(dsn: str, *, name: str, lease: float | None = None) -> AsyncIterator[Connection]:
    """Lend a connection to the loop of a partition or its relay.

    With ``lease`` PostgreSQL ends the session after so many idle seconds: a process that was stopped loses its locks.
    """
    settings = {
        "application_name": name,
        "jit": "off",
        # Statements address rows by key. On a table that just was empty the planner would choose to read all of it,
        # and keep that plan while the table grows.
        "enable_seqscan": "off",
        "enable_hashjoin": "off",
        "enable_mergejoin": "off",
    }
    if lease is not None:
        milliseconds = str(round(lease * 1000))
        settings |= {"idle_session_timeout": milliseconds, "idle_in_transaction_session_timeout": milliseconds}
    connection = await asyncpg.connect(
        dsn, timeout=CONNECT_TIMEOUT, command_timeout=COMMAND_TIMEOUT, server_settings=settings
    )
    try:
        yield connection
    except BaseException:
        # Its state is not known, and the server may be gone: nothing is said to it any more.
        connection.terminate()
        raise
    await connection.close(timeout=CLOSE_TIMEOUT)


_Result = TypeVar("_Result")


async def aside(connection: Connection, work: Callable[[], _Result]) -> _Result:
    """Have something worked out in a thread, while the loop goes on and PostgreSQL hears that somebody is there.

    The loop is shared by all partitions, whose leases and heartbeats must not wait for one tenant's members. A thread
    whose waiter is cancelled works on in vain; it does not keep the process from ending.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[_Result] = loop.create_future()

    def settle(result: _Result | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]  # there is a result where there is no error

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as raised:  # noqa: BLE001  # raised again where it is waited for
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, daemon=True).start()
    try:
        while not (await asyncio.wait([done], timeout=_PING_SECONDS))[0]:
            await connection.execute(_PING)
    finally:
        done.cancel()
    return done.result()


def is_database_trouble(error: BaseException) -> bool:
    """Whether an error speaks of the connection or the server, so that the same work may succeed later."""
    if isinstance(error, asyncpg.PostgresError):
        return not is_own_reason(error)
    return isinstance(error, (asyncpg.InterfaceError, OSError, TimeoutError))


def is_own_reason(error: BaseException) -> bool:
    """Whether PostgreSQL refused values, so that the same work will never succeed."""
    return isinstance(error, asyncpg.PostgresError) and str(error.sqlstate or "").startswith(_OWN_STATES)

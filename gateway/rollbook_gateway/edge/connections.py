"""The connections of a gateway: how many there are, who is silent for how long, whose time is over.

The acceptor opens them, the HTTP server says when a request begins and ends, and ``close_overdue`` runs every second.
"""

import ipaddress
from collections import OrderedDict
from collections.abc import Callable, Hashable
from math import inf
from typing import Final

from rollbook_gateway.edge.limits import Limits
from rollbook_gateway.edge.refusals import Refusals

CLOSED: Final = "connections.closed"
_IPV6_HOME: Final = 64
"""Bits of an IPv6 address that are one customer's: he has all addresses behind them."""


class Connection:
    """One connection from accept to its end; ``end`` closes it at once and is set by whoever holds the socket."""

    __slots__ = ("_address", "_connections", "deadline", "end", "known", "over", "silent")

    def __init__(self, connections: "Connections", address: "_Lines") -> None:
        self._connections = connections
        self._address = address
        self.end: Callable[[], None] = nothing
        self.known = False
        """Whether its last request was admitted."""
        self.silent = False
        self.over = False
        self.deadline = inf

    @property
    def address(self) -> Hashable:
        """Whose it is: what limits and fairness go by."""
        return self._address.key

    def rest(self, seconds: float) -> None:
        """Note that nothing is asked on it now: it is closed after so many seconds, or sooner to make room."""
        self.deadline = self._connections.clock() + seconds
        if not self.silent:
            self.silent = True
            self._connections.lines.add(self)
            self._address.add(self)

    def begin(self) -> None:
        """Give a head whose first bytes have come its time from now on, unless that runs already."""
        self.deadline = min(self.deadline, self._connections.clock() + self._connections.limits.head_seconds)

    def work(self) -> None:
        """Note that a request is under way: it is not silent any more; its deadline stays until another is set."""
        if self.silent:
            self.silent = False
            self._connections.lines.remove(self)
            self._address.remove(self)

    def allow(self, seconds: float) -> None:
        """Give what is under way so many seconds."""
        self.deadline = self._connections.clock() + seconds

    def settle(self, *, known: bool) -> None:
        """Keep it for the next request after one was answered, longer where that was admitted."""
        self.known = known
        limits = self._connections.limits
        self.rest(limits.kept_seconds if known else limits.idle_seconds)

    def forget(self) -> None:
        """Note that it is closed, by whom it may be."""
        self.over = True
        self.work()
        self._connections.forget(self, self._address)


class Connections:
    """All connections of one gateway; ``clock`` counts seconds and never goes back."""

    def __init__(self, limits: Limits, clock: Callable[[], float], refusals: Refusals) -> None:
        self.limits = limits
        self.clock = clock
        self.refusals = refusals
        self.lines = _Lines(None)
        self._all: dict[Connection, None] = {}
        self._addresses: dict[Hashable, _Lines] = {}

    def __len__(self) -> int:
        return len(self._all)

    def open(self, host: str) -> Connection | None:
        """Take a connection of a host in; ``None``, and it is to be closed, where there is no room and none is made.

        Room is made by closing the longest silent one, of the host where it has as many as it may have, else of all;
        those on which nobody was admitted go first.
        """
        key = _home(host)
        address = self._addresses.get(key)
        if address is None:
            address = self._addresses[key] = _Lines(key)
        full = (
            address
            if address.count >= self.limits.connections_of_address
            else self.lines
            if len(self._all) >= self.limits.connections
            else None
        )
        if full is not None and not self._make_room(full):
            self.refusals.count(CLOSED, "too many")
            self._drop_empty(address)
            return None
        connection = Connection(self, address)
        self._all[connection] = None
        address.count += 1
        self._addresses[key] = address  # it may have been the last one of this address that made room
        connection.rest(self.limits.head_seconds)
        return connection

    def close_overdue(self) -> None:
        """Close the connections whose time is over, and tell what was counted."""
        now = self.clock()
        for connection in [one for one in self._all if one.deadline < now]:
            self._close(connection, "silent" if connection.silent else "slow")
        self.refusals.tell()

    def forget(self, connection: Connection, address: "_Lines") -> None:
        """Count a connection no more; nothing happens where that was done before."""
        if connection in self._all:
            del self._all[connection]
            address.count -= 1
            self._drop_empty(address)

    def make_room(self) -> None:
        """Close the longest silent connection, if there is one: the system has no descriptor left."""
        self._make_room(self.lines)

    def _make_room(self, lines: "_Lines") -> bool:
        longest_silent = lines.first()
        if longest_silent is None:
            return False
        self._close(longest_silent, "for others")
        return True

    def _close(self, connection: Connection, reason: str) -> None:
        self.refusals.count(CLOSED, reason)
        connection.forget()
        connection.end()

    def _drop_empty(self, address: "_Lines") -> None:
        if not address.count:
            self._addresses.pop(address.key, None)


class _Lines:
    """Silent connections of one address, or of all, the longest silent first; strangers' apart from others'."""

    __slots__ = ("_known", "_strangers", "count", "key")

    def __init__(self, key: Hashable) -> None:
        self.key = key
        self.count = 0
        self._strangers: OrderedDict[Connection, None] = OrderedDict()
        self._known: OrderedDict[Connection, None] = OrderedDict()

    def add(self, connection: Connection) -> None:
        (self._known if connection.known else self._strangers)[connection] = None

    def remove(self, connection: Connection) -> None:
        del (self._known if connection.known else self._strangers)[connection]

    def first(self) -> Connection | None:
        return next(iter(self._strangers or self._known), None)


def _home(host: str) -> Hashable:
    """Return what an address is counted as: itself, or the network of an IPv6 one."""
    if ":" not in host:
        return host
    return int(ipaddress.IPv6Address(host)) >> (128 - _IPV6_HOME)


def nothing() -> None:
    """Close nothing: nobody holds the socket at this moment; who gets it sees that its connection is over."""

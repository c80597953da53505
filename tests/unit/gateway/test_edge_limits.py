"""The limits of the edge, and the connections that they are about: pure."""

import pytest

from rollbook_gateway.edge.connections import Connection, Connections
from rollbook_gateway.edge.limits import RESERVED_FILES, Limits
from rollbook_gateway.edge.refusals import Refusals


class Opening:
    """Connections by the hand of a test: a clock that it moves, and who was closed."""

    def __init__(self, **limits: float) -> None:
        self.now = 0.0
        self.closed: list[str] = []
        self.connections = Connections(Limits(**limits), lambda: self.now, Refusals(lambda: self.now))  # type: ignore[arg-type]  # as it is called

    def open(self, host: str, name: str = "") -> Connection | None:
        connection = self.connections.open(host)
        if connection is not None:
            connection.end = lambda: self.closed.append(name)
        return connection

    def kept(self, host: str, name: str, *, known: bool) -> Connection:
        connection = self.open(host, name)
        assert connection is not None
        connection.work()
        connection.settle(known=known)
        return connection


@pytest.mark.parametrize("files", [65_536, 20_000, 4_096, 1_024, 300, 10])
def test_connections_leave_descriptors_to_others(files: int) -> None:
    """However few files a process may open, some are left for NATS and PostgreSQL, and half of the rest for others."""
    limits = Limits().within(files)
    assert limits.connections <= max(files - RESERVED_FILES, 1)
    assert limits.connections_of_address <= max(limits.connections // 2, 1)


def test_an_address_makes_room_among_its_own() -> None:
    """The longest silent one of the address goes, nobody else's."""
    opening = Opening(connections=10, connections_of_address=2)
    for host, name in (("elsewhere", "first"), ("a", "second"), ("a", "third"), ("a", "fourth")):
        opening.open(host, name)
    assert opening.closed == ["second"]


def test_all_together_make_room_by_who_is_silent_longest() -> None:
    """Strangers go before those who were admitted, these before a newcomer is refused, and work is never stopped."""
    opening = Opening(connections=3, connections_of_address=3)
    opening.kept("a", "known", known=True)
    opening.kept("b", "stranger", known=False)
    working = opening.open("c", "working")
    assert working is not None
    working.work()
    found = [opening.open("d", "new") for _ in range(2)]
    assert all(found)
    assert opening.closed == ["stranger", "new"]
    for connection in found:
        if connection is not None and not connection.over:
            connection.work()
    last = opening.open("e", "last")
    assert opening.closed == ["stranger", "new", "known"]
    assert last is not None
    last.work()
    assert opening.open("f") is None
    assert len(opening.connections) == 3


def test_addresses_of_one_ipv6_network_are_one() -> None:
    """Who has a network of addresses has the connections of one."""
    opening = Opening(connections=10, connections_of_address=1)
    opening.open("2001:db8::1", "first")
    opening.open("2001:db8::2", "second")
    opening.open("2001:db8:0:1::1", "third")
    assert opening.closed == ["first"]


def test_each_has_its_time() -> None:
    """From accept to the end of a head, between requests, and from a head's first byte."""
    opening = Opening(head_seconds=10, idle_seconds=75, kept_seconds=3630)
    opening.open("a", "silent")
    opening.kept("a", "stranger", known=False)
    opening.kept("a", "known", known=True)
    begun = opening.kept("a", "begun", known=True)
    times: dict[str, int] = {}
    for second in range(4000):
        opening.now = float(second)
        if second == 100:
            begun.begin()
        if second == 105:
            begun.begin()
        before = len(opening.closed)
        opening.connections.close_overdue()
        times |= dict.fromkeys(opening.closed[before:], second)
    assert times == {"silent": 11, "stranger": 76, "begun": 111, "known": 3631}
    assert len(opening.connections) == 0


def test_closing_twice_counts_once() -> None:
    """The system may tell of an end that was ours."""
    opening = Opening()
    connection = opening.open("a")
    assert connection is not None
    connection.forget()
    connection.forget()
    assert len(opening.connections) == 0

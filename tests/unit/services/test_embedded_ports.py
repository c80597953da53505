"""Free ports on loopback, kept from one start to the next."""

import socket
from pathlib import Path

import pytest

from rollbook.embedded.errors import EmbeddedError
from rollbook.embedded.ports import KeptPorts, any_free, is_free, next_free


def test_taken_port_is_not_free() -> None:
    """A port that somebody listens on is passed over."""
    with socket.create_server(("127.0.0.1", any_free())) as taken:
        port = taken.getsockname()[1]
        assert not is_free(port)
        assert next_free(port) > port


def test_port_is_kept(tmp_path: Path) -> None:
    """The port of an earlier start is given again, each purpose its own."""
    ports = KeptPorts(tmp_path / "ports.json")
    client, monitor = ports.choose("client"), ports.choose("monitor")

    assert KeptPorts(tmp_path / "ports.json").choose("client") == client
    assert KeptPorts(tmp_path / "ports.json").choose("monitor") == monitor


def test_port_is_not_one_that_the_kernel_lends_to_clients() -> None:
    """A client that knocks at a server that is down cannot be lent the server's own port."""
    assert all(20_000 <= any_free() < 32_768 for _ in range(20))


def test_no_free_port_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing is free the message names the range and asks for a port."""
    monkeypatch.setattr("rollbook.embedded.ports.is_free", lambda _: False)
    with pytest.raises(
        EmbeddedError, match=r"No port is free between 8080 and 9079 on 127\.0\.0\.1\. Name one that is\."
    ):
        next_free(8080)

"""Frames as the server reads them; gateway/rollbook_gateway/log/frames.py."""

import pytest

from rollbook_gateway.log import frames
from rollbook_gateway.log.port import Message
from support.fake_wire import parse

HEADERS = {"ce-type": "user.created.v1", "ce-note": "Zoë: a"}


def test_single_message_carries_guard_and_reply() -> None:
    """A lone message is a publish with a reply subject and its guard among the headers."""
    encoded = frames.encode(Message("fact.00.t.user.u", HEADERS, b"{}", 7))

    frame = frames.single(encoded, b"_INBOX.1")

    assert frame.startswith(b"HPUB fact.00.t.user.u _INBOX.1 ")
    (published,) = parse(frame)
    assert published.headers == {**HEADERS, "Nats-Expected-Last-Subject-Sequence": "7"}
    assert published.body == b"{}"


def whole(messages: list[frames.Encoded], batch_id: bytes) -> bytes:
    return b"".join(frames.uncommitted(messages, batch_id)) + frames.commit(messages, batch_id, b"_INBOX.1")


def test_large_batch_is_sent_in_parts() -> None:
    """No part is larger than a quarter of a megabyte, but for a message that is; all come in their order."""
    bodies = [b"x" * size for size in (200_000, 50_000, 50_000, 900_000, 10, 10)]
    encoded = [frames.encode(Message(f"fact.00.t.user.u{n}", {}, body, 0)) for n, body in enumerate(bodies)]

    parts = list(frames.uncommitted(encoded, b"id"))

    assert [[len(each.body) for each in parse(part)] for part in parts] == [
        [200_000, 50_000],
        [50_000],
        [900_000],
        [10],
    ]


def test_batch_is_numbered_and_its_last_message_commits() -> None:
    """Positions count from 1, only the last message commits and asks for an answer; bodies may hold anything."""
    bodies = [b"\r\nHPUB x 1 1\r\n", b"", bytes(range(256))]
    encoded = [frames.encode(Message(f"claim.00.t.u.{n}", {}, body, 0 if n else None)) for n, body in enumerate(bodies)]

    frame = whole(encoded, b"id")

    published = parse(frame)
    assert bodies == [each.body for each in published]
    assert frame.count(b"_INBOX.1") == 1
    assert [each.headers["Nats-Batch-Sequence"] for each in published] == ["1", "2", "3"]
    assert [each.headers.get("Nats-Batch-Commit") for each in published] == [None, None, "1"]
    assert [each.headers.get("Nats-Expected-Last-Subject-Sequence") for each in published] == [None, "0", "0"]


def test_size_is_not_less_than_what_the_server_counts() -> None:
    """The check before sending must not let through what the server answers by cutting the connection."""
    encoded = frames.encode(Message("fact.00.t.user.u", HEADERS, b"x" * 100, 123_456_789))
    frame = whole([encoded] * 1000, b"i" * 64)

    largest = max(int(line.split()[-1]) for line in frame.split(b"\r\n") if line.startswith(b"HPUB"))

    assert largest <= frames.size_of(encoded)


@pytest.mark.parametrize("subject", ["", "fact 00", "fact.00\r\nPUB x 0", "fact..user", "fact.*", "fact.>", "fact.ü"])
def test_subject_that_breaks_the_framing_is_refused(subject: str) -> None:
    """Nothing that came from outside can become a command of its own."""
    with pytest.raises(ValueError, match="no subject"):
        frames.encode(Message(subject, {}, b"", 0))


@pytest.mark.parametrize("headers", [{"a": "b\r\nNats-Rollup: all"}, {"a\n": "b"}, {"a": "b\r"}])
def test_header_with_a_line_break_is_refused(headers: dict[str, str]) -> None:
    """A value cannot bring a header of its own along."""
    with pytest.raises(ValueError, match="line break"):
        frames.encode(Message("fact.00.t.user.u", headers, b"", 0))

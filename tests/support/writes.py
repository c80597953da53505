"""Writes for tests of the event log: facts and claims of made-up people, ready to be appended."""

import itertools
from collections.abc import Sequence

from rollbook_contracts import subjects
from rollbook_gateway.log.port import Message, Write

_numbers = itertools.count(1)


def unique(prefix: str) -> str:
    """Return a name that no other test uses."""
    return f"{prefix}{next(_numbers)}"


def message(
    subject: str, expected: int | None, request_id: str, body: bytes = b"{}", *, beside: str | None = None
) -> Message:
    """Return a message with the headers that every fact has."""
    headers = {
        "ce-specversion": "1.0",
        "ce-type": "user.updated.v1",
        "ce-time": "2026-11-24T03:44:43.000000Z",
        "ce-requestid": request_id,
    }
    return Message(subject, headers, body, expected, beside)


def write(*guards: tuple[str, int | None], request_id: str | None = None, partition: int = 0) -> Write:
    """Return a write of one message for each (subject, expected)."""
    request_id = request_id or unique("req")
    return Write(partition, request_id, tuple(message(subject, expected, request_id) for subject, expected in guards))


def conditional(guard: tuple[str, int], beside: tuple[str, int]) -> Write:
    """Return a write of two messages on one subject that guards another subject beside it."""
    request_id = unique("req")
    subject, expected = guard
    other, at = beside
    messages = (message(subject, expected, request_id), message(subject, at, request_id, beside=other))
    return Write(0, request_id, messages)


def chain(subject: str, expected: int, *request_ids: str, partition: int = 0) -> Write:
    """Return a write of one message for each request, all on one subject: the first is guarded, the others follow."""
    first, *others = request_ids
    messages = [message(subject, expected, first), *(message(subject, None, each) for each in others)]
    return Write(partition, first, tuple(messages))


def user(name: str | None = None, partition: int = 0) -> str:
    """Return the subject of one person's facts."""
    return subjects.user(partition, "ten_t", name or unique("u"))


def claim(value: str | None = None, partition: int = 0) -> str:
    """Return the subject of one claimed userName."""
    return subjects.claim(partition, "ten_t", "userName", value or unique("c"))


def request_ids(messages: Sequence[Message]) -> set[str]:
    """Return the requests that messages belong to."""
    return {each.headers["ce-requestid"] for each in messages}

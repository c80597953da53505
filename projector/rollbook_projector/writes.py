"""Where the writes of a log end, and which tenant's order a message belongs to; pure, for whatever applies messages.

The facts of one request are stored together and take effect together. An atomic batch holds the writes of several
requests: its messages bear the batch's id, and each the id of its request.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from rollbook_projector.recorded import LogMessage

BATCH: Final = "Nats-Batch-Id"
COMMIT: Final = "Nats-Batch-Commit"
_REQUEST: Final = "ce-requestid"


def belong_together(one: LogMessage, following: LogMessage) -> bool:
    """Whether two neighbours of the log are of one write."""
    batch = one.headers.get(BATCH)
    return (
        batch is not None
        and batch == following.headers.get(BATCH)
        and one.headers.get(_REQUEST) == following.headers.get(_REQUEST)
    )


def ends_write(message: LogMessage) -> bool:
    """Whether it is known of a message alone that nothing of its write follows."""
    return BATCH not in message.headers or COMMIT in message.headers


def whole_writes(messages: Sequence[LogMessage]) -> int:
    """Return how many messages there are up to the end of the last write that is here whole."""
    count = len(messages)
    if count == 0 or ends_write(messages[-1]):
        return count
    return start_of_write(messages, count - 1)


def start_of_write(messages: Sequence[LogMessage], place: int) -> int:
    """Return how many messages there are before the write in which the one at ``place`` stands."""
    while place > 0 and belong_together(messages[place - 1], messages[place]):
        place -= 1
    return place


def end_of_write(messages: Sequence[LogMessage], place: int) -> int:
    """Return how many messages there are up to the end of the write in which the one at ``place`` stands."""
    while place + 1 < len(messages) and belong_together(messages[place], messages[place + 1]):
        place += 1
    return place + 1


def place_of(messages: Sequence[LogMessage], sequence: int) -> int:
    """Return where the message with a sequence stands among messages in their order."""
    return bisect_left(messages, sequence, key=lambda message: message.sequence)


def tenant_of(message: LogMessage) -> str:
    """Return whose people and groups a message is about; empty where it is about none.

    An organization's own facts, and the partition's, are applied with the partition: whoever disables an organization
    does not wait for its members.
    """
    space, _, rest = message.subject.partition(".")
    _, tenant, *kind = rest.split(".", 3)
    return tenant if space == "fact" and kind and kind[0] != "tenant" else ""

"""What every fact carries beside its body: identity, time, cause; the codec puts it into CloudEvents headers."""

import msgspec


class Envelope(msgspec.Struct, frozen=True):
    """The CloudEvents attributes of one fact.

    ``id`` is ``<request id>.<position in the write>``; ``time`` is RFC 3339 in UTC and the only clock a fold may see;
    ``prev`` is the sequence of the predecessor on the same NATS subject, 0 for the first.
    """

    id: str
    tenant: str
    subject: str
    time: str
    request_id: str
    prev: int = 0


def fact_id(request_id: str, position: int) -> str:
    """Return the id of the message at ``position`` (from 0) of a request's write."""
    return f"{request_id}.{position}"

"""What the server's answer to a publish or an atomic batch means for the writes in it; pure, asked by the lane."""

from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec


@dataclass(frozen=True, slots=True)
class Acked:
    """All messages are stored; ``sequence`` is that of the last one."""

    sequence: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Some guard did not hold and nothing is stored; ``last`` is the last sequence of the subject at fault, if told."""

    last: int | None


@dataclass(frozen=True, slots=True)
class Again:
    """Certainly nothing is stored, for a reason that passes."""

    reason: str
    pause: float


@dataclass(frozen=True, slots=True)
class Unknown:
    """Stored or not, or stored later: only a read-back or another attempt can tell."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The log does not take it, and would not when asked again, e.g. because it is full."""

    reason: str


Outcome: TypeAlias = Acked | Refused | Again | Unknown | Failed

_TOO_MANY_REQUESTS: Final = 429
_UNAVAILABLE: Final = 503
_PAUSE: Final = 0.05


class ServerError(msgspec.Struct, frozen=True):
    """The error object of JetStream's answers."""

    code: int
    err_code: int = 0
    description: str = ""


class _Answer(msgspec.Struct, frozen=True):
    seq: int = 0
    error: ServerError | None = None


_DECODER: Final = msgspec.json.Decoder(_Answer)


def interpret(answer: bytes) -> Outcome:
    """Read the server's answer to a publish or to the message that commits a batch."""
    try:
        decoded = _DECODER.decode(answer)
    except msgspec.MsgspecError:
        return Unknown(f"NATS gave an answer that cannot be read: {answer[:100]!r}")
    return Acked(decoded.seq) if decoded.error is None else _interpret_error(decoded.error)


def _interpret_error(error: ServerError) -> Outcome:
    match error.err_code:
        case 10071:  # wrong last sequence: 17
            return Refused(_sequence_named(error.description))
        case 10164:  # wrong last sequence, no number: on a cluster also while another write is on its way
            return Refused(None)
        case 10176:  # a message of the batch was lost on the way; the batch as a whole was given up
            return Again(error.description, 0.0)
        case 10077:  # by its code it would pass, but it is a full disk or the stream's byte limit
            return Failed(error.description)
    if error.code in (_TOO_MANY_REQUESTS, _UNAVAILABLE):
        return Again(error.description, _PAUSE)
    return Failed(f"{error.description} ({error.err_code})")


def _sequence_named(description: str) -> int | None:
    """Return the number at the end of ``wrong last sequence: 17``."""
    number = description.rpartition(" ")[2]
    return int(number) if number.isdecimal() else None

"""Reads that the leader of a partition's stream answers: messages and the head; asked by the log and read-backs."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, Protocol, TypeVar

import msgspec

from rollbook_contracts import streams
from rollbook_contracts.leadership import since_majority
from rollbook_gateway.log.answers import ServerError
from rollbook_gateway.log.frames import request
from rollbook_gateway.log.identity import Extent
from rollbook_gateway.log.port import Stored, UnavailableError
from rollbook_gateway.log.wire import Wire, WireError

_NO_MESSAGE: Final = 10037
_PAUSE: Final = 0.02
_UNAVAILABLE: Final = 503
_ATTEMPT: Final = 1.0
_NOTHING_DELETED: Final = "no message found"
"""How a server words the refusal of a deletion that a majority took into its log; 10057 is also that of others."""
UNCONFIRMED: Final = "the stream's leader does not show in time that it still leads"


class _Message(msgspec.Struct, frozen=True):
    subject: str
    seq: int
    hdrs: bytes = b""
    data: bytes = b""


class _MessageAnswer(msgspec.Struct, frozen=True):
    message: _Message | None = None
    error: ServerError | None = None


class _State(msgspec.Struct, frozen=True):
    last_seq: int
    bytes: int = 0


class StreamInfo(msgspec.Struct, frozen=True):
    """An answer to STREAM.INFO, so far as it is asked for."""

    created: str = ""
    config: dict[str, Any] = {}
    state: _State = _State(0)
    cluster: dict[str, Any] = {}
    error: ServerError | None = None

    @property
    def extent(self) -> Extent:
        """Return when the stream was made, its last sequence, and how much it may still take."""
        limit = int(self.config.get("max_bytes", -1))
        return Extent(self.created, self.state.last_seq, limit - self.state.bytes if limit > 0 else None)

    def since_majority(self) -> float:
        """Return how many seconds ago the leader that answered had heard a majority."""
        return since_majority({"config": self.config, "cluster": self.cluster})


class _DeletionAnswer(msgspec.Struct, frozen=True):
    error: ServerError | None = None


_MESSAGE: Final = msgspec.json.Decoder(_MessageAnswer)
_INFO: Final = msgspec.json.Decoder(StreamInfo)
_DELETION: Final = msgspec.json.Decoder(_DeletionAnswer)
_Answer = TypeVar("_Answer", _MessageAnswer, StreamInfo, _DeletionAnswer)


class Leadership(Protocol):
    """Whether a partition's leader leads; both raise ``UnavailableError``."""

    async def before(self, partition: int) -> None:
        """Return once a leader has reached a majority a moment ago, or since the call."""

    async def after(self, partition: int) -> None:
        """Return once a leader has reached a majority since the call."""


class LeaderReads:
    """Asks again while the stream has no leader or the connection is down, until ``patience`` seconds have passed.

    With ``leadership`` a message that was read counts only if a majority was reached before and behind it, and no
    second server answered meanwhile: a leader answers reads and what reaches a majority in the order they come.
    """

    def __init__(self, wire: Wire, patience: float = 2.0, leadership: Leadership | None = None) -> None:
        self._wire = wire
        self._patience = patience
        self._leadership = leadership

    async def at(self, partition: int, sequence: int) -> Stored | None:
        return await self._get(partition, {"seq": sequence})

    async def last(self, partition: int, subject: str) -> Stored | None:
        return await self._get(partition, {"last_by_subj": subject})

    async def after(self, partition: int, subject: str, sequence: int) -> Stored | None:
        """Return the first message on a subject beyond a sequence."""
        return await self._get(partition, {"seq": sequence + 1, "next_by_subj": subject})

    async def extent(self, partition: int) -> Extent:
        """Return when the stream was made, its last sequence, and its room, by the word of a leader."""
        return (await self.info(partition)).extent

    async def info(self, partition: int) -> StreamInfo:
        """Return what a leader says of the partition's stream, whether it still leads or not."""
        answer = await self._ask(f"STREAM.INFO.{streams.provisioning(partition)}", b"", _INFO)
        if answer.error is not None:
            raise UnavailableError(_reason(answer.error))
        return answer

    async def delete_nothing(self, partition: int) -> None:
        """Have the leader carry a deletion through a majority of servers that deletes nothing: no message has number 0.

        Raises ``UnavailableError`` where it does not come through, and where it was refused without asking others.
        """
        answer = await self._ask(f"STREAM.MSG.DELETE.{streams.provisioning(partition)}", b'{"seq":0}', _DELETION)
        if answer.error is None or answer.error.description != _NOTHING_DELETED:
            raise UnavailableError(f"NATS shows no majority: {_reason(answer.error)}")

    async def _get(self, partition: int, query: dict[str, object]) -> Stored | None:
        body = msgspec.json.encode(query)
        proven = partition if self._leadership is not None else None
        answer = await self._ask(f"STREAM.MSG.GET.{streams.provisioning(partition)}", body, _MESSAGE, proven)
        if answer.message is not None:
            found = answer.message
            return Stored(found.subject, found.seq, parse_headers(found.hdrs), found.data)
        if answer.error is not None and answer.error.err_code == _NO_MESSAGE:
            return None
        raise UnavailableError(_reason(answer.error))

    async def _ask(
        self, method: str, body: bytes, decoder: msgspec.json.Decoder[_Answer], proven: int | None = None
    ) -> _Answer:
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._patience
        framed = partial(request, f"$JS.API.{method}".encode(), body)
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    answers = await self._answers(framed, deadline, proven)
                answer = decoder.decode(answers[0])
                if answer.error is not None and answer.error.code == _UNAVAILABLE:
                    trouble = _reason(answer.error)
                elif len(set(answers)) > 1:
                    trouble = "two servers hold themselves for the stream's leader"
                else:
                    return answer
            except WireError as error:
                trouble = str(error)
            except TimeoutError:
                trouble = UNCONFIRMED
            except msgspec.MsgspecError as error:
                raise UnavailableError(f"NATS gave an answer that cannot be read: {error}") from error
            if clock() + _PAUSE >= deadline:
                raise UnavailableError(trouble)
            await asyncio.sleep(_PAUSE)

    async def _answers(self, framed: Callable[[bytes], bytes], deadline: float, proven: int | None) -> Sequence[bytes]:
        """Ask once; return every answer that came until a leader had reached a majority, or the first if none need."""
        within = min(_ATTEMPT, max(deadline - asyncio.get_running_loop().time(), 0.01))
        if proven is None or self._leadership is None:
            return [await self._wire.ask(framed, within)]
        await self._leadership.before(proven)
        async with self._wire.asked(framed, within) as answers:
            await self._leadership.after(proven)
            return tuple(answers)


def parse_headers(raw: bytes) -> dict[str, str]:
    """Read the header block of a stored message, ``NATS/1.0`` and lines of ``name: value``."""
    headers = {}
    for line in raw.decode().split("\r\n")[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers[name] = value.strip()
    return headers


def _reason(error: ServerError | None) -> str:
    return error.description if error is not None else "NATS gave an answer without content"

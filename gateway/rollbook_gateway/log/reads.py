"""Reads that the leader of a partition's stream answers: messages and the head; asked by the log and read-backs."""

import asyncio
from functools import partial
from typing import Final, TypeVar

import msgspec

from rollbook_contracts import streams
from rollbook_gateway.log.answers import ServerError
from rollbook_gateway.log.frames import request
from rollbook_gateway.log.identity import Extent
from rollbook_gateway.log.port import Stored, UnavailableError
from rollbook_gateway.log.wire import Wire, WireError

_NO_MESSAGE: Final = 10037
_PAUSE: Final = 0.02
_UNAVAILABLE: Final = 503
_ATTEMPT: Final = 1.0


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


class _Config(msgspec.Struct, frozen=True):
    max_bytes: int = -1


class _InfoAnswer(msgspec.Struct, frozen=True):
    created: str = ""
    config: _Config = _Config()
    state: _State | None = None
    error: ServerError | None = None


_MESSAGE: Final = msgspec.json.Decoder(_MessageAnswer)
_INFO: Final = msgspec.json.Decoder(_InfoAnswer)
_Answer = TypeVar("_Answer", _MessageAnswer, _InfoAnswer)


class LeaderReads:
    """Asks again while the stream has no leader or the connection is down, until ``patience`` seconds have passed."""

    def __init__(self, wire: Wire, patience: float = 2.0) -> None:
        self._wire = wire
        self._patience = patience

    async def at(self, partition: int, sequence: int) -> Stored | None:
        return await self._get(partition, {"seq": sequence})

    async def last(self, partition: int, subject: str) -> Stored | None:
        return await self._get(partition, {"last_by_subj": subject})

    async def after(self, partition: int, subject: str, sequence: int) -> Stored | None:
        """Return the first message on a subject beyond a sequence."""
        return await self._get(partition, {"seq": sequence + 1, "next_by_subj": subject})

    async def head(self, partition: int) -> int:
        answer = await self._ask(f"STREAM.INFO.{streams.provisioning(partition)}", b"", _INFO)
        if answer.state is None:
            raise UnavailableError(_reason(answer.error))
        return answer.state.last_seq

    async def extent(self, partition: int) -> Extent:
        """Return when the stream was made, its last sequence, and how much it may still take."""
        answer = await self._ask(f"STREAM.INFO.{streams.provisioning(partition)}", b"", _INFO)
        if answer.state is None:
            raise UnavailableError(_reason(answer.error))
        limit = answer.config.max_bytes
        return Extent(answer.created, answer.state.last_seq, limit - answer.state.bytes if limit > 0 else None)

    async def _get(self, partition: int, query: dict[str, object]) -> Stored | None:
        body = msgspec.json.encode(query)
        answer = await self._ask(f"STREAM.MSG.GET.{streams.provisioning(partition)}", body, _MESSAGE)
        if answer.message is not None:
            found = answer.message
            return Stored(found.subject, found.seq, parse_headers(found.hdrs), found.data)
        if answer.error is not None and answer.error.err_code == _NO_MESSAGE:
            return None
        raise UnavailableError(_reason(answer.error))

    async def _ask(self, method: str, body: bytes, decoder: msgspec.json.Decoder[_Answer]) -> _Answer:
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._patience
        framed = partial(request, f"$JS.API.{method}".encode(), body)
        while True:
            try:
                answer = decoder.decode(await self._wire.ask(framed, min(_ATTEMPT, max(deadline - clock(), 0.01))))
                if answer.error is None or answer.error.code != _UNAVAILABLE:
                    return answer
                trouble = _reason(answer.error)
            except WireError as error:
                trouble = str(error)
            except msgspec.MsgspecError as error:
                raise UnavailableError(f"NATS gave an answer that cannot be read: {error}") from error
            if clock() + _PAUSE >= deadline:
                raise UnavailableError(trouble)
            await asyncio.sleep(_PAUSE)


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

"""A JetStream partition in memory, spoken to in protocol frames, that loses, delays and doubts on demand; for lanes."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from rollbook_gateway.log.port import Stored
from rollbook_gateway.log.reads import parse_headers
from rollbook_gateway.log.wire import NotSentError, UnansweredError, UnservedError

Fault: TypeAlias = Literal[
    "none",  # the server does what it should
    "answer lost",  # stored, if its guards hold, and nobody hears of it
    "request lost",
    "ghost",  # nobody hears of it, and it is carried out some questions later
    "not sent",
    "unserved",
    "incomplete",  # 10176
    "too many",  # 10210
    "no number",  # a refusal does not say what is in the way; an acceptable write is refused, as by a cluster in a race
    "overtaken",  # another process writes to the first guarded subject just before
]
FAULTS: tuple[Fault, ...] = Fault.__args__  # type: ignore[attr-defined]  # how a Literal is listed
EXPECTED = "Nats-Expected-Last-Subject-Sequence"
EXPECTED_OF = f"{EXPECTED}-Subject"


@dataclass(frozen=True, slots=True)
class Published:
    """One message of a frame."""

    subject: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class FakeWire:
    """Answers as one server does; ``faults`` are met by one publish after the other, then everything goes well."""

    faults: Iterator[Fault]
    messages: list[Stored] = field(default_factory=list)
    ghosts: list[tuple[int, list[Published]]] = field(default_factory=list)
    max_payload: int = 1_048_576
    publishes: int = 0
    questions: int = 0

    @asynccontextmanager
    async def asked(self, framed: Callable[[bytes], bytes], within: float) -> AsyncIterator[list[bytes]]:
        yield [await self.ask(framed, within)]

    async def ask(self, framed: Callable[[bytes], bytes], within: float, ahead: Iterable[bytes] = ()) -> bytes:  # noqa: ARG002  # it answers at once
        frames = b"".join(ahead) + framed(b"reply")
        self.questions += 1
        self._let_ghosts_appear()
        await asyncio.sleep(0)
        if frames.startswith(b"PUB"):
            return self._answer_question(frames)
        self.publishes += 1
        return self._answer_publish(parse(frames), next(self.faults, "none"))

    def let_all_ghosts_appear(self) -> None:
        """Carry out whatever was on its way: as late as it can be."""
        for _, published in self.ghosts:
            self._store(published)
        self.ghosts.clear()

    def last(self, subject: str) -> int:
        return next((stored.sequence for stored in reversed(self.messages) if stored.subject == subject), 0)

    def _answer_publish(self, published: list[Published], fault: Fault) -> bytes:
        match fault:
            case "request lost":
                raise UnansweredError(fault)
            case "ghost":
                self.ghosts.append((self.questions + 4, published))
                raise UnansweredError(fault)
            case "answer lost":
                self._store(published)
                raise UnansweredError(fault)
            case "not sent":
                raise NotSentError(fault)
            case "unserved":
                raise UnservedError(fault)
            case "incomplete":
                return _error(400, 10176, "atomic publish batch is incomplete")
            case "too many":
                return _error(429, 10210, "atomic publish too many inflight")
            case "no number":
                return _error(400, 10164, "wrong last sequence")
            case "overtaken":
                guarded = next(each for each in published if EXPECTED in each.headers)
                subject = guarded.headers.get(EXPECTED_OF, guarded.subject)
                self._store([Published(subject, {"ce-requestid": "another process"}, b"")])
        return self._store(published)

    def _store(self, published: list[Published]) -> bytes:
        written: set[str] = set()
        for each in published:
            expected, subject = each.headers.get(EXPECTED), each.headers.get(EXPECTED_OF, each.subject)
            if expected is not None and subject in written:
                return _error(400, 10164, "wrong last sequence")
            if expected is not None and self.last(subject) != int(expected):
                return _error(400, 10071, f"wrong last sequence: {self.last(subject)}")
            written.add(each.subject)
        for each in published:
            self.messages.append(Stored(each.subject, len(self.messages) + 1, each.headers, each.body))
        return json.dumps({"stream": "S", "seq": len(self.messages), "count": len(published)}).encode()

    def _answer_question(self, frame: bytes) -> bytes:
        query = json.loads(frame.split(b"\r\n")[1])
        subject = query.get("next_by_subj")
        if "last_by_subj" in query:
            sequence = self.last(query["last_by_subj"])
        else:
            beyond = [stored for stored in self.messages if stored.sequence >= query["seq"]]
            matching = [s.sequence for s in beyond if subject in (None, s.subject)]
            sequence = matching[0] if matching else 0
        if not 0 < sequence <= len(self.messages):
            return _error(404, 10037, "no message found")
        found = self.messages[sequence - 1]
        lines = "".join(f"{name}: {value}\r\n" for name, value in found.headers.items())
        message = {
            "subject": found.subject,
            "seq": sequence,
            "hdrs": base64.b64encode(f"NATS/1.0\r\n{lines}\r\n".encode()).decode(),
            "data": base64.b64encode(found.body).decode(),
        }
        return json.dumps({"message": message}).encode()

    def _let_ghosts_appear(self) -> None:
        for ghost in [ghost for ghost in self.ghosts if ghost[0] <= self.questions]:
            self.ghosts.remove(ghost)
            self._store(ghost[1])


def parse(frames: bytes) -> list[Published]:
    """Read ``HPUB`` frames back, by their lengths as a server does."""
    published = []
    while frames:
        control, _, rest = frames.partition(b"\r\n")
        verb, subject, *_, header_size, size = control.split(b" ")
        assert verb == b"HPUB"
        headers, body, end = rest[: int(header_size)], rest[int(header_size) : int(size)], rest[int(size) :]
        assert headers.endswith(b"\r\n\r\n")
        assert end.startswith(b"\r\n")
        published.append(Published(subject.decode(), parse_headers(headers), body))
        frames = end[2:]
    return published


def _error(code: int, err_code: int, description: str) -> bytes:
    error = {"code": code, "err_code": err_code, "description": description}
    return json.dumps({"error": error, "stream": "S", "seq": 0}).encode()

"""What the server's answers mean; gateway/rollbook_gateway/log/answers.py. Elsewhere the answers are pinned."""

import json

import pytest

from rollbook_gateway.log.answers import Acked, Again, Failed, Outcome, Refused, Unknown, interpret


def error(code: int, err_code: int, description: str) -> bytes:
    return json.dumps({"error": {"code": code, "err_code": err_code, "description": description}, "seq": 0}).encode()


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (b'{"stream":"S","seq":17}', Acked(17)),
        (b'{"stream":"S","seq":17,"batch":"b","count":3}', Acked(17)),
        (error(400, 10071, "wrong last sequence: 17"), Refused(17)),
        (error(400, 10071, "wrong last sequence: 0"), Refused(0)),
        (error(400, 10071, "wrong last sequence: unknown"), Refused(None)),
        (error(400, 10164, "wrong last sequence"), Refused(None)),
        (error(503, 10077, "maximum bytes exceeded"), Failed("maximum bytes exceeded")),
        (
            error(400, 10199, "atomic publish batch is too large: 1000"),
            Failed("atomic publish batch is too large: 1000 (10199)"),
        ),
    ],
)
def test_answer_is_read(answer: bytes, outcome: Outcome) -> None:
    """Acknowledged, refused with or without a number, or not to be had."""
    assert outcome == interpret(answer)


@pytest.mark.parametrize(
    "answer",
    [
        error(400, 10176, "atomic publish batch is incomplete"),
        error(429, 10210, "atomic publish too many inflight"),
        error(503, 10008, "JetStream system temporarily unavailable"),
    ],
)
def test_trouble_that_passes_is_met_again(answer: bytes) -> None:
    """A batch cut in two, too many at once, no leader: nothing is stored, and the next attempt may succeed."""
    assert isinstance(interpret(answer), Again)


@pytest.mark.parametrize("answer", [b"", b"+OK", b'{"seq":"x"}'])
def test_unreadable_answer_says_nothing(answer: bytes) -> None:
    """What cannot be read proves neither that the write is stored nor that it is not."""
    assert isinstance(interpret(answer), Unknown)

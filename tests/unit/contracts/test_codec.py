"""The codec: facts to messages and back, older ones lifted, foreign ones refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollbook_contracts.facts.claim import ClaimTaken
from rollbook_contracts.facts.codec import UnknownFactError, decode_envelope, decode_fact, encode
from rollbook_contracts.facts.envelope import Envelope, fact_id
from rollbook_contracts.facts.user import ClaimHeld
from rollbook_contracts.identifiers import new_id, subject_token

ENVELOPE = Envelope("req_1.0", "ten_1", "usr_1", "2026-11-24T03:44:43.000000Z", "req_1", 7)


def test_fact_survives_the_way_through_a_message() -> None:
    """What is encoded is decoded equal, envelope and fact."""
    headers, body = encode(ClaimTaken("usr_1"), ENVELOPE)

    assert decode_envelope(headers) == ENVELOPE
    assert decode_fact(headers, body) == ClaimTaken("usr_1")


def test_position_in_the_write_makes_ids_differ() -> None:
    """The messages of one request have ids of their own."""
    assert [fact_id("req_1", position) for position in (0, 1)] == ["req_1.0", "req_1.1"]


@given(st.text(), st.integers(0, 2**63))
def test_envelopes_of_made_ids_fit_into_headers(resource: str, prev: int) -> None:
    """Ids that are made here and subject tokens of any text are plain ASCII, so no value needs an encoding."""
    request = new_id("req")
    envelope = Envelope(fact_id(request, 0), new_id("ten"), subject_token(resource), ENVELOPE.time, request, prev)

    headers, _ = encode(ClaimTaken("usr_1"), envelope)

    assert decode_envelope(headers) == envelope


@pytest.mark.parametrize("text", ["usr 1", "usr\r\nNats-Msg-Id: x", "\u00fcsr", 'u"', "100%", "\x7f"])
def test_text_that_no_header_holds_is_refused(text: str) -> None:
    """A value that could end its header, or would need an encoding, is never written."""
    envelope = Envelope("req_1.0", "ten_1", text, ENVELOPE.time, "req_1")

    with pytest.raises(ValueError, match="no header holds"):
        encode(ClaimTaken("usr_1"), envelope)


def renamed(body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Lift a made-up version 0, which called the holder its owner, by one version."""
    return "claim.taken.v0b", {"holder": body["owner"]}


def unchanged(body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Lift a made-up second version to the one in force."""
    return "claim.taken.v1", body


def test_older_fact_is_lifted_step_by_step() -> None:
    """Readers know the newest form only; a body of an older one goes through every upcaster on its way."""
    headers, _ = encode(ClaimTaken("usr_1"), ENVELOPE)
    old = {**headers, "ce-type": "claim.taken.v0"}

    fact = decode_fact(old, b'{"owner":"usr_9"}', {"claim.taken.v0": renamed, "claim.taken.v0b": unchanged})

    assert fact == ClaimTaken("usr_9")


@pytest.mark.parametrize(
    ("wire_type", "body"),
    [
        ("claim.taken.v9", b"{}"),
        ("", b"{}"),
        ("claim.taken.v1", b"{}"),
        ("claim.taken.v1", b'{"holder":7}'),
        ("claim.taken.v1", b"{"),
        ("claim.taken.v1", b"\xff"),
        ("claim.taken.v0", b"{"),
        ("claim.taken.v0", b"{}"),
    ],
)
def test_what_is_no_known_fact_is_refused(wire_type: str, body: bytes) -> None:
    """A type from a newer version, a body that does not fit and broken JSON all raise the one error."""
    with pytest.raises(UnknownFactError):
        decode_fact({"ce-type": wire_type}, body, {"claim.taken.v0": renamed})


def test_fields_of_a_newer_version_are_ignored() -> None:
    """A field that was added later does not stop an older reader."""
    assert decode_fact({"ce-type": "claim.taken.v1"}, b'{"holder":"usr_1","since":"x"}') == ClaimTaken("usr_1")


@pytest.mark.parametrize("missing", ["ce-id", "ce-tenantid", "ce-subject", "ce-time", "ce-requestid", "ce-prev"])
def test_envelope_without_one_of_its_headers_is_refused(missing: str) -> None:
    """Each header of an envelope is needed."""
    headers, _ = encode(ClaimTaken("usr_1"), ENVELOPE)
    del headers[missing]

    with pytest.raises(UnknownFactError, match=missing):
        decode_envelope(headers)


def test_claim_of_the_same_batch_is_counted_from_its_fact() -> None:
    """A claim names its sequence, or how far before the fact that holds it it was written."""
    assert ClaimHeld("userName", "h", 41).sequence(100) == 41
    assert ClaimHeld("userName", "h", -2).sequence(100) == 98

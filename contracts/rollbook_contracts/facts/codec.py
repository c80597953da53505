"""The one codec between facts and NATS messages (CloudEvents 1.0, NATS binding, binary mode); every process uses it."""

import re
from collections.abc import Mapping
from typing import Final, cast

import msgspec

from rollbook_contracts.facts.catalog import FACTS, Fact
from rollbook_contracts.facts.envelope import Envelope
from rollbook_contracts.facts.upcasters import UPCASTERS, Upcaster, upcast

SPEC_VERSION: Final = "1.0"
_TYPE_OF: Final = {fact: wire_type for wire_type, fact in FACTS.items()}
_DECODERS: Final = {wire_type: msgspec.json.Decoder(fact) for wire_type, fact in FACTS.items()}
_ENCODER: Final = msgspec.json.Encoder()
_PLAIN: Final = re.compile(r"[!#$&-~]*")
"""What CloudEvents' NATS binding puts into headers as it stands; all else it would percent-encode."""


class UnknownFactError(ValueError):
    """A stored message that is no fact this version knows: its type is newer, or it is not ours."""


def encode(fact: Fact, envelope: Envelope) -> tuple[dict[str, str], bytes]:
    """Return the ``ce-*`` headers and the JSON body of a fact.

    Raises ``ValueError`` for an envelope that holds more than plain ASCII: ids, subject tokens and times never do.
    """
    headers = {
        "ce-specversion": SPEC_VERSION,
        "ce-id": envelope.id,
        "ce-type": _TYPE_OF[type(fact)],
        "ce-source": f"/rollbook/{envelope.tenant}",
        "ce-subject": envelope.subject,
        "ce-time": envelope.time,
        "ce-tenantid": envelope.tenant,
        "ce-requestid": envelope.request_id,
        "ce-prev": str(envelope.prev),
    }
    if not _PLAIN.fullmatch("".join(headers.values())):
        raise ValueError(f"an envelope with characters that no header holds: {envelope!r}")
    return headers, _ENCODER.encode(fact)


def decode_envelope(headers: Mapping[str, str]) -> Envelope:
    """Read the envelope from a stored message's headers; raises ``UnknownFactError`` where one is missing."""
    try:
        return Envelope(
            id=headers["ce-id"],
            tenant=headers["ce-tenantid"],
            subject=headers["ce-subject"],
            time=headers["ce-time"],
            request_id=headers["ce-requestid"],
            prev=int(headers["ce-prev"]),
        )
    except (KeyError, ValueError) as error:
        raise UnknownFactError(f"a message of the log without a fact's headers: {error}") from error


def decode_fact(headers: Mapping[str, str], body: bytes, upcasters: Mapping[str, Upcaster] = UPCASTERS) -> Fact:
    """Read the fact, lifted to its newest version; raises ``UnknownFactError`` for a type or body not known here."""
    wire_type = headers.get("ce-type", "")
    try:
        if wire_type in upcasters:
            wire_type, lifted = upcast(wire_type, msgspec.json.decode(body), upcasters)
            body = _ENCODER.encode(lifted)
        return cast("Fact", _DECODERS[wire_type].decode(body))
    except KeyError as error:
        raise UnknownFactError(f"unknown fact type {error}") from error
    except msgspec.MsgspecError as error:
        raise UnknownFactError(f"a {wire_type} whose body does not fit its type: {error}") from error

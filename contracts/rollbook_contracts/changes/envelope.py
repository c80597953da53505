"""The key and the headers of a change: made by the projector's outbox, read by consumers and `rollbook tail`."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from rollbook_contracts.changes.catalog import CHANGES
from rollbook_contracts.changes.resource import ResourceChange

REPLAYED: Final = "ce-replayed"
"""Header of a change that `rollbook replay` sent again."""
_DECODERS: Final = {wire_type: msgspec.json.Decoder(change) for wire_type, change in CHANGES.items()}


class ChangeKey(NamedTuple):
    """The key of a change and of its outbox row: where in the log its cause stands, and its place among the effects."""

    epoch: int
    partition: int
    sequence: int
    ordinal: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.partition:02d}-{self.sequence}-{self.ordinal}"

    @classmethod
    def parse(cls, text: str) -> "ChangeKey":
        """Read a key back from a change's id; raises ``ValueError`` for other text."""
        epoch, partition, sequence, ordinal = text.split("-")
        return cls(int(epoch), int(partition), int(sequence), int(ordinal))


def change_headers(
    key: str, *, wire_type: str, tenant: str, resource: str, time: str, request_id: str
) -> dict[str, str]:
    """Return the CloudEvents headers of a change; ``time`` and ``request_id`` are those of the causing fact."""
    return {
        "ce-specversion": "1.0",
        "ce-id": key,
        "ce-type": wire_type,
        "ce-source": f"/rollbook/{tenant}",
        "ce-subject": resource,
        "ce-time": time,
        "ce-tenantid": tenant,
        "ce-requestid": request_id,
        "content-type": "application/json",
    }


def decode_change(headers: Mapping[str, str], body: bytes) -> ResourceChange:
    """Read a change; raises ``KeyError`` for an unknown type and ``msgspec.ValidationError`` for an unfit body."""
    return _DECODERS[headers["ce-type"]].decode(body)

"""Facts about a partition itself: its epochs and what operators decided about parked facts."""

import msgspec


class EpochStarted(msgspec.Struct, frozen=True, rename="camel"):
    """The first message of a partition (epoch 1), or the start of a new epoch after a restored or regressed log."""

    epoch: int
    partition: int
    partitions: int
    partition_function: str
    claim_key_fingerprint: str


class Correction(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change that consumers are told of in the new epoch, for what they were told before is not in the log.

    ``type`` is the wire type of the change, ``previous`` the last version that they got of the resource; of several
    corrections of a resource within one fact the first one's counts. ``people`` are members, or the manager.
    """

    type: str
    tenant: str
    id: str
    previous: str | None = None
    changed: tuple[str, ...] = ()
    people: tuple[str, ...] = ()


class EpochCorrected(msgspec.Struct, frozen=True):
    """What the changes told so far and the log at the start of an epoch differ in: each becomes a change, in order."""

    corrections: tuple[Correction, ...]


class ParkRetried(msgspec.Struct, frozen=True):
    """An operator had a parked fact, and all that queues behind it, applied again: its effects carry this sequence."""

    sequence: int


class ParkDiscarded(msgspec.Struct, frozen=True):
    """An operator gave up a parked fact; what queues behind it is applied, its effects carry this sequence."""

    sequence: int

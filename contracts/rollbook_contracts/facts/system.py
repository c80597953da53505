"""Facts about a partition itself: its epochs and what operators decided about parked facts."""

import msgspec


class EpochStarted(msgspec.Struct, frozen=True, rename="camel"):
    """The first message of a partition (epoch 1), or the start of a new epoch after a restored or regressed log."""

    epoch: int
    partition: int
    partitions: int
    partition_function: str
    claim_key_fingerprint: str


class ParkRetried(msgspec.Struct, frozen=True):
    """An operator had a parked fact, and all that queues behind it, applied again: its effects carry this sequence."""

    sequence: int


class ParkDiscarded(msgspec.Struct, frozen=True):
    """An operator gave up a parked fact; what queues behind it is applied, its effects carry this sequence."""

    sequence: int

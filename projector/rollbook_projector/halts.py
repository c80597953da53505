"""Why a partition stands still: corruption and bugs, which nobody may step over; told apart from what is parked."""

from typing import Literal, TypeAlias

from rollbook_projector.recorded import Recorded

HaltCode: TypeAlias = Literal[
    "log_regressed",
    "log_gap",
    "chain_broken",
    "park_storm",
    "changes_regressed",
    "changes_ahead",
    "changes_full",
    "unknown_fact",
    "links_broken",
]


class Halt(Exception):  # noqa: N818  # a state of the partition, not an error of a call
    """The partition must not go on; its other rows stay as they are and the reason stands in its checkpoint."""

    def __init__(self, code: HaltCode, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


def broken_chain(fact: Recorded, last: int) -> Halt:
    """Return what to raise where a fact does not follow the last one that was applied on its subject."""
    return Halt(
        "chain_broken",
        f"fact {fact.sequence} of {fact.resource} names {fact.prev} as its predecessor, "
        f"but the last one applied is {last}",
    )

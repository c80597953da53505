"""Why a partition stands still: corruption and bugs, which nobody may step over; told apart from what is parked."""

from typing import Literal, TypeAlias

HaltCode: TypeAlias = Literal[
    "log_regressed", "log_gap", "chain_broken", "park_storm", "changes_regressed", "unknown_fact"
]


class Halt(Exception):  # noqa: N818  # a state of the partition, not an error of a call
    """The partition must not go on; its other rows stay as they are and the reason stands in its checkpoint."""

    def __init__(self, code: HaltCode, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail

"""Facts that reserve a unique value for one resource and give it back."""

import msgspec


class ClaimTaken(msgspec.Struct, frozen=True):
    """The value whose hash stands in the subject belongs to ``holder``."""

    holder: str


class ClaimReleased(msgspec.Struct, frozen=True):
    """The value is free again; ``holder`` had it."""

    holder: str

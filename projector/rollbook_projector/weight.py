"""How much work facts make: a batch is as heavy as what it touches, not as its facts; for gathering and applying."""

from typing import Final

MOST: Final = 20_000
"""What one transaction may weigh, in values of members: some hundred milliseconds, for which others may wait."""
REFERENCE: Final = 4
"""What a reference weighs that is linked anew: its row, its holder's row and a change or two."""


class TooHeavyError(Exception):
    """Facts touch more than one transaction may; ``tenant`` is the one whose facts do."""

    def __init__(self, tenant: str) -> None:
        super().__init__(f"facts of {tenant} touch more than one transaction may")
        self.tenant = tenant

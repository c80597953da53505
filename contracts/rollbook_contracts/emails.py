"""Which of a person's e-mail addresses stands for the person; claimed by the gateway, tabled by the projector."""

from collections.abc import Mapping, Sequence
from typing import Any

from rollbook_contracts.folding import fold


def matching_type(email: Mapping[str, Any], count: int) -> str | None:
    """Return the folded type by which an e-mail of ``count`` is matched.

    Okta may leave the type out: an address without one that is the only or the primary one counts as the work address.
    """
    sent = email.get("type")
    if isinstance(sent, str):
        return fold(sent)
    return "work" if count == 1 or email.get("primary") is True else None


def principal_email(emails: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the work address, else the primary one, else the only one; ``None`` where none of these is there."""
    valued = [email for email in emails if email.get("value")]
    for email in valued:
        if matching_type(email, len(emails)) == "work":
            return str(email["value"])
    for email in valued:
        if email.get("primary") is True:
            return str(email["value"])
    return str(valued[0]["value"]) if len(valued) == 1 else None

"""Notes on a request: what was tolerated in it, for the provisioning log; whoever reads a part of it adds some."""

from typing import Final

Notes = list[str]
"""Sentences on what was left out, or read otherwise than it was sent, without refusing the request."""

KEPT: Final = 20
"""How many notes on one request are kept; a body of nonsense need not fill the provisioning log."""


def note(notes: Notes, sentence: str) -> None:
    if len(notes) < KEPT and sentence not in notes:
        notes.append(sentence)

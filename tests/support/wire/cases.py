"""The cases of the wire checklist, as the file has them: facts about what is sent and what must come back."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from rollbook_contracts.urns import ENTERPRISE, GROUP, ILMS, USER

FILE: Final = Path(__file__).parents[2] / "contract" / "wire-cases.json"

SECTIONS: Final = MappingProxyType(
    {
        "A": "Connection and authentication",
        "D": "Discovery",
        "M": "Matching, lists, paging",
        "C": "Create user",
        "P": "Patch user (Entra)",
        "N": "Misprints in the guide",
        "O": "Update and deactivate (Okta), delete, limits",
        "G": "Groups",
    },
)
"""The checklist's sections by the first letter of their cases."""

_URNS: Final = MappingProxyType({"ENT": ENTERPRISE, "ILMS": ILMS, "USER": USER, "GROUP": GROUP})


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the checklist; names in braces stand for what only the running case knows."""

    id: str
    sender: str
    request: str
    body: Any
    expect: str


@cache
def cases() -> tuple[Case, ...]:
    """Return every case of the checklist, in its order."""
    return tuple(
        Case(found["id"], found["sender"], found["request"], found["body"], found["expect"])
        for found in json.loads(FILE.read_text(encoding="utf-8"))
    )


def filled(value: Any, names: dict[str, str]) -> Any:
    """Return a part of a case with the names in braces replaced, in keys and texts alike."""
    if isinstance(value, str):
        for name, text in {**_URNS, **names}.items():
            value = value.replace(f"{{{name}}}", text)
        return value
    if isinstance(value, list):
        return [filled(item, names) for item in value]
    if isinstance(value, dict):
        return {filled(key, names): filled(item, names) for key, item in value.items()}
    return value

"""What can be wrong with a SCIM request, as one exception with a kind; the edge turns the kind into status and body."""

import json
from enum import StrEnum
from typing import Final

_SHOWN: Final = 80


class ErrorKind(StrEnum):
    """The scimTypes of RFC 7644, table 9, by their wire names, then the refusals that have a status but no scimType."""

    INVALID_FILTER = "invalidFilter"
    INVALID_PATH = "invalidPath"
    INVALID_SYNTAX = "invalidSyntax"
    INVALID_VALUE = "invalidValue"
    MUTABILITY = "mutability"
    NO_TARGET = "noTarget"
    TOO_MANY = "tooMany"
    UNIQUENESS = "uniqueness"
    NOT_FOUND = "notFound"
    PRECONDITION_FAILED = "preconditionFailed"
    PAYLOAD_TOO_LARGE = "payloadTooLarge"


class ScimError(Exception):
    """A request that SCIM refuses: ``kind`` for programs, ``detail`` for the person who administers the provider."""

    def __init__(self, kind: ErrorKind, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail

    def __repr__(self) -> str:
        return f"ScimError({self.kind.value}, {self.detail!r})"


def shown(value: object) -> str:
    """Return a sent value as an error message may quote it: as JSON, shortened, printable."""
    text = f'"{value}"' if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=repr)
    if len(text) > _SHOWN:
        text = f"{text[: _SHOWN - 2]}…{text[-1]}"
    return text if text.isprintable() else ascii(text)[1:-1]

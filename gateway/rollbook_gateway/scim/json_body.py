"""The text of a request body becomes a JSON object; the edge calls this once it has read a body within its limit."""

from codecs import BOM_UTF8
from typing import Final

import msgspec

from rollbook_gateway.scim.errors import ErrorKind, ScimError
from rollbook_gateway.scim.values import Document, Json

MAX_DEPTH: Final = 32
"""How many objects and arrays may stand inside one another."""


def parse(body: bytes, max_depth: int = MAX_DEPTH) -> Document:
    """Decode a body; raise ``invalidSyntax`` where it is no JSON object in UTF-8 or nests too deep.

    A byte order mark in front is passed over, which RFC 8259, section 8.1, leaves to the reader.
    Of a name that an object holds twice the last value counts, as with most readers of JSON.
    """
    try:
        document = msgspec.json.decode(body.removeprefix(BOM_UTF8))
    except UnicodeDecodeError:
        raise ScimError(ErrorKind.INVALID_SYNTAX, "the body is not UTF-8: send JSON in UTF-8") from None
    except RecursionError:
        raise _too_deep(max_depth) from None
    except msgspec.MsgspecError as error:
        raise ScimError(
            ErrorKind.INVALID_SYNTAX, f"the body is not valid JSON: {str(error).removesuffix(' - at `$[...]`')}"
        ) from None
    if not isinstance(document, dict):
        raise ScimError(ErrorKind.INVALID_SYNTAX, "the body is not a JSON object: send one in braces")
    # No text nests deeper than it has opening brackets, and most bodies have few.
    if body.count(b"{") + body.count(b"[") > max_depth and _depth(document) > max_depth:
        raise _too_deep(max_depth)
    return document


def _too_deep(max_depth: int) -> ScimError:
    return ScimError(
        ErrorKind.INVALID_SYNTAX, f"the body nests objects and arrays more than {max_depth} deep: send it flatter"
    )


def _depth(document: Json) -> int:
    depth = 0
    level = [document]
    while level:
        depth += 1
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
    return depth

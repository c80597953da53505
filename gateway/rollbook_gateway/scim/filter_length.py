"""How long a filter may be, looked at before it is parsed; called for the filter of each search."""

import re
from typing import Final

from rollbook_gateway.scim.errors import ErrorKind, ScimError, shown
from rollbook_gateway.scim.limits import FILTER_CHARACTERS, FILTER_MENDED_CHARACTERS, FILTER_SHAPE_CHARACTERS

_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\(?:.|\Z))*+("?)', re.DOTALL)
"""A quoted value, or what follows on a quote that nothing closes: each character is looked at once."""


def check_length(text: str) -> None:
    """Refuse what would take long to parse: quoted values may be long, what stands around them may not."""
    if len(text) <= FILTER_MENDED_CHARACTERS:
        return
    if len(text) > FILTER_CHARACTERS:
        raise ScimError(
            ErrorKind.INVALID_FILTER, f"the filter has {len(text)} characters: send {FILTER_CHARACTERS} at most"
        )
    outside = _QUOTED.sub(r'"\1', text)
    if outside.count('"') % 2:
        raise ScimError(ErrorKind.INVALID_FILTER, f"the filter {shown(text)} cannot be read: a quote is not closed")
    if len(outside) > FILTER_SHAPE_CHARACTERS:
        raise ScimError(
            ErrorKind.INVALID_FILTER,
            f"the filter has {len(outside)} characters outside of quoted values: send {FILTER_SHAPE_CHARACTERS} at "
            "most, such as 30 values of one attribute at a time",
        )

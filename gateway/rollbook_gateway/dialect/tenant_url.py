"""Tenant URLs with something at their end, onto which providers simply write the rest; asked for every request."""

import re
from typing import Final

_TARGET: Final = re.compile(r"(/scim/[^/?#]+/v2)([^#]*)")


def clean_target(target: str) -> str:
    """Return a request's target as it is meant: without a flag and without slashes behind the Tenant URL (A05).

    Entra's flag stands in the query, ``/v2/?aadOptscim062020``, so that what comes behind it lands there too.
    """
    match = _TARGET.fullmatch(target)
    if match is None:
        return target
    root, rest = match.groups()
    path, mark, query = rest.partition("?")
    flag, slash, behind = query.partition("/")
    if slash and not path.strip("/") and "?" not in flag:
        path, mark, query = behind.partition("?")
    path = path.strip("/")
    return f"{root}{'/' if path else ''}{path}{mark}{query}"

"""Whom a ``$ref`` names, where a reference is sent without its value; asked for managers."""

from urllib.parse import unquote, urlsplit


def last_segment(reference: str) -> str:
    """Return the id at the end of a URI, ``usr_1`` of ``../Users/usr_1``; empty where there is none."""
    try:
        path = urlsplit(reference.strip()).path
    except ValueError:  # what only looks like the address of a host
        return ""
    return unquote(path.rstrip("/").rpartition("/")[2]).strip()

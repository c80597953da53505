"""What administrators make of the field in which the token is pasted; asked for every request."""


def credentials(header: str) -> str:
    """Return what an ``Authorization`` header holds behind its scheme, empty for anything that holds no token.

    The scheme may be missing, written in any case, or doubled where the provider adds one of its own (A08).
    """
    words = header.split()
    while words and words[0].lower() == "bearer":
        del words[0]
    return words[0] if len(words) == 1 else ""

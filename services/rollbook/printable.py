"""Text of strangers made fit to be shown: by commands on a terminal, by guides on a page."""


def printable(text: str) -> str:
    r"""Return text on one line that does nothing to a terminal: names are whatever was sent.

    Controls, escape sequences, ends of lines, controls of the direction of writing and all else that is not printable
    is shown as Python writes it in a literal, such as ``\x1b`` and ``\u202e``.
    """
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)

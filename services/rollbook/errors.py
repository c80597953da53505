"""The one error that a command shows to the person who typed it."""


class CommandError(Exception):
    """Something an operator can mend: the text says what is wrong and what to do next; no traceback is shown."""

"""The one error that a command shows to the person who typed it."""


class CommandError(Exception):
    """Something an operator can mend: the text says what is wrong and what to do next; no traceback is shown.

    What is ``listed`` stands on lines of its own.
    """

    def __init__(self, text: str, *listed: str) -> None:
        self.lines = (text, *(f"  {line}" for line in listed))
        super().__init__("\n".join(self.lines))

"""Python's garbage collector, set once by long-running processes and by commands that hold much."""

import gc


def settle() -> None:
    """Take what exists after the start out of every later collection, and collect seldom.

    Requests and facts make no cycles to speak of; without this a collection walks all schemas and SQL constructs again
    and again, which showed as pauses of tens of milliseconds.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)

"""A cache for functions of texts that others send: of a fixed number of entries, and of short ones only."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Final, ParamSpec, TypeVar

LONGEST: Final = 256
"""Characters of a text that is remembered: names and dates are shorter, and 1,000 entries stay below a megabyte."""

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def remembered(most: int) -> Callable[[Callable[Arguments, Result]], Callable[Arguments, Result]]:
    """Return a decorator that remembers ``most`` results; those of a long text are computed each time."""

    def decorate(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        cached = lru_cache(maxsize=most)(function)

        @wraps(function)
        def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
            for value in args:
                if isinstance(value, str) and len(value) > LONGEST:
                    return function(*args, **kwargs)
            return cached(*args, **kwargs)  # type: ignore[arg-type]  # what is not hashable is refused there

        return call

    return decorate

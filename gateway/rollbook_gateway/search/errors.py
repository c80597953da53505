"""Why a search gives no answer at present; the edge turns each into 503 with ``Retry-After``."""


class StaleError(Exception):
    """The table does not hold yet what was accepted before the request, or cannot say that it does."""


class SearchUnavailableError(Exception):
    """PostgreSQL does not answer, or not in time."""

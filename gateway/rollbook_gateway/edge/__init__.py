"""The HTTP edge: routes, admission, errors, responses; the only place, with ``app``, where aiohttp is known."""

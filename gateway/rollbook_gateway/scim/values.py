"""The two names by which this package speaks of JSON; whatever handles a document imports them from here."""

from typing import Any, TypeAlias

Json: TypeAlias = Any
"""Whatever JSON holds: ``dict``, ``list``, ``str``, ``int``, ``float``, ``bool`` or ``None``."""

Document: TypeAlias = dict[str, Any]
"""A JSON object: a resource, a part of one, or a message."""

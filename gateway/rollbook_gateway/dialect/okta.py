"""Okta's departures on single values; the SCIM rooms call each where the RFC says otherwise."""

from typing import Any


def elements(value: Any) -> list[Any]:
    """Read a list that was sent as its only element, as an attribute mapped by ``roles.^[primary==true].value`` is.

    Okta's other departures need no code here: ``password`` and ``groups`` fall to their schema (C13, O07), so does what
    a PUT brings back of a GET (O01); an e-mail without a type is a matter of ``rollbook_contracts.emails`` (C17).
    """
    return value if type(value) is list else [value]

"""Simple values as they are sent become those that are stored; ``document`` reads all but complex ones here."""

from collections.abc import Callable, Mapping
from typing import Final

from rollbook_contracts.datetimes import instant
from rollbook_contracts.limits import excess_of_key
from rollbook_gateway.dialect import entra
from rollbook_gateway.scim.compiled import Attribute
from rollbook_gateway.scim.errors import ErrorKind, ScimError, shown
from rollbook_gateway.scim.notes import Notes, note
from rollbook_gateway.scim.values import Json


def _read_string(attribute: Attribute, value: Json, notes: Notes) -> str:
    if type(value) is int or type(value) is float:
        note(notes, f"{shown(attribute.path)} was sent as a number and read as text")
        value = entra.text_from_number(value)
    return _read_text(attribute, value, notes)


def _read_text(attribute: Attribute, value: Json, _: Notes) -> str:
    if type(value) is not str:
        raise wrong_type(attribute, value, "text")
    check_text(attribute, value)
    return value


def check_text(attribute: Attribute, text: str) -> None:
    """Raise where text cannot be stored: U+0000, half of a surrogate pair, or too long."""
    if "\0" in text:
        raise ScimError(
            ErrorKind.INVALID_VALUE,
            f'attribute "{attribute.path}" holds the character U+0000 in {shown(text)}, which cannot be stored: '
            "send it without",
        )
    if len(text) > attribute.max_length:
        raise ScimError(
            ErrorKind.INVALID_VALUE,
            f'attribute "{attribute.path}" has {len(text)} characters in {shown(text)}: '
            f"send {attribute.max_length} at most",
        )
    if not text.isascii():
        _check_wide_text(attribute, text)


def check_key(path: str, text: str) -> None:
    """Raise where text is too long for an index."""
    if (excess := excess_of_key(text)) is not None:
        raise ScimError(ErrorKind.INVALID_VALUE, f'attribute "{path}" with {shown(text)} {excess}')


def _check_wide_text(attribute: Attribute, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ScimError(
            ErrorKind.INVALID_VALUE,
            f'attribute "{attribute.path}" holds half of a surrogate pair in {shown(text)}, which is no character: '
            "send well-formed Unicode",
        ) from None
    if attribute.key:
        check_key(attribute.path, text)


def _read_boolean(attribute: Attribute, value: Json, notes: Notes) -> bool:
    if type(value) is bool:
        return value
    if type(value) is str:
        boolean = entra.boolean_from_text(value)
        if boolean is not None:
            note(notes, f"{shown(attribute.path)} was sent as text and read as a boolean")
            return boolean
    raise wrong_type(attribute, value, "a boolean (true or false)")


def _read_datetime(attribute: Attribute, value: Json, notes: Notes) -> str:
    text = _read_text(attribute, value, notes)
    if instant(text) is None:
        raise wrong_type(attribute, value, "a date or a date with a time (such as 2024-01-15T00:00:00Z)")
    return text


def _read_integer(attribute: Attribute, value: Json, _: Notes) -> int:
    if type(value) is int:
        return value
    raise wrong_type(attribute, value, "a whole number")


def _read_decimal(attribute: Attribute, value: Json, _: Notes) -> float:
    if type(value) is int or type(value) is float:
        return value
    raise wrong_type(attribute, value, "a number")


def wrong_type(attribute: Attribute, value: Json, wanted: str) -> ScimError:
    """Name the attribute, the value and the type that it should have."""
    return ScimError(ErrorKind.INVALID_VALUE, f'attribute "{attribute.path}" holds {shown(value)}: send {wanted}')


SIMPLE_READERS: Final[Mapping[str, Callable[[Attribute, Json, Notes], Json]]] = {
    "string": _read_string,
    "reference": _read_text,
    "binary": _read_text,
    "boolean": _read_boolean,
    "dateTime": _read_datetime,
    "integer": _read_integer,
    "decimal": _read_decimal,
}

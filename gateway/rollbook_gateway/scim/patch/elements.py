"""The elements of a multi-valued attribute: those that a PATCH path chooses, made where there is none, one primary."""

from rollbook_gateway.dialect.absence import is_absent, is_hollow
from rollbook_gateway.scim.compiled import Attribute
from rollbook_gateway.scim.document import emptied_parts, read
from rollbook_gateway.scim.errors import ErrorKind, ScimError
from rollbook_gateway.scim.evaluation import selected
from rollbook_gateway.scim.notes import Notes
from rollbook_gateway.scim.patch.parts import with_part, with_parts
from rollbook_gateway.scim.patch.paths import PatchPath
from rollbook_gateway.scim.values import Document, Json


def written(path: PatchPath, old: list[Document], sent: Json, notes: Notes) -> list[Document]:
    """Return the elements after an ``add`` or ``replace`` on a path into them.

    Where the path's condition matches none, Entra expects the element that it describes to be made (P10, P11); any
    other condition that matches none is ``noTarget`` (RFC 7644, 3.5.2.3).
    """
    chosen = _chosen(path, old)
    if any(chosen) or (not old and path.condition is None and not is_absent(sent)):
        new = [
            _revised(path, element, sent, notes) if is_chosen else element
            for element, is_chosen in zip(old, chosen, strict=True)
        ] or [_revised(path, {}, sent, notes)]
    elif is_absent(sent) or path.condition is None:
        return old
    else:
        new = [*old, _made(path, old, sent, notes)]
    return one_primary(path.attribute, old, [element for element in new if element])


def _made(path: PatchPath, old: list[Document], sent: Json, notes: Notes) -> Document:
    if path.described is not None:
        element = _revised(path, {**path.described}, sent, notes)
        if not element or _chosen(path, [*old, element])[-1]:
            return element
    raise ScimError(
        ErrorKind.NO_TARGET,
        f'no value of "{path.attribute.path}" meets the condition in the path, and none is made from it: choose by '
        "type eq or primary eq true alone, or add the value without a condition",
    )


def dropped(path: PatchPath, old: list[Document], notes: Notes) -> list[Document]:
    """Return the elements after a ``remove`` on a path into them; choosing none removes none."""
    chosen = _chosen(path, old)
    part = path.sub_attribute
    new = [
        _without(path.attribute, element, part, notes) if is_chosen and part else element
        for element, is_chosen in zip(old, chosen, strict=True)
        if part or not is_chosen
    ]
    return [element for element in new if element]


def one_primary(attribute: Attribute, old: list[Document], new: list[Document]) -> list[Document]:
    """Return new elements of which the one that has become primary is the only one (RFC 7644, 3.5.2).

    The elements that were there before stand in front, in their order.
    """
    marked = [
        position
        for position, element in enumerate(new)
        if element.get("primary") is True and (position >= len(old) or old[position].get("primary") is not True)
    ]
    if not marked:
        return new
    if len(marked) > 1:
        raise ScimError(
            ErrorKind.INVALID_VALUE,
            f'attribute "{attribute.path}" would have {len(marked)} primary values: mark one of them',
        )
    return [
        {**element, "primary": False} if element.get("primary") is True and position != marked[0] else element
        for position, element in enumerate(new)
    ]


def _chosen(path: PatchPath, elements: list[Document]) -> list[bool]:
    if path.condition is None:
        return [True] * len(elements)
    return selected(path.condition, path.attribute, elements)


def _without(attribute: Attribute, element: Document, part: Attribute, notes: Notes) -> Document:
    left = with_part(attribute, element, part, None, notes)
    return {} if is_hollow(left, element.keys() - left.keys()) else left


def _revised(path: PatchPath, element: Document, sent: Json, notes: Notes) -> Document:
    """Return an element with what was sent in it; empty where that leaves none."""
    if path.sub_attribute is not None:
        sent = {path.sub_attribute.name: sent}
    if isinstance(sent, dict):
        new = with_parts(path.attribute, element, sent, notes)
        return {} if is_hollow(new, emptied_parts(path.attribute, sent)) else new
    read_elements = read(path.attribute, sent, notes) or [{}]
    if len(read_elements) > 1:
        raise ScimError(
            ErrorKind.INVALID_VALUE,
            f'{len(read_elements)} values for each element of "{path.attribute.path}" that the path chooses: send one',
        )
    return {**element, **read_elements[0]}

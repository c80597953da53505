"""Which element of a list a sent one means; called by the verbs ``add`` and ``remove``.

Lists may be long and are sent by clients: both look elements up and compare none of them with all others.
"""

from collections.abc import Iterable
from typing import TypeAlias

from rollbook_gateway.scim.compiled import Attribute
from rollbook_gateway.scim.evaluation import compared
from rollbook_gateway.scim.matching import matching_elements
from rollbook_gateway.scim.values import Document, Json

_Parts: TypeAlias = tuple[Json, ...]


def without(attribute: Attribute, elements: Iterable[Document], listed: Iterable[Document]) -> list[Document]:
    """Return the elements that have not all the parts of a listed one, compared as filters compare them."""
    wanted: dict[tuple[str, ...], set[_Parts]] = {}
    for each in listed:
        names = tuple(sorted(each))
        wanted.setdefault(names, set()).add(_parts(attribute, each, names))
    return [
        element
        for element in elements
        if not any(_parts(attribute, element, names) in parts for names, parts in wanted.items())
    ]


class Elements:
    """The elements of a list to which others are added.

    Value and type tell elements apart (RFC 7643, 2.4); one that has no type, or was sent without, is told by its value
    alone. Elements without a value, such as addresses, are told by their parts: nothing that is sent may be new.
    """

    def __init__(self, attribute: Attribute, elements: list[Document]) -> None:
        self._attribute = attribute
        self.all = list(elements)
        self._by_value: dict[Json, int] = {}
        self._by_value_and_type: dict[_Parts, int] = {}
        self._by_part: dict[tuple[str, Json], list[int]] = {}
        for place, seen in enumerate(matching_elements(attribute.name, elements)):
            self._index(place, seen)

    def add(self, sent: Document) -> Document | None:
        """Add an element; where it is there already, give that one what is new and return it as it was."""
        place = self._place_of(sent)
        if place is None:
            self.all.append(sent)
            self._index(len(self.all) - 1, sent)
            return None
        before = self.all[place]
        new = {
            name: value
            for name, value in sent.items()
            if _parts(self._attribute, sent, (name,)) != _parts(self._attribute, before, (name,))
        }
        if new:
            self.all[place] = {**before, **new}
            if "type" in new:
                self._by_value_and_type.pop((*self._value(before), None), None)
            self._index(place, self.all[place])
        return before

    def _place_of(self, sent: Document) -> int | None:
        value = self._value(sent)
        if not value:
            names = tuple(sent)
            wanted = _parts(self._attribute, sent, names)
            few = min((self._by_part.get(part, []) for part in zip(names, wanted, strict=True)), key=len)
            return next((at for at in few if _parts(self._attribute, self.all[at], names) == wanted), None)
        kind = _parts(self._attribute, sent, ("type",))
        for pair in ((*value, *kind), (*value, None)):
            if pair in self._by_value_and_type:
                return self._by_value_and_type[pair]
        return self._by_value.get(value) if "type" not in sent else None

    def _index(self, place: int, element: Document) -> None:
        if value := self._value(element):
            self._by_value.setdefault(value, place)
            self._by_value_and_type.setdefault((*value, *_parts(self._attribute, element, ("type",))), place)
            return
        names = tuple(element)
        for part in zip(names, _parts(self._attribute, element, names), strict=True):
            self._by_part.setdefault(part, []).append(place)

    def _value(self, element: Document) -> _Parts:
        return _parts(self._attribute, element, ("value",)) if "value" in element else ()


def _parts(attribute: Attribute, element: Document, names: tuple[str, ...]) -> _Parts:
    found = []
    for name in names:
        part, value = attribute.sub_attributes.get(name), element.get(name)
        found.append((part.assumed if part else None) if value is None or part is None else compared(part, value))
    return tuple(found)

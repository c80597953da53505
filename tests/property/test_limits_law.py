"""The limits on values: what the gateway accepts is what the projector can store, whatever the text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollbook_contracts.folding import fold
from rollbook_contracts.limits import KEY_BYTES, KEY_CHARACTERS, LONGEST_FOLD, excess_of_key
from rollbook_contracts.tables import lms
from rollbook_gateway.scim.compiled import Attribute, Target, group_schema, user_schema
from rollbook_gateway.scim.document import canonicalise
from rollbook_gateway.scim.errors import ScimError
from rollbook_projector.projections.storable import Storable
from support.longest import ALPHABETS, longest_key, one_byte_more

_REFERENCES = Storable(lms.sent_references)
_KEYS = st.builds(
    lambda character, length, tail: character * length + tail,
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    st.integers(1, KEY_CHARACTERS + 2),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=3),
)


def _can_be_stored(key: str) -> bool:
    """Whether the table with the longest index entries takes a key, as it was sent and folded."""
    try:
        _REFERENCES.check(("ten_a", "manager", "usr_a", key, fold(key), 0, None, False, "2026"))
    except ValueError:
        return False
    return True


def _is_accepted(key: str) -> bool:
    try:
        canonicalise({"userName": key}, user_schema())
    except ScimError:
        return False
    return True


@given(_KEYS)
def test_a_key_is_accepted_if_the_tables_can_hold_it(key: str) -> None:
    """Nothing that is accepted is parked later, and nothing that is short enough and can be stored is refused."""
    blank = not key.strip()
    assert _is_accepted(key) == (not blank and len(key) <= KEY_CHARACTERS and _can_be_stored(key))


@pytest.mark.parametrize("character", ALPHABETS.values(), ids=ALPHABETS)
def test_the_longest_key_fits_and_one_byte_more_does_not(character: str) -> None:
    """The limit is exact, for text that grows when it is folded too."""
    key = longest_key(character)
    assert _is_accepted(key)
    assert _can_be_stored(key)
    assert not _is_accepted(one_byte_more(key))


def test_no_character_folds_to_more_bytes_than_is_reckoned_with() -> None:
    """Short keys are not folded to be counted: that rests on this."""
    characters = (chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000)
    assert max(len(fold(character).encode()) for character in characters) == LONGEST_FOLD
    assert excess_of_key("ﷺ" * (KEY_BYTES // LONGEST_FOLD)) is None


def _texts() -> list[tuple[str, Attribute]]:
    found = {}
    for schema in (user_schema(), group_schema()):
        for target in schema.table.values():
            if isinstance(target, Target) and target.leaf.stored and target.leaf.type in ("string", "reference"):
                found[schema.name, target.path] = target.leaf
    return [(name, attribute) for (name, _), attribute in sorted(found.items())]


def test_every_indexed_text_is_a_key() -> None:
    """Each indexed text that comes from a client is named as a key, so that its bytes are limited."""
    keys = {f"{name} {attribute.path}" for name, attribute in _texts() if attribute.key}
    assert {key.rpartition(":")[2] for key in keys} == {
        "User userName",
        "User displayName",
        "User externalId",
        "employeeNumber",
        "manager.value",
        "manager.id",
        "manager.displayName",
        "manager.email",
        "Group displayName",
        "Group externalId",
        "Group members.value",
    }

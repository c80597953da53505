"""The library as the oracle of filters: clean people are found by the same filters through its models and by ours."""

from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st
from scim2_models import ScimFilter

from rollbook_contracts.urns import ENTERPRISE
from rollbook_gateway.scim.compiled import user_schema
from rollbook_gateway.scim.errors import ErrorKind, ScimError
from rollbook_gateway.scim.evaluation import evaluate
from rollbook_gateway.scim.filters import parse_filter
from rollbook_gateway.scim.schemas import user_model
from rollbook_gateway.scim.values import Document
from support.drawn_people import ADDRESSES, PEOPLE, TYPES, WORDS

FILTER_OF: Any = ScimFilter  # its parameter is a class made at run time, which annotations cannot name

TEXT_ATTRIBUTES = [
    "userName",
    "externalId",
    "title",
    "name.givenName",
    "emails.type",
    "phoneNumbers",
    f"{ENTERPRISE}:department",
    f"{ENTERPRISE}:manager.value",
]


def comparison(attribute: str, words: st.SearchStrategy[str], operators: list[str]) -> st.SearchStrategy[str]:
    in_any_case = st.one_of(words, words.map(str.upper))
    return st.builds(lambda operator, word: f'{attribute} {operator} "{word}"', st.sampled_from(operators), in_any_case)


SUBSTRING = ["co", "sw", "ew"]
ANY = ["eq", "ne", "gt", "ge", "lt", "le", *SUBSTRING]

TEXTS = st.sampled_from(TEXT_ATTRIBUTES).flatmap(lambda attribute: comparison(attribute, WORDS, ANY))
FLAGS = st.builds("active {} {}".format, st.sampled_from(["eq", "ne"]), st.sampled_from(["true", "false"]))
PRESENCE = st.builds("{} pr".format, st.sampled_from(["title", "emails", "emails.display", "name", "nickName"]))
NULLS = st.builds("{} {} null".format, st.sampled_from(["title", "name.familyName"]), st.sampled_from(["eq", "ne"]))


def joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("not ({})".format, inner),
        st.builds("({}) {} ({})".format, inner, st.sampled_from(["and", "or"]), inner),
        st.builds("{} {} {}".format, inner, st.sampled_from(["and", "or"]), inner),
    )


INSIDE = st.recursive(
    st.one_of(
        comparison("type", TYPES, ANY),
        comparison("value", ADDRESSES, ["eq", "ne", "gt", "le"]),
        comparison("value", WORDS, SUBSTRING),
        st.just("primary eq true"),
        st.just("primary pr"),
    ),
    joined,
    max_leaves=3,
)
FILTERS = st.recursive(
    st.one_of(TEXTS, FLAGS, PRESENCE, NULLS, st.builds("emails[{}]".format, INSIDE)), joined, max_leaves=4
)


@given(st.lists(PEOPLE.map(lambda person: {"active": True, **person}), min_size=3, max_size=3), FILTERS)
def test_filter_finds_whom_the_library_finds(people: list[Document], text: str) -> None:
    """A filter holds for a person in ours exactly where it holds in the library's."""
    theirs = FILTER_OF[user_model()](text)
    ours = parse_filter(text, user_schema())
    for person in people:
        expected = theirs.match(user_model().model_validate({"schemas": [user_schema().urn], **person}))
        event(str(expected))

        assert evaluate(ours, person) == expected


@given(st.one_of(st.text(max_size=30), st.builds("{}{}{}".format, FILTERS, st.text(max_size=3), FILTERS)))
def test_any_text_is_a_filter_or_refused_as_one(text: str) -> None:
    """No text makes the parser fail in another way than ``invalidFilter``, in words that can be shown."""
    refusal = refused(text)

    assert refusal is None or (refusal.kind is ErrorKind.INVALID_FILTER and refusal.detail.isprintable())


def refused(text: str) -> ScimError | None:
    try:
        parse_filter(text, user_schema())
    except ScimError as refusal:
        return refusal
    return None

"""The query of a list: which names are read, and what is noted of the others."""

import pytest

from rollbook_gateway.requests.search_request import Query, from_parameters, from_search_request

WANTED = Query(filter="x", count="2", start_index="3", attributes="userName", excluded_attributes="emails")


@pytest.mark.parametrize(
    "names",
    [
        ("filter", "count", "startIndex", "attributes", "excludedAttributes"),
        ("Filter", "COUNT", "startindex", "Attributes", "EXCLUDEDATTRIBUTES"),
    ],
)
def test_names_are_read_in_any_case(names: tuple[str, ...]) -> None:
    """As names of attributes are, in the query of a GET and in a SearchRequest; nothing is noted."""
    notes: list[str] = []
    values = ("x", "2", "3", "userName", "emails")
    assert from_parameters(dict(zip(names, values, strict=True)), notes) == WANTED
    sent = dict(zip(names, ("x", 2, 3, ["userName"], ["emails"]), strict=True))
    assert from_search_request({"schemas": ["urn"], **sent}, notes) == WANTED
    assert notes == []


@pytest.mark.parametrize("name", ["$filter", " filter", "Filter ", "start_index", "excluded-attributes"])
def test_signs_between_the_letters_are_noted(name: str) -> None:
    """A name with other signs is read as the one that has its letters, with a note: nobody is shown everybody."""
    notes: list[str] = []
    assert from_parameters({name: "7"}, notes) != Query()
    assert len(notes) == 1
    assert f'parameter "{name}" was read as' in notes[0]


def test_the_right_name_wins() -> None:
    """Whatever comes first."""
    assert from_parameters({"$filter": "a", "Filter": "b", "filter": "c"}, []).filter == "c"
    assert from_search_request({"FILTER": "a", "filter": "c"}, []).filter == "c"


def test_unknown_names_are_noted() -> None:
    """They are ignored, as what no schema has is; sorting and Entra's flag are known, and nothing is said of them."""
    notes: list[str] = []
    assert from_parameters({"fliter": "a", "sortBy": "id", "aadOptscim062020": ""}, notes) == Query()
    assert from_search_request({"where": "a", "sortOrder": "descending"}, notes) == Query()
    assert notes == ['unknown parameter "fliter" was ignored', 'unknown attribute "where" was ignored']

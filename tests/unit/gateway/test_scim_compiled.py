"""The compiled attribute table: every spelling of a path leads to its attribute."""

import pytest

from rollbook_contracts.search_document import CASE_EXACT, IN_COLUMNS
from rollbook_contracts.urns import ENTERPRISE, ILMS, USER
from rollbook_gateway.scim.compiled import Extension, Target, user_schema


@pytest.mark.parametrize(
    ("spelling", "path"),
    [
        ("userName", "userName"),
        ("USERNAME", "userName"),
        ("name.givenname", "name.givenName"),
        (f"{USER}:userName", "userName"),
        (f"{USER.upper()}:emails.value", "emails.value"),
        (f"{ENTERPRISE}:employeeNumber", f"{ENTERPRISE}:employeeNumber"),
        (f"{ENTERPRISE}:manager.$ref", f"{ENTERPRISE}:manager.$ref"),
        (f"{ILMS}:MANAGER.displayName", f"{ILMS}:manager.displayName"),
        ("meta.lastModified", "meta.lastModified"),
    ],
)
def test_any_spelling_of_a_path_resolves(spelling: str, path: str) -> None:
    """Attributes and sub-attributes are found in any case, with and without their URN."""
    target = user_schema().resolve(spelling)

    assert isinstance(target, Target)
    assert target.path == path


def test_extension_urn_resolves_to_the_extension() -> None:
    """A bare URN means the extension itself, in any case."""
    extension = user_schema().resolve(ILMS.upper())

    assert isinstance(extension, Extension)
    assert extension.urn == ILMS


@pytest.mark.parametrize("path", ["department", "emails.foo", f"{ILMS}:userName", "", "urn:x:y"])
def test_path_without_meaning_resolves_to_nothing(path: str) -> None:
    """What the schemas do not declare at that place is unknown."""
    assert user_schema().resolve(path) is None


def test_characteristics_come_from_the_schema() -> None:
    """Case, mutability and type are those of RFC 7643."""
    schema = user_schema()
    leaves = {
        path: target.leaf
        for path in ("userName", "externalId", "id", "password", "groups", "active", "emails.value", "photos.value")
        if isinstance(target := schema.resolve(path), Target)
    }

    assert {path for path, leaf in leaves.items() if leaf.case_exact} == {
        "externalId",
        "id",
        "password",
        "photos.value",
    }
    assert {path for path, leaf in leaves.items() if not leaf.stored} == {"id", "password", "groups"}
    assert leaves["active"].type == "boolean"


def test_search_document_folds_what_the_schema_compares_without_case() -> None:
    """The projector's table of exact attributes is that of the schemas; the two are kept in different packages."""
    schema = user_schema()
    exact: dict[str, object] = {}
    for attribute in schema.attributes:
        if not attribute.stored or attribute.name in IN_COLUMNS:
            continue
        inner = {sub.name: True for sub in set(attribute.sub_attributes.values()) if sub.case_exact}
        value = inner or (True if attribute.case_exact else None)
        if value and attribute.extension:
            exact[attribute.schema] = {attribute.name: value}
        elif value:
            exact[attribute.name] = value

    assert exact == dict(CASE_EXACT)

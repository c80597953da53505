"""Filters: what the text of a query becomes, and what is refused."""

import pytest

from rollbook_contracts.urns import ENTERPRISE, ILMS
from rollbook_gateway.scim.compiled import user_schema
from rollbook_gateway.scim.errors import ErrorKind, ScimError
from rollbook_gateway.scim.filters import And, Comparison, Filter, Not, Or, Present, ValueFilter, parse_filter


def outline(condition: Filter) -> str:
    """Write a filter out with its resolved attributes, every group in parentheses."""
    match condition:
        case Comparison():
            return f"{condition.target.path} {condition.operator} {condition.value!r}"
        case Present():
            return f"{condition.target.path} pr"
        case Not():
            return f"not ({outline(condition.term)})"
        case And():
            return "(" + " and ".join(map(outline, condition.terms)) + ")"
        case Or():
            return "(" + " or ".join(map(outline, condition.terms)) + ")"
        case ValueFilter():
            return f"{condition.target.path}[{outline(condition.condition)}]"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('userName eq "Ada"', "userName eq 'ada'"),
        ('USERNAME Eq "Ada"', "userName eq 'ada'"),
        ('externalId eq "Ada"', "externalId eq 'Ada'"),
        ('  userName   eq   "a"  ', "userName eq 'a'"),
        ('userName eq "a\\"b\\u0041 and x"', "userName eq 'a\"ba and x'"),
        ('userName eq "\ufb03"', "userName eq 'ffi'"),
        ("active eq true", "active eq True"),
        ('active eq "False"', "active eq False"),
        ("title eq null", "not (title pr)"),
        ("title ne null", "title pr"),
        ('emails co "X"', "emails.value co 'x'"),
        ('manager eq "U"', f"{ENTERPRISE}:manager.value eq 'U'"),
        (f'{ENTERPRISE}:employeeNumber eq "7"', f"{ENTERPRISE}:employeeNumber eq '7'"),
        (f'{ILMS}:hireDate gt "1/15/2024 12:00:00 AM"', f"{ILMS}:hireDate gt '2024-01-15T00:00:00.000000Z'"),
        ('meta.created ge "2024-01-15T02:00:00+02:00"', "meta.created ge '2024-01-15T00:00:00.000000Z'"),
        ('title pr and not (name pr) or id eq "a"', "((title pr and not (name pr)) or id eq 'a')"),
        ("title pr and (name pr or id pr)", "(title pr and (name pr or id pr))"),
        ('emails[type eq "Work"]', "emails[emails.type eq 'work']"),
        ('emails[type eq "work"].value sw "A"', "emails[(emails.type eq 'work' and emails.value sw 'a')]"),
        ('roles[primary eq "True" or not (value pr)]', "roles[(roles.primary eq True or not (roles.value pr))]"),
    ],
)
def test_text_becomes_a_resolved_tree(text: str, wanted: str) -> None:
    """Attributes are resolved, values typed and folded by the schema's rules, precedence kept."""
    assert outline(parse_filter(text, user_schema())) == wanted


def test_filters_of_one_shape_keep_their_own_values() -> None:
    """Parses are shared between filters that differ in their values alone; the values are not."""
    parsed = [outline(parse_filter(f'id eq "{value}" or id eq "x{value}"', user_schema())) for value in ("0", "1", "7")]

    assert parsed == [f"(id eq '{value}' or id eq 'x{value}')" for value in ("0", "1", "7")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["column"]),
        ("garbage(", ["column 8"]),
        ('userName eq "a', ["column 13"]),
        ('userName eq "\\q"', ["backslashes"]),
        ('userName eq "a" nonsense', ["column 17"]),
        ('shoeSize eq "43"', ['"shoeSize"', "column 1"]),
        ('title pr and shoeSize eq "43"', ['"shoeSize"', "column 14"]),
        ('department eq "x"', ['"department"', f"{ENTERPRISE}:department"]),
        ('name.nick eq "x"', ['"name.nick"']),
        ('emails[shoe eq "x"]', ['"shoe"']),
        ('name[givenName eq "x"]', ['"name"', "brackets"]),
        ('name eq "x"', ['"name"', "complex"]),
        ("active gt true", ['"active"', "boolean", "gt"]),
        ('active co "tr"', ['"active"', "co"]),
        ('active eq "perhaps"', ['"active"', '"perhaps"']),
        ("userName eq 'q@x.test'", ["'q@x.test'", "double quotes"]),
        ("userName eq \u201cq@x.test\u201d", ["\u201cq@x.test\u201d", "double quotes"]),
        ("active eq 'true'", ["'true'", "double quotes"]),
        ("emails[type eq `work`]", ["`work`", "double quotes"]),
        ("userName eq 'a b'", ["'a", "double quotes"]),
        ('meta.created eq "soon"', ['"meta.created"', '"soon"', "date"]),
        ('meta.created sw "2024"', ['"meta.created"', "sw"]),
        ('x509Certificates gt "a"', ['"x509Certificates.value"', "gt"]),
        ("title gt null", ['"title', "null"]),
        ('password eq "secret"', ['"password"']),
        ('userName eq "\\u0000"', ["U+0000"]),
        ('userName eq "\\ud800"', ["surrogate"]),
        ("not (" * 40 + "title pr" + ")" * 40, ["32"]),
    ],
)
def test_filter_without_meaning_is_refused(text: str, words: list[str]) -> None:
    """Syntax errors, unknown attributes and comparisons of the wrong kind are ``invalidFilter``, each named."""
    with pytest.raises(ScimError) as refusal:
        parse_filter(text, user_schema())

    assert refusal.value.kind is ErrorKind.INVALID_FILTER
    assert [word for word in words if word not in refusal.value.detail] == []

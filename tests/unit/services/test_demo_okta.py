"""Okta's requests, compared with the recorded ones."""

from rollbook.demo.directory import Organization, people
from rollbook.demo.okta import create_body, manager_text, merged, profile
from rollbook_contracts.urns import ENTERPRISE, ILMS, USER

STAFF = people(Organization("okta.acme.example", seed=7, employee_prefix="7"), 5)


def test_creation_sends_no_groups_and_a_password_and_no_meta() -> None:
    """As the wizard's application was recorded."""
    body = create_body(STAFF[1], STAFF)
    assert body["schemas"] == [USER, ENTERPRISE]
    assert body["groups"] == []
    assert body["password"]
    assert body["externalId"].startswith("00u")
    assert len(body["externalId"]) == 20
    assert "meta" not in body


def test_both_manager_attributes_hold_one_text() -> None:
    """The guide maps them from one string: a name or an address."""
    assert manager_text(STAFF[1]) == STAFF[1].email
    name = STAFF[0].display_name
    assert profile(STAFF[1], STAFF)[ILMS]["manager"] == {"displayName": name, "email": name}
    assert "manager" not in profile(STAFF[0], STAFF)[ILMS]


def test_an_update_sends_back_what_get_answered_with_the_profile_over_it() -> None:
    """What the server shows comes back, also what Okta does not know."""
    present = {"id": "1", "meta": {"location": "x"}, "name": {"givenName": "A", "formatted": "A B"}, "emails": [{}]}
    over = {"name": {"givenName": "C"}, "emails": [{"value": "n"}]}
    assert merged(present, over) == {
        "id": "1",
        "meta": {"location": "x"},
        "name": {"givenName": "C", "formatted": "A B"},
        "emails": [{"value": "n"}],
    }

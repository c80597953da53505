"""The played providers' requests on groups, compared with the recorded and documented ones."""

from rollbook.demo.directory import Organization, people
from rollbook.demo.entra_groups import add_body, chunks, create_body, head_body, remove_body
from rollbook.demo.okta_groups import push_body
from rollbook.demo.teams import Team
from rollbook_contracts.urns import GROUP

TEAM = Team(3, "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159", "Learners", frozenset({0, 1}))
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


def test_entra_makes_a_group_without_members() -> None:
    """As recorded, with a schema of Microsoft's own."""
    assert create_body(TEAM) == {
        "schemas": [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
        "externalId": "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159",
        "displayName": "Learners",
        "members": [],
        "meta": {"resourceType": "Group"},
    }


def test_entras_default_form_names_members_in_the_value() -> None:
    """Also of a removal, which then removes those alone."""
    value = [{"$ref": None, "value": "u1"}, {"$ref": None, "value": "u2"}]
    assert add_body(["u1", "u2"], "default") == {
        "schemas": [PATCH_OP],
        "Operations": [{"op": "Add", "path": "members", "value": value}],
    }
    assert remove_body(["u1", "u2"], "default")["Operations"] == [{"op": "Remove", "path": "members", "value": value}]


def test_the_flags_form_names_removed_members_in_the_path() -> None:
    """One operation for each."""
    assert remove_body(["u1", "u2"], "flag")["Operations"] == [
        {"op": "remove", "path": 'members[value eq "u1"]'},
        {"op": "remove", "path": 'members[value eq "u2"]'},
    ]
    assert add_body(["u1"], "flag")["Operations"] == [{"op": "add", "path": "members", "value": [{"value": "u1"}]}]


def test_a_renamed_group_is_patched_as_people_are() -> None:
    """With a path for each attribute, or gathered by the flag."""
    changed = {"displayName": "New", "externalId": "x"}
    assert head_body(changed, "flag")["Operations"] == [{"op": "replace", "value": changed}]
    assert head_body({"displayName": "New"}, "default")["Operations"] == [
        {"op": "Replace", "path": "displayName", "value": "New"}
    ]


def test_members_are_sent_in_chunks() -> None:
    """In the order of their numbers."""
    assert [len(chunk) for chunk in chunks(range(50))] == [20, 20, 10]
    assert chunks([]) == []


def test_okta_pushes_the_whole_list_with_user_names_beside_the_ids() -> None:
    """As recorded of group push."""
    staff = people(Organization("okta.acme.example", seed=7, employee_prefix="7"), 2)
    assert push_body(TEAM, [("usr_0", staff[0]), ("usr_1", staff[1])]) == {
        "schemas": [GROUP],
        "displayName": "Learners",
        "members": [
            {"value": "usr_0", "display": staff[0].user_name},
            {"value": "usr_1", "display": staff[1].user_name},
        ],
    }

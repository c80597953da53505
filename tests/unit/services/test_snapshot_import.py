"""Imports tried against a gateway in memory: what is compared, what is sent, what is left alone."""

import itertools
from typing import Any

import pytest

from rollbook.errors import CommandError
from rollbook.snapshot.applying import Gateway
from rollbook.snapshot.comparison import Comparison, Wish, compare
from rollbook.snapshot.importing import Import, Imported
from rollbook.snapshot.lines import Place, Snapshot
from rollbook.snapshot.reading import gathered
from rollbook.snapshot.records import Record
from rollbook.snapshot.spreadsheet import layout
from rollbook.snapshot.telling import told
from rollbook_contracts.settings import TenantSettings
from rollbook_contracts.urns import ENTERPRISE, ILMS
from support.played_gateway import PlayedGateway


def snapshot(*bodies: dict[str, Any]) -> Snapshot:
    return gathered(Record(Place("s.jsonl", number), body) for number, body in enumerate(bodies, start=1))


def user(name: str, /, **attributes: Any) -> dict[str, Any]:
    return {"type": "user", "userName": name, **attributes}


def group(name: str, /, **attributes: Any) -> dict[str, Any]:
    return {"type": "group", "displayName": name, **attributes}


def member(group_name: str, value: str) -> dict[str, Any]:
    return {"type": "membership", "group": group_name, "member": value}


def manager(user_name: str, value: str | None) -> dict[str, Any]:
    return {"type": "manager", "user": user_name, "manager": value}


def spreadsheet(titles: str, *rows: str) -> Snapshot:
    columns = layout(titles.split(","))
    return gathered(
        Record(Place("s.csv", number), columns.object(row.split(",")), lists_in_part=True)
        for number, row in enumerate(rows, start=2)
    )


async def run(gateway: PlayedGateway, *bodies: dict[str, Any], wish: Wish | None = None) -> Imported:
    importing = Import(snapshot(*bodies), wish or Wish(), gateway.tables)
    sending: Gateway = gateway
    return await importing.run(sending, lambda _done, _total: None, await importing.compared())


async def compared(gateway: PlayedGateway, *bodies: dict[str, Any], wish: Wish | None = None) -> Comparison:
    return compare(snapshot(*bodies), await gateway.tables(), wish or Wish())


def problems(comparison: Comparison) -> list[str]:
    return [str(problem) for problem in comparison.problems]


DIRECTORY = (
    member("Learners", "ada@x"),
    manager("ada", "Bob B"),
    user("ada", externalId="1", emails=[{"value": "ada@x", "type": "work", "primary": True}]),
    group("Learners", externalId="g1"),
    member("g1", "2"),
    user("bob", externalId="2", displayName="Bob B"),
    member("Learners", "zoe@x"),
    manager("bob", "nobody yet"),
)


async def test_a_whole_directory_is_made_and_a_second_run_has_nothing_to_do() -> None:
    """In any order; members and managers by any value, as ids where the person is known."""
    gateway = PlayedGateway()
    imported = await run(gateway, *DIRECTORY)
    assert imported.complete
    assert gateway.members() == {"Learners": {"ada", "bob", "zoe@x"}}
    by_name = {document["userName"]: (key, document) for key, document in gateway.users.items()}
    assert by_name["ada"][1][ENTERPRISE]["manager"] == {"value": by_name["bob"][0]}
    assert by_name["bob"][1][ENTERPRISE]["manager"] == {"value": "nobody yet"}
    assert by_name["ada"][1][ILMS] == {"region": "EMEA"}
    again = await compared(gateway, *DIRECTORY)
    assert again.steps == ()
    assert again.waiting == 2


async def test_blanks_around_a_name_make_no_other_person() -> None:
    """A line whose userName has a blank more, or less, is about the person of that name."""
    gateway = PlayedGateway()
    await run(gateway, user("ada"))

    [step] = (await compared(gateway, user("Ada ", title="T"))).steps
    assert (told(step)["step"], told(step)["name"]) == ("change user", "Ada ")


async def test_only_what_differs_is_written() -> None:
    """What a line leaves out stays, null clears it."""
    gateway = PlayedGateway()
    ada = {"title": "T", "nickName": "A", "name": {"givenName": "Ada", "familyName": "L"}}
    await run(gateway, user("ada", externalId="1", **ada))
    revised = user("ada", externalId="1", title=None, name={"familyName": "King"}, active=False)
    [step] = (await compared(gateway, revised)).steps
    assert told(step) == {
        "step": "change user",
        "name": "ada",
        "changed": ("active", "name", "title"),
        "line": "s.jsonl:1",
    }
    await run(gateway, revised)
    [document] = gateway.users.values()
    assert document == {
        "userName": "ada",
        "externalId": "1",
        "nickName": "A",
        "name": {"givenName": "Ada", "familyName": "King"},
        "active": False,
        ILMS: {"region": "EMEA"},
    }


async def test_people_are_matched_by_external_id_then_by_user_name() -> None:
    """A new userName under a known externalId is a rename; a known userName takes the externalId on."""
    gateway = PlayedGateway()
    await run(gateway, user("ada", externalId="1"), user("bob"))
    await run(gateway, user("ada.king", externalId="1"), user("BOB", externalId="2"))
    assert [(each["userName"], each["externalId"]) for each in gateway.users.values()] == [
        ("ada.king", "1"),
        ("BOB", "2"),
    ]


async def test_a_name_that_is_given_up_can_be_taken_in_the_same_import() -> None:
    """The creation is refused first, and sent again when the other one is renamed."""
    gateway = PlayedGateway()
    await run(gateway, user("ada", externalId="1"), user("bob", externalId="2"))
    imported = await run(gateway, user("ada", externalId="3"), user("bob", externalId="1"), user("cy", externalId="2"))
    assert imported.complete
    assert {each["externalId"]: each["userName"] for each in gateway.users.values()} == {
        "1": "bob",
        "2": "cy",
        "3": "ada",
    }


async def test_two_people_cannot_exchange_names() -> None:
    """No order of requests does it: the import says so and ends."""
    gateway = PlayedGateway()
    await run(gateway, user("ada", externalId="1"), user("bob", externalId="2"))
    imported = await run(gateway, user("bob", externalId="1"), user("ada", externalId="2"))
    assert not imported.complete
    assert [refusal.reason for refusal in imported.refused] == ["taken", "taken"]


async def test_what_the_snapshot_does_not_hold_is_left_alone_and_counted() -> None:
    """Unless one of the two options is set."""
    gateway = PlayedGateway()
    people, groups = (user("ada"), user("bob")), (group("A"), group("B"))
    await run(gateway, *people, *groups, member("A", "ada"), member("A", "bob"), member("B", "ada"))
    rest = (user("ada"), group("A"), member("A", "ada"))
    comparison = await compared(gateway, *rest)
    assert comparison.steps == ()
    assert (comparison.left_alone.users, comparison.left_alone.groups, comparison.left_alone.members) == (1, 1, 1)
    imported = await run(gateway, *rest, wish=Wish(deactivate_missing=True, remove_missing_members=True))
    assert imported.complete
    assert gateway.members() == {"A": {"ada"}, "B": {"ada"}}
    active = {each["userName"]: each.get("active", True) for each in gateway.users.values()}
    assert active == {"ada": True, "bob": False}


async def test_members_who_wait_are_removed_by_the_value_that_was_sent() -> None:
    """Nobody has it, so nothing else names them."""
    gateway = PlayedGateway()
    await run(gateway, group("A"), member("A", "zoe@x"))
    await run(gateway, group("A"), wish=Wish(remove_missing_members=True))
    assert gateway.members() == {"A": set()}


async def test_a_membership_that_a_rename_would_undo_is_kept() -> None:
    """The old name stops to name the person: the new one is added."""
    gateway = PlayedGateway()
    await run(gateway, group("A"), member("A", "ada"))
    await run(gateway, user("ada", externalId="1"))
    renamed = (user("ada.king", externalId="1"), group("A"), member("A", "ada.king"))
    await run(gateway, *renamed)
    assert gateway.members() == {"A": {"ada.king", "ada"}}
    assert (await compared(gateway, *renamed)).steps == ()


async def test_a_manager_is_compared_by_whom_the_value_names() -> None:
    """Another name of the same person is no difference; null takes the manager away."""
    gateway = PlayedGateway()
    await run(gateway, user("ada"), user("bob", displayName="Bob B"), manager("ada", "bob"))
    assert (await compared(gateway, manager("ada", "Bob B"))).steps == ()
    await run(gateway, manager("ada", None))
    assert all(ENTERPRISE not in each for each in gateway.users.values())
    assert (await compared(gateway, manager("ada", None))).steps == ()


async def test_a_thousand_members_make_a_request() -> None:
    """As many as a fact holds."""
    gateway = PlayedGateway()
    comparison = await compared(gateway, group("A"), *(member("A", f"m{number}") for number in range(2500)))
    sizes = [len(told(step)["members"]) for step in comparison.steps if told(step)["step"] == "add members"]
    assert sizes == [1000, 1000, 500]
    assert comparison.counts["members_added"] == 2500


async def test_contradictions_are_told_with_both_places() -> None:
    """Before anything is applied; the tables count as well."""
    gateway = PlayedGateway()
    await run(gateway, user("old", emails=[{"value": "old@x"}]), group("Old"))
    comparison = await compared(
        gateway,
        user("ada", externalId="1"),
        user("ADA"),
        user("bob", externalId="1"),
        user("cy", emails=[{"value": "OLD@x"}]),
        group("A"),
        group("a"),
        group("New", externalId="n"),
        {"type": "group", "externalId": "unknown"},
        member("Nowhere", "ada"),
        manager("nobody", "ada"),
        manager("cy", "ada"),
        manager("cy", "bob"),
    )
    assert problems(comparison) == [
        "s.jsonl:2: userName 'ADA' stands on s.jsonl:1 already",
        "s.jsonl:3: externalId '1' stands on s.jsonl:1 already",
        "s.jsonl:4: e-mail address 'old@x' belongs to usr_old, who is not in these files",
        "s.jsonl:6: displayName 'a' belongs to s.jsonl:5",
        "s.jsonl:8: no group has externalId 'unknown': add a displayName",
        "s.jsonl:9: group 'Nowhere' is the externalId or displayName of no group, or of two",
        "s.jsonl:10: user 'nobody' is the externalId or userName of nobody, or of two people",
        "s.jsonl:12: the manager of 'cy' stands on s.jsonl:11 already",
    ]


async def test_the_tenants_rules_are_told_before_anything_is_applied() -> None:
    """As the gateway would refuse them."""
    gateway = PlayedGateway(TenantSettings(regions=("EMEA",)))
    imported = await run(gateway, user("ada"), user("bob", **{ILMS: {"region": "Atlantis"}}))
    assert [problem.place.line for problem in imported.last.problems] == [1, 2]
    assert 'region "Atlantis" is not allowed here. Allowed values: EMEA.' in imported.last.problems[1].text
    assert gateway.requests == 0


async def test_an_import_that_is_killed_anywhere_is_completed_by_the_next() -> None:
    """The answer to the last request was lost, and nothing is there twice."""
    whole = PlayedGateway()
    await run(whole, *DIRECTORY)
    for survived in itertools.count():
        gateway = PlayedGateway(failing_after=survived)
        try:
            await run(gateway, *DIRECTORY)
        except CommandError:
            gateway.failing_after = None
            assert (await run(gateway, *DIRECTORY)).complete
        else:
            break
        assert gateway.members() == whole.members()
        assert sorted(each["userName"] for each in gateway.users.values()) == ["ada", "bob"]
    assert survived > 5


async def test_a_creation_that_lands_late_is_looked_up() -> None:
    """It was stored behind the comparison's back: the 409 is followed by the question whose it is."""
    gateway = PlayedGateway()
    await run(gateway, user("ada", externalId="1"), group("Learners", externalId="g1"))
    stale = Import(snapshot(*DIRECTORY), Wish(), _first_empty_then(gateway))
    assert (await stale.run(gateway, lambda _done, _total: None, await stale.compared())).complete
    assert sorted(each["userName"] for each in gateway.users.values()) == ["ada", "bob"]
    assert gateway.members() == {"Learners": {"ada", "bob", "zoe@x"}}


@pytest.mark.parametrize("name", ['a"b', "back\\slash", "Zoë Ødegård"])
async def test_a_name_is_quoted_in_the_look_up(name: str) -> None:
    """Else the question would be another one."""
    gateway = PlayedGateway()
    await run(gateway, group(name))
    stale = Import(snapshot(group(name)), Wish(), _first_empty_then(gateway))
    assert (await stale.run(gateway, lambda _done, _total: None, await stale.compared())).complete
    assert len(gateway.heads) == 1


def _first_empty_then(gateway: PlayedGateway) -> Any:
    asked = itertools.count()

    async def tables() -> Any:
        return await (gateway.tables() if next(asked) else PlayedGateway().tables())

    return tables


PHONES = [{"type": kind, "value": value} for kind, value in (("work", "1"), ("mobile", "2"), ("fax", "3"))]
EMAILS = [{"type": "home", "value": "h@x", "primary": True}]


@pytest.mark.parametrize(
    ("titles", "row", "phones", "emails"),
    [
        ("userName,phone,mobile", "ada,11,", ["11", "2", "3"], ["h@x"]),
        ("userName,phone,mobile", "ada,,22", ["1", "22", "3"], ["h@x"]),
        ("userName,phone,mobile", "ada,,", ["1", "2", "3"], ["h@x"]),
        ("userName,phone", "ada,11", ["11", "2", "3"], ["h@x"]),
        ("userName,email", "ada,w@x", ["1", "2", "3"], ["h@x", "w@x"]),
        ("userName,title", "ada,T", ["1", "2", "3"], ["h@x"]),
    ],
)
async def test_a_cell_writes_its_own_element_of_a_list(
    titles: str, row: str, phones: list[str], emails: list[str]
) -> None:
    """Empty cells and missing columns say nothing of other telephone numbers and addresses; a second run is idle."""
    gateway = PlayedGateway()
    await run(gateway, user("ada", phoneNumbers=PHONES, emails=EMAILS))
    importing = Import(spreadsheet(titles, row), Wish(), gateway.tables)
    assert (await importing.run(gateway, lambda _done, _total: None, await importing.compared())).complete
    [ada] = gateway.users.values()
    assert [element["value"] for element in ada["phoneNumbers"]] == phones
    assert [element["value"] for element in ada["emails"]] == emails
    assert (await importing.compared()).comparison.steps == ()

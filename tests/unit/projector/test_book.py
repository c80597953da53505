"""The book of references in memory: every case of docs/references.md that needs no table."""

import pytest

from rollbook_projector.references.book import Book, Effect, What
from rollbook_projector.references.people import NOBODY, Directory, Holders, Keys, Kind
from rollbook_projector.references.roll import Membership
from rollbook_projector.references.sent import sent

GROUP, OTHER_GROUP = "grp_1", "grp_2"
NOW = "2026-01-01T00:00:00.000000Z"


MANY = tuple(f"usr_{number:04d}" for number in range(1001))
ASKED = (
    *(
        "x-1 ",
        " ADA ",
        "Ada L ",
        "X-1",
        "x-1",
        "ada",
        "ADA",
        "Ada@X.example",
        "E7",
        "e7",
        "Ada L",
        "seven",
        "ann",
        "Ann",
        "boss",
        "first",
    ),
    *("nobody", "else", "stranger", "waits", "usr_1", "usr_2", "usr_3", "x-usr_1", "x-usr_2", "x-usr_3", *MANY),
)
"""Every value that is linked here; nobody has it whom the batch does not touch."""


class Scene:
    """A tenant in memory, in which things happen one after the other."""

    def __init__(self) -> None:
        self.book = Book(Directory(others=dict.fromkeys(ASKED, NOBODY)))
        self.people: dict[str, Keys] = {}

    def person(self, user_id: str, *managers: str, **keys: str) -> list[Effect]:
        """Let a person be there with these keys, in place of those from before."""
        names = {"external_id": None, "user_name": user_id, "email": None, "employee_id": None, "display_name": None}
        after = Keys(id=user_id, **(names | keys))  # type: ignore[arg-type]  # the names are those of the fields
        self.book.person_changed(self.people.get(user_id), after, managers, since=NOW)
        self.people[user_id] = after
        return self.book.settle()

    def gone(self, user_id: str) -> list[Effect]:
        """Delete a person."""
        self.book.person_deleted(user_id, self.people.pop(user_id, None))
        return self.book.settle()

    def add(self, *values: str, group: str = GROUP) -> list[Effect]:
        """Add members."""
        self.book.add(group, values, since=NOW)
        return self.book.settle()

    def remove(self, *values: str) -> list[Effect]:
        """Remove members."""
        self.book.remove(GROUP, values)
        return self.book.settle()

    def replace(self, *values: str) -> list[Effect]:
        """Replace all members."""
        self.book.replace(GROUP, values, since=NOW)
        return self.book.settle()

    @property
    def members(self) -> dict[str, Membership]:
        """Who is on the group's roll, and why."""
        return self.book.roll(GROUP).members

    @property
    def sent(self) -> dict[str, str | None]:
        """The values by which members were sent, and whom they name."""
        return {one.value: one.user_id for one in self.book.references.held_by("member", GROUP)}


def added(*people: str, group: str = GROUP) -> Effect:
    return Effect(What.MEMBERS_ADDED, group, 0, people)


def removed(*people: str, group: str = GROUP) -> Effect:
    return Effect(What.MEMBERS_REMOVED, group, 0, people)


def assigned(user_id: str, manager: str) -> Effect:
    return Effect(What.MANAGER_ASSIGNED, user_id, 0, (manager,))


def unassigned(user_id: str, manager: str) -> Effect:
    return Effect(What.MANAGER_UNASSIGNED, user_id, 0, (manager,))


@pytest.fixture
def scene() -> Scene:
    """Lend an empty tenant."""
    return Scene()


@pytest.mark.parametrize(
    ("key", "value", "sent_as"),
    [
        ("external_id", "X-1", "X-1"),
        ("user_name", "ada", "ADA"),
        ("email", "ada@x.example", "Ada@X.example"),
        ("employee_id", "E7", "E7"),
        ("display_name", "ada l", "Ada L"),
        ("user_name", "ada", " ADA "),
    ],
)
def test_a_value_names_whoever_has_it(scene: Scene, key: str, value: str, sent_as: str) -> None:
    """Before or after the person comes, by anything that a person is found by."""
    assert scene.add(sent_as) == []
    assert scene.person("usr_1", **{key: value}) == [added("usr_1")]
    assert scene.add(sent_as, group=OTHER_GROUP) == [added("usr_1", group=OTHER_GROUP)]


@pytest.mark.parametrize(("key", "value"), [("external_id", "X-1"), ("employee_id", "E7")])
def test_identifiers_are_compared_exactly(scene: Scene, key: str, value: str) -> None:
    """An identifier in other case is another identifier."""
    scene.person("usr_1", **{key: value})

    assert scene.add(value.lower()) == []
    assert scene.sent == {value.lower(): None}


@pytest.mark.parametrize(("key", "value"), [("external_id", "x-1"), ("display_name", "ada l"), ("employee_id", "x-1")])
def test_blanks_count_but_around_a_user_name(scene: Scene, key: str, value: str) -> None:
    """A value with a blank at its end names nobody by another key."""
    scene.person("usr_1", **{key: value})

    assert scene.add({"x-1": "x-1 ", "ada l": "Ada L "}[value]) == []


def test_the_first_kind_with_any_holder_decides(scene: Scene) -> None:
    """Whoever has the value as externalId is meant, whoever else has it as a name."""
    scene.person("usr_1", display_name="seven")
    scene.person("usr_2", external_id="seven")

    assert scene.add("seven") == [added("usr_2")]


def test_two_holders_of_the_first_kind_wait_though_a_later_kind_has_one(scene: Scene) -> None:
    """It is not guessed who is meant."""
    scene.person("usr_1", external_id="seven")
    scene.person("usr_2", external_id="seven")
    scene.person("usr_3", user_name="seven")

    assert scene.add("seven") == []
    assert scene.sent == {"seven": None}


def test_a_second_holder_undoes_the_link_and_its_leaving_makes_it_again(scene: Scene) -> None:
    """A link is what is true now."""
    scene.person("usr_1", display_name="ann")
    scene.add("Ann")

    assert scene.person("usr_2", display_name="ann") == [removed("usr_1")]
    assert scene.person("usr_2", display_name="bea") == [added("usr_1")]
    assert scene.person("usr_1", display_name="bea") == [removed("usr_1")]
    assert scene.sent == {"Ann": None}


def test_a_rename_moves_the_link_to_whoever_has_the_name(scene: Scene) -> None:
    """One fact makes both changes: out first, then in."""
    scene.person("usr_1", user_name="x", external_id="ann")
    scene.person("usr_2", user_name="ann")
    assert scene.add("ann") == [added("usr_1")]

    assert scene.person("usr_1", user_name="x") == [removed("usr_1"), added("usr_2")]


def test_two_references_to_one_person_are_one_member(scene: Scene) -> None:
    """The person is a member until the last of them is gone."""
    scene.person("usr_1", external_id="x-1")

    assert scene.add("usr_1", "x-1") == [added("usr_1")]
    assert scene.members == {"usr_1": Membership(by_id=True, named=1)}
    assert scene.person("usr_1") == []
    assert scene.members == {"usr_1": Membership(by_id=True, named=0)}


def test_members_added_again_change_nothing(scene: Scene) -> None:
    """By the id, by another value, waiting or not."""
    scene.person("usr_1", user_name="ada")
    scene.add("usr_1", "ada", "nobody")

    assert scene.add("usr_1", "ada", "nobody") == []
    assert scene.members == {"usr_1": Membership(by_id=True, named=1)}


def test_a_removal_strikes_all_that_names_the_same_person(scene: Scene) -> None:
    """Whatever the member was added by, and whatever is removed."""
    scene.person("usr_1", user_name="ada", external_id="x-1")
    scene.add("usr_1", "ada", "x-1")
    assert scene.remove("ADA") == [removed("usr_1")]
    assert (scene.members, scene.sent) == ({}, {})

    scene.add("x-1")
    assert scene.remove("usr_1") == [removed("usr_1")]
    assert scene.sent == {}


def test_a_removal_of_what_waits_strikes_that_value(scene: Scene) -> None:
    """Nobody need be there for it."""
    scene.add("nobody", "else")

    assert scene.remove("nobody", "stranger") == []
    assert scene.sent == {"else": None}


def test_a_replacement_changes_the_difference(scene: Scene) -> None:
    """Who stays, by whatever value, is told of by nobody."""
    for user_id in ("usr_1", "usr_2", "usr_3"):
        scene.person(user_id, external_id=f"x-{user_id}")
    scene.add("usr_1", "usr_2", "waits", "x-usr_1")

    assert scene.replace("x-usr_2", "usr_3", "x-usr_1", "usr_3") == [added("usr_3")]
    assert scene.members == {
        "usr_1": Membership(by_id=False, named=1),
        "usr_2": Membership(by_id=False, named=1),
        "usr_3": Membership(by_id=True, named=0),
    }
    assert scene.replace() == [removed("usr_1", "usr_2", "usr_3")]
    assert scene.sent == {}


def test_changes_hold_a_thousand_people_at_most(scene: Scene) -> None:
    """Those of one group in the order of their ids."""
    for user_id in MANY:
        scene.person(user_id)

    first, second = scene.replace(*reversed(MANY))

    assert first == Effect(What.MEMBERS_ADDED, GROUP, 0, MANY[:1000])
    assert second == Effect(What.MEMBERS_ADDED, GROUP, 1, MANY[1000:])


def test_who_is_deleted_leaves_by_whatever_value(scene: Scene) -> None:
    """And does not come back with another person of the same names."""
    scene.person("usr_1", user_name="ada", external_id="x-1")
    scene.add("usr_1", "x-1")
    scene.add("ada", group=OTHER_GROUP)

    assert scene.gone("usr_1") == [removed("usr_1"), removed("usr_1", group=OTHER_GROUP)]
    assert scene.person("usr_2", user_name="ada", external_id="x-1") == []


def test_a_deletion_leaves_the_namesake(scene: Scene) -> None:
    """A value that waited because two have it names the other one then."""
    scene.person("usr_1", display_name="ann")
    scene.person("usr_2", display_name="ann")
    scene.add("Ann")

    assert scene.gone("usr_1") == [added("usr_2")]


def test_the_id_of_a_deleted_person_is_no_member(scene: Scene) -> None:
    """It has no effect, and nothing waits for it."""
    scene.person("usr_1")
    scene.gone("usr_1")

    assert scene.add("usr_1") == scene.replace("usr_1") == scene.remove("usr_1") == []
    assert scene.sent == {}


def test_an_id_that_was_sent_before_its_person_is_an_id(scene: Scene) -> None:
    """As when the person's creation was parked: the tables are the same in either order."""
    scene.add("usr_1")

    assert scene.person("usr_1") == [added("usr_1")]
    assert (scene.members, scene.sent) == ({"usr_1": Membership(by_id=True, named=0)}, {})


def test_a_group_that_ends_tells_of_no_member(scene: Scene) -> None:
    """And nobody who comes or goes later concerns it."""
    scene.person("usr_1")
    scene.add("usr_1", "ada")
    scene.book.close(GROUP)

    assert scene.book.settle() == []
    assert scene.person("usr_2", user_name="ada") == scene.gone("usr_1") == []


def test_a_manager_is_who_the_first_value_that_links_names(scene: Scene) -> None:
    """A value of lower rank is only asked when those before it name nobody."""
    scene.person("usr_1", user_name="boss")
    assert scene.person("usr_2", "first", "", "boss") == [assigned("usr_2", "usr_1")]

    assert scene.person("usr_3", user_name="first") == [unassigned("usr_2", "usr_1"), assigned("usr_2", "usr_3")]
    assert scene.person("usr_3", user_name="other") == [unassigned("usr_2", "usr_3"), assigned("usr_2", "usr_1")]


def test_equal_values_for_a_manager_are_one_reference(scene: Scene) -> None:
    """It has the rank of the first."""
    scene.person("usr_2", "", "boss", "boss")

    (reference,) = scene.book.references.held_by("manager", "usr_2")
    assert reference.rank == 1


def test_another_manager_is_out_and_in(scene: Scene) -> None:
    """No manager at all is out alone."""
    scene.person("usr_1")
    scene.person("usr_2")
    scene.person("usr_3", "usr_1")

    assert scene.person("usr_3", "usr_2") == [unassigned("usr_3", "usr_1"), assigned("usr_3", "usr_2")]
    assert scene.person("usr_3") == [unassigned("usr_3", "usr_2")]
    assert scene.book.references.held_by("manager", "usr_3") == []


def test_managers_may_be_oneself_and_go_in_circles(scene: Scene) -> None:
    """Nothing is refused here: the tables say what was sent."""
    assert scene.person("usr_1", "ada", user_name="ada") == [assigned("usr_1", "usr_1")]
    assert scene.person("usr_2", "ada") == [assigned("usr_2", "usr_1")]
    assert scene.person("usr_1", "usr_2", user_name="ada") == [
        unassigned("usr_1", "usr_1"),
        assigned("usr_1", "usr_2"),
    ]


def test_a_deleted_manager_by_the_id_is_known_to_be_gone(scene: Scene) -> None:
    """By another value the manager is waited for again; also when the id is sent after the deletion."""
    scene.person("usr_1", external_id="x-1")
    scene.person("usr_2", "usr_1")
    scene.person("usr_3", "x-1")

    assert scene.gone("usr_1") == [unassigned("usr_2", "usr_1"), unassigned("usr_3", "usr_1")]
    scene.person("usr_4", "usr_1")
    references = [scene.book.references.held_by("manager", user_id) for user_id in ("usr_2", "usr_3", "usr_4")]
    assert [one.target_deleted for (one,) in references] == [True, False, True]


def test_who_is_deleted_has_no_manager_any_more(scene: Scene) -> None:
    """Consumers hear of the deletion alone."""
    scene.person("usr_1")
    scene.person("usr_2", "usr_1", "nobody")

    assert scene.gone("usr_2") == []
    assert scene.book.references.held_by("manager", "usr_2") == []


def test_whom_the_batch_does_not_touch_counts(scene: Scene) -> None:
    """One holder in the table and one in the batch are two."""
    others = {"ann": Holders(Kind.DISPLAY_NAME, ("usr_9",))}
    scene.book.directory = Directory(others=others)
    assert scene.add("ann") == [added("usr_9")]

    assert scene.person("usr_1", display_name="ann") == [removed("usr_9")]
    assert scene.person("usr_1", user_name="ann") == [added("usr_1")]


def test_a_value_of_which_nothing_is_known_is_an_error() -> None:
    """To guess that nobody has it would make wrong links."""
    with pytest.raises(KeyError):
        Directory().link("ann")


def test_only_what_differs_from_the_table_is_written(scene: Scene) -> None:
    """A member who went and came back within a batch is no row to write."""
    scene.person("usr_1")
    scene.book.roll(GROUP).members["usr_1"] = Membership(by_id=True, named=0)
    reference = sent("member", GROUP, "waits", since=NOW)
    scene.book = Book(scene.book.directory, type(scene.book.references)([reference]), scene.book.rolls)

    assert scene.remove("usr_1", "waits") == [removed("usr_1")]
    assert scene.add("usr_1", "waits") == [added("usr_1")]
    assert scene.book.roll(GROUP).changed() == ([], [], [])
    assert list(scene.book.references.changed()) == []

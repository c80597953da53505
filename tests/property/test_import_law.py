"""Laws of imports: a second run has nothing to do, and one that was killed anywhere ends as one that was not."""

from typing import Any

from hypothesis import assume, event, given
from hypothesis import strategies as st

from rollbook.errors import CommandError
from rollbook.snapshot.comparison import Wish, compare
from rollbook.snapshot.importing import Import
from rollbook.snapshot.lines import Place, Snapshot
from rollbook.snapshot.reading import gathered
from rollbook.snapshot.records import Record
from rollbook_contracts.urns import ENTERPRISE
from support.played_gateway import PlayedGateway

# Few values of every kind, the same ones everywhere: so names meet, wait, link and contradict each other.
NAMES = ["ada", "Bob", "cy", "1", "2", "3", "ada@x"]
IDS = ["usr_ada", "usr_bob"]
TITLES = st.sampled_from([None, "", "T", "U"])


@st.composite
def files(draw: st.DrawFn, values: st.SearchStrategy[str]) -> list[dict[str, Any]]:
    """Draw the lines of a snapshot; most say nothing that contradicts another."""
    optional = {
        "displayName": values,
        "title": TITLES,
        "active": st.booleans(),
        "emails": st.sampled_from([[], [{"value": "ada@x", "type": "work"}], [{"value": "b@x"}, {"value": "c@x"}]]),
        ENTERPRISE: st.fixed_dictionaries({}, optional={"employeeNumber": values, "manager": values}),
    }
    names = draw(st.lists(st.sampled_from(["ada", "Bob", "cy", "1"]), unique=True))
    external_ids = draw(st.permutations(["1", "2", "3", "4"]))
    groups = draw(st.sampled_from([[], ["A"], ["A", "B"], ["b", "A"], ["A", "a"]]))
    lines: list[dict[str, Any]] = [
        {"type": "user", "userName": name}
        | ({"externalId": external_id} if draw(st.booleans()) else {})
        | draw(st.fixed_dictionaries({}, optional=optional))
        for name, external_id in zip(names, external_ids, strict=False)
    ]
    lines += [
        {"type": "group", "displayName": name} | draw(st.sampled_from([{}, {"externalId": f"g{number}"}]))
        for number, name in enumerate(groups)
    ]
    if groups:
        named = st.sampled_from(groups)
        lines += draw(
            st.lists(st.fixed_dictionaries({"type": st.just("membership"), "group": named, "member": values}))
        )
    for name in draw(st.lists(st.sampled_from(names), unique=True)) if names else ():
        lines.append({"type": "manager", "user": name, "manager": draw(st.none() | values)})
    return draw(st.permutations(lines))


FILES = files(st.sampled_from(NAMES))
FILES_WITH_IDS = files(st.sampled_from(NAMES + IDS))
WISHES = st.builds(Wish, deactivate_missing=st.booleans(), remove_missing_members=st.booleans())


def snapshot(bodies: list[dict[str, Any]]) -> Snapshot:
    return gathered(Record(Place("s.jsonl", number), body) for number, body in enumerate(bodies, start=1))


async def imported(gateway: PlayedGateway, bodies: list[dict[str, Any]], wish: Wish) -> bool:
    run = Import(snapshot(bodies), wish, gateway.tables)
    return (await run.run(gateway, lambda _done, _total: None, await run.compared())).complete


def directory(gateway: PlayedGateway) -> Any:
    """Return what is in the tables, people by their names instead of their ids."""
    people = sorted(
        (
            document["userName"],
            document.get("externalId"),
            document.get("displayName"),
            document.get("title"),
            document.get("active", True),
        )
        for document in gateway.users.values()
    )
    return people, gateway.members()


@given(before=FILES_WITH_IDS, bodies=FILES_WITH_IDS, wish=WISHES)
async def test_a_second_run_has_nothing_to_do(
    before: list[dict[str, Any]], bodies: list[dict[str, Any]], wish: Wish
) -> None:
    """Whatever was there before, and whatever the snapshot says, unless it contradicts itself or the tables."""
    gateway = PlayedGateway()
    await imported(gateway, before, Wish())
    if not await imported(gateway, bodies, wish):
        last = compare(snapshot(bodies), await gateway.tables(), wish)
        event("contradictory" if last.problems else "names exchanged")
        return
    sent = gateway.requests
    assert await imported(gateway, bodies, wish)
    assert gateway.requests == sent
    event("done")


@given(before=FILES, bodies=FILES, wish=WISHES, survived=st.integers(0, 12))
async def test_an_import_killed_anywhere_ends_as_one_that_was_not(
    before: list[dict[str, Any]], bodies: list[dict[str, Any]], wish: Wish, survived: int
) -> None:
    """The last request may have been stored without an answer; nobody is there twice.

    No value is the id of somebody whom the import creates: nobody could have written that into a file.
    """
    whole, killed = PlayedGateway(), PlayedGateway()
    for gateway in (whole, killed):
        await imported(gateway, before, Wish())
    assume(await imported(whole, bodies, wish))
    killed.failing_after = killed.requests + survived
    try:
        await imported(killed, bodies, wish)
    except CommandError:
        event("killed")
        killed.failing_after = None
        assert await imported(killed, bodies, wish)
    assert directory(killed) == directory(whole)

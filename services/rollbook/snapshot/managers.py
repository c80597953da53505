"""The comparison's third part: who is whose manager."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from rollbook.snapshot.lines import ManagerLine, Problem
from rollbook.snapshot.names import manager_values
from rollbook.snapshot.people import People
from rollbook.snapshot.present import Present
from rollbook.snapshot.steps import Known, Named, SetManager


@dataclass(slots=True)
class Managers:
    """The outcome; ``waiting`` counts values that name nobody."""

    steps: list[SetManager] = field(default_factory=list)
    waiting: int = 0
    problems: list[Problem] = field(default_factory=list)


def compare_managers(lines: Iterable[ManagerLine], people: People, present: Present) -> Managers:
    """Compare the managers of a snapshot with those that people have, or will have by their own lines."""
    outcome = Managers()
    seen: dict[str, ManagerLine] = {}
    for line in lines:
        key = people.names.person(line.user)
        if key is None:
            text = f"user {line.user!r} is the externalId or userName of nobody, or of two people"
            outcome.problems.append(Problem(line.place, text))
            continue
        first = seen.setdefault(key, line)
        where = people.stated.get(key) or (first.place if first.manager != line.manager else None)
        if where is not None:
            outcome.problems.append(Problem(line.place, f"the manager of {line.user!r} stands on {where} already"))
        elif first is line:
            _compare(line, key, people, present, outcome)
    return outcome


def _compare(line: ManagerLine, key: str, people: People, present: Present, outcome: Managers) -> None:
    values = people.managers.get(key)
    if values is None:
        values = manager_values(present.people[key].document)
    wanted = people.names.link(line.manager) if line.manager is not None else None
    if line.manager is not None and wanted is None:
        outcome.waiting += 1
    if _is_so(line.manager, wanted, values, people):
        return
    named: Named | None = Known(wanted) if wanted is not None else line.manager
    outcome.steps.append(SetManager(line.place, key, line.user, named))


def _is_so(manager: str | None, wanted: str | None, values: list[str], people: People) -> bool:
    """Tell whether the values that a person has for the manager say what the line says."""
    if manager is None:
        return not values
    if wanted is not None:
        return people.names.first_link(values) == wanted
    return values[:1] == [manager]

"""The audit of the fault tests finds what it is there to find: each kind of loss, doubling and disorder."""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from support.audit import (
    answers_against_log,
    changes_against_log,
    claims_against_people,
    expected_row,
    names_held_twice,
    rows_against_log,
)
from support.evidence import Entry, Evidence, Fold, fold_partition
from support.load import Attempt
from support.people import somebody

TENANT = "ten_a"


def log() -> list[Entry]:
    """Return a log of two people, one of whom was changed, and one who came and went."""
    entries: list[Entry] = []

    def put(subject: str, kind: str, **body: Any) -> None:
        sequence = len(entries) + 1
        headers = {"ce-type": f"{kind}.v1", "ce-time": f"t{sequence}", "ce-requestid": f"req_{sequence}"}
        entries.append(Entry(sequence, subject, headers, body))

    def person(kind: str, number: int) -> None:
        document = somebody(number, displayName=f"acme attempt {len(entries) + 1}")
        put(f"fact.00.{TENANT}.user.usr_{number}", kind, document=document, created="t")

    put("fact.00.system", "epoch.started", epoch=1)
    for number in (1, 2, 3):
        put(f"claim.00.{TENANT}.userName.h{number}", "claim.taken", holder=f"usr_{number}")
        person("user.created", number)
    person("user.updated", 1)
    put(f"claim.00.{TENANT}.userName.h3", "claim.released", holder="usr_3")
    put(f"fact.00.{TENANT}.user.usr_3", "user.deleted")
    return entries


def evidence() -> Evidence:
    """Return what is stored where after that log, with nothing wrong."""
    fold = Fold()
    fold_partition(fold, 0, log())
    rows = [
        {"tenant": tenant, "id": user, **row, "document": json.dumps(row["document"])}
        for (tenant, user), last in fold.people.items()
        for row in [expected_row(*last)]
    ]
    return Evidence(fold, list(fold.changes[0]), rows, {"acme": TENANT})


ATTEMPTS = [
    Attempt(3, "acme", "POST", "usr_1", 201, 3, "req_3"),
    Attempt(5, "acme", "POST", "usr_2", 201, 5, "req_5"),
    Attempt(7, "acme", "POST", "usr_3", 201, 7, "req_7"),
    Attempt(8, "acme", "PATCH", "usr_1"),
    Attempt(10, "acme", "DELETE", "usr_3", 204, None, "req_10"),
]


def problems(found: Evidence, attempts: Iterable[Attempt] = ATTEMPTS) -> list[str]:
    return [
        *answers_against_log(list(attempts), found),
        *rows_against_log(found),
        *changes_against_log(found),
        *claims_against_people(found.fold),
        *names_held_twice(found),
    ]


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    """Answers, log, rows, changes and claims that agree pass."""
    assert problems(evidence()) == []


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (Attempt(90, "acme", "POST", "usr_9", 201, 90, "req_90"), "was accepted, the log holds []"),
        (Attempt(91, "acme", "DELETE", "usr_1", 204, None, "req_91"), "was accepted and is not in the log"),
        (Attempt(8, "acme", "PATCH", "usr_1", 409, None, "req_8"), "was refused and is stored"),
        (Attempt(92, "acme", "PATCH", "usr_1", 404, None, "req_92"), "the log holds no deletion"),
        (Attempt(93, "acme", "PATCH", "usr_1", 500, None, "req_93"), "a status that no fault explains"),
        (Attempt(94, "acme", "PATCH", "usr_1", 503, None, "req_94", "soon"), "not when to come back"),
        (Attempt(8, "acme", "PATCH", "usr_1", 200, 2, "req_8"), "is not newer than version 3"),
    ],
)
def test_an_answer_that_does_not_fit_the_log_is_named(answer: Attempt, problem: str) -> None:
    """Lost, refused but stored, out of order, or with a status of its own."""
    others = [attempt for attempt in ATTEMPTS if attempt.number != answer.number]
    assert any(problem in found for found in problems(evidence(), [*others, answer]))


def test_a_write_that_is_stored_twice_is_named() -> None:
    """Also where its answer was never seen."""
    found = evidence()
    (stored,) = [fact for fact in found.fold.facts if fact.sequence == 8]
    found.fold.facts.append(replace(stored, sequence=11, request_id="req_11"))
    assert any("is stored more than once" in problem for problem in problems(found))


def without_row(found: Evidence) -> None:
    del found.rows[0]


def with_an_older_row(found: Evidence) -> None:
    found.rows[0]["fact_seq"] = 3


def with_an_unknown_row(found: Evidence) -> None:
    found.rows.append({**found.rows[0], "id": "usr_9", "user_name": "x"})


def with_one_name_twice(found: Evidence) -> None:
    found.rows[1]["user_name"] = found.rows[0]["user_name"].upper()


def without_a_change(found: Evidence) -> None:
    del found.changes[1]


def with_a_change_twice(found: Evidence) -> None:
    found.changes.insert(2, found.changes[1])


def with_changes_out_of_order(found: Evidence) -> None:
    found.changes[1:3] = reversed(found.changes[1:3])


def without_a_claim(found: Evidence) -> None:
    del found.fold.claims[f"claim.00.{TENANT}.userName.h1"]


def with_a_claim_of_nobody(found: Evidence) -> None:
    found.fold.claims[f"claim.00.{TENANT}.userName.h9"] = "usr_3"


@pytest.mark.parametrize(
    ("break_it", "problem"),
    [
        (without_row, "is in the log only"),
        (with_an_older_row, "fact_seq is 3, the log says 5"),
        (with_an_unknown_row, "is in the table only"),
        (with_one_name_twice, "is held by 2 people"),
        (without_a_change, "CHANGES holds 4 changes, the log yields 5"),
        (with_a_change_twice, "stand twice in CHANGES"),
        (with_changes_out_of_order, "differ from 1 on"),
        (without_a_claim, "holds 0 userNames and is 1 persons"),
        (with_a_claim_of_nobody, "holds 1 userNames and is 0 persons"),
    ],
)
def test_what_does_not_fit_the_log_is_named(break_it: Callable[[Evidence], None], problem: str) -> None:
    """Rows, names, changes and claims: each deviation is a problem of its own."""
    found = evidence()
    break_it(found)
    assert any(problem in named for named in problems(found))

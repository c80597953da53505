"""The audit after a fault: answers against the log, the log against the tables, the claims and stream CHANGES."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import asyncpg

from rollbook.roots.operator import Operation, log_connection, operating
from rollbook.settings import Settings
from rollbook_projector.replay.compare import Finding
from rollbook_projector.replay.verify import verify
from rollbook_projector.status import Status, read_status
from support.evidence import Evidence, Fold, PersonFact, live_names, partition_of, read_evidence
from support.load import Attempt
from support.projecting import until

EXPECTED_STATUSES = frozenset({None, 200, 201, 204, 404, 409, 503})


async def settled(settings: Settings, *, within: float = 60) -> Status:
    """Wait until all that the log holds is applied and published."""
    async with operating(settings) as operation:

        async def caught_up() -> Status | None:
            status = await read_status(operation.nats, operation.connection, operation.partitions)
            lag = sum(partition.lag for partition in status.partitions)
            return status if lag == 0 and status.outbox == 0 else None

        found: Status = await until(caught_up, within=within)
        return found


async def audit(settings: Settings, attempts: Sequence[Attempt] = ()) -> Evidence:
    """Wait until everything is applied and published, then fail with all that does not fit together."""
    status = await settled(settings)
    assert status.parked == 0, status
    assert [partition.halted for partition in status.partitions if partition.halted] == []
    async with operating(settings) as operation:
        evidence = await read_evidence(operation)
        findings = await verified(operation)
    problems = [
        *answers_against_log(attempts, evidence),
        *rows_against_log(evidence),
        *changes_against_log(evidence),
        *claims_against_people(evidence.fold),
        *names_held_twice(evidence),
        *(f"`rollbook verify` finds {finding}" for finding in findings),
    ]
    assert not problems, f"{len(problems)} problems:\n" + "\n".join(problems[:20])
    return evidence


async def verified(operation: Operation) -> list[Finding]:
    """Return what the product's own comparison of log and tables finds."""
    async with log_connection(operation.stack) as client:
        stack = operation.stack
        key, partitions = stack.claim_key, operation.partitions
        found = verify(client, stack.database_url, claim_key=key, partitions=partitions)
        return [finding async for finding in found]


def answers_against_log(attempts: Sequence[Attempt], evidence: Evidence) -> Iterator[str]:
    """What was accepted is in the log once, what was refused is not, what is in doubt is there once at most."""
    facts = evidence.fold.facts
    by_request: dict[str, list[PersonFact]] = defaultdict(list)
    by_marker: dict[str | None, list[PersonFact]] = defaultdict(list)
    deleted = Counter(fact.person for fact in facts if fact.document is None)
    for fact in facts:
        by_request[fact.request_id].append(fact)
        by_marker[fact.marker].append(fact)
    versions: dict[str, int] = defaultdict(int)
    for attempt in sorted(attempts, key=lambda one: one.number):
        marked = by_marker[attempt.marker] if attempt.method != "DELETE" else []
        answered = by_request.get(attempt.request_id or "", [])
        yield from _attempt_against_log(attempt, answered, marked, deleted[attempt.person or ""])
        if attempt.done and attempt.version is not None and attempt.person is not None:
            if attempt.version <= versions[attempt.person]:
                yield f"{attempt} is not newer than version {versions[attempt.person]}, which was answered before"
            versions[attempt.person] = attempt.version
        for fact in (*marked, *answered):
            if fact.tenant != evidence.tenants[attempt.tenant]:
                yield f"{attempt} is stored in another tenant: {fact}"
    yield from (f"{person} was deleted {count} times" for person, count in deleted.items() if count > 1)


def _attempt_against_log(
    attempt: Attempt, answered: Sequence[PersonFact], marked: Sequence[PersonFact], deleted: int
) -> Iterator[str]:
    if attempt.status not in EXPECTED_STATUSES:
        yield f"{attempt} has a status that no fault explains"
    if attempt.status == 503 and not (attempt.retry_after or "").isdecimal():
        yield f"{attempt} says not when to come back"
    if attempt.status == 404 and not deleted:
        yield f"{attempt} was answered 404, but the log holds no deletion of that person"
    if len(marked) > 1 or len(answered) > 1:
        yield f"{attempt} is stored more than once: {marked or answered}"
    if attempt.done:
        stored = [(fact.person, fact.sequence) for fact in answered]
        if attempt.method == "DELETE":
            if [fact.person for fact in answered if fact.document is None] != [attempt.person]:
                yield f"{attempt} was accepted and is not in the log"
        elif stored != [(attempt.person, attempt.version)] or list(marked) != list(answered):
            yield f"{attempt} was accepted, the log holds {answered} by its id and {marked} by its marker"
    elif not attempt.in_doubt and (marked or answered):
        yield f"{attempt} was refused and is stored: {marked or answered}"


def rows_against_log(evidence: Evidence) -> Iterator[str]:
    """Each person of the log has a row with the values of the last fact, and there is no other row."""
    rows = {(row["tenant"], row["id"]): row for row in evidence.rows}
    people = evidence.fold.people
    for key in rows.keys() ^ people.keys():
        yield f"{key} is {'in the table' if key in rows else 'in the log'} only"
    for key in rows.keys() & people.keys():
        expected, actual = expected_row(*people[key]), rows[key]
        for column, value in expected.items():
            if shown(actual, column) != value:
                yield f"{key}: {column} is {shown(actual, column)!r}, the log says {value!r}"


def expected_row(fact: PersonFact, change_id: str) -> dict[str, Any]:
    """Return what stands in a person's row, worked out here and not by the projector."""
    document = fact.document or {}
    return {
        "document": document,
        "user_name": document["userName"],
        "user_name_folded": document["userName"].casefold(),
        "email": document["emails"][0]["value"],
        "external_id": document.get("externalId"),
        "display_name": document.get("displayName"),
        "active": document.get("active", True),
        "created": fact.created,
        "last_modified": fact.time,
        "fact_seq": fact.sequence,
        "last_change": change_id,
    }


def shown(row: asyncpg.Record, column: str) -> Any:
    """Return a column's value, JSON decoded."""
    return json.loads(row[column]) if column == "document" else row[column]


def changes_against_log(evidence: Evidence) -> Iterator[str]:
    """CHANGES holds what a fold of the log yields: as much, in its order, each once."""
    for partition, expected in evidence.fold.changes.items():
        actual = [change for change in evidence.changes if partition_of(change) == partition]
        twice = [change for change, count in Counter(actual).items() if count > 1]
        if twice:
            yield f"partition {partition}: {len(twice)} changes stand twice in CHANGES, e.g. {twice[0]}"
        if actual != expected:
            place = next(
                (n for n, pair in enumerate(zip(actual, expected, strict=False)) if pair[0] != pair[1]),
                min(len(actual), len(expected)),
            )
            yield (
                f"partition {partition}: CHANGES holds {len(actual)} changes, the log yields {len(expected)}; they "
                f"differ from {place} on: {actual[place : place + 2]} and {expected[place : place + 2]}"
            )


def claims_against_people(fold: Fold) -> Iterator[str]:
    """Everybody who is there holds one userName, and nobody else holds one."""
    holders = Counter(holder for subject, holder in fold.claims.items() if ".userName." in subject)
    people = Counter(person for _, person in fold.people)
    for person in (holders - people) + (people - holders):
        yield f"{person} holds {holders[person]} userNames and is {people[person]} persons"


def names_held_twice(evidence: Evidence) -> Iterator[str]:
    """No userName is held by two people of one tenant."""
    for name, count in Counter(live_names(evidence)).items():
        if count > 1:
            yield f"{name} is held by {count} people"

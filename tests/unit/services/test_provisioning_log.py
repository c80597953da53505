"""The provisioning log in words: what was asked, what became of it, what to do; and its cycles."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import typer

from rollbook.cli.log import since
from rollbook.provisioning_log.advice import advice, advice_on_note
from rollbook.provisioning_log.cycles import PAUSE, Counted, added_up
from rollbook.provisioning_log.names import Names
from rollbook.provisioning_log.telling import cycle_lines, cycle_row, lines, row
from rollbook.provisioning_log.wanted import Wanted
from rollbook_contracts.requests.entry import Entry
from rollbook_contracts.urns import ENTERPRISE
from support.provisioning_log import TENANT, an_entry

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
NAMES = Names(None, {TENANT: "acme"}, {"0123456789ab": "entra"})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "POST User ada@contoso.com  created"),
        ({"provider": "okta", "method": "GET", "outcome": "read"}, "GET User ada@contoso.com  read"),
        ({"method": "GET", "outcome": "read", "resource_id": ""}, "GET Users looking for ada@contoso.com  read"),
        ({"method": "GET", "outcome": "read", "resource_id": "", "resource_name": ""}, "GET Users  read"),
        ({"resource_name": ""}, "POST User usr_01kb1cbm8sfvnm0g2v3w4x5y70  created"),
        (
            {"method": "PATCH", "outcome": "updated", "changed": (f"{ENTERPRISE}:department", "title")},
            "PATCH User ada@contoso.com  updated: department, title",
        ),
        ({"resource_type": "", "resource_id": "/x", "resource_name": "", "method": "GET"}, "GET /x  created"),
    ],
)
def test_first_line_says_what_happened(changes: dict[str, Any], told: str) -> None:
    """Time, tenant and provider, what was asked about whom, what became of it."""
    entry = an_entry(time="2026-11-24T12:00:00.123456Z", **changes)

    [line] = lines(entry, NAMES)

    assert line.startswith("2026-11-24T12:00:00Z  acme  ")
    assert line.endswith(f"  {told}")


def test_refusal_says_why_and_what_to_do() -> None:
    """Detail, advice, notes with theirs, and what support asks for."""
    note = 'unknown attribute "x" was ignored'
    entry = refused(400, scim_type="invalidValue", detail="region is required", notes=(note,))

    first, *others = lines(entry, NAMES)

    assert first.endswith("POST User ada@contoso.com  refused: 400 invalidValue")
    assert others == [
        "    region is required",
        f"    → {advice(entry)}",
        f"    note: {note} ({advice_on_note(note)})",
        f"    token entra, correlation id {entry.request_id}",
    ]


def refused(status: int, **changes: Any) -> Entry:
    return an_entry(status=status, outcome="refused" if status < 500 else "failed", **changes)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (refused(400), "Provision on demand"),
        (refused(400, provider="okta"), "Dashboard > Tasks"),
        (refused(404), "Restart provisioning"),
        (refused(404, provider="okta"), "assign it again"),
        (refused(404, resource_type="", resource_id="/Userz"), "Tenant URL"),
        (refused(405, resource_id=""), "Tenant URL"),
        (refused(409), "match people by this attribute"),
        (refused(429), "--rate-limit"),
        (refused(500), "correlation id"),
        (refused(503), "Nothing to mend"),
    ],
)
def test_advice(entry: Entry, told: str) -> None:
    """Each kind of refusal has something to be done about it, in the provider's own words."""
    assert told in advice(entry)


def test_what_worked_needs_no_advice() -> None:
    """Nor does a note on a provider's way of writing."""
    assert advice(an_entry()) == ""
    assert advice_on_note('the operation "Add" was read as add') == ""
    assert advice_on_note('"active" was sent as text and read as a boolean') == ""
    assert "not stored" in advice_on_note('unknown attribute "x" was ignored')
    assert "works; mend the name" in advice_on_note('"urn:x:departnment" was read as "urn:x:department"')


def test_row_for_scripts_has_everything() -> None:
    """Every field of the entry, and what its ids are called."""
    entry = an_entry()
    found = row(entry, NAMES)

    assert (found["tenant_name"], found["token_label"], found["advice"]) == ("acme", "entra", "")
    assert {name: found[name] for name in Entry.__struct_fields__} == {
        name: getattr(entry, name) for name in Entry.__struct_fields__
    }


@pytest.mark.parametrize(
    ("wanted", "matches"),
    [
        (Wanted(), True),
        (Wanted(tenant=TENANT), True),
        (Wanted(tenant="ten_other"), False),
        (Wanted(failed=True), False),
        (Wanted(resource="ADA@contoso.com"), True),
        (Wanted(resource="ben@contoso.com"), False),
        (Wanted(resource="usr_01kb1cbm8sfvnm0g2v3w4x5y70"), True),
        (Wanted(resource="usr_01kb1cbm8sfvnm0g2v3w4x5y71"), False),
    ],
)
def test_what_arrives_is_held_against_what_is_wanted(wanted: Wanted, *, matches: bool) -> None:
    """By tenant, by failure, by name in any case or by id."""
    assert wanted.matches(an_entry()) is matches


def counted(cycle: int, outcome: str, requests: int, minute: int, reason: str = "", method: str = "POST") -> Counted:
    first = NOON + timedelta(minutes=minute)
    return Counted(TENANT, "entra", cycle, method, outcome, reason, requests, first, first + timedelta(minutes=1))


def test_counts_of_a_cycle_are_put_together() -> None:
    """From its first request to its last, by outcome, by method and by reason; another cycle is apart."""
    now = NOON + timedelta(minutes=4) + PAUSE
    old, last = added_up(
        [
            counted(1, "read", 3, minute=-60, method="GET"),
            counted(2, "read", 5, minute=0, method="GET"),
            counted(2, "created", 3, minute=1),
            counted(2, "refused", 2, minute=3, reason="region is required"),
            counted(2, "refused", 1, minute=2, reason="department"),
        ],
        now,
    )

    assert (old.requests, old.running, old.end - old.start) == (3, False, timedelta(minutes=1))
    assert (last.requests, last.running, last.start, last.end) == (11, True, NOON, NOON + timedelta(minutes=4))
    assert last.outcomes == {"read": 5, "created": 3, "refused": 3}
    assert last.methods == {"GET": 5, "POST": 6}
    assert list(cycle_lines(last, "acme")) == [
        "2026-11-24T12:00:00Z, still going on  acme  Entra  11 requests: 3 created, 5 read, 3 refused",
        "    2 requests: region is required",
        "    1 request: department",
    ]
    assert cycle_row(last, "acme")["failures"] == [
        {"detail": "region is required", "count": 2},
        {"detail": "department", "count": 1},
    ]


def test_many_reasons_are_not_all_told() -> None:
    """The most frequent ones are; the log has the others."""
    [cycle] = added_up([counted(1, "refused", 1, minute=0, reason=str(number)) for number in range(7)], NOON)

    assert list(cycle_lines(cycle, "acme"))[-1] == ("    and 2 other reasons: `rollbook log --failed` has them all")


def test_since_is_a_time_or_so_long_ago() -> None:
    """Either is read; anything else is refused with what is possible."""
    assert since(None) is None
    assert since("2026-11-24T12:00:00Z") == NOON
    ago = since("2h")
    assert ago is not None
    assert timedelta(0) <= datetime.now(UTC) - timedelta(hours=2) - ago < timedelta(minutes=1)
    for text in ("yesterday", "", "999999d"):
        with pytest.raises(typer.BadParameter, match=r"neither a time such as .* nor a span of time such as 30m"):
            since(text)

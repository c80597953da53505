"""Decisions on people: which facts, which claims, which guards."""

from typing import Any

import msgspec
import pytest

from rollbook_contracts.facts.claim import ClaimReleased, ClaimTaken
from rollbook_contracts.facts.user import (
    ClaimHeld,
    UserClaimsChanged,
    UserCreated,
    UserDeactivated,
    UserDeleted,
    UserFact,
    UserReactivated,
    UserUpdated,
)
from rollbook_contracts.settings import TenantSettings
from rollbook_contracts.urns import ENTERPRISE, ILMS
from rollbook_gateway.decide.state import AbsentUser, PresentUser, user_state
from rollbook_gateway.decide.user import Decider, Decision, Tenant
from rollbook_gateway.scim.errors import ErrorKind, ScimError

USER_ID = "usr_0000000000000000000000000a"
TENANT = "ten_0000000000000000000000000a"
NOW = "2026-11-24T08:00:00.000000Z"


def decider(settings: TenantSettings | None = None, released: dict[str, int] | None = None) -> Decider:
    tenant = Tenant(TENANT, "acme", 2, settings or TenantSettings(regions=("US-East", "EMEA")))
    return Decider(tenant, lambda attribute, value: f"{attribute}-{value}".replace("@", "-at-"), released or {})


def person(**changes: Any) -> dict[str, Any]:
    document = {
        "userName": "Ada@contoso.com",
        "emails": [{"value": "Ada@contoso.com", "type": "work", "primary": True}],
        "active": True,
        ILMS: {"region": "US-East"},
    }
    return {**document, **changes}


def present(document: dict[str, Any] | None = None, *, sequence: int = 10) -> PresentUser:
    created = decider().create(USER_ID, document or person(), now=NOW)
    state = user_state(created.facts[-1].fact, sequence=sequence, time=NOW)
    assert isinstance(state, PresentUser)
    return state


def written(decision: Decision | None) -> UserFact:
    assert decision is not None
    fact = decision.facts[-1].fact
    assert isinstance(fact, UserFact)
    return fact


def test_creation_takes_the_claims_before_the_fact_and_guards_all_of_them() -> None:
    """A new person's batch holds userName and e-mail claims, then the fact, each guarded as its subject's first."""
    decision = decider().create(USER_ID, person(), now=NOW)

    assert [type(planned.fact) for planned in decision.facts] == [ClaimTaken, ClaimTaken, UserCreated]
    assert [planned.expected for planned in decision.facts] == [0, 0, 0]
    assert decision.facts[0].subject == f"claim.02.{TENANT}.userName.userName-ada-at-contoso.com"
    assert written(decision).claims == (
        ClaimHeld("userName", "userName-ada-at-contoso.com", -2),
        ClaimHeld("identifier", "identifier:email-ada-at-contoso.com", -1),
    )


def test_relative_claims_become_absolute_when_the_fact_is_read() -> None:
    """A fact at sequence 10 whose claims stood right before it holds those of sequences 8 and 9."""
    assert [claim.at for claim in present(sequence=10).claims] == [8, 9]


def test_a_claim_known_to_be_released_is_taken_behind_its_release() -> None:
    """A value that somebody gave back is taken with the sequence of the release as the guard."""
    subject = f"claim.02.{TENANT}.userName.userName-ada-at-contoso.com"
    decision = decider(released={subject: 77}).create(USER_ID, person(), now=NOW)

    assert decision.facts[0].expected == 77


def test_a_person_without_an_identifier_claims_the_user_name_only() -> None:
    """Somebody without an e-mail address is accepted and claims nothing for it."""
    document = person()
    del document["emails"]
    decision = decider().create(USER_ID, document, now=NOW)

    assert [type(planned.fact) for planned in decision.facts] == [ClaimTaken, UserCreated]
    assert written(decision).identifier is None


def test_employee_numbers_are_claimed_exactly() -> None:
    """With employee-id as the unique identifier, the number is claimed as it is written."""
    settings = TenantSettings(unique_identifier="employee-id", default_region="X")
    decision = decider(settings).create(USER_ID, person(**{ENTERPRISE: {"employeeNumber": "E7a"}}), now=NOW)

    assert written(decision).identifier == "E7a"
    assert written(decision).claims[1].hash == "identifier:employee-id-E7a"


def test_a_rename_releases_the_old_name_and_keeps_the_rest() -> None:
    """A new userName takes one claim and releases exactly the old one, at the sequence at which it was taken."""
    decision = decider().change(present(), person(userName="countess@contoso.com"))

    assert decision is not None
    assert [(type(planned.fact), planned.expected) for planned in decision.facts] == [
        (ClaimReleased, 8),
        (ClaimTaken, 0),
        (UserUpdated, 10),
    ]
    assert [claim.at for claim in written(decision).claims] == [9, -1]


def test_a_rename_in_case_alone_touches_no_claim() -> None:
    """Names are compared without case, so another spelling of one's own name is one plain fact."""
    decision = decider().change(present(), person(userName="ADA@contoso.com"))

    assert decision is not None
    assert [type(planned.fact) for planned in decision.facts] == [UserUpdated]
    assert written(decision).changed == ("userName",)


def test_blanks_around_a_name_make_no_other_claim() -> None:
    """A name with blanks is claimed as the one without, and stored as it was sent."""
    decision = decider().create(USER_ID, person(userName=" Ada@contoso.com\u00a0"), now=NOW)
    assert written(decision).claims[0].hash == "userName-ada-at-contoso.com"
    assert decision.document["userName"] == " Ada@contoso.com\u00a0"

    renamed = decider().change(present(), person(userName="ada@contoso.com "))
    assert renamed is not None
    assert [type(planned.fact) for planned in renamed.facts] == [UserUpdated]


def test_a_claim_with_blanks_is_kept_until_the_name_changes() -> None:
    """Who claimed a name while its blanks counted keeps that claim, and gives exactly it back with the name."""
    held = (ClaimHeld("userName", "userName-ada@contoso.com ".replace("@", "-at-"), -1),)
    document = msgspec.Raw(msgspec.json.encode(person(userName="Ada@contoso.com ", emails=[])))
    state = user_state(UserCreated(USER_ID, NOW, document, claims=held), sequence=10, time=NOW)
    assert isinstance(state, PresentUser)

    left = decider().change(state, {**state.document, "active": False})
    assert left is not None
    assert [type(planned.fact) for planned in left.facts] == [UserDeactivated]
    assert written(left).claims == state.claims
    assert decider().reclaim(state) is None

    renamed = decider().change(state, {**state.document, "userName": "Ada@contoso.com"})
    assert renamed is not None
    assert [(type(planned.fact), planned.expected) for planned in renamed.facts] == [
        (ClaimReleased, 9),
        (ClaimTaken, 0),
        (UserUpdated, 10),
    ]
    assert [(type(planned.fact), planned.expected) for planned in decider().delete(state).facts] == [
        (ClaimReleased, 9),
        (UserDeleted, 10),
    ]


@pytest.mark.parametrize(
    ("before", "after", "fact_type"),
    [
        (True, False, UserDeactivated),
        (False, True, UserReactivated),
        (True, True, UserUpdated),
        (False, False, UserUpdated),
    ],
)
def test_the_kind_of_fact_follows_active(*, before: bool, after: bool, fact_type: type[UserFact]) -> None:
    """A change of ``active`` names the fact, whatever else changes with it."""
    decision = decider().change(present(person(active=before)), person(active=after, title="Countess"))

    assert type(written(decision)) is fact_type


def test_who_is_created_without_active_is_active() -> None:
    """The fact says so, and so does the state of somebody whose fact of an earlier release does not."""
    document = person()
    del document["active"]
    decision = decider().create(USER_ID, document, now=NOW)
    earlier = user_state(UserCreated(USER_ID, NOW, msgspec.Raw(msgspec.json.encode(document))), sequence=10, time=NOW)

    assert msgspec.json.decode(written(decision).document)["active"] is True
    assert isinstance(earlier, PresentUser)
    assert earlier.document["active"] is True
    assert decider().change(earlier, person()) is None


@pytest.mark.parametrize("active", [True, False])
def test_silence_on_active_changes_nothing(*, active: bool) -> None:
    """A replacement or a change without ``active`` leaves a leaver left, and everybody else active."""
    before = present(person(active=active))
    silent = person(title="Countess")
    del silent["active"]

    for decision in (decider().replace(before, silent), decider().change(before, silent)):
        assert (type(written(decision)), written(decision).changed) == (UserUpdated, ("title",))
        assert msgspec.json.decode(written(decision).document)["active"] is active


def test_a_write_that_changes_nothing_writes_nothing() -> None:
    """The same document again is no fact."""
    assert decider().change(present(), person()) is None


def test_deletion_releases_what_the_person_holds() -> None:
    """The batch of a deletion releases both claims and ends with the deletion, guarded by the last fact."""
    decision = decider().delete(present())

    assert [(type(planned.fact), planned.expected) for planned in decision.facts] == [
        (ClaimReleased, 8),
        (ClaimReleased, 9),
        (UserDeleted, 10),
    ]
    assert isinstance(user_state(decision.facts[-1].fact, sequence=13, time=NOW), AbsentUser)


def test_a_missing_region_is_refused_with_what_to_do() -> None:
    """Without a region and a default, the refusal names the attribute to map and the allowed values."""
    document = person()
    del document[ILMS]
    with pytest.raises(ScimError, match=r"region is required.*ilms:2\.0:User:region.*US-East, EMEA") as refused:
        decider().create(USER_ID, document, now=NOW)
    assert refused.value.kind is ErrorKind.INVALID_VALUE


def test_the_default_region_stands_in() -> None:
    """A tenant with a default region gives it to people who come without one."""
    document = person()
    del document[ILMS]
    settings = TenantSettings(regions=("US-East", "EMEA"), default_region="EMEA")

    assert decider(settings).create(USER_ID, document, now=NOW).document[ILMS] == {"region": "EMEA"}


def test_an_allowed_value_is_stored_in_the_preconfigured_spelling() -> None:
    """Case and surrounding blanks do not matter; what is stored is what the tenant configured."""
    decision = decider().create(USER_ID, person(**{ILMS: {"region": " us-EAST "}}), now=NOW)

    assert decision.document[ILMS]["region"] == "US-East"


def test_a_value_that_is_not_allowed_names_value_and_choices() -> None:
    """The refusal of a department names it and the allowed ones."""
    settings = TenantSettings(regions=("US-East",), departments=("Sales",))
    with pytest.raises(ScimError, match=r"department \"Piracy\" is not allowed here\. Allowed values: Sales\."):
        decider(settings).create(USER_ID, person(**{ENTERPRISE: {"department": "Piracy"}}), now=NOW)


def test_what_a_person_has_already_is_never_refused() -> None:
    """A value that is no longer allowed does not block an update of something else."""
    settings = TenantSettings(regions=("APAC",))
    decision = decider(settings).change(present(), person(title="Countess"))

    assert written(decision).changed == ("title",)


def test_a_deactivation_never_fails_on_a_rule() -> None:
    """Deactivating with a region that is not allowed leaves the old region standing."""
    decision = decider().change(present(), person(active=False, **{ILMS: {"region": "Atlantis"}}))

    assert isinstance(written(decision), UserDeactivated)
    assert msgspec.json.decode(written(decision).document)[ILMS] == {"region": "US-East"}


@pytest.mark.parametrize("region", ["Atlantis", " ATLANTIS "])
def test_a_value_that_was_removed_from_the_list_may_be_sent_again(region: str) -> None:
    """Whoever has a value that is no longer allowed keeps it, in the old spelling, however the provider spells it."""
    created = decider(TenantSettings()).create(USER_ID, person(**{ILMS: {"region": "Atlantis"}}), now=NOW)
    atlantean = user_state(created.facts[-1].fact, sequence=10, time=NOW)
    assert isinstance(atlantean, PresentUser)

    decision = decider().change(atlantean, person(title="Countess", **{ILMS: {"region": region}}))

    assert written(decision).changed == ("title",)
    assert msgspec.json.decode(written(decision).document)[ILMS] == {"region": "Atlantis"}
    with pytest.raises(ScimError, match="is not allowed here"):
        decider().change(atlantean, person(**{ILMS: {"region": "Lemuria"}}))


def test_a_deactivation_without_a_region_keeps_the_one_there_is() -> None:
    """Taking the region away and deactivating at once is a deactivation; the region stays."""
    document = person(active=False)
    del document[ILMS]
    decision = decider().change(present(), document)

    assert written(decision).changed == ("active",)


def test_a_blank_region_is_none() -> None:
    """Blanks are no region: they are refused as a missing one."""
    with pytest.raises(ScimError, match="region is required"):
        decider(TenantSettings()).create(USER_ID, person(**{ILMS: {"region": "  "}}), now=NOW)


def test_a_long_list_is_cut_in_the_answer() -> None:
    """An answer names a hundred allowed values at most, and says where the others are."""
    settings = TenantSettings(regions=tuple(f"R{number}" for number in range(150)))
    with pytest.raises(ScimError, match=r"R99 and 50 more, which /Schemas lists\.$"):
        decider(settings).create(USER_ID, person(), now=NOW)


def test_a_replacement_without_a_region_keeps_the_one_there_is() -> None:
    """A provider that replaces whole people and sends no region changes none; one who had none gets the default."""
    without = {name: value for name, value in person(title="Countess").items() if name != ILMS}

    assert written(decider().replace(present(), without)).changed == ("title",)
    regionless = present({**without, ILMS: {"region": "EMEA"}})
    settings = TenantSettings(default_region="APAC")
    removed = decider(settings).change(regionless, without)
    assert removed is not None
    assert ILMS not in removed.document


def test_a_region_taken_away_is_refused_where_one_is_required() -> None:
    """In a tenant without a default, removing the region is ``mutability`` and emptying it ``invalidValue``."""
    without = {name: value for name, value in person().items() if name != ILMS}
    for removed, kind in ((frozenset({f"{ILMS}:region"}), "mutability"), (frozenset[str](), "invalidValue")):
        with pytest.raises(ScimError, match="region is required") as refused:
            decider().change(present(), without, removed)
        assert refused.value.kind == kind


ANNOUNCED = TenantSettings(next_unique_identifier="employee-id", default_region="X")
COMPLETED = TenantSettings(unique_identifier="employee-id", former_unique_identifier="email", default_region="X")


def numbered(number: str = "E7") -> dict[str, Any]:
    return person(**{ENTERPRISE: {"employeeNumber": number}})


def test_while_the_identifier_changes_both_are_claimed() -> None:
    """A person created after the announcement claims userName, address and number."""
    decision = decider(ANNOUNCED).create(USER_ID, numbered(), now=NOW)

    assert [claim.hash for claim in written(decision).claims] == [
        "userName-ada-at-contoso.com",
        "identifier:email-ada-at-contoso.com",
        "identifier:employee-id-E7",
    ]
    assert written(decision).identifier == "ada@contoso.com"


def test_reclaiming_takes_what_the_announcement_asks_for() -> None:
    """Who came before gets the one claim that is missing; values stay, the fact says that claims alone changed."""
    state = present(numbered())
    decision = decider(ANNOUNCED).reclaim(state)

    assert decision is not None
    assert [(type(planned.fact), planned.expected) for planned in decision.facts] == [
        (ClaimTaken, 0),
        (UserClaimsChanged, 10),
    ]
    assert [claim.at for claim in written(decision).claims] == [8, 9, -1]
    assert (msgspec.json.decode(written(decision).document), written(decision).changed) == (state.document, ())


def test_reclaiming_after_the_change_releases_the_former_claim() -> None:
    """Once the number is in force the address is given back, at the sequence at which it was claimed."""
    fact = decider(ANNOUNCED).create(USER_ID, numbered(), now=NOW).facts[-1].fact
    state = user_state(fact, sequence=10, time=NOW)
    assert isinstance(state, PresentUser)
    decision = decider(COMPLETED).reclaim(state)

    assert decision is not None
    assert [(type(planned.fact), planned.expected) for planned in decision.facts] == [
        (ClaimReleased, 8),
        (UserClaimsChanged, 10),
    ]
    assert written(decision).identifier == "E7"
    assert [claim.at for claim in written(decision).claims] == [7, 9]


def test_reclaiming_where_nothing_is_missing_writes_nothing() -> None:
    """Who holds what the rules ask for, or has no such value, is left alone."""
    assert decider(TenantSettings()).reclaim(present()) is None
    assert decider(ANNOUNCED).reclaim(present()) is None
